import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Crashes in places where little can be relied on.
@Suite struct CrashPlaceTests {
  @Test(arguments: [
    ("corrupt heap", SIGABRT, ["in_corrupt_heap", "crash_somewhere"]),
    ("handler", SIGSEGV, ["write_wild", "on_user_signal", "in_handler", "crash_somewhere"]),
    ("signals blocked", SIGSEGV, ["write_wild", "with_signals_blocked", "crash_somewhere"]),
    ("abort blocked", SIGABRT, ["abort_blocked", "crash_somewhere"]),
    ("live dump", SIGSEGV, ["write_wild", "during_live_dump", "crash_somewhere"]),
  ])
  func aCrashIsCapturedWhereverItHappens(how: String, signal: Int32, chain: [String]) throws {
    let outcome = try Service.crashing(["threads"]).crash(how)
    #expect(outcome.status == 128 + signal)
    #expect(outcome.captures.count == 1)
    let capture = try #require(outcome.captures.first)
    #expect(capture.isComplete && capture.header?.kind == .crash)
    #expect(capture.header?.signal.number == signal)
    let found = try outcome.crashedChain()
    #expect(found.starts(with: chain), "\(found)")
    let thread = try #require(capture.crashedThread)
    #expect(thread.truncated == "")
    #expect(capture.threads(named: "reader").first?.status == .captured)
  }

  @Test func aCrashInAConstructorRunByTheLoaderIsCaptured() throws {
    let directory = try TemporaryDirectory()
    let plugin = try Fixture.build(
      ["handler/crash-plugin.c"],
      compiler: "gcc",
      arguments: ["-O1", "-shared", "-fPIC"],
      into: directory,
      named: "plugin.so"
    )
    let outcome = try Service.crashing(["threads", "plugin=\(plugin)"]).crash("constructor")
    #expect(outcome.status == 128 + SIGSEGV)
    let capture = try #require(outcome.captures.first)
    #expect(try outcome.crashedChain().starts(with: ["in_constructor", "crash_somewhere"]))
    let thread = try #require(capture.crashedThread)
    #expect(capture.module(at: thread.addresses[0])?.path == plugin)
  }

  @Test func aForkedChildCapturesItsOwnCrash() throws {
    let service = try Service.crashing(["threads"])
    let answer = try service.ask("forked child").split(separator: " ")
    #expect(answer.last == "11")
    let child = try #require(answer.dropFirst().first.flatMap { Int32($0) })
    #expect(service.program.readLine() == "survived")
    #expect(try service.dump().end?.threadsCaptured == 3)
    let outcome = try service.end()
    #expect(outcome.captures.map { $0.header?.kind } == [.crash, .live])
    #expect(outcome.captures.first?.process?.pid == child)
    #expect(try outcome.crashedChain().starts(with: ["write_wild", "in_forked_child"]))
  }

  @Test func aVforkedChildThatCrashesLeavesItsParentAlone() throws {
    let service = try Service.crashing(["threads"])
    #expect(try service.ask("vforked child") == "child ended by 11")
    #expect(service.program.readLine() == "survived")
    // The parent's own crash is still its first.
    let outcome = try service.crash("segv")
    #expect(outcome.captures.count == 1)
    #expect(outcome.captures.first?.header?.crashedTid == service.program.processID)
  }

  @Test func twentyThreadsThatCrashAtOnceLeaveOneCaptureWithAllOfThem() throws {
    let outcome = try Service.crashing(["threads"]).crash("twenty")
    #expect(outcome.captures.count == 1)
    let capture = try #require(outcome.captures.first)
    #expect(capture.isComplete)
    let first = try #require(capture.header?.signal.number)
    // The first signal is the one that the parent sees.
    #expect(outcome.status == 128 + first)
    let symbols = try SymbolRanges(outcome.executable)
    let threads = capture.threads(named: "one of twenty")
    #expect(threads.count == 20)
    for thread in threads {
      let chain = capture.chain(thread, symbols, in: outcome.executable)
      #expect(chain.suffix(2) == ["crash_together", "one_of_twenty"], "\(chain)")
      guard thread.hasFatalSignal else { continue }
      let isFault = thread.fatalSignal.number == SIGSEGV
      #expect(chain.first == (isFault ? "write_wild" : "divide_by_zero"))
    }
    #expect(threads.contains { $0.hasFatalSignal })
  }

  @Test func theLeastIntervalHoldsBackNoCrash() throws {
    let service = try Service.crashing(["threads"], settings: "min-interval=1h")
    #expect(try service.dump().header?.kind == .live)
    let outcome = try service.crash("segv")
    #expect(outcome.captures.map { $0.header?.kind } == [.live, .crash])
  }

  /// Where memory cannot be read by the system call for it, and where signals cannot be queued.
  @Test(arguments: ["process_vm_readv", "rt_tgsigqueueinfo", "clone", "sigaltstack"])
  func aRefusedSystemCallStillLeavesACaptureAndTheSameEnd(call: String) throws {
    let numbers = [
      "process_vm_readv": 310, "rt_tgsigqueueinfo": 297, "clone": 56, "sigaltstack": 131,
    ]
    let number = try #require(numbers[call])
    for (how, signal) in [("segv", SIGSEGV), ("abort", SIGABRT), ("trap", SIGTRAP)] {
      let service = try Service.crashing(launcher: [Programs.refuse(), String(number)])
      let outcome = try service.crash(how)
      #expect(outcome.status == 128 + signal, "\(how)")
      #expect(outcome.captures.first?.crashedThread?.truncated == "", "\(how)")
    }
  }

  @Test func aSignalOfAnotherProcessNamesItsSender() throws {
    let service = try Service.crashing(["threads"])
    try service.program.waitUntilAsleep(except: "busy")
    service.program.send(signal: SIGSEGV)
    let outcome = try service.end()
    #expect(outcome.status == 128 + SIGSEGV)
    let header = try #require(outcome.captures.first?.header)
    #expect(header.signal.senderPid == getpid() && header.signal.code == 0)
    #expect(header.signal.address == 0)
    #expect(try outcome.crashedChain().first == "serve_commands")
  }

  /// The handler needs little more of an alternate stack than the kernel's own frame takes.
  @Test func anOverflowOnASmallAlternateStackIsCaptured() throws {
    let outcome = try Service.crashing().crash("small stack 256")
    #expect(outcome.status == 128 + SIGSEGV)
    let capture = try #require(outcome.captures.first)
    #expect(capture.crashedThread?.name == "small stack")
    #expect(try Set(outcome.crashedChain()) == ["overflow"])
  }

  @Test func anAlternateStackTooSmallForAnyHandlerDoesNotDelayTheEnd() throws {
    let outcome = try Service.crashing().crash("small stack 0")
    #expect(outcome.status == 128 + SIGSEGV)
  }
}
