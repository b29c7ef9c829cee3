import Glibc

/// The first 100 bytes of an SQLite file (sqlite.org/fileformat2.html, 1.3), enough to tell whose it is.
enum ArchiveHeader {
  private static let sqliteMagic = Array("SQLite format 3\0".utf8)
  private static let captureMagic: [UInt8] = [0x44, 0x43, 0x41, 0x50, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Checks that the file is a report archive of a version that is read here; its size in bytes.
  static func check(_ path: String) throws(ReportArchiveError) -> Int {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      let code = errno
      throw ReportArchiveError(
        file: path,
        problem: "cannot open the report: \(errorText(code))",
        hint: code == ENOENT ? "list the reports beside the captures: ls *.dcreport" : nil
      )
    }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw ReportArchiveError(file: path, problem: "cannot examine it: \(errorText(errno))")
    }
    let type = status.st_mode & S_IFMT
    guard type == S_IFREG else {
      throw ReportArchiveError(
        file: path,
        problem: type == S_IFDIR
          ? "is a directory, expected a report archive" : "is not a regular file",
        hint: "name one file: dumpcollect report \(path == "/" ? "" : path)/NAME.dcreport"
      )
    }
    var bytes = [UInt8](repeating: 0, count: 100)
    let count = unsafe pread(descriptor, &bytes, bytes.count, 0)
    guard count >= 0 else {
      throw ReportArchiveError(file: path, problem: "cannot read it: \(errorText(errno))")
    }
    let header = Array(bytes.prefix(count))
    try check(header, path)
    let wanted = byteCount(statedBy: header)
    guard Int(status.st_size) >= wanted else {
      throw .damaged(path, "cut after \(status.st_size) of \(wanted) bytes")
    }
    return Int(status.st_size)
  }

  /// Size of a page times number of pages.
  private static func byteCount(statedBy header: [UInt8]) -> Int {
    let pageSize = bigEndian(header[16..<18])
    // 65,536 does not fit, and is written as 1.
    return Int(bigEndian(header[28..<32])) * (pageSize == 1 ? 65_536 : Int(pageSize))
  }

  private static func check(_ bytes: [UInt8], _ path: String) throws(ReportArchiveError) {
    guard !bytes.isEmpty else {
      throw ReportArchiveError(
        file: path,
        problem: "is empty, expected a report archive",
        hint: "make it from its capture: dumpcollect symbolize CAPTURE"
      )
    }
    if bytes.starts(with: captureMagic) {
      throw ReportArchiveError(
        file: path,
        problem: "is a capture, expected a report archive",
        hint: "symbolize it first: dumpcollect symbolize \(path)"
      )
    }
    guard bytes.starts(with: sqliteMagic) else {
      throw ReportArchiveError(
        file: path,
        problem:
          "offset 0: expected an SQLite database (“SQLite format 3”), found another kind of file",
        hint: "a report is made from a capture: dumpcollect symbolize CAPTURE"
      )
    }
    guard bytes.count == 100 else { throw .damaged(path, "cut after \(bytes.count) bytes") }
    let application = bigEndian(bytes[68..<72])
    guard application == UInt32(ArchiveSchema.applicationID) else {
      throw ReportArchiveError(
        file: path,
        problem: "offset 68: an SQLite database of another program "
          + "(application_id 0x\(String(application, radix: 16)), expected "
          + "0x\(String(ArchiveSchema.applicationID, radix: 16)))",
        hint: "a report is made from a capture: dumpcollect symbolize CAPTURE"
      )
    }
    let version = bigEndian(bytes[60..<64])
    guard version <= UInt32(ArchiveSchema.version) else {
      throw ReportArchiveError(
        file: path,
        problem:
          "offset 60: written by a newer dumpcollect (schema \(version), this one reads up to "
          + "\(ArchiveSchema.version))",
        hint: "use that version, or make it anew here: dumpcollect symbolize CAPTURE"
      )
    }
    guard version == 0 || version == UInt32(ArchiveSchema.version) else {
      throw ReportArchiveError(
        file: path,
        problem:
          "offset 60: written by an older dumpcollect (schema \(version), this one reads "
          + "\(ArchiveSchema.version))",
        hint: "make it anew from its capture: dumpcollect symbolize CAPTURE"
      )
    }
    guard version > 0 else { throw .damaged(path, "offset 60: schema version 0 never existed") }
  }

  private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// The system's words for an errno.
func errorText(_ code: Int32) -> String {
  // Safe because strerror always returns a string, which is copied at once.
  unsafe String(cString: strerror(code))
}
