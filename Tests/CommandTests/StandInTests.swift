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
