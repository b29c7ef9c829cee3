import Foundation
import TestSupport
import Testing

/// What llvm-symbolizer knows besides names and places, and addr2line's discriminators.
struct StandInDetailTests {
  /// A program, and how it is built.
  struct Program: CustomTestStringConvertible, Sendable {
    var source: String
    var compiler: String
    var arguments: [String]
    /// Some of its addresses are in inlined functions.
    var isInlined = true

    var testDescription: String { ([compiler] + arguments + [source]).joined(separator: " ") }
  }

  private static let programs = [
    Program(source: "dwarf/shapes.cpp", compiler: "g++", arguments: ["-O2", "-g"]),
    Program(source: "dwarf/shapes.cpp", compiler: "g++", arguments: ["-O3", "-gdwarf-4"]),
    Program(
      source: "dwarf/shapes.cpp",
      compiler: "g++",
      arguments: ["-O2", "-g", "-gsplit-dwarf"]
    ),
    Program(source: "dwarf/shapes.cpp", compiler: "g++", arguments: ["-O2", "-g", "-flto"]),
    Program(
      source: "dwarf/shapes.cpp",
      compiler: "clang++",
      arguments: ["-O2", "-gdwarf-5", "-gsplit-dwarf"]
    ),
    Program(source: "dwarf/shapes.cpp", compiler: "clang++", arguments: ["-O2", "-gdwarf-5"]),
    Program(
      source: "dwarf/shapes.cpp",
      compiler: "clang++",
      arguments: ["-O3", "-gdwarf-4", "-fdebug-info-for-profiling", "-ffunction-sections"]
    ),
    Program(
      source: "dwarf/shapes.cpp",
      compiler: "clang++",
      arguments: ["-O0", "-g"],
      isInlined: false
    ),
    Program(source: "dwarf/inlines.c", compiler: "gcc", arguments: ["-O2", "-gdwarf-3"]),
    Program(source: "dwarf/shapes.rs", compiler: "rustc", arguments: ["-O", "-g"]),
    Program(source: "dwarf/shapes.swift", compiler: "swiftc", arguments: ["-O", "-g"]),
  ]

  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    for name in ["llvm-symbolizer", "addr2line"] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(name),
        withDestinationPath: Products.dumpcollect
      )
    }
  }

  /// llvm-symbolizer of Debian, and of the toolchain.
  private static let peers: [String] = {
    let swiftc = (try? run("which", ["swiftc"]))?.text.dropLast() ?? ""
    let folder = URL(fileURLWithPath: String(swiftc)).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    return ["llvm-symbolizer-19", folder.appending(path: "llvm-symbolizer").path]
  }()

  private func build(_ program: Program) throws -> String {
    if program.arguments.contains("-gsplit-dwarf") {
      // Compiled on its own: its split file stays beside it.
      let source = Fixture.source(program.source)
      let object = directory.file("program.o")
      try runSuccessfully(program.compiler, program.arguments + ["-c", source, "-o", object])
      try runSuccessfully(program.compiler, [object, "-o", directory.file("program")])
      return directory.file("program")
    }
    return try Fixture.build(
      [program.source],
      compiler: program.compiler,
      arguments: program.arguments,
      into: directory,
      named: "program"
    )
  }

  /// Addresses all over the program's code, at most 1,500.
  private func addresses(of program: String) throws -> [String] {
    let listing = try runSuccessfully("readelf", ["-SW", program])
    for line in listing.split(separator: "\n") {
      let words = line.split(whereSeparator: { " []".contains($0) })
      guard words.count > 5, words[1] == ".text", let start = UInt64(words[3], radix: 16),
        let size = UInt64(words[5], radix: 16)
      else { continue }
      let step = max(1, size / 1500)
      return stride(from: start, to: start + size, by: UInt64.Stride(step)).map {
        "0x" + String($0, radix: 16)
      }
    }
    throw CommandFailure("\(program) has no .text")
  }

  /// Every address of the program's functions with a size: what lies between them is told otherwise by addr2line.
  private func functions(of program: String) throws -> [String] {
    let symbols = try runSuccessfully("nm", ["-S", "--defined-only", program])
    return symbols.split(separator: "\n").flatMap { line -> [String] in
      let words = line.split(separator: " ")
      guard words.count == 4, words[2].lowercased() == "t",
        let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16)
      else { return [] }
      return (start..<start + size).map { "0x" + String($0, radix: 16) }
    }
  }

  private struct Answer: Decodable {
    struct Symbol: Decodable {
      var Column: Int
      var Discriminator: Int
      var FileName: String
      var FunctionName: String
      var Line: Int
      var StartAddress: String
      var StartFileName: String
      var StartLine: Int
    }
    var Address: String
    var Symbol: [Symbol]
  }

  private func answers(_ tool: String, _ arguments: [String], _ questions: [String]) throws
    -> [Answer]
  {
    let result = try run(
      tool,
      ["--output-style=JSON", "--no-demangle"] + arguments,
      input: Data((questions.joined(separator: "\n") + "\n").utf8)
    )
    return try result.text.split(separator: "\n").map {
      try JSONDecoder().decode(Answer.self, from: Data($0.utf8))
    }
  }

  @Test(arguments: programs)
  func functionsBeginWhereLLVMSymbolizerSaysTheyBegin(program: Program) throws {
    let file = try build(program)
    let questions = try addresses(of: file)
    let ours = try answers(directory.file("llvm-symbolizer"), ["--obj=\(file)"], questions)
    var declared = 0
    var started = 0
    var blocks = 0
    for peer in Self.peers {
      let theirs = try answers(peer, ["--obj=\(file)"], questions)
      #expect(ours.count == questions.count && theirs.count == questions.count)
      for (our, their) in zip(ours, theirs) {
        // Slots of the linkage table and padding are told otherwise (docs/symbolizer.md).
        guard our.Symbol[0].FunctionName != "" else { continue }
        #expect(our.Symbol.count == their.Symbol.count, "\(our.Address)")
        for (mine, other) in zip(our.Symbol, their.Symbol) {
          #expect(mine.Discriminator == other.Discriminator, "\(our.Address)")
          #expect(mine.StartAddress == other.StartAddress, "\(our.Address)")
          #expect(mine.StartLine == other.StartLine, "\(our.Address)")
          #expect(mine.FileName == normalised(other.FileName), "\(our.Address)")
          #expect(mine.Line == other.Line && mine.Column == other.Column, "\(our.Address)")
          // It loses files whose number stands in the abbreviation (DW_FORM_implicit_const: gcc).
          if !other.StartFileName.isEmpty {
            #expect(mine.StartFileName == normalised(other.StartFileName), "\(our.Address)")
          }
          if mine.StartLine > 0 {
            #expect(!mine.StartFileName.isEmpty, "\(our.Address)")
            declared += 1
          }
          if !mine.StartAddress.isEmpty { started += 1 }
          if mine.Discriminator > 0 { blocks += 1 }
        }
      }
    }
    #expect(declared > 100 && started > 100)
    #expect(ours.contains { $0.Symbol.count > 2 } == program.isInlined)
    if program.arguments.contains("-fdebug-info-for-profiling") { #expect(blocks > 50) }
  }

  private func normalised(_ path: String) -> String {
    // One without folder is the symbol table's.
    path.hasPrefix("/") ? URL(fileURLWithPath: path).standardized.path : path
  }

  /// A program of C with several blocks in one line, some of them inlined, and without a file that llvm-symbolizer loses.
  private func program() throws -> String {
    let source = try directory.write(
      """
      int printf(const char *format, ...);
      int seen[16], other;
      static inline int part(void) { static int inner = 4; return inner++; }
      __attribute__((noinline)) int work(int count) {
        for (int i = 0; i < count; i++) { seen[i] += part(); if (i & 1) seen[i] += other ? part() : 3; } return printf("%d", seen[3]);
      }
      int main(int count, char **words) { return work(count) + (count > 3 ? work(count * 2) : part()); }
      """,
      to: "blocks.c"
    )
    let file = directory.file("blocks")
    try runSuccessfully("gcc", ["-O2", "-gdwarf-4", source, "-o", file])
    return file
  }

  @Test(arguments: [
    [], ["-p"], ["-s"], ["--no-inlines"], ["-a", "-p"], ["-s", "--no-inlines", "-p"],
  ])
  func theVerboseTextIsThatOfLLVMSymbolizer(_ options: [String]) throws {
    let file = try program()
    let questions = try addresses(of: file)
    let arguments = ["--verbose", "--obj=\(file)"] + options + questions + ["0", "1"]
    let ours = try runSuccessfully(directory.file("llvm-symbolizer"), arguments)
    #expect(ours.contains("  Function start line: 4\n") && ours.contains("  Discriminator: 11\n"))
    for peer in Self.peers { #expect(try ours == runSuccessfully(peer, arguments)) }
  }

  @Test(arguments: [[], ["-s"], ["--no-inlines"], ["-a", "-s", "--verbose"]])
  func theJSONIsThatOfLLVMSymbolizerByteForByte(_ options: [String]) throws {
    let file = try program()
    let questions = try addresses(of: file)
    let json = ["--output-style=JSON", "--obj=\(file)"] + options + questions + ["0", "1"]
    let objects = try runSuccessfully(directory.file("llvm-symbolizer"), json)
    #expect(objects.contains(#""StartLine":4"#) && objects.contains(#""Discriminator":11"#))
    for peer in Self.peers { #expect(try objects == runSuccessfully(peer, json)) }
  }

  @Test(arguments: [["-f", "-i"], ["-f"], ["-i", "-p", "-f"], []])
  func discriminatorsArePrintedAsAddr2lineDoes(_ options: [String]) throws {
    let file = try program()
    let questions = try functions(of: file)
    let arguments = ["-a", "-e", file] + options
    let ours = try runSuccessfully(directory.file("addr2line"), arguments + questions)
    // Asked twice: binutils 2.40 misses the inlined function that its very first answer lies in.
    let theirs = try runSuccessfully("addr2line", arguments + questions + questions)
    #expect(theirs.hasSuffix(ours))
    #expect(ours.contains(" (discriminator 11)\n"))
  }

  /// The file of code of line 0 is where it is not: reports leave it out.
  @Test func codeOfLineZeroHasItsFileOnlyAsThoseToolsPrintIt() throws {
    let file = try build(
      Program(source: "dwarf/shapes.swift", compiler: "swiftc", arguments: ["-O", "-g"])
    )
    let questions = try functions(of: file)
    let arguments = ["resolve", "--output-style=JSON", "--obj", file] + questions
    let objects = try runSuccessfully(Products.dumpcollect, arguments).split(separator: "\n")
    let ours = try answers(directory.file("llvm-symbolizer"), ["--obj=\(file)"], questions)
    #expect(objects.count == ours.count)
    var count = 0
    for (object, answer) in zip(objects, ours) where answer.Symbol[0].Line == 0 {
      guard answer.Symbol[0].FileName.hasSuffix(".swift") else { continue }
      let json = try JSONSerialization.jsonObject(with: Data(object.utf8)) as? [String: Any]
      let frame = try #require((json?["frames"] as? [[String: Any]])?.first)
      #expect(frame["file"] == nil && frame["line"] == nil && frame["function"] != nil)
      count += 1
    }
    #expect(count > 0)
  }

  @Test func aSymbolWithoutDebugInformationHasTheFileOfItsTable() throws {
    let source = try directory.write(
      """
      static __attribute__((noinline)) int hidden(int value) { return value * 3; }
      __attribute__((noinline)) int open(int value) { return hidden(value) + 1; }
      int main(int count, char **words) { return open(count); }
      """,
      to: "bare source.c"
    )
    let program = directory.file("bare")
    try runSuccessfully("gcc", ["-O1", source, "-o", program])
    let questions = try addresses(of: program)
    let llvm = ["--obj=\(program)"] + questions
    let ours = try runSuccessfully(directory.file("llvm-symbolizer"), llvm)
    #expect(ours.contains("hidden\nbare source.c:0:0\n") && ours.contains("open\n??:0:0\n"))
    for peer in Self.peers { #expect(try ours == runSuccessfully(peer, llvm)) }
    let json = ["--output-style=JSON"] + llvm
    let objects = try runSuccessfully(directory.file("llvm-symbolizer"), json)
    for peer in Self.peers { #expect(try objects == runSuccessfully(peer, json)) }
    let gnu = try ["-f", "-e", program] + functions(of: program)
    let lines = try runSuccessfully(directory.file("addr2line"), gnu)
    #expect(lines.contains("hidden\nbare source.c:?\n"))
    #expect(try lines == runSuccessfully("addr2line", gnu))
  }

  // MARK: Variables

  @Test(arguments: [
    Program(source: "", compiler: "g++", arguments: ["-g", "-O0"]),
    Program(source: "", compiler: "g++", arguments: ["-gdwarf-4", "-O2"]),
    Program(source: "", compiler: "g++", arguments: ["-g", "-gsplit-dwarf"]),
    Program(source: "", compiler: "clang++", arguments: ["-g", "-O2"]),
    Program(source: "", compiler: "clang++", arguments: ["-gdwarf-2"]),
    Program(source: "", compiler: "clang++", arguments: ["-g", "-gsplit-dwarf"]),
  ])
  func variablesHaveThePlaceOfTheirDeclaration(program: Program) throws {
    let source = Fixture.source("resolve/variables.cpp")
    let object = directory.file("variables.o")
    try runSuccessfully(program.compiler, program.arguments + ["-c", source, "-o", object])
    let file = directory.file("variables")
    try runSuccessfully(program.compiler, [object, "-o", file])
    let lines = try String(contentsOfFile: source, encoding: .utf8).split(
      separator: "\n",
      omittingEmptySubsequences: false
    )
    // clang's entry of a member's definition leaves the line to that of its declaration.
    let member = program.compiler == "g++" ? "long Shelf::capacity" : "static long capacity"
    let expected = [
      "total": "int total", "_ZN5Shelf8capacityE": member,
      "_ZN6prices7highestE": "double highest", "_ZZ4nextvE4last": "static int last",
    ]
    var answered = 0
    for entry in try runSuccessfully("nm", ["-S", file]).split(separator: "\n") {
      let words = entry.split(separator: " ").map(String.init)
      guard words.count == 4, let text = expected[words[3]] else { continue }
      let line = try #require(lines.firstIndex { $0.contains(text) }) + 1
      let start = try #require(UInt64(words[0], radix: 16))
      // Inside it, as sanitizers ask.
      for address in [start, start + 3] {
        let question = Data("DATA \"\(file)\" \(address)\n".utf8)
        let ours = try run(directory.file("llvm-symbolizer"), input: question)
        #expect(ours.text.hasSuffix("\n\(source):\(line)\n\n"), "\(words[3]): \(ours.text)")
        for peer in Self.peers {
          let theirs = try run(peer, input: question).text
          // What it does not know: split files, and files whose number stands in the abbreviation.
          if theirs.contains(source) { #expect(ours.text == theirs) }
        }
        answered += 1
      }
    }
    #expect(answered == 2 * expected.count)
  }
}
