import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// A small file must not become a large one.
@Suite struct ExpansionLimitTests {
  /// A library whose eight sections of zeros, of 64 MiB each, are compressed a thousandfold.
  @Test func sectionsThatExpandOutOfProportionAreRefused() throws {
    let directory = try TemporaryDirectory()
    let assembly = (0..<8).map { ".section .debug_zeros\($0)\n.zero 67108864\n" }.joined()
    let source = try directory.write(assembly, to: "zeros.s")
    let path = directory.file("zeros.so")
    try runSuccessfully(
      "gcc",
      ["-shared", "-nostdlib", "-Wl,--compress-debug-sections=zlib", source, "-o", path]
    )
    let file = try ELFFile(path: path)
    #expect(file.contents.byteCount < 1 << 20)
    var expanded = 0
    var refusals: [String] = []
    for section in file.sections where section.name.hasPrefix(".debug_zeros") {
      #expect(section.isCompressed)
      do {
        expanded += try file.bytes(of: section).byteCount
      } catch {
        refusals.append("\(error)")
      }
    }
    #expect(expanded >= 256 << 20 && expanded <= 256 << 20 + 64 * file.contents.byteCount)
    #expect(!refusals.isEmpty && refusals.allSatisfy { $0.contains("in proportion to the file") })
  }
}
