import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Dumps while the service does all that breaks in-process dumpers.
///
/// `scripts/stress` goes on for as long as one likes.
@Suite struct StressTests {
  static let kinds = ["load", "allocate", "throw", "spawn", "fork", "thread", "visit", "mask"]

  /// Makes captures without a pause, and looks at each.
  private func dump(_ service: Service, for duration: Duration) throws -> (
    dumps: Int, captured: Int
  ) {
    let end = ContinuousClock.now + duration
    var dumps = 0
    var captured = 0
    while ContinuousClock.now < end {
      let capture = try service.dump()
      #expect(capture.isComplete, "\(capture.damage)")
      #expect(capture.lostThreadCount == 0)
      // The program's own threads are there at any time; those that it starts may come and go.
      #expect(capture.threads.count > Self.kinds.count)
      #expect(capture.end?.threadsDifferent == 0)
      dumps += 1
      for thread in capture.threads {
        if thread.status == .captured {
          captured += 1
          #expect(!thread.addresses.isEmpty)
        } else {
          #expect(!thread.reason.isEmpty)
        }
      }
      try FileManager.default.removeItem(atPath: service.state().lastCapture)
    }
    return (dumps, captured)
  }

  /// Ends the program, which tells how much of each kind it did.
  private func expectWorkOfEveryKind(_ service: Service) {
    service.program.closeInput()
    var counts: [String: Int] = [:]
    while let line = service.program.readLine() {
      let words = line.split(separator: " ")
      counts[String(words[0])] = Int(words[1])
    }
    #expect(service.program.waitForExit() == 0)
    for kind in Self.kinds { #expect(counts[kind, default: 0] > 0, "\(kind)") }
  }

  @Test func dumpsUnderLoadHangNothingAndLoseNothing() throws {
    let service = try Service(Programs.stress(), settings: "min-interval=none,unwinder=check")
    try service.program.wait(for: "ready")
    let (dumps, captured) = try dump(service, for: .seconds(20))
    #expect(dumps > 20)
    #expect(captured > dumps * 4)
    expectWorkOfEveryKind(service)
  }

  @Test func aCrashUnderLoadIsCapturedAndEndsTheService() throws {
    for _ in 0..<4 {
      let service = try Service(Programs.stress())
      try service.program.wait(for: "ready")
      _ = try service.dump()
      try service.program.write(line: "crash")
      // A live capture may be on its way when it happens.
      service.program.send(signal: SIGQUIT)
      let outcome = try service.end()
      #expect(outcome.status == 128 + SIGSEGV)
      let crashes = outcome.captures.filter { $0.header?.kind == .crash }
      let capture = try #require(crashes.count == 1 ? crashes.first : nil)
      #expect(capture.isComplete && capture.lostThreadCount == 0, "\(capture.damage)")
      #expect(capture.header?.signal.number == SIGSEGV)
      #expect(capture.header?.signal.address == 0x1238)
      let thread = try #require(capture.crashedThread)
      let chain = try capture.chain(
        thread,
        SymbolRanges(outcome.executable, demangles: true),
        in: outcome.executable
      )
      #expect(chain.first == "write_wild()", "\(chain)")
      #expect(capture.threads.count > Self.kinds.count)
    }
  }

  /// clang's ThreadSanitizer comes with Swift's toolchain and wants libdispatch; gcc's is taken for all three.
  @Test(arguments: ["thread", "address", "undefined"])
  func dumpsUnderLoadBringNoReportOfASanitizer(sanitizer: String) throws {
    let service = try Service(
      Programs.stress(sanitizer: sanitizer),
      settings: "min-interval=none,unwinder=check",
      environment: [
        // The children of the load end at once; what the program never frees is its own.
        "TSAN_OPTIONS": "die_after_fork=0:exitcode=66",
        "ASAN_OPTIONS": "detect_leaks=0:exitcode=66",
        "UBSAN_OPTIONS": "halt_on_error=1:exitcode=66",
      ]
    )
    try service.program.wait(for: "ready")
    let (dumps, captured) = try dump(service, for: .seconds(4))
    #expect(dumps > 2)
    #expect(captured > dumps * 4)
    expectWorkOfEveryKind(service)
    let text = service.program.errorText
    #expect(text == "install 0\n", "\(text)")
  }
}
