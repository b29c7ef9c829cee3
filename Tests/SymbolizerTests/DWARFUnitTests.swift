import Bytes
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct DWARFUnitTests {
  @Test func unitsOfAllVersionsAndSizesStandSideBySide() {
    var info = SectionBytes()
    for version in 2...5 as ClosedRange<UInt16> {
      for is64Bit in [false, true] {
        var unit = HandMadeUnit()
        unit.version = version
        unit.is64Bit = is64Bit
        info.bytes += unit.info { _, _ in }.bytes
      }
    }
    let list = UnitList(parsing: info.region)
    #expect(list.problems.isEmpty)
    #expect(list.units.map(\.encoding.version) == [2, 2, 3, 3, 4, 4, 5, 5])
    #expect(list.units.map(\.encoding.offsetSize) == [4, 8, 4, 8, 4, 8, 4, 8])
    for (index, unit) in list.units.enumerated() {
      #expect(list.index(startingAt: unit.offset) == index)
      #expect(list.index(containing: unit.entryOffset) == index)
      #expect(list.index(containing: unit.end - 1) == index)
      #expect(list.index(containing: unit.offset) == nil, "no entry is in the header")
    }
    #expect(list.index(startingAt: 1) == nil && list.index(containing: info.count) == nil)
  }

  @Test func aUnitOfAnUnknownVersionCostsItselfAlone() {
    var future = HandMadeUnit()
    future.version = 6
    var info = future.info { _, _ in }
    let second = info.count
    info.bytes += HandMadeUnit().info { _, _ in }.bytes
    info.bytes += [0xf0, 0xff, 0xff, 0xff]
    let list = UnitList(parsing: info.region)
    #expect(list.units.map(\.offset) == [second])
    #expect(list.problems.first == FormatError(.unsupportedVersion(6), offset: 4))
    #expect(list.problems.count == 2, "the reserved length at the end is named too")
  }

  @Test func aCutUnitIsNamedWithItsOffset() {
    let info = HandMadeUnit().info { _, _ in }
    let cut = SectionBytes(bytes: Array(info.bytes.dropLast(3)))
    let list = UnitList(parsing: cut.region)
    #expect(list.units.isEmpty)
    let needed = info.count - 4
    #expect(
      list.problems == [FormatError(.truncated(needed: needed, available: needed - 3), offset: 0)]
    )
  }

  @Test func abbreviationsMayHaveAnyCodes() throws {
    var section = SectionBytes()
    for code in [7, 1_000_000, 3] as [UInt64] {
      section.uleb(code, 0x2e)
      section.u8(0)
      // implicit_const, whose value stands here.
      section.uleb(0x0b, 0x21)
      section.sleb(-200)
      section.uleb(0x03, 0x0e, 0, 0)
    }
    section.u8(0)
    section.uleb(9, 0x2e)
    let region = section.region
    var cursor = ByteCursor(region.bytes)
    let encoding = UnitEncoding(version: 5, addressSize: 8, offsetSize: 4)
    let table = try AbbreviationTable(parsing: &cursor, encoding: encoding)
    #expect(table.abbreviations.count == 3)
    #expect(table.index(of: 7) == 0 && table.index(of: 1_000_000) == 1 && table.index(of: 3) == 2)
    #expect(table.index(of: 1) == nil && table.index(of: 9) == nil && table.index(of: 0) == nil)
    #expect(table.attributes[0].implicit == -200)
    #expect(table.abbreviations[1].fixedByteCount == 4)
  }

  @Test func formsOfFixedSizeAreOneStep() throws {
    var section = SectionBytes()
    section.uleb(1, 0x34)
    section.u8(1)
    // strp, data1, udata, data4, sibling as ref4, exprloc, data16, flag_present
    section.uleb(0x03, 0x0e, 0x3a, 0x0b, 0x3b, 0x0f, 0x49, 0x06, 0x01, 0x13, 0x02, 0x18)
    section.uleb(0x50, 0x1e, 0x3f, 0x19, 0, 0, 0)
    let region = section.region
    var cursor = ByteCursor(region.bytes)
    let encoding = UnitEncoding(version: 4, addressSize: 8, offsetSize: 8)
    let table = try AbbreviationTable(parsing: &cursor, encoding: encoding)
    #expect(
      table.steps == [.fixed(9), .leb128, .fixed(4), .sibling(4), .countedLEB128, .fixed(16)]
    )
    #expect(table.abbreviations[0].fixedByteCount == -1)
  }

  @Test func anEndlessListOfAttributesIsRefused() {
    var section = SectionBytes()
    section.uleb(1, 0x2e)
    section.u8(0)
    for _ in 0...AbbreviationTable.mostAttributes { section.uleb(0x3f, 0x19) }
    section.uleb(0, 0, 0)
    let region = section.region
    #expect(throws: FormatError.self) {
      var cursor = ByteCursor(region.bytes)
      let encoding = UnitEncoding(version: 5, addressSize: 8, offsetSize: 4)
      _ = try AbbreviationTable(parsing: &cursor, encoding: encoding)
    }
  }
}

@Suite struct RangeListTests {
  private func ranges(
    _ value: AttributeValue,
    version: UInt8,
    base: UInt64 = 0,
    lists: SectionBytes,
    addresses: SectionBytes = SectionBytes()
  ) -> ([Range<UInt64>], isBad: Bool) {
    let addressing = UnitAddressing(
      encoding: UnitEncoding(version: version, addressSize: 8, offsetSize: 4),
      addressBase: 8,
      rangeListsBase: 12,
      base: base
    )
    let lists = lists.region
    let addresses = addresses.region
    var list = RangeList(
      lowPC: .absent,
      highPC: .absent,
      ranges: value,
      unit: addressing,
      lists: lists.bytes,
      addresses: addresses.bytes
    )
    var found: [Range<UInt64>] = []
    while let range = list.next() { found.append(range) }
    return (found, list.isBad)
  }

  private func offset(_ value: UInt64) -> AttributeValue {
    AttributeValue(form: .sectionOffset, bits: value)
  }

  @Test func pairsCountFromTheirBase() {
    var lists = SectionBytes()
    for value in [0x10, 0x20, 0x30, 0x30, UInt64.max, 0x5000, 0x1, 0x2, 0, 0, 7, 8] as [UInt64] {
      lists.u64(value)
    }
    let found = ranges(offset(0), version: 4, base: 0x1000, lists: lists)
    #expect(found.0 == [0x1010..<0x1020, 0x5001..<0x5002] && !found.isBad)
  }

  @Test func droppedFunctionsAreNoRanges() {
    var lists = SectionBytes()
    for value in [0, 0x50, .max - 1, .max, 0x40, 0x44, 0, 0] as [UInt64] { lists.u64(value) }
    let found = ranges(offset(0), version: 3, lists: lists)
    #expect(found.0 == [0x40..<0x44] && !found.isBad)
  }

  @Test func entriesOfEveryKindAreRead() {
    var addresses = SectionBytes()
    for value in [0, 0x2000, 0x3000, 0x3010] as [UInt64] { addresses.u64(value) }
    var lists = SectionBytes()
    lists.u8(4, 0x10, 0x20)  // offset_pair from the unit's base
    lists.u8(1, 0)  // base_addressx: 0x2000
    lists.u8(4, 0x01, 0x80, 0x01)
    lists.u8(2, 1, 2)  // startx_endx
    lists.u8(3, 1, 8)  // startx_length
    lists.u8(5)  // base_address
    lists.u64(0x7000)
    lists.u8(4, 0, 4)
    lists.u8(6)  // start_end
    lists.u64(0x8000)
    lists.u64(0x8001)
    lists.u8(7)  // start_length
    lists.u64(0x9000)
    lists.uleb(0x200)
    lists.u8(7)
    lists.u64(0)
    lists.uleb(0x10)
    lists.u8(3, 99, 4)  // an index without address
    lists.u8(0, 7)
    let found = ranges(offset(0), version: 5, base: 0x1000, lists: lists, addresses: addresses)
    #expect(
      found.0 == [
        0x1010..<0x1020, 0x2001..<0x2080, 0x3000..<0x3010, 0x3000..<0x3008, 0x7000..<0x7004,
        0x8000..<0x8001, 0x9000..<0x9200,
      ]
    )
    #expect(!found.isBad)
  }

  @Test func listsAreFoundByIndex() {
    var lists = SectionBytes()
    lists.u64(0)
    lists.u32(2)
    // Behind the header: two offsets, counted from here.
    lists.u32(8)
    lists.u32(9)
    lists.u8(0)
    lists.u8(7)
    lists.u64(0x1000)
    lists.u8(1, 0)
    func indexed(_ index: UInt64) -> ([Range<UInt64>], isBad: Bool) {
      ranges(AttributeValue(form: .rangeListIndex, bits: index), version: 5, lists: lists)
    }
    #expect(indexed(0).0.isEmpty && !indexed(0).isBad)
    #expect(indexed(1).0 == [0x1000..<0x1001])
    #expect(indexed(1 << 60).isBad)
  }

  @Test func anUnknownEntryEndsTheList() {
    var lists = SectionBytes()
    lists.u8(7)
    lists.u64(0x1000)
    lists.u8(1, 0x60)
    let found = ranges(offset(0), version: 5, lists: lists)
    #expect(found.0 == [0x1000..<0x1001] && found.isBad)
  }

  @Test func setsOfAddressRangesAreReadOneByOne() {
    var section = SectionBytes()
    // A set whose tuples begin behind padding; a pair of zeros in the middle is a dropped function.
    section.counted { set in
      set.u16(2)
      set.u32(0x40)
      set.u8(8, 0)
      set.u32(0)
      for value in [0x1000, 0x10, 0, 0, 0, 0x20, 0x3000, 0x1, 0, 0] as [UInt64] { set.u64(value) }
    }
    section.counted { $0.u16(9) }
    section.counted { set in
      set.u16(2)
      set.u32(0x80)
      set.u8(4, 0)
      set.u32(0)
      for value in [0x7000, 2, 0, 0] as [UInt32] { set.u32(value) }
    }
    section.u8(1, 2)
    let region = section.region
    var sets = AddressRangeSets(region.bytes)
    var found: [Int: [Range<UInt64>]] = [:]
    while sets.nextSet() {
      while let range = sets.next() { found[sets.unitOffset, default: []].append(range) }
    }
    #expect(found == [0x40: [0x1000..<0x1010, 0x3000..<0x3001], 0x80: [0x7000..<0x7002]])
    #expect(sets.problem?.reason == .unsupportedVersion(9))
  }
}
