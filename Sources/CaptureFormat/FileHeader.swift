package import Bytes

/// The first 16 bytes of a capture file: `DCAP\r\n\x1a\n`, u16 version, u16 flags, u32 zero.
///
/// Line ends and the end-of-text character show a transfer in text mode, as PNG's signature does.
package struct FileHeader: Equatable, Sendable {
  package static let byteCount = 16
  package static let magic: [UInt8] = [0x44, 0x43, 0x41, 0x50, 0x0d, 0x0a, 0x1a, 0x0a]
  /// The one version there is; records and fields are added without a new one.
  package static let version: UInt16 = 1

  package var version: UInt16
  package var flags: UInt16

  /// Reads the header of a version that this reader knows.
  ///
  /// A failed read does not move.
  package init(parsing input: inout ByteCursor) throws(FormatError) {
    let start = input.offset
    try input.require(Self.byteCount)
    var look = input
    var found: [UInt8] = []
    for _ in Self.magic { found.append(try look.u8()) }
    guard found == Self.magic else {
      throw FormatError(
        .malformed("expected a capture file, which begins with DCAP, found \(hexadecimal(found))"),
        offset: start
      )
    }
    version = try look.u16()
    guard version == Self.version else {
      throw FormatError(.unsupportedVersion(UInt32(version)), offset: start + Self.magic.count)
    }
    flags = try look.u16()
    try look.skip(4)
    input = look
  }
}

/// Bytes as `44 43 41 50`.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes
    .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    .joined(separator: " ")
}
