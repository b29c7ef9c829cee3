import Foundation
import Glibc
import TestSupport
import Testing

/// What `dumpcollect_thread_attach` gives a thread.
@Suite struct AlternateStackTests {
  private let service: Service

  init() throws {
    service = try Service(Programs.threads())
    try service.program.wait(for: "before -107")
    try service.program.wait(for: "ready")
  }

  @Test func anAttachedThreadHasAnAlternateStackWithAClosedPageBelow() throws {
    let answer = try service.ask("attach")
    let room = try #require(answer.firstMatch(of: /room (\d+)/).flatMap { Int($0.1) })
    // What is left beside the kernel's frame, up to a whole page.
    #expect(room >= 65_536 && room < 65_536 + 4096)
    #expect(
      answer.replacing(" room \(room)", with: "")
        == "had 0 attach 0 guard ---p body rw-p again 0 same 1 detach 0 disabled 1"
    )
  }

  @Test func anAlternateStackOfTheServiceIsLeftAlone() throws {
    #expect(try service.ask("keep") == "attach 0 kept 1 detach 0 kept 1")
  }

  @Test func threadsThatEndGiveTheirStacksBack() throws {
    #expect(try service.ask("end") == "growth 0")
  }

  @Test func aForkedChildEndsItsThreadWithoutHarm() throws {
    #expect(try service.ask("fork") == "child 0")
  }

  @Test func aStackIsNotGivenBackUnderTheHandlerThatRunsOnIt() throws {
    #expect(try service.ask("handler") == "signal 10 on 1 detach -1")
  }
}
