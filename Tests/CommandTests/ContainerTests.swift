import Foundation
import TestSupport
import Testing

/// Services in containers made of namespaces and a root that holds one fully static program.
@Suite(.enabled(if: getuid() == 0, "namespaces take root"))
struct ContainerTests {
  let root: TemporaryDirectory
  /// Unique, so that `dump NAME` finds this test's services alone.
  let name = "contained\(UInt32.random(in: 0...99_999))"

  init() throws {
    root = try TemporaryDirectory()
    for folder in ["bin", "proc", "dumps", "more"] {
      try FileManager.default.createDirectory(
        atPath: root.file(folder),
        withIntermediateDirectories: false
      )
    }
    _ = try Fixture.build(
      ["command/service.c"],
      compiler: "gcc",
      arguments: ["-g", "-pthread"] + Handler.compileArguments + Handler.staticLinkArguments,
      into: root,
      named: "bin/\(name)"
    )
  }

  /// Starts the service as process 1 of a container; `prepare` runs before, with the root in `$1`.
  private func contain(
    _ prepare: String = "",
    settings: String? = nil,
    environment: [String: String?] = [:]
  ) throws -> RunningProgram {
    var environment = environment
    environment["DUMPCOLLECT"] = "min-interval=none" + (settings.map { ",\($0)" } ?? "")
    for variable in ["STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"]
    where environment[variable] == nil { environment.updateValue(nil, forKey: variable) }
    let running = try RunningProgram(
      "unshare",
      [
        "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
        """
        mount --bind "$1" "$1" && mount -t proc proc "$1/proc" && \(prepare) exec chroot "$1" "/bin/$2"
        """, "sh", root.path, name,
      ],
      environment: environment
    )
    try running.wait(for: "ready 0")
    return running
  }

  /// The service's process id outside of its container.
  private func outerID(_ running: RunningProgram) throws -> String {
    let path = "/proc/\(running.processID)/task/\(running.processID)/children"
    return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespaces)
  }

  /// The service's /dumps, as others of its pid namespace reach it.
  private func volume(_ id: String) -> String { "/proc/\(id)/root" + "/dumps" }

  private func isAlive(_ service: RunningProgram) throws -> Bool {
    try service.write(line: "nothing")
    return service.readLine() == "done 0"
  }

  private func dumpedPaths() throws -> [String] {
    let result = try dumpcollect("dump", name)
    #expect(result.status == 0, "\(result.errorText)")
    return result.text.split(separator: "\n").map(String.init)
  }

  private static let readOnly = "mount -o remount,bind,ro \"$1\" &&"

  @Test func aReadOnlyContainerWritesIntoItsVolume() throws {
    let service = try contain(
      "\(Self.readOnly) mount -t tmpfs none \"$1/dumps\" &&",
      settings: "directory=/dumps"
    )
    let id = try outerID(service)
    let paths = try dumpedPaths()
    #expect(paths.count == 1 && paths[0].hasPrefix("\(volume(id))/\(name).1."))
    #expect(FileManager.default.fileExists(atPath: try #require(paths.first)))
  }

  @Test func aContainerWithoutAWritableDirectoryLosesNothingButItsCaptures() throws {
    let service = try contain(Self.readOnly, settings: "directory=/dumps")
    #expect(service.errorText.contains("no capture directory can be written"))
    #expect(try !dumpcollect("list").text.contains(name))
    #expect(try dumpcollect("dump", name).status == 2)
    kill(try #require(Int32(outerID(service))), SIGQUIT)
    #expect(try isAlive(service))
  }

  @Test func containersWithOneDirectoryAndOnePidKeepTheirCapturesApart() throws {
    let services = try [
      contain(settings: "directory=/dumps"), contain(settings: "directory=/dumps"),
    ]
    for count in 1...3 {
      let paths = try dumpedPaths()
      #expect(paths.count == 2)
      let ids = try services.map(outerID)
      for id in ids { #expect(paths.contains { $0.hasPrefix(volume(id) + "/") }) }
      let files = try FileManager.default.contentsOfDirectory(atPath: root.file("dumps"))
      #expect(files.filter { $0.hasSuffix(".dcap") }.count == 2 * count, "\(files)")
    }
    for service in services { #expect(try isAlive(service)) }
  }

  @Test func aContainersProgramIsFoundBelowItsRoot() throws {
    let service = try contain(settings: "directory=/dumps")
    let path = try #require(try dumpedPaths().first)
    let report = root.file("report")
    let result = try dumpcollect(
      "symbolize",
      path,
      "--sysroot",
      "/proc/\(outerID(service))/root",
      "-o",
      report
    )
    #expect(result.status == 0, "\(result.errorText)")
    let text = try dumpcollect("report", report).text
    #expect(text.contains("service.c:"), "\(text)")
  }

  @Test func anotherContainerOfThePidNamespaceDumpsTheService() throws {
    let service = try contain(settings: "directory=/dumps")
    let result = try run(
      "nsenter",
      [
        "-t", outerID(service), "-p", "unshare", "--mount", "--mount-proc",
        Products.dumpcollect, "dump", "1",
      ]
    )
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.hasPrefix(volume("1") + "/"), "\(result.text)")
  }

  @Test func theDirectoryThatSystemdGivesIsTaken() throws {
    let service = try contain(environment: ["STATE_DIRECTORY": "/dumps:/more", "HOME": "/more"])
    let path = try #require(try dumpedPaths().first)
    #expect(path.hasPrefix(volume(try outerID(service)) + "/"))
  }
}
