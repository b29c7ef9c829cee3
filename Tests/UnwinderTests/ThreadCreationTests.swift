import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Threads that are made through libdumpcollect-threads and the preload form.
@Suite struct ThreadCreationTests {
  private func service(_ form: ThreadsForm) throws -> Service {
    let service = try Service(Programs.threads(form))
    try service.program.wait(for: "ready")
    return service
  }

  @Test(arguments: [ThreadsForm.archive, .shared, .fullyStatic])
  func everyThreadMadeAfterInstallHasAnAlternateStack(form: ThreadsForm) throws {
    let service = try service(form)
    #expect(try service.ask("made") == "has 1 guard ---p")
    #expect(try service.ask("detached") == "has 1 guard ---p")
  }

  @Test func withoutTheArchiveAThreadHasNone() throws {
    #expect(try service(.none).ask("made").hasPrefix("has 0"))
  }

  @Test(arguments: [ThreadsForm.archive, .fullyStatic])
  func whatAThreadReturnsReachesWhoJoinsIt(form: ThreadsForm) throws {
    let service = try service(form)
    #expect(try service.ask("value") == "has 1 guard ---p")
    #expect(service.program.readLine() == "value 4711")
    #expect(try service.ask("c11") == "has 1 guard ---p")
    #expect(service.program.readLine() == "value -7")
    #expect(try service.ask("cancel") == "cancelled 1")
  }

  @Test func threadsThatEndOrWereRefusedLeaveNothingBehind() throws {
    let service = try service(.archive)
    #expect(try service.ask("many") == "growth below 200: 1")
    #expect(try service.ask("refuse") == "refused 11 growth 0")
  }

  @Test(arguments: [
    (ThreadsForm.none, "attached overflow"), (.archive, "overflow"), (.shared, "overflow"),
    (.fullyStatic, "overflow"),
  ])
  func aStackOverflowOfAThreadIsCaptured(form: ThreadsForm, how: String) throws {
    let outcome = try service(form).crash(how)
    #expect(outcome.status == 128 + SIGSEGV)
    let capture = try #require(outcome.captures.first)
    #expect(outcome.captures.count == 1 && capture.isComplete)
    #expect(capture.crashedThread?.name == "digger")
    let chain = try outcome.crashedChain()
    #expect(chain.count == 512 && Set(chain) == ["overflow"])
  }

  @Test func withoutAnAlternateStackTheOverflowEndsTheProcessUncaptured() throws {
    let outcome = try service(.none).crash("overflow")
    #expect(outcome.status == 128 + SIGSEGV && outcome.captures.count == 0)
  }

  /// A sanitizer gives its threads alternate stacks of its own, and stands in pthread_create's place itself.
  @Test(arguments: [nil, "thread", "address"])
  func underLoadEveryThreadThatStandsHasItsOrigin(sanitizer: String?) throws {
    let service = try Service(
      Programs.stress(sanitizer: sanitizer, form: .archive),
      settings: "min-interval=none,thread-origins=on",
      environment: [
        "TSAN_OPTIONS": "die_after_fork=0:exitcode=66",
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=66",
      ]
    )
    try service.program.wait(for: "ready")
    let main = service.program.processID
    // One that begins or ends may not have its entry yet, or any more; the program's own stand there all the time, once
    // they have begun.
    var haveAllBegun = false
    var attempts = 0
    var checked = 0
    while checked < 30, attempts < 300 {
      attempts += 1
      let capture = try service.dump()
      #expect(capture.isComplete && capture.lostThreadCount == 0, "\(capture.damage)")
      let origins = capture.threads.filter { $0.hasCreatedBy && $0.createdBy.tid == main }
      haveAllBegun = haveAllBegun || origins.count >= StressTests.kinds.count
      for thread in origins { #expect(!thread.createdBy.addresses.isEmpty) }
      guard haveAllBegun else { continue }
      checked += 1
      #expect(origins.count >= StressTests.kinds.count)
    }
    #expect(checked == 30, "not all threads of the program ever had their origin")
    service.program.closeInput()
    #expect(service.program.waitForExit() == 0)
    #expect(service.program.errorText == "install 0\n", "\(service.program.errorText)")
  }

  @Test func thePreloadFormStandsInPthreadCreatesPlace() throws {
    _ = try Programs.handler.get()
    let library = try PlainLink(to: Handler.preloadLibrary)
    defer { withExtendedLifetime(library) {} }
    let service = try Service(
      Programs.unmodified(),
      settings: "min-interval=none,thread-origins=on",
      environment: ["LD_PRELOAD": library.path]
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let thread = try #require(capture.threads.first { $0.tid != service.program.processID })
    #expect(thread.createdBy.tid == service.program.processID)
    let symbols = try SymbolRanges(service.executable)
    let caller = try #require(thread.createdBy.addresses.first) - 1
    let module = try #require(capture.module(at: caller))
    #expect(module.path == service.executable)
    #expect(symbols.name(at: caller &- module.loadBias) == "main")
  }

  @Test func inAProgramThatIsNotArmedThreadsAreMadeAsEver() throws {
    let program = try RunningProgram(
      Programs.threads(.archive),
      environment: ["DUMPCOLLECT": "off"]
    )
    try program.wait(for: "ready")
    try program.write(line: "made")
    #expect(try #require(program.readLine()).hasPrefix("has 0"))
  }
}
