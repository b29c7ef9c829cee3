import Foundation
import Glibc
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Maps of generated code: what is believed of them.
@Suite struct JITMapTests {
  private let processID = Int32(1_234_567)

  private func map(_ text: String) -> JITMap { JITMap(Array(text.utf8), path: "map") }

  @Test func aNameStandsForItsCodeAndNoMore() {
    let map = map("1000 10 first\n0x1020 20 second name (file.js:1)\n")
    #expect(map.name(at: 0xfff) == nil)
    #expect(map.name(at: 0x1000) == "first")
    #expect(map.name(at: 0x100f) == "first")
    #expect(map.name(at: 0x1010) == nil)
    #expect(map.name(at: 0x103f) == "second name (file.js:1)")
    #expect(map.name(at: 0x1040) == nil)
  }

  @Test func ofTwoNamesOfOnePlaceTheLaterCounts() {
    #expect(map("1000 10 old\n1000 20 new\n").name(at: 0x1008) == "new")
  }

  @Test func nonsenseIsPassedOver() {
    let map = map(
      "\n\nxyz\n1000\n1000 \n1000 10\nffffffffffffffff 10 over\n1000 0 empty\n2000 8 right\n12345678901234567 1 long"
    )
    #expect(map.name(at: 0x1000) == nil)
    #expect(map.name(at: 0x2000) == "right")
    #expect(map.name(at: .max) == nil)
  }

  @Test func aMapMustBeTheProcesssOwnAndOfItsTime() throws {
    let directory = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: directory.file("tmp"),
      withIntermediateDirectories: true
    )
    try directory.write("1000 10 code\n", to: "tmp/perf-\(processID).map")
    let now = Int64(Date().timeIntervalSince1970) * 1_000_000_000
    func found(user: UInt32, start: Int64?) -> Bool {
      JITMap(processID: processID, userID: user, startTime: start, root: directory.path) != nil
    }
    #expect(found(user: getuid(), start: now - 60_000_000_000))
    #expect(!found(user: getuid(), start: now + 3600_000_000_000))
    // Root's files are taken of everybody.
    #expect(found(user: getuid() &+ 1, start: nil) == (getuid() == 0))
    #expect(
      JITMap(processID: processID + 1, userID: getuid(), startTime: nil, root: directory.path)
        == nil
    )
  }
}
