/// Something broken or missing in a capture file; the reader went on behind it.
package struct CaptureDamage: Equatable, Sendable {
  package enum Reason: Equatable, Sendable {
    /// The file header is broken, though records follow.
    case fileHeader(found: [UInt8])
    /// No record begins where the one before ended.
    case syncWord(found: UInt32)
    /// A record is longer than the file; `needed` counts its head too.
    case cut(needed: Int, available: Int)
    /// A record's bytes were changed.
    case checksum(byteCount: Int, expected: UInt32, found: UInt32)
    /// The bytes are as written, but are no message of this kind.
    case payload(RecordKind, byteCount: Int)
    /// A second record of a kind that a file has once; the first counts.
    case repeated(RecordKind)
    /// Bytes behind the end record.
    case trailing(byteCount: Int)
    /// So many false records that searching on would take too long.
    case searchAbandoned(byteCount: Int)
    /// A kind that every file has is not there.
    case missing(RecordKind)
    /// The end record counts otherwise.
    case recordCount(expected: Int, found: Int)
  }

  /// Bytes from the start of the file.
  package var offset: Int
  package var reason: Reason
  /// Bytes from `offset` on that could not be used.
  package var bytesSkipped: Int

  package init(offset: Int, reason: Reason, bytesSkipped: Int = 0) {
    self.offset = offset
    self.reason = reason
    self.bytesSkipped = bytesSkipped
  }
}

extension CaptureDamage: CustomStringConvertible {
  /// One line without the file's name: `offset 4096: expected a record of 32 bytes, found 9 (file cut short?)`.
  package var description: String {
    let skipped = bytesSkipped == 0 ? "" : "; \(bytesSkipped) bytes skipped"
    return "offset \(offset): \(reason)\(skipped)"
  }
}

extension CaptureDamage.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .fileHeader(let found):
      "expected the file header, which begins with DCAP, found \(hexadecimal(found))"
    case .syncWord(let found):
      "expected the sync word of a record, \(bytes(of: RecordHead.sync)), found \(bytes(of: found))"
    case .cut(let needed, let available):
      "expected a record of \(needed) bytes, found \(available) (file cut short?)"
    case .checksum(let byteCount, let expected, let found):
      "expected a record of \(byteCount) bytes with checksum \(bytes(of: expected)), found \(bytes(of: found))"
    case .payload(let kind, let byteCount):
      "expected a \(kind) message of \(byteCount) bytes, found bytes that are none"
    case .repeated(let kind):
      "expected one \(kind) record, found another"
    case .trailing(let byteCount):
      "expected the end of the file behind the end record, found \(byteCount) further bytes"
    case .searchAbandoned(let byteCount):
      "expected a record, found none that is whole; the last \(byteCount) bytes were not searched to their end"
    case .missing(.end):
      "expected an end record, found the end of the file: the writer did not finish, or the file was cut"
    case .missing(let kind):
      "expected a \(kind) record, found none in the file"
    case .recordCount(let expected, let found):
      "expected \(expected) records before this one, found \(found)"
    }
  }

  /// The word as its bytes stand in the file.
  private func bytes(of word: UInt32) -> String {
    hexadecimal((0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) })
  }
}
