import Foundation
import TestSupport
import Testing

/// `dumpcollect` under the names of the tools whose place it takes.
struct StandInTests {
  private let directory: TemporaryDirectory
  private let program: String

  init() throws {
    directory = try TemporaryDirectory()
    program = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O1", "-g"],
      into: directory,
      named: "a shop"
    )
    for name in ["llvm-symbolizer", "llvm-symbolizer-19", "addr2line"] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(name),
        withDestinationPath: Products.dumpcollect
      )
    }
  }

  /// Start and size of a symbol, as `nm` has them.
  private func symbol(_ name: String) throws -> (start: UInt64, size: UInt64) {
    for line in try runSuccessfully("nm", ["-S", program]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 4, words[3] == name, let start = UInt64(words[0], radix: 16),
        let size = UInt64(words[1], radix: 16)
      {
        return (start, size)
      }
    }
    throw CommandFailure("there is no symbol \(name)")
  }

  private func hexadecimal(_ address: UInt64) -> String { "0x" + String(address, radix: 16) }

  /// What of llvm-symbolizer's objects is known here too: all but where a function begins.
  private struct Answer: Decodable, Equatable {
    struct Symbol: Decodable, Equatable {
      var Column: Int
      var FileName: String
      var FunctionName: String
      var Line: Int
    }
    var Address: String
    var ModuleName: String
    var Symbol: [Symbol]
  }

  @Test func jsonUnderThatNameIsLLVMSymbolizersOwn() throws {
    let sum = try symbol("_ZN4shop3sumEPKNS_5PriceEi")
    let addresses = (sum.start..<sum.start + sum.size).map(hexadecimal)
    let arguments = ["--obj=\(program)", "--output-style=JSON", "--functions=linkage"] + addresses
    let ours = try runSuccessfully(directory.file("llvm-symbolizer"), arguments)
    let theirs = try runSuccessfully("llvm-symbolizer-19", arguments)
    let decoder = JSONDecoder()
    let answers = try decoder.decode([Answer].self, from: Data(ours.utf8))
    #expect(answers.count == addresses.count)
    #expect(answers.contains { $0.Symbol.count > 1 })
    #expect(answers == (try decoder.decode([Answer].self, from: Data(theirs.utf8))))
    // From standard input, one object a line.
    let lines = try run(
      directory.file("llvm-symbolizer-19"),
      ["-obj=\(program)", "--output-style", "JSON"],
      input: Data((addresses.joined(separator: "\n") + "\n").utf8)
    )
    let single = try lines.text.split(separator: "\n").map {
      try decoder.decode(Answer.self, from: Data($0.utf8))
    }
    #expect(single == answers)
  }

  @Test func codeAndDataAreAnsweredAsSanitizersAskThem() throws {
    let main = try symbol("main")
    let variable = try symbol("stock")
    let questions = """
      CODE "\(program)" \(hexadecimal(main.start))
      DATA "\(program)" \(hexadecimal(variable.start + 4))

      """
    let arguments = ["--inlines", "--demangle=true", "--default-arch=x86_64"]
    let ours = try run(
      directory.file("llvm-symbolizer"),
      arguments,
      input: Data(questions.utf8)
    )
    let theirs = try run("llvm-symbolizer-19", ["--inlines"], input: Data(questions.utf8))
    #expect(ours.status == 0)
    let blocks = ours.text.components(separatedBy: "\n\n")
    #expect(blocks[0] == theirs.text.components(separatedBy: "\n\n")[0])
    #expect(blocks[1].hasPrefix("stock\n\(variable.start) \(variable.size)\n"))
    #expect(theirs.text.contains("stock\n\(variable.start) \(variable.size)\n"))
  }

  @Test func addressSanitizerTakesItsNamesFromUs() throws {
    let source = try directory.write(
      """
      #include <stdlib.h>
      int cells[4] = {1, 2, 3, 4};
      static inline __attribute__((always_inline)) int inner(int *p, int i) { return p[i]; }
      __attribute__((noinline)) int reader(int i) { return inner(cells, i); }
      int main(int count, char **arguments) { return reader(4 + count); }
      """,
      to: "faulty.c"
    )
    let faulty = directory.file("faulty")
    try runSuccessfully("clang", ["-g", "-O1", "-fsanitize=address", source, "-o", faulty])
    let result = try run(
      faulty,
      environment: ["ASAN_SYMBOLIZER_PATH": directory.file("llvm-symbolizer")]
    )
    let text = result.errorText
    #expect(text.contains("#0") && text.contains("in inner \(source):3"), "\(text)")
    #expect(text.contains("in reader \(source):4"))
    #expect(text.contains("global variable 'cells'"))
  }

  @Test(arguments: [["-aifCe"], ["-a", "-f", "-i", "-C", "-e"], ["-fiaC", "--exe"]])
  func optionsOfAddr2lineMayBeJoined(options: [String]) throws {
    let main = try symbol("main")
    let addresses = (main.start..<main.start + main.size).map { String($0, radix: 16) }
    let ours = try runSuccessfully(
      directory.file("addr2line"),
      options + [program] + addresses
    )
    #expect(
      ours
        == (try runSuccessfully(
          Products.dumpcollect,
          ["resolve", "--output-style", "GNU", "-a", "-f", "-i", "-C", "--obj", program]
            + addresses
        ))
    )
    #expect(ours.contains("main\n"))
  }

  /// A recording as perf writes it, of a program that is not moved: one sample at each address.
  private func recording(of program: String, _ addresses: [UInt64]) throws -> [UInt8] {
    let headers = try runSuccessfully("readelf", ["-lW", program])
    let code = try #require(
      headers.firstMatch(
        of: /LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x[0-9a-f]+ R E/
      )
    )
    let numbers = try [code.1, code.2, code.3].map { try #require(UInt64($0, radix: 16)) }
    func words(_ values: UInt64...) -> [UInt8] { values.flatMap(little) }
    func record(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
      let padded = body + [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
      // In user space (PERF_RECORD_MISC_USER).
      return little(type) + little(UInt16(2)) + little(UInt16(8 + padded.count)) + padded
    }
    let ids = little(UInt32(7)) + little(UInt32(7))
    var data = record(3, ids + Array("shop".utf8) + [0])  // PERF_RECORD_COMM
    data += record(1, ids + words(numbers[1], numbers[2], numbers[0]) + Array(program.utf8) + [0])
    for (time, address) in addresses.enumerated() {
      data += record(9, words(address) + ids + words(UInt64(time + 1)))  // PERF_RECORD_SAMPLE
    }
    // Of the processor's clock in software; each sample has its address, process and time.
    var attribute = little(UInt32(1)) + little(UInt32(128)) + words(0, 1, 7, 0, 0)
    attribute += [UInt8](repeating: 0, count: 128 - attribute.count)
    var file = Array("PERFILE2".utf8) + words(104, 144, 104, 144, 248, UInt64(data.count), 0, 0)
    file += [UInt8](repeating: 0, count: 32) + attribute + words(0, 0) + data
    return file
  }

  @Test func perfTakesItsPlacesFromUs() throws {
    let program = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O1", "-g", "-no-pie"],
      into: directory,
      named: "sampled"
    )
    let symbol = try #require(
      try runSuccessfully("nm", ["-S", program])
        .firstMatch(of: /([0-9a-f]+) ([0-9a-f]+) T _ZN4shop3sumEPKNS_5PriceEi/)
    )
    let start = try #require(UInt64(symbol.1, radix: 16))
    let size = try #require(UInt64(symbol.2, radix: 16))
    let addresses = Array(start..<start + size)
    let file = directory.file("perf.data")
    try Data(recording(of: program, addresses)).write(to: URL(fileURLWithPath: file))
    // The tool notes that it was called: perf asks libdw first, in some builds.
    let tools = directory.file("tools")
    try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: false)
    let calls = directory.file("calls")
    try directory.write(
      "#!/bin/sh\necho \"$@\" >>'\(calls)'\nexec '\(directory.file("addr2line"))' \"$@\"\n",
      to: "tools/addr2line"
    )
    try runSuccessfully("chmod", ["+x", "\(tools)/addr2line"])
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    // Called by its name alone: perf puts the folder that it was called by in front of PATH.
    let result = try run(
      "env",
      ["perf", "script", "-i", file, "-F", "ip,srcline"],
      environment: ["PATH": "\(tools):\(path)"]
    )
    #expect(result.status == 0, "\(result.errorText)")
    let called = try String(contentsOfFile: calls, encoding: .utf8)
    #expect(called.contains("-e \(program)"), "\(called)")
    let lines = result.text.split(separator: "\n")
      .map { $0.trimmingCharacters(in: .whitespaces) }
    let places = try runSuccessfully(
      "llvm-symbolizer-19",
      ["--obj=\(program)", "-s", "--output-style=GNU", "--functions=none", "--no-inlines"]
        + addresses.map(hexadecimal)
    ).split(separator: "\n").map { String($0.prefix { $0 != " " }) }
    let numbers = addresses.map { String($0, radix: 16) }
    #expect(lines == zip(numbers, places).flatMap { [$0, $1] })
    #expect(lines.count == 2 * addresses.count && addresses.count > 50)
  }

  /// perf ends each question with a line that has no answer, and reads until that is given.
  @Test func aQuestionWithoutAnswerIsAnsweredToo() throws {
    let main = try symbol("main")
    let input = Data("\(String(main.start, radix: 16))\n,\n".utf8)
    let arguments = ["-e", program, "-a", "-i", "-f"]
    let ours = try run(directory.file("addr2line"), arguments, input: input)
    let theirs = try run("addr2line", arguments, input: input)
    #expect(ours.text == theirs.text)
    #expect(ours.text.hasSuffix("0x0000000000000000\n??\n??:0\n"))
  }

  @Test func anUnknownOptionIsNamed() throws {
    let result = try run(directory.file("addr2line"), ["--nonsense", "-e", program, "1000"])
    #expect(result.status == 64)
    #expect(result.errorText.contains("--nonsense"))
    let missing = try run(directory.file("llvm-symbolizer"), ["--obj"])
    #expect(missing.status == 64)
    #expect(missing.errorText.contains("--obj"))
  }
}
