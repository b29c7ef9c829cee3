import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// A way to crash, and what its capture says.
struct Crash: CustomTestStringConvertible, Sendable {
  let how: String
  let signal: Int32
  /// `si_code` as sigaction(2) has it.
  let code: Int32
  /// Functions of the program, innermost first.
  let chain: [String]
  var address: UInt64?

  var testDescription: String { how }

  static let everyKind = [
    Crash(
      how: "segv",
      signal: SIGSEGV,
      code: 1,
      chain: ["write_wild", "crash_now"],
      address: 0x1238
    ),
    Crash(how: "bus", signal: SIGBUS, code: 2, chain: ["read_truncated_mapping", "crash_now"]),
    Crash(how: "fpe", signal: SIGFPE, code: 1, chain: ["divide_by_zero", "crash_now"]),
    Crash(how: "ill", signal: SIGILL, code: 2, chain: ["run_illegal", "crash_now"]),
    Crash(how: "trap", signal: SIGTRAP, code: 128, chain: ["break_here", "crash_now"]),
    Crash(how: "sys", signal: SIGSYS, code: 1, chain: ["filtered_call", "crash_now"]),
    Crash(how: "abort", signal: SIGABRT, code: -6, chain: ["call_abort", "crash_now"]),
    Crash(how: "raise 11", signal: SIGSEGV, code: -6, chain: ["raise_signal", "crash_now"]),
    Crash(how: "kill 8", signal: SIGFPE, code: 0, chain: ["kill_self", "crash_now"]),
  ]
}

/// Fatal signals end a service as they always did, and leave a capture.
@Suite struct CrashTests {
  @Test(arguments: Crash.everyKind)
  func everyFatalSignalIsCapturedAndEndsTheServiceAsEver(crash: Crash) throws {
    let service = try Service.crashing(["threads"])
    let outcome = try service.crash(crash.how)
    #expect(outcome.status == 128 + crash.signal)
    #expect(outcome.lines == [])
    try #require(outcome.captures.count == 1)
    let capture = outcome.captures[0]
    #expect(capture.isComplete, "\(capture.damage)")
    let header = try #require(capture.header)
    #expect(header.kind == .crash)
    #expect(header.signal.number == crash.signal)
    #expect(header.signal.code == crash.code)
    #expect(header.crashedTid == service.program.processID)
    #expect(header.signal.senderPid == (crash.code <= 0 ? service.program.processID : 0))
    if let address = crash.address { #expect(header.signal.address == address) }
    #expect(try outcome.crashedChain().starts(with: crash.chain))
    let thread = try #require(capture.crashedThread)
    #expect(thread.fatalSignal.number == crash.signal)
    #expect(thread.truncated == "" && thread.reason == "")
    #expect(thread.state == "R" && !thread.hasSyscall)
    #expect(thread.registers.values.count == 17)
    #expect(thread.registers.values.last == thread.addresses.first)
    // It is the first thread of the file, and the only one that crashed.
    #expect(capture.threads.first?.tid == thread.tid)
    #expect(capture.threads.filter(\.hasFatalSignal).count == 1)
  }

  @Test func theOtherThreadsStandInTheCaptureToo() throws {
    let outcome = try Service.crashing(["threads"]).crash("segv")
    let capture = try #require(outcome.captures.first)
    let symbols = try SymbolRanges(outcome.executable)
    let reader = try #require(capture.threads(named: "reader").first)
    #expect(
      capture.chain(reader, symbols, in: outcome.executable)
        == ["block_in_read", "serve_connection", "reader"]
    )
    #expect(reader.syscall.number == 0)
    let busy = try #require(capture.threads(named: "busy").first)
    #expect(capture.chain(busy, symbols, in: outcome.executable) == ["busy"])
    #expect(busy.status == .captured && busy.state == "R")
    #expect(capture.end?.threadsCaptured == 3)
  }

  @Test(arguments: ["call null", "call wild", "call data"])
  func aCallThroughAWildPointerKeepsItsCaller(how: String) throws {
    let outcome = try Service.crashing().crash(how)
    #expect(outcome.status == 128 + SIGSEGV)
    let thread = try #require(outcome.captures.first?.crashedThread)
    let mark = try #require(thread.marks.first { $0.index == 1 })
    #expect(mark.foundBy == .callSite && mark.kind == .returnAddress)
    #expect(thread.registers.values[16] == thread.addresses[0])
    let function = how.replacing(" ", with: "_")
    let chain = try outcome.crashedChain().filter { $0 != "?" && $0 != "data.0" }
    #expect(chain.starts(with: [function, "crash_now"]), "\(chain)")
    #expect(chain.last == "_start" && thread.truncated == "")
  }

  @Test func aStackOverflowOfTheMainThreadIsCaptured() throws {
    let outcome = try Service.crashing().crash("overflow")
    #expect(outcome.status == 128 + SIGSEGV)
    let capture = try #require(outcome.captures.first)
    #expect(capture.isComplete)
    let chain = try outcome.crashedChain()
    #expect(chain.count == 512 && Set(chain) == ["overflow"])
    #expect(capture.crashedThread?.truncated == "frame limit reached")
  }

  @Test func crashesAreLeftAloneWhereSwitchedOff() throws {
    let service = try Service.crashing(settings: "crash=off")
    #expect(try service.state().u32(24) & 2 == 0)
    let outcome = try service.crash("segv")
    #expect(outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.count == 0)
  }

  @Test func theStateFileSaysThatCrashesAreCaptured() throws {
    #expect(try Service.crashing().state().u32(24) == 3)
  }
}
