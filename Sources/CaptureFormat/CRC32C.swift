/// CRC-32C (Castagnoli), as in RFC 3720, appendix B.4, and in SSE4.2's `crc32`.
///
/// Eight bytes a step through eight tables; needs no instruction that a reader's processor may lack.
package struct CRC32C: Equatable, Sendable {
  private var state: UInt32 = .max

  package init() {}

  /// The checksum of all that was added so far.
  package var value: UInt32 { ~state }

  /// The checksum of `bytes`.
  package static func checksum(of bytes: RawSpan) -> UInt32 {
    var checksum = CRC32C()
    checksum.add(bytes)
    return checksum.value
  }

  /// Goes on with `bytes`.
  package mutating func add(_ bytes: RawSpan) {
    let tables = Self.tables.span
    var crc = state
    var position = 0
    // Safe because every load lies before `wordsEnd` or `byteCount`, and every index is below 8 × 256.
    let wordsEnd = bytes.byteCount & ~7
    while position < wordsEnd {
      let word = unsafe bytes.unsafeLoadUnaligned(
        fromUncheckedByteOffset: position,
        as: UInt64.self
      )
      let mixed = UInt64(littleEndian: word) ^ UInt64(crc)
      crc = unsafe tables[unchecked: 0x700 | Int(mixed & 0xff)]
      crc ^= unsafe tables[unchecked: 0x600 | Int(mixed >> 8 & 0xff)]
      crc ^= unsafe tables[unchecked: 0x500 | Int(mixed >> 16 & 0xff)]
      crc ^= unsafe tables[unchecked: 0x400 | Int(mixed >> 24 & 0xff)]
      crc ^= unsafe tables[unchecked: 0x300 | Int(mixed >> 32 & 0xff)]
      crc ^= unsafe tables[unchecked: 0x200 | Int(mixed >> 40 & 0xff)]
      crc ^= unsafe tables[unchecked: 0x100 | Int(mixed >> 48 & 0xff)]
      crc ^= unsafe tables[unchecked: Int(mixed >> 56)]
      position &+= 8
    }
    while position < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
      crc = unsafe crc >> 8 ^ tables[unchecked: Int((crc ^ UInt32(byte)) & 0xff)]
      position &+= 1
    }
    state = crc
  }

  /// `tables[256 × k + b]`: what byte `b` leaves after `k` further bytes of zero.
  private static let tables: [UInt32] = {
    let reversedPolynomial: UInt32 = 0x82f6_3b78
    var tables = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { crc, _ in
        crc & 1 == 1 ? crc >> 1 ^ reversedPolynomial : crc >> 1
      }
    }
    for index in 256..<(8 * 256) {
      let before = tables[index - 256]
      tables.append(before >> 8 ^ tables[Int(before & 0xff)])
    }
    return tables
  }()
}
