@testable import SymbolLookup
@testable import Symbolizer

/// One unit of DWARF, written by hand: abbreviation 1 is the unit's, others are the test's.
struct HandMadeUnit {
  var version: UInt16 = 5
  var addressSize: UInt8 = 8
  var is64Bit = false
  /// Declarations behind number 1.
  var abbreviations = SectionBytes()
  /// Attributes and forms of the unit's entry.
  var unitAttributes: [(UInt64, UInt64)] = [(0x11, 0x01), (0x12, 0x07)]
  /// Writes the values of `unitAttributes`; without it the unit covers 0x1000 to 0x2000.
  var unitValues: (inout SectionBytes) -> Void = { info in
    info.u64(0x1000)
    info.u64(0x1000)
  }

  /// Where the unit's first entry begins.
  var entryOffset: Int {
    let length = is64Bit ? 12 : 4
    let offset = is64Bit ? 8 : 4
    return version >= 5 ? length + 2 + 1 + 1 + offset : length + 2 + offset + 1
  }

  /// The abbreviations as a section.
  var abbreviationSection: SectionBytes {
    var section = SectionBytes()
    section.uleb(1, 0x11)
    section.u8(1)
    for (attribute, form) in unitAttributes { section.uleb(attribute, form) }
    section.uleb(0, 0)
    section.bytes += abbreviations.bytes
    section.u8(0)
    return section
  }

  /// The unit's bytes.
  ///
  /// `body`: writes the entries below the unit's; told where the first of them begins.
  func info(_ body: (inout SectionBytes, _ start: Int) -> Void) -> SectionBytes {
    var info = SectionBytes()
    info.counted(is64Bit: is64Bit) { unit in
      unit.u16(version)
      if version >= 5 { unit.u8(1, addressSize) }
      if is64Bit { unit.u64(0) } else { unit.u32(0) }
      if version < 5 { unit.u8(addressSize) }
      unit.uleb(1)
      unitValues(&unit)
      body(&unit, unit.count + (is64Bit ? 12 : 4))
      unit.u8(0)
    }
    return info
  }

  func sections(_ body: (inout SectionBytes, _ start: Int) -> Void) -> DWARFSections {
    var sections = DWARFSections()
    sections.abbreviations = abbreviationSection.region
    sections.info = info(body).region
    return sections
  }
}
