import CUnwind
import CaptureFormat
import DumpHandler
import Foundation
import Glibc
import TestSupport
import Testing

/// The libraries as they are linked.
@Suite struct LibraryTests {
  @Test(arguments: [
    ("gcc", "c99", "c"), ("clang", "c99", "c"), ("g++", "c++11", "c++"),
    ("clang++", "c++11", "c++"),
  ])
  func theHeaderCompilesWithoutAWarning(compiler: String, standard: String, language: String) throws
  {
    _ = try Programs.handler.get()
    let directory = try TemporaryDirectory()
    try directory.write("#include <dumpcollect.h>\n", to: "a.txt")
    try runSuccessfully(
      compiler,
      ["-x", language, "-std=\(standard)", "-Wall", "-Wextra", "-Werror", "-pedantic-errors"]
        + Handler.compileArguments + ["-c", directory.file("a.txt"), "-o", directory.file("a.o")]
    )
  }

  @Test func everyFunctionOfTheHeaderIsExportedAndNothingElse() throws {
    _ = try Programs.handler.get()
    let header = try String(
      contentsOfFile: "\(Handler.directory)/include/dumpcollect.h",
      encoding: .utf8
    )
    let declared = Set(
      header.matches(of: /DUMPCOLLECT_EXPORT [^;]*?\b(dumpcollect_\w+)\(/).map { String($0.1) }
    )
    #expect(declared.count >= 6)
    let creators: Set = ["pthread_create", "thrd_create"]
    let libraries = [
      (Handler.sharedLibrary, declared), (Handler.preloadLibrary, declared.union(creators)),
    ]
    for (library, wanted) in libraries {
      let exported = try runSuccessfully("nm", ["-D", "--defined-only", library])
        .split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }
      #expect(Set(exported) == wanted, "\(library)")
    }
    let archive = try runSuccessfully("nm", ["--extern-only", "--defined-only", Handler.archive])
      .split(separator: "\n").filter { $0.split(separator: " ").count == 3 }
      .compactMap { $0.split(separator: " ").last.map(String.init) }
    #expect(Set(archive) == declared)
    let threads = try runSuccessfully(
      "nm",
      ["--extern-only", "--defined-only", Handler.threadsArchive]
    )
    .split(separator: "\n").filter { $0.split(separator: " ").count == 3 }
    .compactMap { $0.split(separator: " ").last.map(String.init) }
    #expect(Set(threads) == creators.union(["dumpcollect_threads"]))
  }

  @Test func theSharedLibraryStaysWhenItIsClosed() throws {
    _ = try Programs.handler.get()
    let flags = try runSuccessfully("readelf", ["-d", Handler.sharedLibrary])
    #expect(flags.contains("NODELETE"))
  }

  @Test func signalTimeCodeKeepsItsPromises() throws {
    let result = try run("\(repositoryRoot)/scripts/check-signal-time")
    #expect(result.status == 0, "\(result.errorText)")
  }

  @Test func nothingOfLibunwindIsInTheGlobalScope() throws {
    // libunwind is there, but nothing of it is in the global scope.
    let service = try Service(Programs.cxxService())
    try service.program.wait(for: "ready")
    let maps = try procText("/proc/\(service.program.processID)/maps")
    #expect(maps.contains("libunwind-x86_64.so"))
    let needed = try runSuccessfully("readelf", ["-d", service.executable])
    #expect(!needed.contains("libunwind"))
  }

  @Test func aSwiftProgramInstallsCapturesAndUninstalls() throws {
    let directory = try TemporaryDirectory()
    var options = DumpHandlerOptions()
    options.directory = directory.path
    options.minimumInterval = .zero
    options.timeout = .seconds(20)
    try installDumpHandler(options)
    defer { try? uninstallDumpHandler() }
    #expect(throws: DumpHandlerError.self) { try installDumpHandler() }
    try noteForDumps("Swift's last words")
    try setDumpLabel("tenant", to: "green")
    try setDumpLabel("gone", to: "x")
    try setDumpLabel("gone", to: nil)
    try attachThreadToDumpHandler()
    try detachThreadFromDumpHandler()
    #expect(throws: DumpHandlerError.self) { try DumpWatchdog("short", limit: .milliseconds(9)) }
    let watchdog = try DumpWatchdog("patient", limit: .seconds(3600))
    watchdog.tick()
    let own = dc_gettid()
    let path = try captureDump(reason: "from Swift ✓")
    #expect(path == lastDump)
    #expect(path.hasPrefix(directory.path))
    let capture = try CaptureReader.capture(at: path)
    #expect(capture.header?.reason == "from Swift ✓")
    #expect(capture.process?.pid == getpid())
    #expect(capture.notes?.notes.contains { $0.text == "Swift's last words" } == true)
    let labels = capture.threads.first { $0.tid == own }?.labels.map { "\($0.key)=\($0.value)" }
    #expect(labels == ["tenant=green"])
    try setDumpLabel("tenant", to: nil)
    #expect(capture.isComplete)
    let captured = capture.threads.filter { $0.status == .captured }
    #expect(!captured.isEmpty && captured.allSatisfy { !$0.addresses.isEmpty })
  }

  @Test func everyTestThatTheDocumentNamesExists() throws {
    let sources = try ["UnwinderTests", "EndToEndTests"].map { suite in
      let folder = "\(repositoryRoot)/Tests/\(suite)"
      return try FileManager.default.contentsOfDirectory(atPath: folder).map {
        try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
      }.joined()
    }.joined()
    let document = try String(
      contentsOfFile: "\(repositoryRoot)/docs/signal-time.md",
      encoding: .utf8
    )
    let promises = document.split(separator: "\n").filter {
      $0.hasPrefix("| ") && $0.contains(" | `")
    }.compactMap { $0.split(separator: "|").last }
    let names = promises.flatMap { $0.matches(of: /`([a-z]\w{15,})`/).map { String($0.1) } }
    #expect(names.count > 25)
    let missing = names.filter { !sources.contains("func \($0)(") }
    #expect(missing.isEmpty)
  }

  @Test func optionsOutOfTheirRangeAreRefused() throws {
    var options = DumpHandlerOptions()
    options.maximumFrames = 1_000_000
    #expect(throws: DumpHandlerError.self) { try installDumpHandler(options) }
    options = DumpHandlerOptions()
    options.dumpSignal = SIGKILL
    #expect(throws: DumpHandlerError.self) { try installDumpHandler(options) }
    options = DumpHandlerOptions()
    options.threadSignal = SIGQUIT
    #expect(throws: DumpHandlerError.self) { try installDumpHandler(options) }
  }
}
