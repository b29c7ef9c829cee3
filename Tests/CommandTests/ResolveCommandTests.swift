import Foundation
import TestSupport
import Testing

/// `resolve` against the tools whose place it takes, on every byte of a program's functions.
struct ResolveCommandTests {
  let directory: TemporaryDirectory
  let program: String

  init() throws {
    directory = try TemporaryDirectory()
    program = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O1", "-g"],
      into: directory,
      named: "a shop"
    )
  }

  /// Every address of the fixture's own functions.
  private func addresses() throws -> [UInt64] {
    let symbols = try runSuccessfully("nm", ["-S", "--defined-only", program])
    return symbols.split(separator: "\n").flatMap { line -> [UInt64] in
      let words = line.split(separator: " ")
      guard words.count == 4, ["main", "plain", "_ZN4shop3sumEPKNS_5PriceEi"].contains(words[3]),
        let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16)
      else { return [] }
      return Array(start..<(start + size))
    }
  }

  /// What addr2line says when it was asked the same before: binutils 2.40 misses the inlined function that
  /// its very first answer of a unit lies in, and finds it from then on.
  private func addr2line(_ options: [String], _ file: String, _ questions: [String]) throws
    -> String
  {
    let first = try runSuccessfully("addr2line", ["-e", file] + options + questions)
    let both = try runSuccessfully("addr2line", ["-e", file] + options + questions + questions)
    #expect(both.hasPrefix(first))
    return String(both.dropFirst(first.count))
  }

  private func hexadecimal(_ addresses: [UInt64]) -> [String] {
    addresses.map { "0x" + String($0, radix: 16) }
  }

  @Test(arguments: [
    [], ["-a"], ["-p"], ["-a", "-p", "-s"], ["--no-demangle"], ["--no-inlines"], ["-s"],
  ])
  func theLLVMStyleIsThatOfLLVMSymbolizer(_ options: [String]) throws {
    let questions = hexadecimal(try addresses() + [0, 1])
    #expect(questions.count > 100)
    let ours = try run(Products.dumpcollect, ["resolve", "--obj", program] + options + questions)
    let theirs = try runSuccessfully(
      "llvm-symbolizer-19",
      ["--obj=\(program)"] + options + questions
    )
    #expect(ours.status == 0)
    #expect(ours.text == theirs)
  }

  @Test(arguments: [
    [], ["-f"], ["-f", "-i"], ["-f", "-i", "-C"], ["-f", "-i", "-C", "-p"],
    ["-a", "-f", "-i", "-C", "-p", "-s"],
    ["-a"], ["-s"], ["-i"], ["-f", "-p"], ["-fiCaps"],
  ])
  func theGNUStyleIsThatOfAddr2line(_ options: [String]) throws {
    let questions = hexadecimal(try addresses() + [0, 1])
    let ours = try run(
      Products.dumpcollect,
      ["resolve", "--output-style", "GNU", "-e", program] + options + questions
    )
    #expect(ours.status == 0)
    #expect(try ours.text == addr2line(options, program, questions))
  }

  @Test func aFunctionWithoutDebugInformationIsNamedInEachStyle() throws {
    let bare = directory.file("bare")
    try runSuccessfully("objcopy", ["--strip-debug", program, bare])
    let questions = hexadecimal(try addresses())
    let llvm = try run(Products.dumpcollect, ["resolve", "--obj", bare] + questions)
    #expect(try llvm.text == runSuccessfully("llvm-symbolizer-19", ["--obj=\(bare)"] + questions))
    let gnu = try run(
      Products.dumpcollect,
      ["resolve", "--output-style=GNU", "-f", "-C", "-e", bare] + questions
    )
    #expect(try gnu.text == addr2line(["-f", "-C"], bare, questions))
  }

  @Test func jsonIsOneObjectALineAndSaysTheSame() throws {
    let questions = try addresses()
    let result = try run(
      Products.dumpcollect,
      ["resolve", "--output-style", "json", "--obj", program] + hexadecimal(questions + [1])
    )
    #expect(result.status == 0)
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == questions.count + 1)
    var text = ""
    for (line, address) in zip(lines, questions) {
      let json = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      )
      #expect(json["address"] as? String == "0x" + String(address, radix: 16))
      #expect(json["module"] as? String == program)
      let frames = try #require(json["frames"] as? [[String: Any]])
      for (index, frame) in frames.enumerated() {
        #expect(frame["inlined"] as? Bool == (index + 1 < frames.count))
        text += "\(frame["function"] ?? "??")\n\(frame["file"] ?? "??")"
        text += ":\(frame["line"] ?? 0):\(frame["column"] ?? 0)\n"
      }
      text += "\n"
    }
    #expect(
      try text
        == runSuccessfully("llvm-symbolizer-19", ["--obj=\(program)"] + hexadecimal(questions))
    )
    let last = try #require(
      try JSONSerialization.jsonObject(with: Data(lines[lines.count - 1].utf8)) as? [String: Any]
    )
    #expect((last["frames"] as? [Any])?.isEmpty == true)
    #expect((last["unknown"] as? String)?.isEmpty == false)
  }

  @Test func returnAddressesDescribeTheCallBefore() throws {
    let text = try runSuccessfully("objdump", ["-d", "--no-show-raw-insn", program])
    let lines = text.split(separator: "\n")
    // In main: the call of plain, and the instruction behind it.
    let call = try #require(lines.firstIndex { $0.contains("call") && $0.contains("<plain>") })
    func address(_ line: Substring) throws -> UInt64 {
      try #require(UInt64(line.split(separator: ":")[0].drop { $0 == " " }, radix: 16))
    }
    let behind = "0x" + String(try address(lines[call + 1]), radix: 16)
    let within = "0x" + String(try address(lines[call]), radix: 16)
    let result = try dumpcollect("resolve", "--obj", program, "--return-addresses", behind)
    #expect(try result.text == dumpcollect("resolve", "--obj", program, within).text)
    let source = try String(contentsOfFile: Fixture.source("resolve/shop.cpp"), encoding: .utf8)
    let before = try #require(source.range(of: "plain('x')")).lowerBound
    let line = source[..<before].count { $0 == "\n" } + 1
    #expect(result.text.contains("shop.cpp:\(line):"), "\(result.text)")
  }

  // MARK: Standard input

  @Test func eachLineIsAnsweredAtOnce() throws {
    let running = try RunningProgram(
      Products.dumpcollect,
      ["resolve", "--output-style", "GNU", "-f", "-i", "-C", "-p"]
    )
    let main = try #require(try addresses().last)
    // What comes again is answered from memory, which the first question does not fill.
    for address in [main, 1, main, 1, main, main] {
      // The next line is written only after the answer was read: waiting for it would hang here.
      try running.write(line: "\(program) \(String(address, radix: 16))")
      let expected = try runSuccessfully(
        "addr2line",
        ["-fiCp", "-e", program, String(address, radix: 16)]
      )
      #expect(running.readLine() == String(expected.split(separator: "\n")[0]))
      for rest in expected.split(separator: "\n").dropFirst() {
        #expect(running.readLine() == String(rest))
      }
    }
  }

  @Test func aFileOfLinesIsAnsweredInItsOrder() throws {
    let once = hexadecimal(try addresses())
    let questions = (0..<200).flatMap { _ in once }
    let input = Data(questions.joined(separator: "\n").utf8)
    let result = try run(Products.dumpcollect, ["resolve", "--obj", program], input: input)
    #expect(result.status == 0)
    let answer = try runSuccessfully("llvm-symbolizer-19", ["--obj=\(program)"] + once)
    #expect(result.text == String(repeating: answer, count: 200))
  }

  /// Units begin alike or not, and their ranges stand in their first entries alone.
  @Test func unitsOfSeveralCompilersAreFoundWithoutATableOfAddresses() throws {
    let flavours = [
      ("gcc", "-gdwarf-5"), ("clang", "-gdwarf-5"), ("clang", "-gdwarf-5"), ("gcc", "-gdwarf-4"),
      ("clang", "-gdwarf-4"), ("gcc", "-gdwarf-4"), ("gcc", "-gdwarf-5"), ("clang", "-gdwarf-5"),
    ]
    var objects: [String] = []
    for (number, (compiler, version)) in flavours.enumerated() {
      let body = "int f\(number)(int a) { return a * \(number + 3) + 1; }\n"
      let extra =
        number % 3 == 0
        ? "__attribute__((section(\".text.far\"))) int g\(number)(void) { return 7; }\n" : ""
      let source = try directory.write(
        body + extra + (number == 0 ? "int main(void) { return 0; }\n" : ""),
        to: "unit\(number).c"
      )
      let object = directory.file("unit\(number).o")
      try runSuccessfully(compiler, ["-O1", version, "-c", source, "-o", object])
      objects.append(object)
    }
    let whole = directory.file("units")
    try runSuccessfully("gcc", objects + ["-o", whole])
    try runSuccessfully("objcopy", ["--remove-section", ".debug_aranges", whole])
    let symbols = try runSuccessfully("nm", ["-S", "--defined-only", whole])
    let questions = symbols.split(separator: "\n").flatMap { line -> [UInt64] in
      let words = line.split(separator: " ")
      guard words.count == 4, words[3] == "main" || "fg".contains(words[3].first ?? " "),
        let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16), size < 64
      else { return [] }
      return Array(start..<(start + size))
    }
    let expected = try runSuccessfully(
      "llvm-symbolizer-19",
      ["--obj=\(whole)"] + hexadecimal(questions)
    )
    #expect(expected.split(separator: "\n").filter { $0.contains("unit7.c") }.count > 3)
    let batch = try run(Products.dumpcollect, ["resolve", "--obj", whole] + hexadecimal(questions))
    #expect(batch.text == expected)
    for address in hexadecimal(questions) where address.hasSuffix("4") {
      let one = try run(Products.dumpcollect, ["resolve", "--obj", whole, address])
      let other = try runSuccessfully("llvm-symbolizer-19", ["--obj=\(whole)", address])
      #expect(one.text == other)
    }
  }

  @Test func filesMayAlternate() throws {
    let bare = directory.file("bare")
    try runSuccessfully("objcopy", ["--strip-debug", program, bare])
    let address = hexadecimal(try addresses())[0]
    let lines = "\(program) \(address)\n\"\(bare)\" \(address)\nCODE \(program) \(address)\n"
    let result = try run(Products.dumpcollect, ["resolve"], input: Data(lines.utf8))
    let known = try dumpcollect("resolve", "--obj", program, address).text
    let unknown = try dumpcollect("resolve", "--obj", bare, address).text
    #expect(result.text == known + unknown + known)
    #expect(result.status == 0)
  }

  // MARK: What cannot be answered

  @Test func aLineThatIsNoAddressIsAnsweredAndNamed() throws {
    let address = hexadecimal(try addresses())[0]
    let input = Data("nonsense\n\(address)\n".utf8)
    let result = try run(Products.dumpcollect, ["resolve", "--obj", program], input: input)
    #expect(result.status == 1)
    #expect(result.text.hasPrefix("??\n??:0:0\n\n"))
    #expect(result.text.hasSuffix(try dumpcollect("resolve", "--obj", program, address).text))
    #expect(result.errorText.contains("expected an address, found “nonsense”"))
  }

  @Test(arguments: ["missing", "empty", "text", "folder"])
  func aFileThatCannotBeReadIsNamedOnce(_ kind: String) throws {
    let path = directory.file(kind)
    switch kind {
    case "empty": try directory.write("", to: kind)
    case "text": try directory.write("#!/bin/sh\n", to: kind)
    case "folder":
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    default: break
    }
    let result = try dumpcollect("resolve", "--obj", path, "0x10", "0x20")
    #expect(result.status == 2)
    #expect(result.text == "??\n??:0:0\n\n??\n??:0:0\n\n")
    #expect(result.errorText.hasPrefix("dumpcollect: \(path): "), "\(result.errorText)")
    #expect(result.errorText.components(separatedBy: path).count == 2, "\(result.errorText)")
  }

  @Test func aRefusedDebugFileIsNamedAndEndsWith1() throws {
    let other = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O0", "-g"],
      into: directory,
      named: "other"
    )
    let address = hexadecimal(try addresses())[0]
    let debug = directory.file("debug")
    try FileManager.default.createDirectory(atPath: debug, withIntermediateDirectories: false)
    try runSuccessfully("objcopy", ["--only-keep-debug", other, "\(debug)/a shop"])
    let arguments = ["resolve", "--obj", program, "--debug-dir", debug, address]
    // A program with debug information needs no other file.
    #expect(try run(Products.dumpcollect, arguments).status == 0)
    try runSuccessfully("strip", [program])
    let refused = try run(Products.dumpcollect, arguments)
    #expect(refused.status == 1)
    #expect(
      refused.errorText.contains("refused \(debug)/a shop: build ID "),
      "\(refused.errorText)"
    )
  }

  @Test func whatIsCutOrDamagedEndsWith1AndWhatIsElsewhereDoesNot() throws {
    let address = hexadecimal(try addresses())[0]
    let cut = directory.file("cut short")
    let whole = try Data(contentsOf: URL(fileURLWithPath: program))
    try whole.prefix(whole.count - 100).write(to: URL(fileURLWithPath: cut))
    let damaged = directory.file("damaged")
    let junk = try directory.write(String(repeating: "\u{7f}", count: 500), to: "junk")
    try runSuccessfully(
      "objcopy",
      ["--update-section", ".debug_abbrev=\(junk)", program, damaged]
    )
    for (path, words) in [(cut, "cut short: cut short: "), (damaged, ".debug_abbrev")] {
      let result = try run(Products.dumpcollect, ["resolve", "--obj", path, address])
      #expect(result.status == 1, "\(path)")
      #expect(result.errorText.contains(words), "\(result.errorText)")
    }
    let split = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O0", "-g", "-gsplit-dwarf"],
      into: directory,
      named: "split"
    )
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.file("."))
    where name.hasSuffix(".dwo") {
      try FileManager.default.removeItem(atPath: directory.file(name))
    }
    let main = try runSuccessfully("nm", [split]).split(separator: "\n")
      .first { $0.hasSuffix(" T main") }?.prefix(16)
    let result = try run(
      Products.dumpcollect,
      ["resolve", "--obj", split, "0x\(try #require(main))"]
    )
    #expect(result.status == 0)
    #expect(result.errorText.contains("split file"), "\(result.errorText)")
    #expect(result.text.hasPrefix("main\n"))
  }

  @Test func anAddressWithoutAFileIsExplained() throws {
    let result = try dumpcollect("resolve", "0x10")
    #expect(result.status == 2)
    #expect(result.errorText.contains("--obj FILE"))
  }
}
