import CaptureFormat
@testable import SymbolLookup
@testable import Symbolizer

/// Bytes of a section, written by hand.
struct SectionBytes {
  var bytes: [UInt8] = []

  var count: Int { bytes.count }

  mutating func u8(_ values: UInt8...) { bytes += values }

  mutating func u16(_ value: UInt16) { integer(value) }

  mutating func u32(_ value: UInt32) { integer(value) }

  mutating func u64(_ value: UInt64) { integer(value) }

  mutating func integer<Value: FixedWidthInteger>(_ value: Value) {
    for index in 0..<(Value.bitWidth / 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index)))
    }
  }

  mutating func uleb(_ values: UInt64...) {
    for value in values {
      var rest = value
      repeat {
        let byte = UInt8(rest & 0x7f)
        rest >>= 7
        bytes.append(rest == 0 ? byte : byte | 0x80)
      } while rest != 0
    }
  }

  mutating func sleb(_ value: Int64) {
    var rest = value
    while true {
      let byte = UInt8(truncatingIfNeeded: rest & 0x7f)
      rest >>= 7
      if (rest == 0 && byte & 0x40 == 0) || (rest == -1 && byte & 0x40 != 0) {
        bytes.append(byte)
        return
      }
      bytes.append(byte | 0x80)
    }
  }

  mutating func string(_ text: String) {
    bytes += Array(text.utf8) + [0]
  }

  /// A length of 4 bytes, or of 12 in 64-bit DWARF, then what `body` writes.
  mutating func counted(is64Bit: Bool = false, _ body: (inout SectionBytes) -> Void) {
    var inner = SectionBytes()
    body(&inner)
    if is64Bit {
      u32(0xffff_ffff)
      u64(UInt64(inner.count))
    } else {
      u32(UInt32(inner.count))
    }
    bytes += inner.bytes
  }

  /// The bytes as a region of memory.
  var region: ByteRegion { Self.region(bytes) }

  static func region(_ bytes: [UInt8]) -> ByteRegion {
    guard !bytes.isEmpty else { return .empty }
    let owned = OwnedBytes(byteCount: bytes.count) { target in
      target.copyMemory(from: bytes, byteCount: bytes.count)
      return true
    }
    return owned?.region ?? .empty
  }
}

extension ByteRegion {
  /// A copy of all bytes.
  var array: [UInt8] { bytes.withUnsafeBytes { Array($0) } }
}
