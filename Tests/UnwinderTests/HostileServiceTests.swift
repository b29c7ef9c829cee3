import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Services that do what few do: a dump must not be what ends them.
@Suite struct HostileServiceTests {
  @Test func aFramePointerAtTheEndOfTheAddressSpaceDoesNoHarm() throws {
    let service = try Service(Programs.hostile(), ["wild"])
    try service.program.wait(for: "ready")
    for _ in 0..<3 {
      let capture = try service.dump()
      #expect(capture.end?.threadsCaptured == 2)
      #expect(capture.threads.contains { $0.truncated.hasPrefix("no unwind information") })
    }
    #expect(service.program.isRunning)
  }
}
