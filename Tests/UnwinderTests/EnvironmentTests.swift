import Foundation
import Glibc
import TestSupport
import Testing

/// The variable DUMPCOLLECT.
@Suite struct EnvironmentTests {
  private func start(_ variable: String?, _ environment: [String: String?] = [:]) throws
    -> RunningProgram
  {
    var environment = environment
    environment["DUMPCOLLECT"] = variable
    let program = try RunningProgram(Programs.service(), ["threads"], environment: environment)
    try program.wait(for: "ready")
    return program
  }

  @Test func offArmsNothing() throws {
    let program = try start("off")
    #expect(program.errorText == "install 0\n")
    program.send(signal: SIGQUIT)
    #expect(program.waitForExit() == 128 + SIGQUIT)
  }

  @Test func unknownKeysAndBadValuesCostOneLineEach() throws {
    let directory = try TemporaryDirectory()
    let program = try start(
      "colour=blue,timeout=soon,max-captures=-3,directory=\(directory.path),crash=on,tasks=maybe,"
        + "thread-origins=on,signal=KILL,max-total=99999999999999999G,min-interval=none,unwinder=fast"
    )
    let lines = program.errorText.split(separator: "\n").dropLast().sorted()
    #expect(
      lines == [
        "dumpcollect: DUMPCOLLECT has no key colour",
        "dumpcollect: bad value of DUMPCOLLECT's max-captures",
        "dumpcollect: bad value of DUMPCOLLECT's max-total",
        "dumpcollect: bad value of DUMPCOLLECT's signal",
        "dumpcollect: bad value of DUMPCOLLECT's tasks",
        "dumpcollect: bad value of DUMPCOLLECT's timeout",
        "dumpcollect: bad value of DUMPCOLLECT's unwinder",
      ]
    )
    let state = try ServiceState(
      path: directory.file(".dumpcollect.\(program.processID).state")
    )
    program.send(signal: SIGQUIT)
    try state.waitUntilServed(beyond: 0)
  }

  @Test func aCommaInAPathIsEscaped() throws {
    let parent = try TemporaryDirectory()
    let program = try start("directory=\(parent.file("a\\,b"))")
    #expect(
      FileManager.default.fileExists(
        atPath: parent.file("a,b/.dumpcollect.\(program.processID).state")
      )
    )
  }

  @Test func directoriesAreTriedInTheOrderOfTheContract() throws {
    let home = try TemporaryDirectory()
    let xdg = try TemporaryDirectory()
    let systemd = try TemporaryDirectory()
    func directory(_ environment: [String: String?]) throws -> [String] {
      let program = try start(nil, environment)
      let maps = try procText("/proc/\(program.processID)/maps")
      return maps.split(separator: "\n").filter { $0.contains("/.dumpcollect.") }.map {
        let path = $0[$0.firstIndex(of: "/")!...]
        return String(path[..<path.lastIndex(of: "/")!])
      }
    }
    #expect(
      try directory([
        "STATE_DIRECTORY": "\(systemd.path):/other", "XDG_STATE_HOME": xdg.path, "HOME": home.path,
      ]) == [systemd.path]
    )
    #expect(
      try directory(["STATE_DIRECTORY": nil, "XDG_STATE_HOME": xdg.path, "HOME": home.path]) == [
        xdg.file("dumpcollect")
      ]
    )
    #expect(
      try directory(["STATE_DIRECTORY": nil, "XDG_STATE_HOME": nil, "HOME": home.path]) == [
        home.file(".local/state/dumpcollect")
      ]
    )
    #expect(
      try directory(["STATE_DIRECTORY": nil, "XDG_STATE_HOME": nil, "HOME": nil]) == [
        "/var/tmp/dumpcollect-\(geteuid())"
      ]
    )
  }
}
