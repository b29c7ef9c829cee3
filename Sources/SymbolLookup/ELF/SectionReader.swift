import Bytes

/// What is read of sections while a file is opened.
struct SectionReader {
  let contents: ByteRegion
  let sections: [ELFSection]

  /// The section's bytes as they stand in the file.
  static func rawBytes(
    of section: ELFSection,
    in contents: ByteRegion
  ) throws(FormatError) -> ByteRegion {
    guard section.kind != .noBits else { return .empty }
    guard let start = Int(exactly: section.fileOffset), let count = Int(exactly: section.byteCount),
      count <= contents.byteCount, start <= contents.byteCount - count,
      let region = contents.part(start..<(start + count))
    else {
      throw FormatError(
        .malformed(
          "section \(section.name) ends at \(section.fileOffset.clampedSum(section.byteCount)), behind the file's "
            + "\(contents.byteCount) bytes (file cut short?)"
        ),
        offset: Int(clamping: section.fileOffset)
      )
    }
    return region
  }

  /// From note sections, else from note segments: a debug file's segments point at bytes it does
  /// not have.
  func buildID(segments: [ELFSegment]) -> BuildID? {
    for section in sections where section.kind == .note {
      // A section that lies outside the file has no notes.
      guard let region = try? Self.rawBytes(of: section, in: contents) else { continue }
      if let found = Self.buildID(in: region) { return found }
    }
    if sections.contains(where: { $0.kind == .note }) { return nil }
    for segment in segments where segment.kind == .note {
      guard let start = Int(exactly: segment.fileOffset),
        let count = Int(exactly: segment.fileByteCount),
        count <= contents.byteCount, start <= contents.byteCount - count,
        let region = contents.part(start..<(start + count))
      else { continue }
      if let found = Self.buildID(in: region) { return found }
    }
    return nil
  }

  func debugLink() -> DebugLink? {
    guard let region = region(named: ".gnu_debuglink") else { return nil }
    var cursor = ByteCursor(region.bytes)
    guard let name = try? text(&cursor), let last = name.split(separator: "/").last,
      !name.hasSuffix("/"), last != "..", last != "."
    else { return nil }
    cursor.quietSkip((4 - cursor.position % 4) % 4)
    let checksum = cursor.quietU32()
    return cursor.isBad ? nil : DebugLink(fileName: name, checksum: checksum)
  }

  func alternateDebugLink() -> AlternateDebugLink? {
    guard let region = region(named: ".gnu_debugaltlink") else {
      guard let link = supplementaryLink(), !link.isSupplementary else { return nil }
      return BuildID(link.checksum).map { AlternateDebugLink(path: link.path, buildID: $0) }
    }
    var cursor = ByteCursor(region.bytes)
    guard let path = try? text(&cursor), !path.isEmpty, cursor.remaining <= 64 else { return nil }
    var bytes: [UInt8] = []
    while !cursor.isAtEnd { bytes.append(cursor.quietU8()) }
    return BuildID(bytes).map { AlternateDebugLink(path: path, buildID: $0) }
  }

  /// What a file of common parts states to be known by, as DWARF 5 has it.
  func supplementaryID() -> BuildID? {
    supplementaryLink().flatMap { $0.isSupplementary ? BuildID($0.checksum) : nil }
  }

  /// `.debug_sup` (DWARF 5, 7.3.6), which names the file of common parts in the way of the standard.
  private func supplementaryLink() -> (isSupplementary: Bool, path: String, checksum: [UInt8])? {
    guard let region = region(named: ".debug_sup") else { return nil }
    var cursor = ByteCursor(region.bytes)
    guard cursor.quietU16() == 5 else { return nil }
    let isSupplementary = cursor.quietU8() != 0
    guard let path = try? text(&cursor) else { return nil }
    let count = cursor.quietULEB128()
    guard !cursor.isBad, (1...64).contains(count), count <= UInt64(cursor.remaining) else {
      return nil
    }
    return (isSupplementary, path, (0..<count).map { _ in cursor.quietU8() })
  }

  /// Notes are aligned to 4 bytes, but in segments and sections of 8 to 8 (`.note.gnu.property`):
  /// both are tried.
  private static func buildID(in region: ByteRegion) -> BuildID? {
    for alignment in [4, 8] {
      var cursor = ByteCursor(region.bytes)
      if let found = BuildID.find(inNotes: &cursor, alignment: alignment) { return found }
    }
    return nil
  }

  /// A link that cannot be read counts as none.
  private func region(named name: String) -> ByteRegion? {
    sections.dropFirst().first { $0.name == name }
      .flatMap { try? Self.rawBytes(of: $0, in: contents) }
  }

  private func text(_ cursor: inout ByteCursor) throws(FormatError) -> String {
    let bytes = try cursor.cString()
    // Safe because the pointer does not outlive the borrowed span.
    return unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension FixedWidthInteger {
  /// The sum, or the largest number where it would overflow.
  func clampedSum(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
