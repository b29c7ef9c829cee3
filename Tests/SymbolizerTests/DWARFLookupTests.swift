import CaptureFormat
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Entries written by hand, looked up as a whole.
///
/// The abbreviations of all tests:
/// 2 function with code, 3 function that is declared, 4 inlined body, 5 namespace, 6 structure,
/// 7 function with code and a specification, 8 block with code, 9 function with an alternate origin.
@Suite struct DWARFLookupTests {
  private let unit: HandMadeUnit = {
    var unit = HandMadeUnit()
    func declare(_ code: UInt64, _ tag: UInt64, children: UInt8, _ attributes: [UInt64]) {
      unit.abbreviations.uleb(code, tag)
      unit.abbreviations.u8(children)
      for value in attributes { unit.abbreviations.uleb(value) }
      unit.abbreviations.uleb(0, 0)
    }
    // name as string, low_pc, high_pc as data4, sibling as ref4
    declare(2, 0x2e, children: 1, [0x03, 0x08, 0x11, 0x01, 0x12, 0x06, 0x01, 0x13])
    declare(3, 0x2e, children: 0, [0x03, 0x08, 0x6e, 0x08, 0x3c, 0x19])
    // abstract_origin as ref_addr, low_pc, high_pc, call_file, call_line, call_column
    declare(
      4,
      0x1d,
      children: 1,
      [0x31, 0x10, 0x11, 0x01, 0x12, 0x06, 0x58, 0x0b, 0x59, 0x05, 0x57, 0x0b]
    )
    declare(5, 0x39, children: 1, [0x03, 0x08, 0x01, 0x13])
    declare(6, 0x13, children: 1, [0x03, 0x08, 0x01, 0x13])
    declare(7, 0x2e, children: 0, [0x47, 0x10, 0x11, 0x01, 0x12, 0x06])
    declare(8, 0x0b, children: 1, [0x11, 0x01, 0x12, 0x06, 0x01, 0x13])
    declare(9, 0x2e, children: 0, [0x31, 0x1f20, 0x11, 0x01, 0x12, 0x06])
    return unit
  }()

  private func code(_ info: inout SectionBytes, _ low: UInt64, _ count: UInt32) {
    info.u64(low)
    info.u32(count)
  }

  /// Names of an address' functions, innermost first, each with the line of its call.
  private func names(
    _ sections: DWARFSections,
    _ addresses: [UInt64],
    alternate: DWARFSections? = nil
  ) -> [[String]] {
    let batch = AddressBatch(addresses)
    let file = DWARFFile(sections, alternate: alternate)
    let lookup = DWARFLookup(batch, in: file, jobs: 2, hints: .unknown)
    #expect(lookup.problems.isEmpty)
    let texts = lookup.functions.map {
      String(decoding: sections.bytes(of: $0.text, alternate: alternate), as: UTF8.self)
    }
    return batch.positions.map { position in
      lookup.frames[
        Int(lookup.ranges[Int(position)].lowerBound)..<Int(lookup.ranges[Int(position)].upperBound)
      ].map { frame in
        let name = frame.function == LookupFrame.none ? "?" : texts[Int(frame.function)]
        return frame.line == 0 ? name : "\(name):\(frame.line)"
      }
    }
  }

  /// Begins an entry that has a sibling, and fills the sibling's offset in when `body` is done.
  private func withSibling(
    _ info: inout SectionBytes,
    unitStart: Int,
    _ body: (inout SectionBytes) -> Void
  ) {
    let position = info.count
    info.u32(0)
    body(&info)
    info.u8(0)
    let value = UInt32(info.count + 4 - unitStart)
    for index in 0..<4 {
      info.bytes[position + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
    }
  }

  @Test func inlinedBodiesAreFoundAtAnyDepthWithTheirCalls() {
    var declared = (a: 0, b: 0)
    let sections = unit.sections { info, start in
      declared.a = info.count + 4
      info.uleb(3)
      info.string("a")
      info.string("_Z1av")
      declared.b = info.count + 4
      info.uleb(3)
      info.string("b")
      info.string("_Z1bv")
      info.uleb(2)
      info.string("main")
      code(&info, 0x1000, 0x100)
      withSibling(&info, unitStart: 0) { info in
        info.uleb(8)
        code(&info, 0x1010, 0x20)
        withSibling(&info, unitStart: 0) { info in
          info.uleb(4)
          info.u32(UInt32(declared.a))
          code(&info, 0x1010, 0x10)
          info.u8(1)
          info.u16(11)
          info.u8(3)
          info.uleb(4)
          info.u32(UInt32(declared.b))
          code(&info, 0x1018, 0x4)
          info.u8(1)
          info.u16(22)
          info.u8(0, 0, 0)
        }
      }
    }
    #expect(
      names(sections, [0x1000, 0x1010, 0x1018, 0x101c, 0x1020, 0x10ff, 0x1100]) == [
        ["main"], ["_Z1av", "main:11"], ["_Z1bv", "_Z1av:22", "main:11"], ["_Z1av", "main:11"],
        ["main"], ["main"], [],
      ]
    )
  }

  @Test func functionsInNamespacesTypesAndFunctionsAreFound() {
    let sections = unit.sections { info, start in
      info.uleb(5)
      info.string("space")
      withSibling(&info, unitStart: 0) { info in
        info.uleb(2)
        info.string("inSpace")
        code(&info, 0x1000, 0x10)
        withSibling(&info, unitStart: 0) { info in
          info.uleb(6)
          info.string("Local")
          withSibling(&info, unitStart: 0) { info in
            info.uleb(2)
            info.string("localMember")
            code(&info, 0x1100, 0x10)
            withSibling(&info, unitStart: 0) { _ in }
          }
        }
      }
      info.uleb(6)
      info.string("Type")
      withSibling(&info, unitStart: 0) { info in
        info.uleb(2)
        info.string("member")
        code(&info, 0x1200, 0x10)
        withSibling(&info, unitStart: 0) { _ in }
      }
    }
    // All at once, and each alone: an answer does not depend on what else is asked.
    let addresses: [UInt64] = [0x1000, 0x1108, 0x120f]
    let expected = [["inSpace"], ["localMember"], ["member"]]
    #expect(names(sections, addresses) == expected)
    for (address, name) in zip(addresses, expected) {
      #expect(names(sections, [address]) == [name])
    }
  }

  @Test func namesAreFollowedIntoOtherUnits() {
    var first = SectionBytes()
    var declaration = 0
    first = unit.info { info, _ in
      declaration = info.count + 4
      info.uleb(3)
      info.string("plain")
      info.string("_ZN5other5plainEv")
    }
    let second = unit.info { info, _ in
      info.uleb(7)
      info.u32(UInt32(declaration))
      code(&info, 0x1800, 8)
    }
    var sections = DWARFSections()
    sections.abbreviations = unit.abbreviationSection.region
    sections.info = SectionBytes(bytes: first.bytes + second.bytes).region
    #expect(names(sections, [0x1800]) == [["_ZN5other5plainEv"]])
  }

  @Test func namesMayStandInAnAlternateFile() {
    var target = 0
    let alternate = unit.sections { info, _ in
      target = info.count + 4
      info.uleb(3)
      info.string("shared")
      info.string("_Z6sharedv")
    }
    let sections = unit.sections { info, _ in
      info.uleb(9)
      info.u32(UInt32(target))
      code(&info, 0x1800, 8)
    }
    #expect(names(sections, [0x1800], alternate: alternate) == [["_Z6sharedv"]])
    // Without that file the function is known, and has no name.
    #expect(names(sections, [0x1800]) == [["?"]])
  }

  @Test func chainsThatEndInThemselvesHaveNoName() {
    let sections = unit.sections { info, start in
      let self0 = info.count + 4
      info.uleb(7)
      info.u32(UInt32(self0))
      code(&info, 0x1000, 8)
      // Two that name each other, and one that names nothing in the file.
      let left = info.count + 4
      info.uleb(7)
      info.u32(UInt32(left + 17))
      code(&info, 0x1010, 8)
      info.uleb(7)
      info.u32(UInt32(left))
      code(&info, 0x1020, 8)
      info.uleb(7)
      info.u32(0xffff_fff0)
      code(&info, 0x1030, 8)
    }
    #expect(names(sections, [0x1000, 0x1010, 0x1020, 0x1030]) == [["?"], ["?"], ["?"], ["?"]])
  }

  @Test func ofTwoFunctionsAtOneAddressTheFirstCounts() {
    let sections = unit.sections { info, _ in
      for name in ["first", "second"] {
        info.uleb(2)
        info.string(name)
        code(&info, 0x1000, name == "first" ? 0x10 : 0x20)
        withSibling(&info, unitStart: 0) { _ in }
      }
    }
    #expect(names(sections, [0x1000, 0x1010]) == [["first"], ["second"]])
    #expect(names(sections, [0x1000]) == [["first"]])
  }

  @Test func functionsThatTheLinkerDroppedAreNotFound() {
    let sections = unit.sections { info, _ in
      for low in [0, UInt64.max, UInt64.max - 1] {
        info.uleb(2)
        info.string("dropped")
        code(&info, low, 0x2000)
        withSibling(&info, unitStart: 0) { _ in }
      }
    }
    #expect(names(sections, [0x10, 0x1000, 0x1fff]) == [[], [], []])
  }

  @Test func falseAddressRangesHideNothing() {
    // Two units; the section says that all is in the first, and names a third that does not exist.
    let first = unit.info { _, _ in }
    let second = unit.info { info, _ in
      info.uleb(2)
      info.string("found")
      code(&info, 0x1000, 0x10)
      withSibling(&info, unitStart: first.count) { _ in }
    }
    var ranges = SectionBytes()
    for unit in [0, 3] as [UInt32] {
      ranges.counted { set in
        set.u16(2)
        set.u32(unit)
        set.u8(8, 0)
        set.u32(0)
        for value in [0x1000, 0x1000, 0, 0] as [UInt64] { set.u64(value) }
      }
    }
    var sections = DWARFSections()
    sections.abbreviations = unit.abbreviationSection.region
    sections.info = SectionBytes(bytes: first.bytes + second.bytes).region
    sections.addressRanges = ranges.region
    #expect(names(sections, [0x1004]) == [["found"]])
  }

  @Test func unitsThatStateNoCodeAreSearchedWhenTheyHaveLines() {
    var silent = unit
    silent.unitAttributes = [(0x10, 0x17)]
    silent.unitValues = { $0.u32(0) }
    var sections = silent.sections { info, _ in
      info.uleb(2)
      info.string("found")
      code(&info, 0x1000, 0x10)
      withSibling(&info, unitStart: 0) { _ in }
    }
    var lines = SectionBytes()
    lines.counted { all in
      all.u16(4)
      all.u32(8)
      all.u8(1, 1, 1, 0, 1, 1, 0, 0)
    }
    sections.lines = lines.region
    #expect(names(sections, [0x1004, 0x2000]) == [["found"], []])
  }

  @Test func indexedStringsAndAddressesAreRead() {
    var indexed = HandMadeUnit()
    // low_pc as addrx, high_pc as data4, addr_base and str_offsets_base as sec_offset
    indexed.unitAttributes = [(0x11, 0x1b), (0x12, 0x06), (0x73, 0x17), (0x72, 0x17)]
    indexed.unitValues = { info in
      info.uleb(0)
      info.u32(0x1000)
      info.u32(8)
      info.u32(8)
    }
    indexed.abbreviations.uleb(2, 0x2e)
    indexed.abbreviations.u8(0)
    // linkage_name as strx3, low_pc as addrx1, high_pc as udata
    indexed.abbreviations.uleb(0x6e, 0x27, 0x11, 0x29, 0x12, 0x0f, 0, 0)
    var sections = indexed.sections { info, _ in
      info.uleb(2)
      info.u8(1, 0, 0, 1)
      info.uleb(0x40)
      // An index that leads nowhere names nothing and has no code.
      info.uleb(2)
      info.u8(0xff, 0xff, 0x7f, 0xff)
      info.uleb(0x40)
    }
    var addresses = SectionBytes()
    addresses.u64(0)
    addresses.u64(0x1000)
    addresses.u64(0x1200)
    var offsets = SectionBytes()
    offsets.u64(0)
    offsets.u32(0)
    offsets.u32(6)
    var strings = SectionBytes()
    strings.string("wrong")
    strings.string("_Z5rightv")
    sections.addresses = addresses.region
    sections.stringOffsets = offsets.region
    sections.strings = strings.region
    #expect(names(sections, [0x1200, 0x1240]) == [["_Z5rightv"], []])
  }

  @Test func aSkeletonSaysWhyItsFunctionsAreMissing() {
    var skeleton = HandMadeUnit()
    skeleton.unitAttributes = [(0x11, 0x01), (0x12, 0x07), (0x76, 0x08)]
    skeleton.unitValues = { info in
      info.u64(0x1000)
      info.u64(0x1000)
      info.string("a.dwo")
    }
    let sections = skeleton.sections { _, _ in }
    let batch = AddressBatch([0x1000])
    let lookup = DWARFLookup(batch, in: DWARFFile(sections), jobs: 1, hints: .unknown)
    #expect(lookup.problems.contains { "\($0)".contains("split file") })
  }
}
