import Foundation
import Logging
import Report
import Symbolizer
import TestSupport
import Testing

/// A program of the corpus: a source of `Tests/Fixtures/dwarf`, built by one compiler with one set of options.
struct CorpusProgram: CustomTestStringConvertible, Sendable {
  var compiler: String
  var source: String
  var options: [String]
  /// Only functions whose linkage name holds this are compared, where a runtime is linked in; else all of `.text`.
  var scope: String?

  var testDescription: String { ([compiler] + options + [source]).joined(separator: " ") }

  func build(into directory: TemporaryDirectory) throws -> String {
    var output = options
    // rustc takes its name from the file; all others put the program where they are told to.
    if compiler == "rustc" { output += ["--crate-name", "shapes"] }
    return try Fixture.build(
      ["dwarf/\(source)"],
      compiler: compiler,
      arguments: output,
      into: directory,
      named: "shapes"
    )
  }

  static let c: [CorpusProgram] = ["gcc", "clang"].flatMap { compiler in
    ["-O0", "-O2", "-O3"].flatMap { level in
      ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"].map {
        CorpusProgram(compiler: compiler, source: "inlines.c", options: [level, $0])
      }
    }
  }

  static let sections = [
    ["-O2", "-g", "-ffunction-sections", "-Wl,--gc-sections"],
    ["-O2", "-gdwarf-4", "-ffunction-sections", "-Wl,--gc-sections"],
    ["-O2", "-g", "-flto"],
    ["-O2", "-g", "-static"],
    ["-O2", "-g", "-no-pie"],
    ["-O2", "-g", "-gz"],
    ["-O2", "-g", "-gdwarf64"],
    ["-O2", "-gdwarf-4", "-fdebug-types-section"],
    ["-O2", "-gdwarf-3", "-gdwarf64", "-gz"],
    ["-O2", "-g1"],
  ].map {
    CorpusProgram(
      compiler: "gcc",
      source: "inlines.c",
      options: $0,
      scope: $0.contains("-static") ? "outer checked only_here main fail" : nil
    )
  }

  static let cxx: [CorpusProgram] = ["g++", "clang++"].flatMap { compiler in
    [
      ["-O0", "-gdwarf-4"], ["-O0", "-gdwarf-5"], ["-O2", "-gdwarf-4"], ["-O2", "-gdwarf-5"],
      ["-O2", "-g", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections"],
      ["-O2", "-gdwarf-4", "-fdebug-types-section"], ["-O2", "-gdwarf-5", "-fdebug-types-section"],
      ["-O2", "-gdwarf-5", "-gdwarf64"],
    ].map { CorpusProgram(compiler: compiler, source: "shapes.cpp", options: $0) }
  }

  /// Encodings that clang alone writes: LLVM's own form of addresses, ranges where others state ends, lines without
  /// functions.
  static let clang = [
    ["-O2", "-gdwarf-5", "-mllvm", "-minimize-addr-in-v5=Form"],
    ["-O2", "-gdwarf-5", "-mllvm", "-minimize-addr-in-v5=Ranges"],
    ["-O2", "-gdwarf-4", "-gdwarf64"], ["-O2", "-gline-tables-only"],
    ["-O2", "-g", "-flto", "-fuse-ld=lld"], ["-O2", "-g", "-flto=thin", "-fuse-ld=lld"],
    ["-O2", "-g", "-gdwarf-aranges", "-fuse-ld=lld", "-Wl,--gdb-index"],
    ["-O2", "-gdwarf-5", "-gpubnames", "-fuse-ld=lld", "-Wl,--icf=all", "-ffunction-sections"],
  ].map { CorpusProgram(compiler: "clang++", source: "shapes.cpp", options: $0) }

  static let others = [
    CorpusProgram(compiler: "rustc", source: "shapes.rs", options: ["-g"], scope: "shapes"),
    CorpusProgram(compiler: "rustc", source: "shapes.rs", options: ["-g", "-O"], scope: "shapes"),
    CorpusProgram(
      compiler: "rustc",
      source: "shapes.rs",
      options: ["-g", "-O", "-C", "symbol-mangling-version=v0", "-C", "dwarf-version=5"],
      scope: "shapes"
    ),
    CorpusProgram(compiler: "swiftc", source: "shapes.swift", options: ["-g"], scope: "6shapes"),
    CorpusProgram(
      compiler: "swiftc",
      source: "shapes.swift",
      options: ["-g", "-O"],
      scope: "6shapes"
    ),
    CorpusProgram(
      compiler: "swiftc",
      source: "shapes.swift",
      options: ["-g", "-O", "-dwarf-version=5"],
      scope: "6shapes"
    ),
  ]
}

extension CorpusProgram {
  /// Programs whose functions stand in split files.
  static let split: [CorpusProgram] = ["g++", "clang++"].flatMap { compiler in
    [
      ["-O0", "-gdwarf-4"], ["-O2", "-gdwarf-4", "-ffunction-sections"], ["-O0", "-gdwarf-5"],
      ["-O2", "-gdwarf-5"], ["-O2", "-gdwarf-5", "-ffunction-sections", "-Wl,--gc-sections"],
    ].map {
      CorpusProgram(
        compiler: compiler,
        source: "shapes.cpp",
        options: $0 + ["-gsplit-dwarf"]
      )
    }
  }
}

/// Every address of the corpus, compared with other tools.
@Suite struct CorpusTests {
  /// A symbol of `nm`.
  private struct NamedRange {
    var start: UInt64
    var end: UInt64
    var name: String
  }

  @Test(arguments: CorpusProgram.c)
  func everyAddressOfACProgramIsAsOthersSay(program: CorpusProgram) throws {
    var oracles: [Oracle] = [.llvm, .elfutils, .binutils]
    if program.compiler == "clang" {
      // elfutils finds units by .debug_aranges alone, which clang does not write.
      oracles.removeAll { $0 == .elfutils }
      // binutils 2.40 misses inlined functions whose ranges stand in .debug_rnglists by index.
      if program.options.contains("-gdwarf-5") { oracles.removeAll { $0 == .binutils } }
    }
    try compare(program, with: oracles)
  }

  @Test(arguments: CorpusProgram.sections)
  func linkerAndSectionOptionsChangeNothing(program: CorpusProgram) throws {
    try compare(program, with: [.llvm])
  }

  @Test(arguments: CorpusProgram.cxx)
  func everyAddressOfACxxProgramIsAsOthersSay(program: CorpusProgram) throws {
    try compare(program, with: [.llvm])
  }

  @Test(arguments: CorpusProgram.clang)
  func encodingsThatClangAloneWritesAreRead(program: CorpusProgram) throws {
    try compare(program, with: [.llvm])
  }

  /// Addresses may be expressions; llvm-symbolizer 21 reads none of them, so the same code says what is right.
  @Test func anExpressionMayStandForAnAddress() throws {
    let directory = try TemporaryDirectory()
    let answers = try ["Disabled", "Expressions"].map { kind in
      let program = CorpusProgram(
        compiler: "clang++",
        source: "shapes.cpp",
        options: ["-O2", "-gdwarf-5", "-mllvm", "-minimize-addr-in-v5=\(kind)"]
      )
      let path = try program.build(into: directory)
      let addresses = try addresses(of: path, program, [])
      let resolver = AddressResolver(options: SymbolizerOptions(), log: Logger(label: "test"))
      return try resolver.resolve(addresses, in: path, kind: .exact).map(\.frames)
    }
    #expect(answers[0].contains { $0.count > 3 })
    #expect(answers[0] == answers[1])
  }

  @Test(arguments: CorpusProgram.others)
  func everyAddressOfRustAndSwiftIsAsOthersSay(program: CorpusProgram) throws {
    try compare(program, with: [.llvm])
  }

  @Test(arguments: CorpusProgram.split)
  func everyAddressOfAProgramWithSplitFilesIsAsOthersSay(program: CorpusProgram) throws {
    try compare(program, with: [.llvm])
  }

  private func compare(_ program: CorpusProgram, with oracles: [Oracle]) throws {
    let directory = try TemporaryDirectory()
    let path = try program.build(into: directory)
    let symbols = try self.symbols(of: path)
    let addresses = try self.addresses(of: path, program, symbols)
    #expect(addresses.count > 100, "too few addresses to prove anything")
    var options = SymbolizerOptions()
    options.demangles = false
    let resolver = AddressResolver(options: options, log: Logger(label: "test"))
    let ours = try resolver.resolve(addresses, in: path, kind: .exact).map { answer in
      answer.frames.map {
        OracleFrame(
          function: $0.linkage ?? $0.function,
          file: $0.file,
          line: Int($0.line ?? 0),
          column: Int($0.column ?? 0)
        )
      }
    }
    for oracle in oracles {
      let theirs = try oracle.frames(addresses, in: path)
      try #require(theirs.count == addresses.count)
      var differences: [String] = []
      for (index, address) in addresses.enumerated()
      where !agree(ours[index], theirs[index], oracle, at: address, symbols) {
        differences.append(
          "\(String(address, radix: 16)): ours \(ours[index]), \(oracle.rawValue) \(theirs[index])"
        )
      }
      #expect(
        differences.isEmpty,
        """
        \(differences.count) of \(addresses.count) differ from \(oracle.rawValue):
        \(differences.prefix(5).joined(separator: "\n"))
        """
      )
    }
  }

  private func agree(
    _ ours: [OracleFrame],
    _ theirs: [OracleFrame],
    _ oracle: Oracle,
    at address: UInt64,
    _ symbols: [NamedRange]
  ) -> Bool {
    // Tools state one frame without a name where they know nothing.
    let theirs = theirs.filter { $0.function != nil || $0.file != nil }
    if ours.last?.function == nil,
      !symbols.contains(where: { $0.start <= address && address < $0.end })
    {
      // Padding behind a function: binutils, and elfutils with a second frame, give it to the function before it.
      return ours.first?.file == theirs.first?.file
        && ours.first?.line ?? 0 == theirs.first?.line ?? 0
    }
    guard ours.count == theirs.count else { return false }
    for (index, (mine, other)) in zip(ours, theirs).enumerated() {
      guard mine.file == other.file, mine.line == other.line else { return false }
      // binutils knows no columns.
      guard oracle == .binutils || mine.column == other.column else { return false }
      if mine.function == other.function { continue }
      guard index == ours.count - 1, let name = mine.function else { return false }
      // Names of one address are aliases: constructors of gcc (C1, C2), folded functions.
      let aliases = symbols.filter { $0.start <= address && address < $0.end }.map(\.name)
      guard aliases.contains(name), other.function.map(aliases.contains) ?? false else {
        return false
      }
    }
    return true
  }

  private func addresses(
    of path: String,
    _ program: CorpusProgram,
    _ symbols: [NamedRange]
  ) throws -> [UInt64] {
    if let scope = program.scope {
      let names = scope.split(separator: " ")
      let chosen = symbols.filter { symbol in
        names.count == 1 ? symbol.name.contains(scope) : names.contains { $0 == symbol.name }
      }
      return Set(chosen.flatMap { $0.start..<$0.end }).sorted()
    }
    let sections = try runSuccessfully("readelf", ["-SW", path])
    for line in sections.split(separator: "\n") {
      let words = line.drop { $0 != "]" }.dropFirst().split(separator: " ")
      guard words.count > 4, words[0] == ".text", let start = UInt64(words[2], radix: 16),
        let size = UInt64(words[4], radix: 16)
      else { continue }
      return Array(start..<(start + size))
    }
    throw CommandFailure("\(path) has no .text")
  }

  private func symbols(of path: String) throws -> [NamedRange] {
    try runSuccessfully("nm", ["-S", "--defined-only", path]).split(separator: "\n").compactMap {
      let words = $0.split(separator: " ")
      guard words.count == 4, "tTwWiu".contains(words[2]), let start = UInt64(words[0], radix: 16),
        let size = UInt64(words[1], radix: 16)
      else { return nil }
      return NamedRange(start: start, end: start + size, name: String(words[3]))
    }
  }
}
