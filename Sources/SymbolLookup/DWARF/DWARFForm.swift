/// How an attribute's value is encoded (DWARF 5, 7.5.6; GNU extensions of split DWARF and dwz).
enum DWARFForm: UInt16, Sendable {
  case address = 0x01
  case block2 = 0x03
  case block4 = 0x04
  case data2 = 0x05
  case data4 = 0x06
  case data8 = 0x07
  case string = 0x08
  case block = 0x09
  case block1 = 0x0a
  case data1 = 0x0b
  case flag = 0x0c
  case signedData = 0x0d
  case stringOffset = 0x0e
  case unsignedData = 0x0f
  case referenceAddress = 0x10
  case reference1 = 0x11
  case reference2 = 0x12
  case reference4 = 0x13
  case reference8 = 0x14
  case referenceUnsigned = 0x15
  case indirect = 0x16
  case sectionOffset = 0x17
  case expression = 0x18
  case flagPresent = 0x19
  case stringIndex = 0x1a
  case addressIndex = 0x1b
  case supplementaryReference4 = 0x1c
  case supplementaryString = 0x1d
  case data16 = 0x1e
  case lineStringOffset = 0x1f
  case typeSignature = 0x20
  case implicitConstant = 0x21
  case locationListIndex = 0x22
  case rangeListIndex = 0x23
  case supplementaryReference8 = 0x24
  case stringIndex1 = 0x25
  case stringIndex2 = 0x26
  case stringIndex3 = 0x27
  case stringIndex4 = 0x28
  case addressIndex1 = 0x29
  case addressIndex2 = 0x2a
  case addressIndex3 = 0x2b
  case addressIndex4 = 0x2c
  /// An index of an address and an offset from there (LLVM's; clang -mllvm -minimize-addr-in-v5=Form).
  case addressIndexAndOffset = 0x2001
  case gnuAddressIndex = 0x1f01
  case gnuStringIndex = 0x1f02
  case gnuAlternateReference = 0x1f20
  case gnuAlternateString = 0x1f21
}

/// Sizes that a unit fixes for the forms of its attributes.
struct UnitEncoding: Hashable, Sendable {
  /// DWARF version.
  var version: UInt8
  /// Bytes of an address: 4 or 8 (2 exists on small machines).
  var addressSize: UInt8
  /// Bytes of an offset: 4 in 32-bit DWARF, 8 in 64-bit DWARF.
  var offsetSize: UInt8

  /// DWARF 2 wrote references to other units in the size of an address (DWARF 2, 7.5.4).
  var referenceAddressSize: UInt8 { version <= 2 ? addressSize : offsetSize }
}

/// How to pass a value of a form without reading it.
enum FormExtent: Equatable, Sendable {
  case fixed(Int)
  /// One LEB128 number.
  case leb128
  /// Bytes up to a NUL.
  case string
  /// A count of so many bytes, then as many bytes as it says.
  case counted(Int)
  /// A LEB128 count, then as many bytes as it says.
  case countedLEB128
  /// One LEB128 number, then 4 bytes.
  case leb128AndWord
  /// The form itself comes first.
  case indirect
}

extension DWARFForm {
  /// How many bytes a value takes.
  func extent(in encoding: UnitEncoding) -> FormExtent {
    switch self {
    case .flagPresent, .implicitConstant: .fixed(0)
    case .data1, .flag, .reference1, .stringIndex1, .addressIndex1: .fixed(1)
    case .data2, .reference2, .stringIndex2, .addressIndex2: .fixed(2)
    case .stringIndex3, .addressIndex3: .fixed(3)
    case .data4, .reference4, .stringIndex4, .addressIndex4, .supplementaryReference4: .fixed(4)
    case .data8, .reference8, .typeSignature, .supplementaryReference8: .fixed(8)
    case .data16: .fixed(16)
    case .address: .fixed(Int(encoding.addressSize))
    case .referenceAddress: .fixed(Int(encoding.referenceAddressSize))
    case .stringOffset, .sectionOffset, .lineStringOffset, .supplementaryString,
      .gnuAlternateReference, .gnuAlternateString:
      .fixed(Int(encoding.offsetSize))
    case .signedData, .unsignedData, .referenceUnsigned, .stringIndex, .addressIndex,
      .locationListIndex, .rangeListIndex, .gnuAddressIndex, .gnuStringIndex:
      .leb128
    case .string: .string
    case .block1: .counted(1)
    case .block2: .counted(2)
    case .block4: .counted(4)
    case .block, .expression: .countedLEB128
    case .addressIndexAndOffset: .leb128AndWord
    case .indirect: .indirect
    }
  }
}
