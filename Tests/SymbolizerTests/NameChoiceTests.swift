import Foundation
import Logging
import Report
import Symbolizer
import TestSupport
import Testing

/// Which of the names that DWARF and the symbol table know is shown, in real programs.
@Suite struct NameChoiceTests {
  private func address(of symbol: String, in path: String) throws -> UInt64 {
    for line in try runSuccessfully("nm", ["--defined-only", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 3, words[2] == symbol, let value = UInt64(words[0], radix: 16) {
        return value
      }
    }
    throw CommandFailure("\(path) has no symbol \(symbol)")
  }

  private func frames(_ address: UInt64, in path: String, notes: NoteRecorder = NoteRecorder())
    throws -> [Frame]
  {
    let resolver = AddressResolver(options: SymbolizerOptions(), log: notes.logger)
    return try resolver.resolve([address], in: path, kind: .exact).flatMap(\.frames)
  }

  /// Every address of a function.
  private func addresses(of symbol: String, in path: String) throws -> [UInt64] {
    for line in try runSuccessfully("nm", ["-S", path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 4, words[3] == symbol, let start = UInt64(words[0], radix: 16),
        let size = UInt64(words[1], radix: 16)
      {
        return Array(start..<(start + size))
      }
    }
    throw CommandFailure("\(path) has no symbol \(symbol) with a size")
  }

  private func resolved(_ addresses: [UInt64], in path: String) throws -> [Frame] {
    let resolver = AddressResolver(options: SymbolizerOptions(), log: Logger(label: "test"))
    return try resolver.resolve(addresses, in: path, kind: .exact).flatMap(\.frames)
  }

  @Test func ofAliasesTheOneThatDWARFCoversIsShown() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/aliases.c"],
      compiler: "gcc",
      arguments: ["-g", "-O1"],
      into: directory,
      named: "aliases"
    )
    let frames = try frames(try address(of: "weak_name", in: path), in: path)
    #expect(frames.map(\.function) == ["real_work"])
    #expect(frames.map(\.aliases) == [["public_name", "weak_name"]])
    #expect(frames.first?.line == 4)
  }

  @Test func withoutDWARFTheGlobalAliasIsShown() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/aliases.c"],
      compiler: "gcc",
      arguments: ["-O1"],
      into: directory,
      named: "aliases"
    )
    let frames = try frames(try address(of: "weak_name", in: path), in: path)
    #expect(frames.map(\.function) == ["public_name"])
    #expect(frames.map(\.aliases) == [["weak_name", "real_work"]])
    #expect(frames.first?.line == nil)
  }

  @Test func functionsThatTheLinkerFoldedAreAliases() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/folded.cpp"],
      compiler: "clang++",
      arguments: ["-g", "-O2", "-ffunction-sections", "-fuse-ld=lld", "-Wl,--icf=all"],
      into: directory,
      named: "folded"
    )
    let start = try address(of: "_ZN4shop5totalEi", in: path)
    #expect(try address(of: "_ZN4bank7balanceEi", in: path) == start)
    let frames = try frames(start, in: path)
    #expect(frames.map(\.function) == ["shop::total(int)"])
    #expect(frames.map(\.aliases) == [["bank::balance(int)", "sum(int)"]])
    // Inlined bodies are no machine functions, and the variants of a constructor read alike.
    let main = try resolved(try addresses(of: "main", in: path), in: path)
    #expect(main.contains { $0.isInlined })
    #expect(main.allSatisfy { $0.aliases.isEmpty })
    let variants = try self.frames(try address(of: "_ZN4shop4CartC1Ei", in: path), in: path)
    #expect(variants.map(\.aliases) == [[]])
  }

  @Test func manyAddressesHaveTheSameAliasesAsOne() throws {
    let resolver = AddressResolver(options: SymbolizerOptions(), log: Logger(label: "test"))
    let path = "/lib/x86_64-linux-gnu/libc.so.6"
    let starts = try runSuccessfully("nm", ["-D", "--defined-only", path]).split(separator: "\n")
      .compactMap { line -> UInt64? in
        let words = line.split(separator: " ")
        return words.count == 3 && "TtWwi".contains(words[1]) ? UInt64(words[0], radix: 16) : nil
      }
    let many = try resolver.resolve(starts, in: path, kind: .exact).map(\.frames)
    #expect(many.contains { $0.last?.aliases.isEmpty == false })
    for index in stride(from: 0, to: starts.count, by: starts.count / 20) {
      #expect(try frames(starts[index], in: path) == many[index])
    }
  }

  @Test func aSpecialisedCopyKeepsItsSuffix() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/aliases.c"],
      compiler: "gcc",
      arguments: ["-g", "-O2", "-fno-ipa-icf", "-fno-unroll-loops", "-fipa-cp-clone"],
      into: directory,
      named: "aliases"
    )
    let symbols = try runSuccessfully("nm", [path])
    let copy = try #require(
      symbols.split(separator: "\n").compactMap { $0.split(separator: " ").last }
        .first { $0.hasPrefix("power.") }
    )
    let frames = try frames(try address(of: String(copy), in: path), in: path)
    #expect(frames.last?.linkage == String(copy) || frames.last?.function == String(copy))
  }

  @Test(arguments: ["-gdwarf-4", "-gdwarf-5"])
  func splitDWARFKeepsLinesAndSaysWhatIsMissing(version: String) throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/inlines.c"],
      compiler: "gcc",
      arguments: ["-g", version, "-O2", "-gsplit-dwarf"],
      into: directory,
      named: "split"
    )
    for name in try FileManager.default.contentsOfDirectory(atPath: directory.path)
    where name.hasSuffix(".dwo") {
      try FileManager.default.removeItem(atPath: directory.file(name))
    }
    let notes = NoteRecorder()
    let frames = try frames(try address(of: "outer", in: path), in: path, notes: notes)
    #expect(frames.map(\.function) == ["outer"])
    #expect(frames.first?.file?.hasSuffix("/inlines.c") == true)
    #expect(notes.all.contains { $0.contains("split file") })
  }

  /// `dwz -m` moves what two programs share into a third file, and leaves references across units and files.
  @Test(arguments: [["-gdwarf-4"], ["-gdwarf-5"]])
  func commonPartsMovedByDwzChangeNoAnswer(options: [String]) throws {
    let directory = try TemporaryDirectory()
    let paths = try (0..<2).map { index in
      try Fixture.build(
        ["dwarf/shapes.cpp"],
        compiler: "g++",
        arguments: ["-O2", "-DNUMBER=\(index)"] + options,
        into: directory,
        named: "shapes\(index)"
      )
    }
    let text = try address(of: "_Z12with_lambdasi", in: paths[0])
    let addresses = Array(stride(from: text & ~0xfff, to: text + 0x2000, by: 3))
    func all() throws -> [[Frame]] {
      let resolver = AddressResolver(options: SymbolizerOptions(), log: Logger(label: "test"))
      return try resolver.resolve(addresses, in: paths[0], kind: .exact).map(\.frames)
    }
    let before = try all()
    #expect(before.contains { $0.count > 2 })
    let result = try run("dwz", ["-m", directory.file("shared.debug")] + paths)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(FileManager.default.fileExists(atPath: directory.file("shared.debug")))
    let sections = try runSuccessfully("readelf", ["-SW", paths[0]])
    #expect(sections.contains(".gnu_debugaltlink"))
    #expect(try all() == before)
  }
}
