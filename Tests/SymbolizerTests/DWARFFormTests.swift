import CaptureFormat
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Values of every form stand before the name that is looked for: whoever takes one for longer or shorter does not find it.
@Suite struct DWARFFormTests {
  /// A form by its number, and a value of it in a unit whose offsets and addresses take so many bytes.
  private struct Sample: Sendable {
    var form: UInt64
    var write: @Sendable (inout SectionBytes, _ offsetSize: Int) -> Void
    /// The abbreviation holds the value.
    var implicit: Int64?
  }

  private static func fixed(_ form: UInt64, _ count: Int) -> Sample {
    Sample(form: form) { info, _ in info.bytes += [UInt8](repeating: 0xa5, count: count) }
  }

  private static func offset(_ form: UInt64) -> Sample {
    Sample(form: form) { info, size in info.bytes += [UInt8](repeating: 0, count: size) }
  }

  private static func leb128(_ form: UInt64) -> Sample {
    // Longer than the value needs: padding is allowed.
    Sample(form: form) { info, _ in info.u8(0x81, 0x80, 0x00) }
  }

  /// DWARF 5, table 7.5.6, then GNU's and LLVM's.
  private static let samples: [Sample] = [
    fixed(0x01, 8),
    Sample(form: 0x03) { info, _ in
      info.u16(300)
      info.bytes += [UInt8](repeating: 1, count: 300)
    },
    Sample(form: 0x04) { info, _ in
      info.u32(70_000)
      info.bytes += [UInt8](repeating: 1, count: 70_000)
    },
    fixed(0x05, 2), fixed(0x06, 4), fixed(0x07, 8),
    Sample(form: 0x08) { info, _ in info.string("a string in place") },
    Sample(form: 0x09) { info, _ in
      info.uleb(200)
      info.bytes += [UInt8](repeating: 1, count: 200)
    },
    Sample(form: 0x0a) { info, _ in info.u8(3, 1, 1, 1) },
    fixed(0x0b, 1), fixed(0x0c, 1),
    Sample(form: 0x0d) { info, _ in info.sleb(-123_456_789) },
    offset(0x0e), leb128(0x0f), offset(0x10), fixed(0x11, 1), fixed(0x12, 2), fixed(0x13, 4),
    fixed(0x14, 8), leb128(0x15),
    // indirect: the form stands before the value, block1 here.
    Sample(form: 0x16) { info, _ in info.u8(0x0a, 2, 1, 1) },
    offset(0x17),
    Sample(form: 0x18) { info, _ in info.u8(2, 0x91, 0x70) },
    fixed(0x19, 0), leb128(0x1a), leb128(0x1b), fixed(0x1c, 4), offset(0x1d), fixed(0x1e, 16),
    offset(0x1f), fixed(0x20, 8),
    Sample(form: 0x21, write: { _, _ in }, implicit: -77),
    leb128(0x22), leb128(0x23), fixed(0x24, 8), fixed(0x25, 1), fixed(0x26, 2), fixed(0x27, 3),
    fixed(0x28, 4), fixed(0x29, 1), fixed(0x2a, 2), fixed(0x2b, 3), fixed(0x2c, 4),
    leb128(0x1f01), leb128(0x1f02), offset(0x1f20), offset(0x1f21),
    Sample(form: 0x2001) { info, _ in info.u8(0x81, 0x01, 1, 2, 3, 4) },
  ]

  /// What is found in a unit with a function whose entry begins with these values, and a second one behind it.
  private func names(_ samples: [Sample], version: UInt16, is64Bit: Bool) -> [String] {
    var unit = HandMadeUnit()
    unit.version = version
    unit.is64Bit = is64Bit
    // DWARF 2 knows the unit's end by address alone.
    unit.unitAttributes = [(0x11, 0x01), (0x12, 0x01)]
    unit.unitValues = { info in
      info.u64(0x1000)
      info.u64(0x2000)
    }
    unit.abbreviations.uleb(2, 0x2e)
    unit.abbreviations.u8(0)
    for (number, sample) in samples.enumerated() {
      // Attributes of vendors, which nobody reads.
      unit.abbreviations.uleb(0x3000 + UInt64(number), sample.form)
      if let implicit = sample.implicit { unit.abbreviations.sleb(implicit) }
    }
    unit.abbreviations.uleb(0x03, 0x08, 0x11, 0x01, 0x12, 0x01, 0, 0)
    let sections = unit.sections { info, _ in
      for (name, start) in [("first", 0x1000), ("second", 0x1100)] as [(String, UInt64)] {
        info.uleb(2)
        for sample in samples { sample.write(&info, is64Bit ? 8 : 4) }
        info.string(name)
        info.u64(start)
        info.u64(start + 0x10)
      }
    }
    let lookup = DWARFLookup(
      AddressBatch([0x1004, 0x1104]),
      in: DWARFFile(sections),
      jobs: 1,
      hints: .unknown
    )
    #expect(lookup.problems.isEmpty)
    return lookup.frames.filter { $0.function != LookupFrame.none }.map {
      String(decoding: sections.bytes(of: lookup.functions[Int($0.function)].text), as: UTF8.self)
    }
  }

  @Test(arguments: [2, 3, 4, 5] as [UInt16], [false, true])
  func everyFormIsPassed(version: UInt16, is64Bit: Bool) {
    #expect(Self.samples.count == 48)
    for sample in Self.samples {
      // DWARF 2 wrote references to other units in the size of an address.
      var sample = sample
      if version == 2, sample.form == 0x10 { sample = Self.fixed(0x10, 8) }
      let found = names([sample], version: version, is64Bit: is64Bit)
      #expect(found == ["first", "second"], "form \(String(sample.form, radix: 16))")
    }
    let others = Self.samples.filter { $0.form != 0x10 }
    #expect(names(others, version: version, is64Bit: is64Bit) == ["first", "second"])
  }

  /// What stands behind a value of unknown length cannot be read; the rest of the unit costs nothing else.
  @Test func aFormThatNobodyKnowsCostsItsUnitAndIsNamed() {
    var unit = HandMadeUnit()
    unit.abbreviations.uleb(2, 0x2e)
    unit.abbreviations.u8(0)
    unit.abbreviations.uleb(0x3000, 0x1fff, 0x03, 0x08, 0, 0)
    let sections = unit.sections { info, _ in
      info.uleb(2)
      info.string("never")
    }
    let lookup = DWARFLookup(
      AddressBatch([0x1004]),
      in: DWARFFile(sections),
      jobs: 1,
      hints: .unknown
    )
    #expect(lookup.frames.allSatisfy { $0.function == LookupFrame.none })
    #expect(!lookup.problems.isEmpty)
  }
}
