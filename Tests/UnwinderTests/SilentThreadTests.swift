import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Threads that cannot or must not be signalled.
@Suite struct SilentThreadTests {
  @Test func aThreadThatBlocksAllSignalsIsReadQuietly() throws {
    let service = try Service(Programs.service("gcc", ["-O2", "-fomit-frame-pointer"]), ["deaf"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let reader = try #require(capture.threads(named: "deaf reader").first)
    #expect(reader.status == .quiet)
    #expect(reader.reason.contains("blocks"))
    #expect(
      capture.chain(reader, symbols, in: service.executable) == [
        "block_in_read", "block_deaf", "deaf_reader",
      ]
    )
    let busy = try #require(capture.threads(named: "deaf busy").first)
    #expect(busy.status == .noAnswer)
    #expect(busy.reason.contains("blocks"))
    #expect(busy.addresses.isEmpty)
    #expect(capture.end?.threadsQuiet == 1)
    #expect(capture.end?.threadsSilent == 1)
  }

  @Test func aServiceThatBlocksEverySignalIsDumpedAllTheSame() throws {
    // Every thread but the collector inherits the mask: it takes the dump signal itself.
    let service = try Service(
      Programs.service("gcc", ["-O2", "-fomit-frame-pointer"]),
      ["threads", "keep-mask"]
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    for reader in capture.threads(named: "reader") {
      #expect(reader.status == .quiet)
      #expect(
        capture.chain(reader, symbols, in: service.executable) == [
          "block_in_read", "serve_request", "serve_connection", "reader",
        ]
      )
    }
  }

  @Test func aThreadThatWaitsForSignalsDoesNotReceiveOurs() throws {
    let service = try Service(Programs.service(), ["sigwait"])
    try service.program.wait(for: "ready")
    let symbols = try SymbolRanges(service.executable)
    for _ in 0..<3 {
      let capture = try service.dump()
      let waiter = try #require(capture.threads(named: "signal waiter").first)
      #expect(waiter.status == .quiet)
      #expect(
        capture.chain(waiter, symbols, in: service.executable) == [
          "wait_for_signal", "signal_waiter",
        ]
      )
    }
    // It would have printed what it got before this answer.
    #expect(try service.ask("work") == "work 0")
  }

  @Test func aThreadNearTheEndOfItsStackIsNotSignalled() throws {
    let service = try Service(Programs.service("gcc", ["-O0"]), ["tight"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "tight").first)
    #expect(thread.status == .quiet)
    #expect(thread.reason.contains("too little stack"))
    #expect(try service.ask("work") == "work 0")
  }

  @Test func aMainThreadThatHasEndedIsListedAsEnded() throws {
    let service = try Service(Programs.service(), ["threads", "leave"])
    try service.program.wait(for: "ready")
    // The zombie shows only once pthread_exit is through.
    let path = "/proc/\(service.program.processID)/stat"
    while true {
      let text = String(
        decoding: FileManager.default.contents(atPath: path) ?? Data(),
        as: UTF8.self
      )
      if text.contains(") Z ") { break }
      sched_yield()
    }
    let capture = try service.dump()
    let main = try #require(capture.threads.first { $0.tid == service.program.processID })
    #expect(main.status == .exited)
    #expect(main.state == "Z")
    #expect(main.addresses.isEmpty)
    #expect(capture.threads(named: "reader").allSatisfy { $0.status == .captured })
    #expect(capture.end?.threadsExited == 1)
  }

  @Test func aQuietRequestSignalsNoThread() throws {
    let service = try Service(
      Programs.service("gcc", ["-O2", "-fomit-frame-pointer"]),
      ["threads"]
    )
    try service.program.wait(for: "ready")
    // Only a thread that sleeps can be read without a signal.
    try service.program.waitUntilAsleep(except: "busy")
    let symbols = try SymbolRanges(service.executable)
    let capture = try service.dump(quiet: true)
    for thread in capture.threads where thread.name != "busy" {
      #expect(thread.status == .quiet)
      #expect(thread.reason == "read without a signal, as asked")
    }
    for reader in capture.threads(named: "reader") {
      #expect(
        capture.chain(reader, symbols, in: service.executable) == [
          "block_in_read", "serve_request", "serve_connection", "reader",
        ]
      )
    }
    #expect(capture.end?.threadsCaptured == 0)
    #expect(capture.end?.signalPhaseNs == 0)
    // The next ordinary request signals again.
    #expect(try service.dump().end?.threadsCaptured == 5)
  }

  @Test func anExhaustedSignalQueueLosesNoThread() throws {
    let service = try Service(Programs.service(), ["threads", "no-pending"])
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    #expect(capture.threads.count == 5)
    for thread in capture.threads {
      #expect(thread.status == .captured, "\(thread.name): \(thread.reason)")
    }
    #expect(try service.number("work") > 0)
  }

  @Test func aDebuggedThreadIsReadQuietlyAndTheDumpEnds() throws {
    let service = try Service(Programs.service(), ["reader"])
    try service.program.wait(for: "ready")
    let reader = try #require(try service.dump().threads(named: "reader").first?.tid)
    // PTRACE_SEIZE and PTRACE_INTERRUPT stop this one thread; the numbers are of sys/ptrace.h.
    let script = try TemporaryDirectory()
    try script.write(
      """
      import ctypes, os, sys
      libc = ctypes.CDLL(None, use_errno=True)
      libc.ptrace.argtypes = [ctypes.c_long] * 4
      tid = int(sys.argv[1])
      assert libc.ptrace(0x4206, tid, 0, 0) == 0, os.strerror(ctypes.get_errno())
      assert libc.ptrace(0x4207, tid, 0, 0) == 0
      assert os.waitpid(tid, 0x40000000)[0] == tid
      print("stopped", flush=True)
      sys.stdin.readline()
      """,
      to: "stop.py"
    )
    let tracer = try RunningProgram("python3", [script.file("stop.py"), "\(reader)"])
    try tracer.wait(for: "stopped")
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "reader").first)
    #expect(thread.status == .quiet)
    #expect(thread.state == "t")
    #expect(thread.reason.contains("debugger"))
    let symbols = try SymbolRanges(service.executable)
    #expect(
      capture.chain(thread, symbols, in: service.executable).first == "block_in_read"
    )
    try tracer.write(line: "go")
    _ = tracer.waitForExit()
    #expect(try service.dump().threads(named: "reader").first?.status == .captured)
  }
}
