import Bytes
internal import Glibc

/// Reads capture files, whole ones and what is left of others.
package enum CaptureReader {
  /// More than any capture has: what is larger is something else, and would only fill the memory.
  static let maximumByteCount = 4 << 30

  /// The capture in the file at `path`; "-" is standard input.
  ///
  /// The file is read, not mapped: one that is cut meanwhile would otherwise end the process.
  package static func capture(at path: String) throws(CaptureError) -> Capture {
    if path == "-" { return try capture(from: STDIN_FILENO, named: "standard input") }
    // Safe because Swift passes a C string that lives during the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path, errno) }
    defer { close(descriptor) }
    return try capture(from: descriptor, named: path)
  }

  /// The capture that `bytes` are, or are the rest of; errors call it `name`.
  package static func capture(
    in bytes: RawSpan,
    named name: String
  ) throws(CaptureError) -> Capture {
    guard !bytes.isEmpty else { throw .noBytes(name) }
    var parser = CaptureParser(bytes)
    do throws(FormatError) {
      try parser.parseFileHeader()
    } catch {
      throw .foreign(name, bytes, error)
    }
    parser.parseRecords()
    guard parser.hasKnownRecord else { throw .nothingWhole(name, parser.capture.damage) }
    return parser.capture
  }

  private static func capture(
    from descriptor: Int32,
    named name: String
  ) throws(CaptureError) -> Capture {
    guard isatty(descriptor) == 0 else { throw .terminal(name) }
    let bytes = try contents(of: descriptor, named: name)
    // Safe because an array of UInt8 has no padding between its elements.
    return try capture(in: unsafe bytes.span.bytes, named: name)
  }

  /// All bytes up to the end of the file.
  ///
  /// The first of them are looked at before the rest is read: a wrong file may be large, or have no end.
  private static func contents(
    of descriptor: Int32,
    named name: String
  ) throws(CaptureError) -> [UInt8] {
    var bytes: [UInt8] = []
    try append(from: descriptor, upTo: firstByteCount, to: &bytes, named: name)
    if bytes.count == firstByteCount {
      try requireCaptureStart(bytes, named: name)
      bytes.reserveCapacity(sizeHint(of: descriptor))
      try append(from: descriptor, upTo: maximumByteCount, to: &bytes, named: name)
    }
    guard bytes.count < maximumByteCount else { throw .oversized(name, maximumByteCount) }
    return bytes
  }

  private static let firstByteCount = 1 << 16

  /// Throws unless the first bytes hold a file header, or a whole record behind a broken one.
  private static func requireCaptureStart(
    _ bytes: [UInt8],
    named name: String
  ) throws(CaptureError) {
    // Safe because an array of UInt8 has no padding between its elements.
    let span = unsafe bytes.span.bytes
    var parser = CaptureParser(span)
    do throws(FormatError) {
      try parser.parseFileHeader()
    } catch {
      throw .foreign(name, span, error)
    }
  }

  /// The size of a regular file, within bounds; 0 for everything else.
  private static func sizeHint(of descriptor: Int32) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return 0
    }
    return min(max(0, Int(status.st_size)), maximumByteCount)
  }

  private static func append(
    from descriptor: Int32,
    upTo limit: Int,
    to bytes: inout [UInt8],
    named name: String
  ) throws(CaptureError) {
    var buffer = [UInt8](repeating: 0, count: firstByteCount)
    while bytes.count < limit {
      let wanted = min(buffer.count, limit - bytes.count)
      // Safe because read(2) writes at most the count it is given, which the buffer has.
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, wanted)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .unreadable(name, errno) }
      guard count > 0 else { return }
      bytes.append(contentsOf: buffer[..<count])
    }
  }
}
