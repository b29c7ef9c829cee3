import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Dumps while the service does all that breaks in-process dumpers.
@Suite struct StressTests {
  @Test func dumpsUnderLoadHangNothingAndLoseNothing() throws {
    let service = try Service(Programs.stress())
    try service.program.wait(for: "ready")
    let end = ContinuousClock.now + .seconds(8)
    var dumps = 0
    var captured = 0
    while ContinuousClock.now < end {
      let capture = try service.dump()
      #expect(capture.isComplete, "\(capture.damage)")
      dumps += 1
      for thread in capture.threads {
        if thread.status == .captured {
          captured += 1
          #expect(!thread.addresses.isEmpty)
        } else {
          #expect(!thread.reason.isEmpty)
        }
      }
    }
    #expect(dumps > 10)
    #expect(captured > dumps * 4)
    try service.program.write(line: "x")
    service.program.closeInput()
    var counts: [String: Int] = [:]
    while let line = service.program.readLine() {
      let words = line.split(separator: " ")
      counts[String(words[0])] = Int(words[1])
    }
    #expect(service.program.waitForExit() == 0)
    for kind in ["load", "allocate", "throw", "spawn", "fork", "thread", "visit", "mask"] {
      #expect(counts[kind, default: 0] > 0, "\(kind)")
    }
  }
}
