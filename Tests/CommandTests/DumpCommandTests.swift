import Foundation
import TestSupport
import Testing

/// Processes that cannot be dumped: each says why and what to try, and none is harmed.
struct DumpRefusalTests {
  @Test func anUnknownIDIsSaid() throws {
    let result = try dumpcollect("dump", "4194304")
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(
      result.errorText
        == "dumpcollect: no process has the id 4194304\n  see who can be dumped: dumpcollect list\n"
    )
  }

  @Test func anUnknownNameIsSaid() throws {
    let result = try dumpcollect("dump", "no such name")
    #expect(result.status == 2)
    #expect(result.errorText.contains("no process is named no such name"))
  }

  @Test func aProcessWithoutHandlerIsNeverSignalled() throws {
    // SIGQUIT would end it.
    let program = try RunningProgram("cat")
    let result = try dumpcollect("dump", "\(program.processID)")
    #expect(result.status == 2)
    #expect(result.errorText.contains("pid \(program.processID) (cat): has no dump handler"))
    #expect(result.errorText.contains("LD_PRELOAD"))
    try program.write(line: "alive")
    #expect(program.readLine() == "alive")
  }

  @Test func aProcessIsFoundByTheNameOfItsExecutable() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("a service with a long name")
    try FileManager.default.copyItem(atPath: "/bin/cat", toPath: path)
    let program = try RunningProgram(path)
    let result = try dumpcollect("dump", "a service with a long name")
    #expect(result.status == 2)
    #expect(
      result.errorText.contains("pid \(program.processID) (a service with ): has no dump handler")
    )
  }

  @Test func aZombieIsSaidToHaveEnded() throws {
    // A parent that never waits for its child.
    let program = try RunningProgram(
      "python3",
      [
        "-c",
        "import os, sys; c = os.fork() or os._exit(0); print(c, flush=True); sys.stdin.read()",
      ]
    )
    let child = try #require(program.readLine())
    // Once the child shows as Z it stays so: ask /proc until then, without any sleep.
    var state = ""
    let deadline = ContinuousClock.now + .seconds(30)
    while !state.contains("State:\tZ"), ContinuousClock.now < deadline {
      state = (try? String(contentsOfFile: "/proc/\(child)/status", encoding: .utf8)) ?? ""
    }
    let result = try dumpcollect("dump", child)
    #expect(result.status == 2)
    #expect(result.errorText.contains("has ended (a zombie)"), "\(result.errorText)")
  }

  @Test(arguments: ["dump", "watch"])
  func aProcessOfAnotherUserIsRefused(_ verb: String) throws {
    let directory = try TemporaryDirectory()
    let command = directory.file("dumpcollect")
    try FileManager.default.copyItem(atPath: Products.dumpcollect, toPath: command)
    let program = try RunningProgram("cat")
    let result =
      getuid() == 0
      ? try run(
        "setpriv",
        [
          "--reuid=65534", "--regid=65534", "--clear-groups", command, verb,
          "\(program.processID)",
        ]
      )
      : try run(command, [verb, "1"])
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.contains("belongs to root, and "), "\(result.errorText)")
    let id = getuid() == 0 ? program.processID : 1
    #expect(result.errorText.hasSuffix(": sudo dumpcollect \(verb) \(id)\n"), "\(result.errorText)")
    try program.write(line: "alive")
    #expect(program.readLine() == "alive")
  }

  @Test func eachOfSeveralIsNamed() throws {
    let program = try RunningProgram("cat")
    let result = try dumpcollect("dump", "4194304", "\(program.processID)")
    #expect(result.status == 2)
    #expect(result.errorText.contains("no process has the id 4194304"))
    #expect(result.errorText.contains("has no dump handler"))
  }
}
