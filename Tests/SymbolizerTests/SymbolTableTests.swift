import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct SymbolTableTests {
  let fixtures: ELFFixtures

  init() throws {
    fixtures = try ELFFixtures.shared.get()
  }

  /// A function symbol as `readelf` prints it, with the end of its section.
  struct ListedSymbol {
    var start: UInt64
    var size: UInt64
    var limit: UInt64
    var rank: Int
    var number: Int
    var name: String
  }

  @Test(arguments: [
    ("g++", ["-O2", "-g"]), ("g++", ["-O0", "-no-pie"]), ("g++", ["-O2", "-static"]),
    ("g++", ["-static-pie"]), ("clang++", ["-O2"]), ("g++", ["-shared", "-fPIC", "-O1"]),
  ])
  func everyAddressHasTheSymbolThatReadelfsListGives(compiler: String, options: [String]) throws {
    let directory = try TemporaryDirectory()
    let path = try fixtures.build("output", compiler: compiler, options, in: directory)
    let table = SymbolTable(main: try ELFFile(path: path))
    #expect(table.isComplete)
    let listed = try listedSymbols(path, table: ".symtab")
    #expect(listed.count > 10)
    let slots = try linkageSlots(path)
    let text = try #require(try ELFFile(path: path).section(named: ".text"))
    // Every address of a small program; of a large one a step that meets every place of a function.
    let step = text.byteCount < 50_000 ? 1 : 101
    for address in stride(
      from: text.address.value,
      to: text.address.value + text.byteCount,
      by: step
    ) {
      let found = table.symbol(at: ELFAddress(address)).symbol
      let expected = naiveSymbol(at: address, in: listed)
      let name = found.map { table.name(of: $0) }
      if name != expected?.name {
        Issue.record("\(String(address, radix: 16)): \(name ?? "-"), not \(expected?.name ?? "-")")
        break
      }
    }
    for symbol in listed where slots[symbol.start] == nil {
      let found = try #require(table.symbol(at: ELFAddress(symbol.start)).symbol)
      #expect(found.address.value <= symbol.start)
    }
  }

  @Test(arguments: [["-O2", "-g"], ["-static"], ["-O1", "-s"]])
  func aFewAddressesAreAnsweredAsManyAre(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let path = try fixtures.build("output", compiler: "g++", options, in: directory)
    try expectFewAreAnsweredAsMany(path)
  }

  /// Compares what a pass over the table says of a few addresses with what the index says of all.
  private func expectFewAreAnsweredAsMany(_ path: String) throws {
    let file = try ELFFile(path: path)
    let table = SymbolTable(main: file)
    var addresses: [UInt64] = [0, 1, .max]
    for section in file.sections where section.isAllocated && section.isExecutable {
      let (start, count) = (section.address.value, section.byteCount)
      let step = max(1, Int(count / 300))
      addresses += stride(from: start &- 2, to: start + count + 2, by: step)
    }
    for first in stride(from: 0, to: addresses.count, by: 5) {
      let few = Array(addresses[first..<min(first + 5, addresses.count)])
      let found = SymbolTable(main: file).symbols(at: few).map { match in
        // The pass tells at once what the index is asked for.
        guard case .symbol(var symbol) = match else { return match }
        #expect(symbol.sharesStart != nil)
        symbol.sharesStart = nil
        // It does not read names: the variants of a constructor count, too.
        if symbol.isSized, table.sharesStart(symbol) { #expect(match.symbol?.sharesStart == true) }
        return .symbol(symbol)
      }
      #expect(found == few.map { table.symbol(at: ELFAddress($0)) }, "\(few)")
      // Whoever asks again gets the index.
      let again = SymbolTable(main: file)
      _ = again.symbols(at: [0])
      if first % 100 == 0 { #expect(again.symbols(at: few) == found) }
    }
  }

  @Test func variantsOfAConstructorAreOneFunctionAndFoldedOnesAreMany() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/folded.cpp"],
      compiler: "clang++",
      arguments: ["-O2", "-ffunction-sections", "-fuse-ld=lld", "-Wl,--icf=all"],
      into: directory,
      named: "folded"
    )
    let table = SymbolTable(main: try ELFFile(path: path))
    var shared: [String: Bool] = [:]
    for line in try runSuccessfully("nm", ["--defined-only", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, let address = UInt64(words[0], radix: 16),
        let symbol = table.symbol(at: ELFAddress(address)).symbol
      else { continue }
      shared[String(words[2])] = table.sharesStart(symbol)
    }
    #expect(shared["_ZN4shop5totalEi"] == true)
    #expect(shared["_ZN4bank7balanceEi"] == true)
    #expect(shared["_ZN4shop4CartC1Ei"] == false)
    #expect(shared["_ZN4shop4CartC2Ei"] == false)
    #expect(shared["main"] == false)
  }

  /// The rules, spelled out as slowly as they read.
  private func naiveSymbol(at address: UInt64, in symbols: [ListedSymbol]) -> ListedSymbol? {
    let covering = symbols.filter {
      $0.size > 0 && $0.start <= address && address < min($0.start + $0.size, $0.limit)
    }
    func best(_ symbols: [ListedSymbol]) -> ListedSymbol? {
      let latest = symbols.map(\.start).max()
      return symbols.filter { $0.start == latest }.min {
        ($0.rank, $0.number) < ($1.rank, $1.number)
      }
    }
    if let found = best(covering) { return found }
    let latest = symbols.filter { $0.start <= address }.map(\.start).max()
    let before = symbols.filter { $0.start == latest }
    guard before.allSatisfy({ $0.size == 0 }), let found = best(before), address < found.limit
    else { return nil }
    // A label inside a function that has ended since stands for nothing behind it.
    let isLabel = symbols.contains {
      $0.size > 0 && $0.start < found.start && found.start < $0.start + $0.size
    }
    return isLabel ? nil : found
  }

  private func listedSymbols(_ path: String, table: String) throws -> [ListedSymbol] {
    var limits: [Int: UInt64] = [:]
    let sections = try runSuccessfully("readelf", ["-SW", path])
    for match in sections.matches(
      of: /\[ *(\d+)\] \S+ +\S+ +([0-9a-f]{16}) [0-9a-f]+ ([0-9a-f]+) [0-9a-f]+ +(\S*)/
    ) where match.4.contains("X") {
      guard let number = Int(match.1), let start = UInt64(match.2, radix: 16),
        let size = UInt64(match.3, radix: 16)
      else { continue }
      limits[number] = start + size
    }
    var symbols: [ListedSymbol] = []
    var isInTable = false
    for line in try runSuccessfully("readelf", ["-sW", path]).split(separator: "\n") {
      if line.hasPrefix("Symbol table") { isInTable = line.contains("'\(table)'") }
      guard isInTable,
        let match = line.firstMatch(
          of: /(\d+): ([0-9a-f]+) +(\S+) (FUNC|NOTYPE|IFUNC) +(\S+) +\S+ +(\d+) (\S+)/
        ), let section = Int(match.6), let limit = limits[section],
        let start = UInt64(match.2, radix: 16)
      else { continue }
      let size = match.3.hasPrefix("0x") ? UInt64(match.3.dropFirst(2), radix: 16) : UInt64(match.3)
      let binding = ["GLOBAL": 0, "UNIQUE": 0, "WEAK": 1][String(match.5)] ?? 2
      symbols.append(
        ListedSymbol(
          start: start,
          size: size ?? 0,
          limit: limit,
          rank: binding * 2 + (match.4 == "NOTYPE" ? 1 : 0),
          number: Int(match.1) ?? 0,
          name: String(match.7.prefix { $0 != "@" })
        )
      )
    }
    return symbols.filter { $0.start < $0.limit }
  }

  /// Slots of the linkage table as `objdump` names them: `0000000000401030 <puts@plt>:`.
  private func linkageSlots(_ path: String) throws -> [UInt64: String] {
    var slots: [UInt64: String] = [:]
    let text = try runSuccessfully(
      "objdump",
      ["-d", "-j", ".plt", "-j", ".plt.sec", "-j", ".plt.got", path]
    )
    for match in text.matches(of: /\n([0-9a-f]{16}) <([^>]+)@plt>:/) {
      guard let address = UInt64(match.1, radix: 16) else { continue }
      slots[address] = "\(match.2.prefix { $0 != "@" })@plt"
    }
    return slots
  }

  @Test(arguments: [
    [], ["-Wl,-z,now"], ["-fcf-protection=full"], ["-fcf-protection=full", "-Wl,-z,now"],
    ["-no-pie"], ["-shared", "-fPIC"],
  ])
  func linkageSlotsAreNamedAsObjdumpNamesThem(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let path = try fixtures.build("output", options + ["-Wl,-z,lazy"], in: directory)
    try expectLinkageSlots(path)
  }

  private func expectLinkageSlots(_ path: String) throws {
    let slots = try linkageSlots(path)
    // objdump resolves nothing of files that were linked without lazy binding.
    #expect(slots.count > 3)
    let stripped = path + ".stripped"
    try runSuccessfully("strip", ["-o", stripped, path])
    for file in [path, stripped] {
      let table = SymbolTable(main: try ELFFile(path: file))
      for (address, name) in slots {
        for offset in [UInt64(0), 5] {
          let symbol = try #require(table.symbol(at: ELFAddress(address + offset)).symbol)
          #expect(table.name(of: symbol) == name)
          #expect(symbol.isLinkageSlot)
          #expect(symbol.address.value == address)
        }
      }
    }
  }

  @Test(arguments: [[], ["-Wl,-z,force-bti", "-mbranch-protection=bti"]])
  func linkageSlotsOfAarch64AreNamed(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(
      "int other(int); int more(int); int one(int x) { return other(x) + more(x); }\n",
      to: "one.c"
    )
    let path = directory.file("libone.so")
    try runSuccessfully(
      "clang",
      ["--target=aarch64-linux-gnu", "-shared", "-fPIC", "-nostdlib", "-fuse-ld=lld"] + options
        + [source, "-o", path]
    )
    let table = SymbolTable(main: try ELFFile(path: path))
    let text = try runSuccessfully("llvm-objdump-19", ["-d", "-j", ".plt", path])
    let slots = text.matches(of: /\n([0-9a-f]{16}) <([^>]+@plt)>:/)
    #expect(slots.count == 2)
    for match in slots {
      let address = try #require(UInt64(match.1, radix: 16))
      let symbol = try #require(table.symbol(at: ELFAddress(address + 4)).symbol)
      #expect(table.name(of: symbol) == match.2)
    }
    let one = try #require(
      try runSuccessfully("nm", [path]).firstMatch(of: /([0-9a-f]+) T one/)
        .flatMap { UInt64($0.1, radix: 16) }
    )
    let symbol = try #require(table.symbol(at: ELFAddress(one + 4)).symbol)
    #expect(table.name(of: symbol) == "one")
  }

  @Test func aGlobalNameIsPreferredToAWeakOneAtTheSameAddress() throws {
    let table = SymbolTable(main: try ELFFile(path: fixtures.program))
    let text = try runSuccessfully("nm", [fixtures.program])
    let weak = try #require(text.firstMatch(of: /([0-9a-f]+) W weak_one/)?.1)
    let strong = try #require(text.firstMatch(of: /([0-9a-f]+) T strong_one/)?.1)
    #expect(weak == strong)
    let address = try #require(UInt64(weak, radix: 16))
    let symbol = try #require(table.symbol(at: ELFAddress(address)).symbol)
    #expect(table.name(of: symbol) == "strong_one")
    #expect(symbol.binding == .global)
  }

  @Test func assemblyWithoutSizesReachesToTheNextSymbolAndPaddingIsNobodys() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(
      """
      .text
      .p2align 6
      .globl sized
      .type sized, @function
      sized: nop
      inner: nop
      ret
      .size sized, .-sized
      .p2align 6
      local_label: nop
      .globl visible
      visible: nop
      ret
      .p2align 6
      .type outer, @function
      outer: nop
      nested: nop
      .type nested, @function
      .size nested, 1
      nop
      .size outer, .-outer
      last: nop
      """ + "\n.fill 20, 1, 0x90\n.section .note.GNU-stack,\"\",@progbits\n",
      to: "odd.s"
    )
    let path = directory.file("odd.so")
    try runSuccessfully("gcc", ["-shared", "-nostdlib", source, "-o", path])
    let table = SymbolTable(main: try ELFFile(path: path))
    let start = try #require(try ELFFile(path: path).section(named: ".text")).address.value
    func answer(_ offset: UInt64) -> String {
      switch table.symbol(at: ELFAddress(start + offset)) {
      case .symbol(let symbol): table.name(of: symbol)
      case .unknown(let reason): "(\(reason))"
      }
    }
    #expect(answer(0) == "sized")
    #expect(answer(2) == "sized")
    #expect(answer(3) == "(between functions)")
    #expect(answer(63) == "(between functions)")
    #expect(answer(64) == "local_label")
    #expect(answer(65) == "visible")
    #expect(answer(127) == "visible")
    #expect(answer(128) == "outer")
    #expect(answer(129) == "nested")
    #expect(answer(130) == "outer")
    #expect(answer(131) == "last")
    #expect(answer(150) == "last")
    #expect(answer(4096) == "(not in code)")
    try expectFewAreAnsweredAsMany(path)
  }

  @Test func versionsAreLeftOutOfNames() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(
      "int f_one(void) { return 1; } int f_two(void) { return 2; }\n"
        + "__asm__(\".symver f_one,f@V1\"); __asm__(\".symver f_two,f@@V2\");\n",
      to: "versions.c"
    )
    let map = try directory.write(
      "V1 { global: f; local: f_*; }; V2 { global: f; } V1;\n",
      to: "map"
    )
    let path = directory.file("versions.so")
    try runSuccessfully(
      "gcc",
      ["-O1", "-shared", "-fPIC", "-Wl,--version-script=\(map)", source, "-o", path]
    )
    #expect(try runSuccessfully("nm", [path]).contains("f@"))
    let table = SymbolTable(main: try ELFFile(path: path))
    for match in try runSuccessfully("nm", [path]).matches(of: /([0-9a-f]+) [tT] f@/) {
      let address = try #require(UInt64(match.1, radix: 16))
      let symbol = try #require(table.symbol(at: ELFAddress(address)).symbol)
      #expect(table.name(of: symbol) == "f")
    }
  }

  @Test func aStrippedLibraryHasItsDynamicSymbols() throws {
    let directory = try TemporaryDirectory()
    let path = try fixtures.build("lib.so", ["-shared", "-fPIC", "-O1", "-s"], in: directory)
    let table = SymbolTable(main: try ELFFile(path: path))
    #expect(!table.isComplete)
    for symbol in try listedSymbols(path, table: ".dynsym") where symbol.size > 0 {
      let found = try #require(table.symbol(at: ELFAddress(symbol.start)).symbol)
      #expect(found.address.value == symbol.start)
    }
    let hidden = try fixtures.build("full.so", ["-shared", "-fPIC", "-O1"], in: directory)
    let address = try #require(
      try runSuccessfully("nm", [hidden]).firstMatch(of: /([0-9a-f]+) t _ZL6hiddeni/)
        .flatMap { UInt64($0.1, radix: 16) }
    )
    // The same layout, without the name of the static function.
    #expect(
      table.symbol(at: ELFAddress(address + 1))
        == .unknown("stripped: only exported functions have names")
    )
  }

  @Test func miniDebugInformationNamesLocalFunctions() throws {
    let directory = try TemporaryDirectory()
    let names = directory.file("mini")
    try runSuccessfully("objcopy", ["-S", "--keep-symbol=_ZL6hiddeni", fixtures.program, names])
    try runSuccessfully("objcopy", ["--only-keep-debug", names, directory.file("mini.debug")])
    try runSuccessfully("xz", ["-k", directory.file("mini.debug")])
    let path = directory.file("stripped")
    try runSuccessfully(
      "objcopy",
      [
        "-S", "--add-section", ".gnu_debugdata=\(directory.file("mini.debug.xz"))",
        fixtures.program, path,
      ]
    )
    let file = try ELFFile(path: path)
    #expect(!file.hasFullSymbolTable)
    let table = SymbolTable(main: file)
    let address = try #require(
      try runSuccessfully("nm", [fixtures.program]).firstMatch(of: /([0-9a-f]+) t _ZL6hiddeni/)
        .flatMap { UInt64($0.1, radix: 16) }
    )
    let symbol = try #require(table.symbol(at: ELFAddress(address + 1)).symbol)
    #expect(table.name(of: symbol) == "_ZL6hiddeni")
    #expect(table.problems.isEmpty)
  }

  @Test func symbolsOfADebugFileServeTheStrippedProgram() throws {
    let directory = try TemporaryDirectory()
    let debug = try fixtures.objcopy(
      ["--only-keep-debug"],
      fixtures.program,
      to: "shapes.debug",
      in: directory
    )
    let stripped = try fixtures.objcopy(["-S"], fixtures.program, to: "stripped", in: directory)
    let both = SymbolTable(main: try ELFFile(path: stripped), debug: try ELFFile(path: debug))
    let whole = SymbolTable(main: try ELFFile(path: fixtures.program))
    let text = try #require(try ELFFile(path: stripped).section(named: ".text"))
    let plt = try #require(try ELFFile(path: stripped).section(named: ".plt"))
    for section in [text, plt] {
      for address in section.address.value..<(section.address.value + section.byteCount) {
        let expected = whole.symbol(at: ELFAddress(address)).symbol.map { whole.name(of: $0) }
        let found = both.symbol(at: ELFAddress(address)).symbol.map { both.name(of: $0) }
        #expect(found == expected)
      }
    }
  }

  @Test func theCLibrarysFunctionsHaveOneOfTheirNames() throws {
    let library = "/lib/x86_64-linux-gnu/libc.so.6"
    let table = SymbolTable(main: try ELFFile(path: library))
    let listed = try listedSymbols(library, table: ".dynsym").filter { $0.size > 0 }
    #expect(listed.count > 1000)
    let names = Dictionary(grouping: listed, by: \.start).mapValues { Set($0.map(\.name)) }
    for symbol in listed {
      let found = try #require(table.symbol(at: ELFAddress(symbol.start + symbol.size / 2)).symbol)
      #expect(names[found.address.value]?.contains(table.name(of: found)) == true)
    }
  }

  @Test func radixSortingIsStableAndSortsWholeWords() {
    var generator = SystemRandomNumberGenerator()
    for bits in [1, 8, 11, 12, 33, 64] {
      let mask = bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1
      let elements = (0..<3000).map { (key: generator.next() & mask, number: $0) }
      var sorted = elements
      RadixSort.sort(&sorted) { $0.key }
      let expected = elements.sorted { ($0.key, $0.number) < ($1.key, $1.number) }
      #expect(sorted.map(\.number) == expected.map(\.number))
    }
  }
}
