import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// What is kept of one capture for the next.
@Suite struct SymbolCacheTests {
  private func symbolizer(_ cache: SymbolCache?) -> CaptureSymbolizer {
    var log = Logger(label: "test")
    log.logLevel = .critical
    return CaptureSymbolizer(options: SymbolizerOptions(), log: log, cache: cache)
  }

  @Test func aSecondCaptureReadsTheSameWithoutItsFiles() throws {
    let directory = try TemporaryDirectory()
    let witness = try Witness(compiler: "g++", ["-g", "-O1"], in: directory)
    let capture = try witness.capture(in: directory)
    let cache = SymbolCache()
    let first = try symbolizer(cache).report(ofCaptureAt: capture)
    #expect(first == (try symbolizer(nil).report(ofCaptureAt: capture)))
    // Nothing is opened again: the program is gone, and its frames are not.
    try FileManager.default.removeItem(atPath: witness.program)
    #expect(try symbolizer(cache).report(ofCaptureAt: capture) == first)
    #expect(try symbolizer(nil).report(ofCaptureAt: capture) != first)
  }

  @Test func anotherBuildUnderThePathIsLookedUpAnew() throws {
    let directory = try TemporaryDirectory()
    let cache = SymbolCache()
    let old = try Witness(compiler: "g++", ["-g", "-O1"], in: directory)
    let before = try symbolizer(cache).report(ofCaptureAt: old.capture(in: directory))
    let new = try Witness(compiler: "g++", ["-g", "-O0"], in: directory)
    #expect(old.program == new.program)
    let capture = try new.capture(in: directory)
    let after = try symbolizer(cache).report(ofCaptureAt: capture)
    #expect(after == (try symbolizer(nil).report(ofCaptureAt: capture)))
    #expect(after.frames != before.frames)
  }
}
