package import CaptureFormat

/// The sections of DWARF that lookups read; a file without one of them has no bytes there.
package struct DWARFSections: Sendable {
  package var info = ByteRegion.empty
  package var abbreviations = ByteRegion.empty
  package var lines = ByteRegion.empty
  package var strings = ByteRegion.empty
  package var lineStrings = ByteRegion.empty
  package var stringOffsets = ByteRegion.empty
  package var addresses = ByteRegion.empty
  /// `.debug_ranges`, of DWARF 2 to 4.
  package var ranges = ByteRegion.empty
  /// `.debug_rnglists`, of DWARF 5.
  package var rangeLists = ByteRegion.empty
  package var addressRanges = ByteRegion.empty

  package init() {}
}

/// Something that DWARF says wrongly or that is not read; costs the part it names and no more.
package struct DWARFProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// The section's name with its dot.
  package var section: String
  package var error: FormatError

  package init(_ section: String, _ error: FormatError) {
    self.section = section
    self.error = error
  }

  package var description: String { "\(section): \(error)" }
}

extension DWARFSections {
  /// The text of a name without its NUL; empty where the section has no such string.
  ///
  /// `alternate`: the sections that the references of `dwz` mean.
  func bytes(of reference: StringReference, alternate: DWARFSections? = nil) -> [UInt8] {
    let section = section(of: reference, alternate: alternate)
    var cursor = ByteCursor(section.bytes)
    cursor.quietSeek(to: reference.offset)
    // A string without end is damage; what there is of it is no name.
    guard !cursor.isBad, let text = try? cursor.cString() else { return [] }
    // Safe because the pointer does not outlive the borrowed span.
    return unsafe text.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

extension DWARFSections {
  /// The section that a string stands in.
  func section(of reference: StringReference, alternate: DWARFSections?) -> ByteRegion {
    switch reference.section {
    case .strings: strings
    case .lineStrings: lineStrings
    case .info: info
    case .lines: lines
    case .alternateStrings: alternate?.strings ?? .empty
    case .alternateInfo: alternate?.info ?? .empty
    }
  }
}

extension DWARFSections {
  /// The sections of a file; one that cannot be expanded or lies outside the file is named and left empty.
  package init(of file: ELFFile, problems: inout [DWARFProblem]) {
    func bytes(_ name: String) -> ByteRegion {
      do throws(FormatError) {
        return try file.debugSection(name) ?? .empty
      } catch {
        problems.append(DWARFProblem(".\(name)", error))
        return .empty
      }
    }
    info = bytes("debug_info")
    guard info.byteCount > 0 else { return }
    abbreviations = bytes("debug_abbrev")
    lines = bytes("debug_line")
    strings = bytes("debug_str")
    lineStrings = bytes("debug_line_str")
    stringOffsets = bytes("debug_str_offsets")
    addresses = bytes("debug_addr")
    ranges = bytes("debug_ranges")
    rangeLists = bytes("debug_rnglists")
    addressRanges = bytes("debug_aranges")
  }
}
