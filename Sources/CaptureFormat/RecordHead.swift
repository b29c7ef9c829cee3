import Bytes

/// The 16 bytes before a payload: u32 sync, u16 kind, u16 flags, u32 payload length, u32 CRC-32C of kind,
/// flags, length and payload.
package struct RecordHead: Equatable, Sendable {
  /// `ERCD` in the file.
  package static let sync: UInt32 = 0x4443_5245
  package static let byteCount = 16

  package var kind: RecordKind
  /// No flag is defined yet; a reader ignores those it does not know.
  package var flags: UInt16
  package var payloadByteCount: Int

  /// Reads the head of a record that is whole: all its bytes are there and give its checksum.
  ///
  /// The cursor then stands at the payload; a failed read does not move it. `budget` is how many bytes may still be
  /// summed, and is counted down; a record that would exceed it is refused with `.searchAbandoned`.
  init(parsing input: inout ByteCursor, budget: inout Int) throws(CaptureDamage.Reason) {
    var look = input
    guard look.remaining >= Self.byteCount else {
      throw .cut(needed: Self.byteCount, available: look.remaining)
    }
    let sync = look.quietU32()
    guard sync == Self.sync else { throw .syncWord(found: sync) }
    var summed = look
    kind = RecordKind(rawValue: look.quietU16())
    flags = look.quietU16()
    // A 32-bit length and 16 bytes: their sum fits.
    payloadByteCount = Int(look.quietU32())
    let expected = look.quietU32()
    guard payloadByteCount <= look.remaining else {
      throw .cut(needed: Self.byteCount + payloadByteCount, available: input.remaining)
    }
    guard budget >= payloadByteCount else { throw .searchAbandoned(byteCount: input.remaining) }
    budget -= payloadByteCount
    var payload = look
    var checksum = CRC32C()
    checksum.add(summed.quietBytes(8))
    checksum.add(payload.quietBytes(payloadByteCount))
    guard checksum.value == expected else {
      throw .checksum(
        byteCount: Self.byteCount + payloadByteCount,
        expected: expected,
        found: checksum.value
      )
    }
    input = look
  }
}

extension CaptureDamage.Reason: Error {}

extension ByteCursor {
  /// The next bytes, of which the caller knows that they are there; none otherwise.
  @_lifetime(copy self) @_lifetime(self: copy self)
  mutating func quietBytes(_ count: Int) -> RawSpan {
    do throws(FormatError) {
      return try bytes(count)
    } catch {
      markBad()
      return RawSpan()
    }
  }
}
