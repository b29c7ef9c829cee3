import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Functions that are chosen when the program begins (IFUNC), in every way of linking.
@Suite struct IndirectFunctionTests {
  private static let source = """
    #include <string.h>
    static int plain(int x) { return x + 1; }
    static int fast(int x) { return x + 2; }
    static int (*choose(void))(int) {
      __builtin_cpu_init();
      return __builtin_cpu_supports("avx512f") ? fast : plain;
    }
    int work(int) __attribute__((ifunc("choose")));
    int main(int count, char **arguments) { return work(count) + (int)strlen(arguments[0]); }
    """

  /// Slots that lead through words which are chosen at the start, with the address of what chooses.
  private func indirectSlots(_ path: String) throws -> [(slot: UInt64, resolver: UInt64)] {
    var resolvers: [UInt64: UInt64] = [:]
    for line in try runSuccessfully("readelf", ["-rW", path]).split(separator: "\n")
    where line.contains("IRELATIV") {
      let words = line.split(separator: " ")
      guard let word = UInt64(words[0], radix: 16), let last = words.last,
        let resolver = UInt64(last, radix: 16)
      else { continue }
      resolvers[word] = resolver
    }
    let code = try runSuccessfully("objdump", ["-d", "--no-show-raw-insn", path])
    return code.matches(
      of: /(?m)^ *([0-9a-f]+):\s+(?:bnd )?jmp +\*0x[0-9a-f]+\(%rip\) +# (?:0x)?([0-9a-f]+)/
    )
    .compactMap { match in
      guard let slot = UInt64(match.1, radix: 16), let word = UInt64(match.2, radix: 16),
        let resolver = resolvers[word]
      else { return nil }
      return (slot, resolver)
    }
  }

  @Test(arguments: [
    [], ["-no-pie"], ["-static"], ["-static-pie"],
    ["-no-pie", "-fcf-protection=none", "-Wl,-z,now"],
  ])
  func theirSlotsAreCalledAfterThem(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(Self.source, to: "indirect.c")
    let path = directory.file("indirect")
    try runSuccessfully("gcc", ["-O1", source, "-o", path] + options)
    var names: [UInt64: Set<String>] = [:]
    for line in try runSuccessfully("nm", [path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[1] == "i", let address = UInt64(words[0], radix: 16) else {
        continue
      }
      names[address, default: []].insert(String(words[2]))
    }
    let slots = try indirectSlots(path)
    #expect(!slots.isEmpty)
    let table = SymbolTable(main: try ELFFile(path: path))
    for (slot, resolver) in slots {
      // In the middle of the jump, the first few without an index.
      let symbol = try #require(table.symbols(at: [slot + 2])[0].symbol)
      #expect(symbol.isLinkageSlot)
      let name = table.name(of: symbol)
      #expect(name.hasSuffix("@plt"))
      #expect(names[resolver]?.contains(String(name.dropLast(4))) == true, "\(name)")
    }
    // The function itself is what chooses.
    let work = try #require(names.first { $0.value.contains("work") }?.key)
    #expect(table.symbol(at: ELFAddress(work)).symbol.map { table.name(of: $0) } == "work")
  }

  @Test func withoutSymbolsTheyAreCalledAsByObjdump() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(Self.source, to: "indirect.c")
    let path = directory.file("indirect")
    try runSuccessfully("gcc", ["-O1", "-static", "-s", source, "-o", path])
    let table = SymbolTable(main: try ELFFile(path: path))
    let slots = try indirectSlots(path)
    #expect(!slots.isEmpty)
    for (slot, resolver) in slots {
      let symbol = try #require(table.symbol(at: ELFAddress(slot)).symbol)
      #expect(table.name(of: symbol) == "*ABS*+0x\(String(resolver, radix: 16))@plt")
    }
  }
}
