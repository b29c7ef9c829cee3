import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Crashes when the handler itself is in trouble.
@Suite struct CrashCollectorTests {
  @Test func aCollectorThatIsGoneIsReplaced() throws {
    let service = try Service.crashing(["threads"])
    #expect(try service.ask("end collector") == "collector ended")
    let outcome = try service.crash("segv")
    #expect(outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.count == 1)
    let capture = try #require(outcome.captures.first)
    #expect(capture.isComplete && capture.header?.degraded == "")
    #expect(try outcome.crashedChain().starts(with: ["write_wild", "crash_now"]))
    #expect(capture.end?.threadsCaptured == 3)
  }

  @Test func whereTheCollectorIsStuckTheCrashedThreadSeesToASmallCapture() throws {
    let service = try Service.crashing(["threads"], settings: "min-interval=none,timeout=2s")
    #expect(try service.ask("stop collector") == "collector stopped")
    let outcome = try service.crash("segv")
    #expect(outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.count == 1)
    let capture = try #require(outcome.captures.first)
    #expect(capture.isComplete, "\(capture.damage)")
    let header = try #require(capture.header)
    #expect(header.kind == .crash && header.signal.number == SIGSEGV)
    #expect(header.signal.address == 0x1238)
    #expect(header.degraded.contains("the collector did not work"))
    let thread = try #require(capture.crashedThread)
    #expect(thread.addresses.count == 1)
    #expect(thread.registers.values.count == 17)
    #expect(thread.stackAddress == thread.registers.values[7] - 128)
    // The return address into crash_now is among the bytes of the stack.
    let symbols = try SymbolRanges(outcome.executable)
    let words = stride(from: 0, to: thread.stack.count - 7, by: 8).map { offset in
      thread.stack.dropFirst(offset).prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    let module = try #require(capture.module(at: thread.addresses[0]))
    #expect(words.contains { symbols.name(at: $0 &- 1 &- module.loadBias) == "crash_now" })
    let reader = try #require(capture.threads(named: "reader").first)
    #expect(reader.status == .quiet && reader.reason.contains("the collector did not work"))
  }

  /// Memory of the handler's or of libunwind's that a wild write has hit.
  @Test(arguments: ["libunwind", "walking"])
  func aFaultOfTheCollectorCostsFramesAndNotTheService(what: String) throws {
    let service = try Service.crashing(
      ["threads"],
      settings: "min-interval=none,unwinder=libunwind"
    )
    #expect(try service.ask("lose \(what)") == "\(what) lost")
    for _ in 0..<2 {
      let capture = try service.dump()
      #expect(capture.isComplete && capture.end?.threadsCaptured == 3)
      for thread in capture.threads {
        let isRaw = thread.truncated.hasPrefix("libunwind was not there")
        let isBroken = thread.truncated.hasPrefix("the walk itself failed with a fault")
        #expect(what == "walking" ? isBroken : isRaw, "\(thread.truncated)")
        #expect(thread.addresses.count == 1)
      }
      #expect(capture.header?.degraded.contains("fault") == (what == "libunwind"))
    }
    let before = try service.number("work")
    try service.waitForGrowth(of: "work", beyond: before)
    let outcome = try service.crash("segv")
    #expect(outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.last?.header?.kind == .crash)
    #expect(outcome.captures.last?.crashedThread?.registers.values.count == 17)
  }
}
