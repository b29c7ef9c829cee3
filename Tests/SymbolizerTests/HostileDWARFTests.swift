import CaptureFormat
import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Sections as bytes that can be damaged.
private struct RawSections {
  static var parts: [WritableKeyPath<DWARFSections, ByteRegion>] {
    [
      \.info, \.abbreviations, \.lines, \.strings, \.lineStrings, \.stringOffsets, \.addresses,
      \.ranges, \.rangeLists, \.addressRanges,
    ]
  }

  var sections: DWARFSections
  var addresses: [UInt64]
}

/// Damaged DWARF must neither trap nor hang, and must not answer with more than was asked for.
@Suite(.timeLimit(.minutes(3))) struct HostileDWARFTests {
  static let programs = [
    CorpusProgram(compiler: "gcc", source: "inlines.c", options: ["-O2", "-gdwarf-5"]),
    CorpusProgram(compiler: "gcc", source: "inlines.c", options: ["-O2", "-gdwarf-3"]),
    CorpusProgram(compiler: "clang", source: "inlines.c", options: ["-O2", "-gdwarf-5"]),
    CorpusProgram(compiler: "clang", source: "inlines.c", options: ["-O2", "-gdwarf-4"]),
    CorpusProgram(compiler: "g++", source: "shapes.cpp", options: ["-O2", "-gdwarf-5"]),
    CorpusProgram(compiler: "rustc", source: "shapes.rs", options: ["-g", "-O"]),
    CorpusProgram(compiler: "swiftc", source: "shapes.swift", options: ["-g", "-O"]),
  ]

  /// Large programs are damaged in fewer places: each look at them takes longer.
  private func rounds(_ program: CorpusProgram, few: Int, many: Int) -> Int {
    program.source == "inlines.c" ? many : few
  }

  private func load(_ program: CorpusProgram) throws -> RawSections {
    let directory = try TemporaryDirectory()
    let file = try ELFFile(path: try program.build(into: directory))
    var problems: [DWARFProblem] = []
    let sections = DWARFSections(of: file, problems: &problems)
    #expect(problems.isEmpty)
    let text = try #require(file.section(named: ".text"))
    let start = text.address.value
    return RawSections(
      sections: sections,
      addresses: Array(
        stride(from: start, to: start + text.byteCount, by: max(3, Int(text.byteCount / 1000)))
      )
    )
  }

  /// Looks everything up; what comes out must be in bounds.
  private func look(_ sections: DWARFSections, _ addresses: [UInt64]) -> DWARFLookup {
    let batch = AddressBatch(addresses)
    let lookup = DWARFLookup(batch, in: DWARFFile(sections), jobs: 1, hints: .unknown)
    let deepest = FunctionWalk.deepestInlining + 1
    #expect(lookup.ranges.allSatisfy { $0.count <= deepest })
    #expect(
      lookup.frames.allSatisfy {
        ($0.function == LookupFrame.none || Int($0.function) < lookup.functions.count)
          && ($0.path == LookupFrame.none || Int($0.path) < lookup.paths.count)
      }
    )
    // Names that point outside of their section are empty, not a trap.
    for function in lookup.functions { _ = sections.bytes(of: function.text) }
    return lookup
  }

  @Test(arguments: programs)
  func sectionsThatAreCutAnywhereCostTheirPartOnly(program: CorpusProgram) throws {
    let raw = try load(program)
    let whole = look(raw.sections, raw.addresses)
    #expect(whole.hasFunction.contains(true) && whole.problems.isEmpty)
    for part in RawSections.parts {
      let bytes = raw.sections[keyPath: part].array
      // Every byte of small sections; large ones at steps that are no multiple of anything in them.
      for count in stride(
        from: 0,
        to: bytes.count,
        by: max(1, bytes.count / rounds(program, few: 17, many: 211))
      ) {
        var sections = raw.sections
        sections[keyPath: part] = SectionBytes.region(Array(bytes[..<count]))
        _ = look(sections, raw.addresses)
      }
    }
  }

  @Test(arguments: programs)
  func flippedBytesNeitherTrapNorHang(program: CorpusProgram) throws {
    let raw = try load(program)
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(state: seed)
    print("flippedBytesNeitherTrapNorHang: seed \(seed), \(program.testDescription)")
    for part in RawSections.parts {
      let bytes = raw.sections[keyPath: part].array
      guard !bytes.isEmpty else { continue }
      for _ in 0..<rounds(program, few: 15, many: 150) {
        var damaged = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
          let position = Int.random(in: 0..<bytes.count, using: &generator)
          damaged[position] =
            [0, 0xff, 0x7f, 0x80, UInt8.random(in: 0...255, using: &generator)]
            .randomElement(using: &generator) ?? 0
        }
        var sections = raw.sections
        sections[keyPath: part] = SectionBytes.region(damaged)
        _ = look(sections, raw.addresses)
      }
    }
  }

  @Test func inliningWithoutEndIsCutWhereNoCompilerGoes() throws {
    // A function, and 5,000 bodies inlined into each other, all over the same addresses.
    var program = HandMadeUnit()
    program.abbreviations.uleb(2, 0x2e)
    program.abbreviations.u8(1)
    program.abbreviations.uleb(0x11, 0x01, 0x12, 0x0b, 0x03, 0x08, 0, 0)
    program.abbreviations.uleb(3, 0x1d)
    program.abbreviations.u8(1)
    program.abbreviations.uleb(0x31, 0x13, 0x11, 0x01, 0x12, 0x0b, 0, 0)
    let sections = program.sections { info, start in
      info.uleb(2)
      info.u64(0x1000)
      info.u8(16)
      info.string("f")
      for _ in 0..<5000 {
        info.uleb(3)
        info.u32(UInt32(start))
        info.u64(0x1000)
        info.u8(16)
      }
      for _ in 0..<5001 { info.u8(0) }
    }
    let lookup = look(sections, [0x1004])
    #expect(lookup.ranges[0].count == FunctionWalk.deepestInlining + 1)
  }

  @Test func aRangeListSharedByThousandsOfFunctionsIsGivenUp() throws {
    var program = HandMadeUnit()
    program.abbreviations.uleb(2, 0x2e)
    program.abbreviations.u8(0)
    program.abbreviations.uleb(0x55, 0x17, 0, 0)
    var lists = SectionBytes()
    for _ in 0..<20000 {
      lists.u8(7)
      lists.u64(0x9000)
      lists.uleb(1)
    }
    lists.u8(0)
    var sections = program.sections { info, _ in
      for _ in 0..<20000 {
        info.uleb(2)
        info.u32(0)
      }
    }
    sections.rangeLists = lists.region
    let lookup = look(sections, [0x1004])
    #expect(lookup.hasFunction == [false])
    #expect(lookup.problems.contains { "\($0)".contains("shared by too many") })
  }
}

/// A generator whose state can be printed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
