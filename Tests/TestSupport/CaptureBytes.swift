/// The bytes of a capture file, laid down by hand: shares no code with the product's reader or writer.
package struct CaptureBytes: Sendable {
  package private(set) var bytes: [UInt8]
  /// Where each record begins, in order.
  package private(set) var recordOffsets: [Int] = []

  /// A file header and nothing else.
  package init(version: UInt16 = 1) {
    bytes = [0x44, 0x43, 0x41, 0x50, 0x0d, 0x0a, 0x1a, 0x0a]
    bytes += little(version) + little(UInt16(0)) + little(UInt32(0))
  }

  /// Adds a record whose checksum is right.
  package mutating func add(kind: UInt16, _ payload: [UInt8]) {
    recordOffsets.append(bytes.count)
    bytes += Self.record(kind: kind, payload)
  }

  /// Adds bytes that are no record.
  package mutating func add(raw: [UInt8]) {
    bytes += raw
  }

  /// The bytes of a record whose checksum is right.
  package static func record(kind: UInt16, _ payload: [UInt8]) -> [UInt8] {
    let summed = little(kind) + little(UInt16(0)) + little(UInt32(payload.count))
    return little(UInt32(0x4443_5245)) + summed + little(crc32c(summed + payload)) + payload
  }

  /// CRC-32C bit by bit, as its definition says.
  package static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
    }
    return crc ^ 0xffff_ffff
  }
}

/// Protobuf fields by hand (protobuf.dev, Encoding).
package enum ProtobufField {
  package static func varint(_ number: Int, _ value: UInt64) -> [UInt8] {
    base128(UInt64(number) << 3) + base128(value)
  }

  package static func fixed64(_ number: Int, _ value: UInt64) -> [UInt8] {
    base128(UInt64(number) << 3 | 1) + little(value)
  }

  package static func bytes(_ number: Int, _ value: [UInt8]) -> [UInt8] {
    base128(UInt64(number) << 3 | 2) + base128(UInt64(value.count)) + value
  }

  package static func string(_ number: Int, _ value: String) -> [UInt8] {
    bytes(number, Array(value.utf8))
  }

  /// A packed repeated fixed64 field.
  package static func packed(_ number: Int, _ values: [UInt64]) -> [UInt8] {
    bytes(number, values.flatMap { little($0) })
  }

  /// A number in groups of seven bits, lowest first.
  package static func base128(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}

/// The bytes of a number, the lowest first.
package func little(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
