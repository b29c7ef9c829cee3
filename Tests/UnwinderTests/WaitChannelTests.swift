import CaptureFormat
import Foundation
import TestSupport
import Testing

/// In which kernel function threads sleep, which the handler reads once for those in the same call.
@Suite struct WaitChannelTests {
  @Test func everyThreadSleepsWhereTheKernelSaysAlsoWhereOneReadingServesTwo() throws {
    let service = try Service(Programs.waits())
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep()
    var expected: [Int32: String] = [:]
    let tasks = "/proc/\(service.program.processID)/task"
    for tid in try FileManager.default.contentsOfDirectory(atPath: tasks) {
      expected[Int32(tid) ?? 0] = try String(
        contentsOfFile: "\(tasks)/\(tid)/wchan",
        encoding: .utf8
      )
    }
    let capture = try service.dump(quiet: true)
    #expect(capture.threads.filter { $0.name.hasPrefix("kind ") }.count == 22)
    for thread in capture.threads {
      #expect(thread.wchan == expected[thread.tid], "\(thread.name)")
    }
    // Many kinds, or nothing was proved.
    #expect(Set(capture.threads.map(\.wchan)).count >= 8)
  }
}
