import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// The state file, byte for byte.
@Suite struct StateFileTests {
  @Test func everyFieldIsWhereTheContractSays() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let pid = service.program.processID
    let state = try service.state()
    #expect(state.bytes(0, 8) == Array("DCSTATE\u{1}".utf8))
    #expect(state.u32(8) == 4096)
    #expect(state.u32(12) == UInt32(pid))
    let line = try procText("/proc/\(pid)/stat")
    let fields = line.split(separator: ")").last?.split(separator: " ") ?? []
    #expect(state.u64(16) == UInt64(fields[19]))
    #expect(state.u32(24) == 3)
    #expect(state.u32(28) == UInt32(SIGQUIT))
    #expect(state.u32(32) == UInt32(SIGPROF))
    #expect(state.u32(36) == 0)
    #expect(state.accepted == 0 && state.served == 0)
    #expect(state.published == 0 && state.failed == 0)
    #expect(state.text(256, 64).wholeMatch(of: /\d+\.\d+\.\d+/) != nil)
    #expect(state.text(320, 1024) == service.captures.path)
    #expect(state.lastCapture == "")
    let changed = state.u32(72)
    _ = try service.dump()
    #expect(state.accepted == 1 && state.served == 1 && state.published == 1)
    #expect(state.u32(72) != changed)
    #expect(state.u64(80) > 0)
    #expect(FileManager.default.fileExists(atPath: state.lastCapture))
    let attributes = try FileManager.default.attributesOfItem(
      atPath: service.captures.file(".dumpcollect.\(pid).state")
    )
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(attributes[.size] as? Int == 4096)
    let maps = try procText("/proc/\(pid)/maps")
    #expect(maps.contains("/.dumpcollect.\(pid).state\n"))
  }

  @Test func aStateFileCutShortDoesNotHurtTheService() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    _ = try service.dump()
    let path = service.captures.file(".dumpcollect.\(service.program.processID).state")
    let watch = try DirectoryWatch(service.captures.path)
    #expect(truncate(path, 0) == 0)
    // Each touch of the mapping now raises SIGBUS: in the handler and in the collector.
    service.program.send(signal: SIGQUIT)
    _ = try watch.waitForName { $0.hasSuffix(".2.dcap") }
    #expect(try service.number("work") > 0)
    // The next file is whole again, and the numbers go on.
    let state = try service.state()
    #expect(state.bytes(0, 8) == Array("DCSTATE\u{1}".utf8))
    let capture = try service.dump()
    #expect(capture.end?.threadsCaptured == 5)
    #expect(state.published == 3)
    #expect(state.served == state.accepted)
  }
}
