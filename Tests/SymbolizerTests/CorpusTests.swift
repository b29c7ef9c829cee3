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

  /// Parts of functions in places of their own, lines beyond 2²⁴ and 10⁹, folders and names of other alphabets.
  @Test(arguments: ["gcc", "clang"], ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"])
  func codeApartAndLinesOfGeneratorsAreAsOthersSay(compiler: String, version: String) throws {
    let program = CorpusProgram(compiler: compiler, source: "places.c", options: ["-O2", version])
    let directory = try TemporaryDirectory()
    let agreement = try OracleAgreement(try program.build(into: directory))
    let addresses = Array(try OracleAgreement.text(of: agreement.path))
    let differences = try agreement.differences(at: addresses, from: .llvm)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(5))")
    let frames = try agreement.frames(addresses).joined()
    #expect(frames.contains { $0.line > 2_000_000_000 && $0.file == "/dépôt/売場 2/généré.c" })
    #expect(frames.contains { $0.line == 16_777_217 && $0.file?.hasSuffix("/Ünder/x.c") == true })
    // clang leaves such parts inside.
    #expect(frames.contains { $0.function == "main.cold" } == (compiler == "gcc"))
    #expect(frames.contains { $0.function == "refuse" })
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
    let agreement = try OracleAgreement(path)
    let addresses = try self.addresses(of: path, program, agreement.symbols)
    #expect(addresses.count > 100, "too few addresses to prove anything")
    for oracle in oracles {
      let differences = try agreement.differences(at: addresses, from: oracle)
      #expect(
        differences.isEmpty,
        """
        \(differences.count) of \(addresses.count) differ from \(oracle.rawValue):
        \(differences.prefix(5).joined(separator: "\n"))
        """
      )
    }
  }

  private func addresses(
    of path: String,
    _ program: CorpusProgram,
    _ symbols: [OracleAgreement.NamedRange]
  ) throws -> [UInt64] {
    if let scope = program.scope {
      let names = scope.split(separator: " ")
      let chosen = symbols.filter { symbol in
        names.count == 1 ? symbol.name.contains(scope) : names.contains { $0 == symbol.name }
      }
      return Set(chosen.flatMap { $0.start..<$0.end }).sorted()
    }
    return Array(try OracleAgreement.text(of: path))
  }
}
