import Bytes
internal import Glibc

/// The errors that reading a capture can end in, each with what to try next.
extension CaptureError {
  static func unreadable(_ file: String, _ number: Int32) -> CaptureError {
    let hint =
      switch number {
      case ENOENT: "dumpcollect list shows the directories that services write their captures to"
      case EACCES, EPERM:
        "captures belong to the service's user: try again as that user or with sudo"
      case EISDIR: "name a capture file in it: ls -t '\(file)'/*.dcap"
      default: nil as String?
      }
    return CaptureError(.unreadable(number), file: file, problem: text(of: number), hint: hint)
  }

  static func noBytes(_ file: String) -> CaptureError {
    CaptureError(
      .empty,
      file: file,
      problem: "offset 0: expected a capture file, found an empty file",
      hint:
        "the disk may have been full (df), or the copy failed; dumpcollect dump makes a new capture"
    )
  }

  /// A file header and nothing behind it that could be used.
  static func nothingWhole(_ file: String, _ damage: [CaptureDamage]) -> CaptureError {
    CaptureError(
      .empty,
      file: file,
      problem: damage.first?.description
        ?? "offset \(FileHeader.byteCount): expected records, found none",
      hint: "no record of it is whole; dumpcollect dump makes a new capture"
    )
  }

  static func oversized(_ file: String, _ limit: Int) -> CaptureError {
    CaptureError(
      .oversized,
      file: file,
      problem: "offset \(limit): expected the end of a capture file, found further bytes"
    )
  }

  static func terminal(_ file: String) -> CaptureError {
    CaptureError(
      .foreign,
      file: file,
      problem: "expected a capture file, found a terminal",
      hint: "name a file, or redirect one: … - < FILE.dcap"
    )
  }

  /// The bytes do not begin as a capture does: says what they seem to be.
  static func foreign(_ file: String, _ bytes: RawSpan, _ error: FormatError) -> CaptureError {
    if case .unsupportedVersion(let version) = error.reason {
      return CaptureError(
        .version(UInt16(truncatingIfNeeded: version)),
        file: file,
        problem: "offset \(error.offset): expected version \(FileHeader.version), found \(version)",
        hint: "the service has a newer handler: use the dumpcollect that came with it"
      )
    }
    if bytes.byteCount < FileHeader.byteCount, starts(bytes, with: FileHeader.magic) {
      return CaptureError(
        .empty,
        file: file,
        problem: "offset 0: expected a file header of \(FileHeader.byteCount) bytes, found "
          + "\(bytes.byteCount) (file cut short?)",
        hint: "nothing of it can be used; dumpcollect dump makes a new capture"
      )
    }
    let known = lookalikes.first { starts(bytes, with: $0.bytes) }
    var cursor = ByteCursor(bytes)
    let first = (0..<min(8, bytes.byteCount)).map { _ in cursor.quietU8() }
    return CaptureError(
      .foreign,
      file: file,
      problem: "offset 0: expected a capture file, which begins with DCAP, found "
        + (known?.what ?? hexadecimal(first)),
      hint: known?.hint ?? "captures are the *.dcap files that dumpcollect dump prints the paths of"
    )
  }

  /// Files that people confuse with captures, by their first bytes.
  private static let lookalikes: [(bytes: [UInt8], what: String, hint: String)] = [
    (
      Array("SQLite format 3\0".utf8), "a SQLite database",
      "if it is a report, it is symbolized already: dumpcollect report FILE"
    ),
    (
      [0x7f, 0x45, 0x4c, 0x46], "an ELF file",
      "a program or core file is not a capture; dumpcollect dump PID makes one of a running service"
    ),
    (
      [0x1f, 0x8b], "a gzip file",
      "decompress it first: gunzip FILE, or zcat FILE | dumpcollect symbolize -"
    ),
    (
      [0x28, 0xb5, 0x2f, 0xfd], "a zstd file",
      "decompress it first: unzstd FILE, or zstdcat FILE | dumpcollect symbolize -"
    ),
    (
      Array("DCAP\n".utf8), "a capture whose line ends were changed",
      "copy it again, in binary mode"
    ),
  ]

  private static func starts(_ bytes: RawSpan, with expected: [UInt8]) -> Bool {
    var cursor = ByteCursor(bytes)
    for byte in expected.prefix(bytes.byteCount) where cursor.quietU8() != byte { return false }
    return bytes.byteCount >= expected.count || expected == FileHeader.magic
  }

  private static func text(of number: Int32) -> String {
    // Safe because glibc's strerror (2.32 and later) returns a string of the calling thread's own.
    let phrase = unsafe String(cString: strerror(number))
    return phrase.prefix(1).lowercased() + phrase.dropFirst()
  }
}
