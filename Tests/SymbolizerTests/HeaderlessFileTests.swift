import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Files whose section headers are gone, or have more sections than a symbol can number.
@Suite struct HeaderlessFileTests {
  private func library(_ options: [String], in directory: TemporaryDirectory) throws -> String {
    let source = try directory.write(
      """
      int counter;
      __attribute__((noinline)) static int hidden(int x) { return x * 3 + counter; }
      int first(int x) { return hidden(x) + 1; }
      __attribute__((weak)) int second(int x) { return hidden(x) + 2; }
      """,
      to: "library.c"
    )
    let path = directory.file("library.so")
    try runSuccessfully("gcc", ["-O1", "-shared", "-fPIC", source, "-o", path] + options)
    return path
  }

  private func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  /// Without e_shoff, e_shnum and e_shstrndx.
  private func headless(_ path: String) throws -> [UInt8] {
    var bytes = try bytes(path)
    bytes.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    bytes.replaceSubrange(60..<64, with: [0, 0, 0, 0])
    return bytes
  }

  @Test(arguments: ["gnu", "sysv", "both"])
  func dynamicSymbolsAreFoundAsTheDynamicLinkerFindsThem(hash: String) throws {
    let directory = try TemporaryDirectory()
    let path = try library(["-Wl,--hash-style=\(hash)"], in: directory)
    let whole = SymbolTable(main: try ELFFile(path: path))
    let file = try ELFFile(image: try headless(path), name: "headless")
    #expect(file.sections.isEmpty && file.hasDynamicSymbols)
    let table = SymbolTable(main: file)
    for name in ["first", "second"] {
      let line = try #require(
        try runSuccessfully("nm", ["-D", path]).split(separator: "\n").first {
          $0.hasSuffix(" \(name)")
        }
      )
      let address = ELFAddress(try #require(UInt64(line.prefix(16), radix: 16)))
      let symbol = try #require(table.symbol(at: address).symbol)
      #expect(table.name(of: symbol) == name)
      #expect(symbol.end == whole.symbol(at: address).symbol?.end)
    }
    // A variable is no code.
    #expect(table.symbol(at: ELFAddress(0x10)).symbol == nil)
  }

  @Test func aDamagedDynamicSegmentNeitherTrapsNorHangs() throws {
    let directory = try TemporaryDirectory()
    for hash in ["gnu", "sysv"] {
      let original = try headless(try library(["-Wl,--hash-style=\(hash)"], in: directory))
      let file = try ELFFile(image: original, name: "headless")
      let segment = try #require(file.segments.first { $0.kind == .dynamic })
      let symbols = try #require(DynamicSymbols(of: file))
      let tables = [
        Int(segment.fileOffset)..<Int(segment.fileOffset + segment.fileByteCount),
        // The hash table and the symbols follow the program headers and notes.
        64..<min(original.count, 2048),
      ]
      #expect(symbols.entries.byteCount > 48)
      let seed = UInt64.random(in: 0...UInt64.max)
      print("aDamagedDynamicSegmentNeitherTrapsNorHangs: seed \(seed)")
      var generator = SplitMix64(state: seed)
      for number in 0..<2000 {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let place = tables[number % 2].randomElement(using: &generator) ?? 0
          bytes[place] =
            [0, 1, 0xff, 0x7f, UInt8.random(in: 0...255, using: &generator)]
            .randomElement(using: &generator) ?? 0
        }
        guard let file = try? ELFFile(image: bytes, name: "damaged") else { continue }
        let table = SymbolTable(main: file)
        for address: UInt64 in [0, 0x1000, 0x1119, 0x1130, .max] {
          if let symbol = table.symbol(at: ELFAddress(address)).symbol {
            _ = table.name(of: symbol)
          }
        }
      }
    }
  }

  @Test func aSymbolWhoseSectionHasNoRoomInItsEntryIsFoundByItsAddress() throws {
    let directory = try TemporaryDirectory()
    let path = try library([], in: directory)
    var bytes = try bytes(path)
    let file = try ELFFile(path: path)
    let section = try #require(file.sections.first { $0.kind == .symbolTable })
    // SHN_XINDEX in every entry that has a section: what a linker writes beyond 65,280 of them.
    for entry in stride(
      from: Int(section.fileOffset),
      to: Int(section.fileOffset + section.byteCount),
      by: 24
    ) {
      let index = UInt16(bytes[entry + 6]) | UInt16(bytes[entry + 7]) << 8
      if index != 0, index < 0xff00 {
        bytes.replaceSubrange(entry + 6..<entry + 8, with: [0xff, 0xff])
      }
    }
    let whole = SymbolTable(main: file)
    let table = SymbolTable(main: try ELFFile(image: bytes, name: "extended"))
    let text = try #require(file.section(named: ".text"))
    for address in text.address.value..<(text.address.value + text.byteCount) {
      let (found, expected) = (
        table.symbol(at: ELFAddress(address)), whole.symbol(at: ELFAddress(address))
      )
      #expect(found.symbol.map { table.name(of: $0) } == expected.symbol.map { whole.name(of: $0) })
    }
  }
}
