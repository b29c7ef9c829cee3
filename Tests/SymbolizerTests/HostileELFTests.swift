import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Damaged files must neither trap nor hang, whatever is read of them.
@Suite struct HostileELFTests {
  /// A small program with everything that is parsed: symbols, slots, notes, a link, compressed
  /// sections.
  private func sample(in directory: TemporaryDirectory) throws -> [UInt8] {
    let source = try directory.write(
      """
      #include <stdio.h>
      #include <stdlib.h>
      static __attribute__((noinline)) int twice(int x) { return atoi("2") * x; }
      int main(int count, char **arguments) { printf("%d %s\\n", twice(count), arguments[0]); }
      """,
      to: "small.c"
    )
    let (program, debug) = (directory.file("small"), directory.file("small.debug"))
    try runSuccessfully("gcc", ["-g", "-O1", "-gz=zlib", source, "-o", program])
    try runSuccessfully("objcopy", ["--only-keep-debug", program, debug])
    try runSuccessfully("xz", ["-k", "-9", debug])
    try runSuccessfully(
      "objcopy",
      ["--add-gnu-debuglink=\(debug)", "--add-section", ".gnu_debugdata=\(debug).xz", program]
    )
    return Array(try Data(contentsOf: URL(fileURLWithPath: program)))
  }

  /// Reads everything that is read of a module's file.
  private func readEverything(_ bytes: [UInt8]) {
    guard let file = try? ELFFile(image: bytes, name: "damaged") else { return }
    var byteCount = file.checksum() & 1
    for section in file.sections {
      // Refused sections are what this is about.
      byteCount &+= UInt32(truncatingIfNeeded: (try? file.bytes(of: section))?.byteCount ?? 0)
    }
    _ = try? MiniDebugInformation.file(in: file)
    var files = ModuleFiles()
    files.main = file
    var problems: [String] = []
    let lookup = files.lookup(problems: &problems)
    let starts = file.sections.filter(\.isExecutable).map(\.address.value)
    var addresses: [UInt64] = [0, 1, .max]
    for start in starts { addresses += [start, start &+ 3, start &+ 40, start &- 1] }
    let answer = lookup.answer(addresses, jobs: 1)
    for index in addresses.indices {
      for frame in answer.frames(at: index) where frame.function != LookupFrame.none {
        #expect(Int(frame.function) < answer.functions.count)
      }
    }
    for address in addresses {
      if let symbol = lookup.symbols.symbol(at: ELFAddress(address)).symbol {
        _ = lookup.symbols.name(of: symbol)
      }
    }
  }

  @Test func aFileCutAnywhereIsReadAsFarAsItGoes() throws {
    let directory = try TemporaryDirectory()
    let bytes = try sample(in: directory)
    readEverything(bytes)
    // Every byte of the headers, then steps that meet every section and the section headers at the
    // end.
    for length in Array(1..<1200) + Array(stride(from: 1200, to: bytes.count, by: 37)) {
      readEverything(Array(bytes[..<length]))
    }
  }

  @Test func aCutFileOnDiskIsReadAsFarAsItGoes() throws {
    let directory = try TemporaryDirectory()
    let bytes = try sample(in: directory)
    let path = directory.file("cut")
    for length in stride(from: 0, to: bytes.count, by: 997) {
      try Data(bytes[..<length]).write(to: URL(fileURLWithPath: path))
      guard let file = try? ELFFile(path: path) else { continue }
      let table = SymbolTable(main: file)
      for section in file.sections { _ = try? file.bytes(of: section) }
      _ = table.symbol(at: ELFAddress(0x1200))
    }
  }

  @Test func changedBytesNeitherTrapNorHang() throws {
    let directory = try TemporaryDirectory()
    let original = try sample(in: directory)
    let file = try ELFFile(image: original, name: "sample")
    let seed = UInt64.random(in: 0...UInt64.max)
    print("changedBytesNeitherTrapNorHang: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    // Where a changed byte means most: headers, symbols, relocations, notes, links, compression
    // headers.
    var places = [0..<64, 64..<(64 + 56 * file.segments.count)]
    let table = Int(
      original.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 40, as: UInt64.self) }
    )
    places.append(table..<min(original.count, table + 64 * file.sections.count))
    for section in file.sections where section.kind != .noBits && section.byteCount > 0 {
      let start = Int(section.fileOffset)
      let size = Int(section.byteCount)
      if section.isExecutable && !section.name.hasPrefix(".plt") { continue }
      places.append(start..<(start + size))
      places.append(start..<(start + min(size, 48)))
    }
    for _ in 0..<3000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        guard let place = places.randomElement(using: &random), !place.isEmpty else { continue }
        let position = Int.random(in: place, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[position] = 0xff
        default: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        }
      }
      readEverything(bytes)
    }
  }

  @Test func symbolsThatLieInsideEachOtherCostNoMoreThanOthers() {
    // Each lookup is one search, however many symbols cover the address.
    let count = 200_000
    let nested = (0..<count).map { number in
      SymbolIndex.Candidate(
        start: UInt64(number),
        size: UInt64(2 * (count - number)),
        limit: .max,
        id: UInt32(number),
        rank: 0
      )
    }
    let index = SymbolIndex(nested)
    #expect(index.owner(of: UInt64(count) - 1)?.id == UInt32(count - 1))
    #expect(index.owner(of: UInt64(count) + 1)?.id == UInt32(count - 2))
    #expect(index.owner(of: UInt64(2 * count) - 1)?.id == 0)
    #expect(index.owner(of: UInt64(2 * count)) == nil)
    let same = (0..<count).map {
      SymbolIndex.Candidate(start: 8, size: 8, limit: .max, id: UInt32($0), rank: 0)
    }
    #expect(SymbolIndex(same).owner(of: 9)?.id == 0)
  }

  @Test func sizesThatOverflowAreCutAtTheirSection() {
    let index = SymbolIndex([
      SymbolIndex.Candidate(start: 16, size: .max, limit: 64, id: 1, rank: 0),
      SymbolIndex.Candidate(start: 32, size: .max - 31, limit: .max, id: 2, rank: 0),
    ])
    #expect(index.owner(of: 16)?.id == 1)
    #expect(index.owner(of: .max - 1)?.id == 2)
    #expect(index.owner(of: 15) == nil)
  }
}
