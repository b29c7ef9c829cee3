import Foundation
import TestSupport
import Testing

/// `list` and `dump` with real services that hold the real handler.
struct LiveDumpTests {
  let directory: TemporaryDirectory
  let program: String

  init() throws {
    directory = try TemporaryDirectory()
    program = try Fixture.build(
      ["command/service.c"],
      compiler: "cc",
      arguments: ["-g", "-pthread"] + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: "a service"
    )
    try FileManager.default.createDirectory(
      atPath: directory.file("dumps"),
      withIntermediateDirectories: false
    )
  }

  private func service(
    _ arguments: [String] = [],
    settings: String = "min-interval=none"
  ) throws -> RunningProgram {
    let running = try RunningProgram(
      program,
      arguments,
      environment: [
        "DUMPCOLLECT": "directory=\(directory.file("dumps")),\(settings)",
        // Where it turns when that folder is gone.
        "STATE_DIRECTORY": nil, "XDG_STATE_HOME": directory.file("state"),
      ]
    )
    try running.wait(for: "ready 0")
    return running
  }

  private func isAlive(_ service: RunningProgram) throws -> Bool {
    try service.write(line: "nothing")
    return service.readLine() == "done 0"
  }

  private func isCapture(_ path: some StringProtocol) -> Bool {
    let bytes = FileManager.default.contents(atPath: String(path)) ?? Data()
    return bytes.starts(with: [0x44, 0x43, 0x41, 0x50, 0x0d, 0x0a, 0x1a, 0x0a])
  }

  // MARK: Asking

  @Test(arguments: [[], ["--quiet"]])
  func aDumpPrintsThePathOfTheNewCapture(_ options: [String]) throws {
    let service = try service()
    for count in 1...3 {
      let result = try run(Products.dumpcollect, ["dump", "\(service.processID)"] + options)
      #expect(result.status == 0, "\(result.errorText)")
      #expect(result.errorText == "")
      let lines = result.text.split(separator: "\n")
      #expect(lines.count == 1)
      #expect(isCapture(lines.first ?? ""))
      #expect(
        lines.first?.hasPrefix(directory.file("dumps/a_service.\(service.processID).")) == true
      )
      #expect(try captures().count == count)
    }
    #expect(try isAlive(service))
  }

  @Test func everyProcessOfTheNameIsDumped() throws {
    let name = "svc \(UInt32.random(in: 0...99999))"
    let services = try [service([name]), service([name]), service(["other"])]
    let result = try dumpcollect("dump", name)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.split(separator: "\n").count == 2)
    #expect(result.text.split(separator: "\n").allSatisfy(isCapture))
    #expect(try captures().count == 2)
    for service in services { #expect(try isAlive(service)) }
  }

  @Test func oneOfTwoIsPartial() throws {
    let service = try service()
    let result = try dumpcollect("dump", "4194304", "\(service.processID)")
    #expect(result.status == 1)
    #expect(result.text.split(separator: "\n").count == 1)
    #expect(result.errorText.contains("no process has the id 4194304"))
  }

  @Test func aCopyGoesWhereItIsWanted() throws {
    let service = try service()
    let path = directory.file("a copy.dcap")
    let copied = try dumpcollect("dump", "\(service.processID)", "-o", path)
    #expect(copied.status == 0, "\(copied.errorText)")
    #expect(copied.text == path + "\n")
    #expect(isCapture(path))
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let piped = try dumpcollect("dump", "\(service.processID)", "-o", "-")
    #expect(piped.status == 0)
    #expect(piped.output.starts(with: Data([0x44, 0x43, 0x41, 0x50])))
    let shown = try runInTerminal(
      Products.dumpcollect,
      ["dump", "\(service.processID)", "-o", "-"]
    )
    #expect(shown.status == 64)
    #expect(shown.text == "")
    #expect(try captures().count == 2)
  }

  @Test func theCaptureBecomesAReportOfItsThreads() throws {
    let service = try service()
    let path = String(try dumpcollect("dump", "\(service.processID)").text.dropLast())
    for format in ["text", "full"] {
      let result = try dumpcollect("report", path, "--format", format)
      #expect(result.status == 0, "\(result.errorText)")
      let text = Golden.normalised(result.text, folders: [repositoryRoot: "SOURCE"])
      // The main thread may be anywhere, even in the dump signal's handler: the idle ones are not.
      let idle = text.components(separatedBy: "\n\n").filter { $0.contains("idle-") }
      try Golden.expect(idle.joined(separator: "\n\n") + "\n", equals: "idle-threads.\(format)")
    }
    let json = try dumpcollect("report", path, "--format", "json")
    let verdict = try ReportSchema.validate(json.text)
    #expect(verdict.status == 0, "\(verdict.errorText)")
  }

  // MARK: Listing

  @Test func aServiceIsListed() throws {
    let service = try service(["named \u{1b}[31m"])
    _ = try dumpcollect("dump", "\(service.processID)")
    let table = try dumpcollect()
    #expect(table.status == 0)
    let line = try #require(
      table.text.split(separator: "\n").first { $0.contains("\(service.processID) ") }
    )
    #expect(line.contains("named \\u{1b}[31m"))
    #expect(line.hasSuffix(directory.file("dumps")))
    let document = try dumpcollect("list", "--json")
    #expect(document.errorText == "")
    let json = try #require(
      try JSONSerialization.jsonObject(with: document.output) as? [String: Any]
    )
    let processes = try #require(json["processes"] as? [[String: Any]])
    let entry = try #require(processes.first { $0["pid"] as? Int32 == service.processID })
    #expect(entry["name"] as? String == "named \u{1b}[31m")
    #expect(entry["threads"] as? Int == 4)
    #expect(entry["captures"] as? Int == 1)
    #expect(entry["uid"] as? UInt32 == getuid())
    #expect(entry["directory"] as? String == directory.file("dumps"))
    #expect(isCapture(entry["last_capture"] as? String ?? ""))
  }

  @Test func aLinkInPlaceOfTheStateFileIsNamedAsOne() throws {
    // Root finds the file behind the link all the same, through the kernel's map_files.
    let asNobody =
      getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : ["env"]
    let command = directory.file("dumpcollect")
    try FileManager.default.copyItem(atPath: Products.dumpcollect, toPath: command)
    try runSuccessfully("chmod", ["755", directory.path])
    try runSuccessfully("chmod", ["777", directory.file("dumps")])
    let service = try RunningProgram(
      asNobody[0],
      asNobody.dropFirst() + [program],
      environment: ["DUMPCOLLECT": "directory=\(directory.file("dumps"))"]
    )
    try service.wait(for: "ready 0")
    let state = directory.file("dumps/.dumpcollect.\(service.processID).state")
    try FileManager.default.removeItem(atPath: state)
    try FileManager.default.createSymbolicLink(atPath: state, withDestinationPath: "/etc/hostname")
    let words = "\(state): is a symbolic link that somebody put there"
    let list = try run(asNobody[0], asNobody.dropFirst() + [command, "list"])
    #expect(
      list.errorText.contains("pid \(service.processID): not listed: \(words)"),
      "\(list.errorText)"
    )
    let dump = try run(
      asNobody[0],
      asNobody.dropFirst() + [command, "dump", "\(service.processID)"]
    )
    #expect(dump.status == 2)
    #expect(dump.errorText.contains(words), "\(dump.errorText)")
    #expect(try isAlive(service))
  }

  // MARK: What stands in the way

  @Test func aStoppedServiceIsSaidToBeStoppedAtOnce() throws {
    let service = try service()
    service.send(signal: SIGSTOP)
    var status: Int32 = 0
    // Not reaped: only the stop is waited for.
    #expect(waitpid(service.processID, &status, WUNTRACED) == service.processID)
    // With an hour to wait, only an answer at once lets the test end.
    let result = try dumpcollect("dump", "\(service.processID)", "--timeout", "1h")
    #expect(result.status == 2)
    #expect(result.errorText.contains("is stopped"))
    #expect(result.errorText.contains("kill -CONT \(service.processID)"))
    service.send(signal: SIGCONT)
    #expect(try isAlive(service))
    #expect(try captures().isEmpty)
  }

  @Test func aServiceThatTookTheSignalBackIsNotKilled() throws {
    let service = try service()
    try service.write(line: "default")
    try service.wait(for: "done 0")
    let result = try dumpcollect("dump", "\(service.processID)")
    #expect(result.status == 2)
    #expect(result.errorText.contains("SIGQUIT is not handled any more"), "\(result.errorText)")
    #expect(try isAlive(service))
  }

  @Test func anUninstalledHandlerIsSaid() throws {
    let service = try service()
    try service.write(line: "uninstall")
    try service.wait(for: "done 0")
    let result = try dumpcollect("dump", "\(service.processID)")
    #expect(result.status == 2)
    #expect(result.errorText.contains("handler"), "\(result.errorText)")
    #expect(try isAlive(service))
  }

  @Test func aDumpEndsAtItsTimeout() throws {
    // The second request has to wait an hour for its turn.
    let service = try service(settings: "min-interval=3600s")
    #expect(try dumpcollect("dump", "\(service.processID)").status == 0)
    let result = try dumpcollect("dump", "\(service.processID)", "--timeout", "300ms")
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.contains("0.3s"), "\(result.errorText)")
    #expect(result.errorText.contains("--timeout 60s"), "\(result.errorText)")
    #expect(try isAlive(service))
  }

  @Test func aForkedProcessIsDumpedUnderItsOwnName() throws {
    let service = try service()
    try service.write(line: "fork")
    let answer = try #require(service.readLine())
    let child = try #require(Int32(answer.dropFirst("child ".count)))
    let result = try dumpcollect("dump", "\(child)")
    #expect(result.status == 0, "\(result.errorText)")
    let path = result.text.dropLast()
    #expect(isCapture(path))
    #expect(path.contains(".\(child)."))
    kill(child, SIGKILL)
  }

  @Test func aForkedProcessThatBlocksTheSignalIsSaidToDoSo() throws {
    let service = try service()
    try service.write(line: "block")
    try service.wait(for: "done 0")
    // The collector answers for the service itself; a forked process has none yet.
    #expect(try dumpcollect("dump", "\(service.processID)").status == 0)
    try service.write(line: "fork")
    let answer = try #require(service.readLine())
    let child = try #require(Int32(answer.dropFirst("child ".count)))
    let result = try dumpcollect("dump", "\(child)", "--timeout", "200ms")
    #expect(result.status == 2)
    #expect(result.errorText.contains("every thread blocks SIGQUIT"), "\(result.errorText)")
    kill(child, SIGKILL)
  }

  @Test func aServiceWhoseMainThreadHasEndedIsDumped() throws {
    let service = try service()
    try service.write(line: "leave")
    try service.wait(for: "done 0")
    var state = ""
    let deadline = ContinuousClock.now + .seconds(30)
    while !state.contains("State:\tZ"), ContinuousClock.now < deadline {
      state = try String(contentsOfFile: "/proc/\(service.processID)/status", encoding: .utf8)
    }
    let result = try dumpcollect("dump", "\(service.processID)")
    #expect(result.status == 0, "\(result.errorText)")
    #expect(isCapture(result.text.dropLast()))
    #expect(try dumpcollect().text.contains("\(service.processID) "))
  }

  @Test(.enabled(if: getuid() == 0, "a deleted state file is seen by root alone"))
  func aServiceWhoseDirectoryWentAwayIsDumpedIntoTheNextOne() throws {
    let service = try service()
    try FileManager.default.createDirectory(
      atPath: directory.file("state"),
      withIntermediateDirectories: false
    )
    try FileManager.default.removeItem(atPath: directory.file("dumps"))
    // It would be made anew.
    try directory.write("in its place", to: "dumps")
    for _ in 1...2 {
      let result = try dumpcollect("dump", "\(service.processID)")
      #expect(result.status == 0, "\(result.errorText)")
      #expect(result.text.hasPrefix(directory.file("state/dumpcollect/")), "\(result.text)")
      #expect(isCapture(result.text.dropLast()))
    }
    let table = try dumpcollect().text
    #expect(table.contains("2  \(directory.file("state/dumpcollect"))\n"), "\(table)")
  }

  @Test(.enabled(if: getuid() == 0, "a mount namespace takes root"))
  func aServiceInAnotherMountNamespaceIsReachedThroughItsRoot() throws {
    let running = try RunningProgram(
      "unshare",
      [
        "-m", "sh", "-c",
        "mount -t tmpfs none /mnt && mkdir /mnt/dumps && export DUMPCOLLECT=directory=/mnt/dumps && exec \"$0\"",
        program,
      ]
    )
    try running.wait(for: "ready 0")
    let result = try dumpcollect("dump", "\(running.processID)")
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.hasPrefix("/proc/\(running.processID)/root" + "/mnt/dumps/"))
    #expect(isCapture(result.text.dropLast()))
  }

  @Test(.enabled(if: getuid() == 0, "a process id namespace takes root"))
  func aServiceThatIsProcess1OfItsContainerIsDumpedByItsOuterID() throws {
    let name = "inner \(UInt32.random(in: 0...9999))"
    let running = try RunningProgram(
      "unshare",
      ["-p", "-f", "--kill-child", program, name],
      environment: ["DUMPCOLLECT": "directory=\(directory.file("dumps"))"]
    )
    try running.wait(for: "ready 0")
    let result = try dumpcollect("dump", name)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.contains("/a_service.1.") || result.text.contains("/inner_"))
    #expect(isCapture(result.text.dropLast()))
  }

  private func captures() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.file("dumps"))
      .filter { $0.hasSuffix(".dcap") }
  }
}
