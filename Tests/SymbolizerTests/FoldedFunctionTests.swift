import Foundation
import Logging
import Report
import Symbolizer
import TestSupport
import Testing

/// Functions that a linker folded into one; which of them it kept, it says itself.
@Suite struct FoldedFunctionTests {
  private struct Program {
    var path: String
    /// The linkage name of the function whose code was kept.
    var kept: String
    var addresses: [UInt64]
  }

  private static let names = ["first_one", "first_two", "second_one", "second_two"]

  /// Builds two units, in this order, and asks the linker what it kept.
  private func build(
    _ compiler: String,
    _ linker: String,
    _ options: [String],
    order: [Int],
    in directory: TemporaryDirectory
  ) throws -> Program {
    let whole = compiler == "g++" ? ["-fno-ipa-icf"] : []
    var objects: [String] = []
    for (number, defines) in [[], ["-DSECOND"]].enumerated() {
      let object = directory.file("unit\(number).o")
      try runSuccessfully(
        compiler,
        ["-c", "-O2", "-ffunction-sections"] + options + whole + defines
          + [Fixture.source("dwarf/kept.cpp"), "-o", object]
      )
      objects.append(object)
    }
    let path = directory.file("kept")
    let linked = try run(
      compiler,
      order.map { objects[$0] } + options + [
        "-fuse-ld=\(linker)", "-Wl,--icf=all", "-Wl,--print-icf-sections", "-o", path,
      ]
    )
    try #require(linked.status == 0, "\(linked.errorText)")
    // lld: "selected section FILE:(.text.NAME)"; gold: "folding section '.text.OTHER' … into '.text.NAME' …".
    let said = (linked.text + linked.errorText).split(separator: "\n").compactMap { line in
      line.contains("selected section")
        ? line[...] : line.components(separatedBy: " into ").last?[...]
    }
    let kept = try #require(
      said.lazy.compactMap { line in Self.names.first { line.contains("_Z\($0.count)\($0)i") } }
        .first,
      "\(linked.text)\(linked.errorText)"
    )
    for line in try runSuccessfully("nm", ["-S", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 4, words[3] == "_Z\(kept.count)\(kept)i",
        let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16)
      {
        return Program(path: path, kept: kept, addresses: Array(start..<start + size))
      }
    }
    throw CommandFailure("\(path) has no symbol \(kept)")
  }

  /// The lines of a function in the source.
  private func lines(of function: String) throws -> ClosedRange<Int> {
    let text = try String(contentsOfFile: Fixture.source("dwarf/kept.cpp"), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let body = try #require(lines.firstIndex { $0.hasSuffix("// in \(function)") })
    return body...body + 2
  }

  private func check(_ frames: [Frame], _ program: Program, _ address: UInt64) throws {
    let function = try #require(frames.last)
    #expect(function.function == "\(program.kept)(int)", "\(program.path) 0x\(address)")
    let lines = try lines(of: program.kept)
    if let line = function.line { #expect(lines.contains(Int(line)), "\(function)") }
    #expect(!function.aliases.isEmpty)
    #expect(frames.dropLast().allSatisfy { $0.function?.hasPrefix("kept_value") == true })
  }

  @Test(arguments: ["g++", "clang++"], ["lld", "gold"])
  func theFunctionThatTheLinkerKeptIsShown(compiler: String, linker: String) throws {
    let forms = [["-g", "-gdwarf-4"], ["-g", "-gdwarf-5"], ["-g", "-gsplit-dwarf"]]
    for (number, options) in (forms + forms).enumerated() {
      let order = number < forms.count ? [0, 1] : [1, 0]
      let directory = try TemporaryDirectory()
      let program = try build(compiler, linker, options, order: order, in: directory)
      let log = Logger(label: "test")
      // All at once, one alone, and one after the other in units that are kept.
      let batch = AddressResolver(options: SymbolizerOptions(), log: log)
      let all = try batch.resolve(program.addresses, in: program.path, kind: .exact)
      #expect(all.contains { $0.frames.count > 1 })
      let kept = AddressResolver(options: SymbolizerOptions(), log: log)
      for (address, answer) in zip(program.addresses, all) {
        try check(answer.frames, program, address)
        let next = try kept.resolve([address], in: program.path, kind: .exact)
        #expect(next.map(\.frames) == [answer.frames])
      }
      for index in [0, program.addresses.count / 2] {
        let alone = AddressResolver(options: SymbolizerOptions(), log: log)
        let one = try alone.resolve([program.addresses[index]], in: program.path, kind: .exact)
        #expect(one.map(\.frames) == [all[index].frames])
      }
    }
  }
}
