import Bytes

/// The index of a package of split units, `.debug_cu_index`: where the parts of each unit lie (DWARF 5, 7.3.5.3;
/// version 2 is GNU's, of which DWARF 5 kept the shape).
struct SplitPackage: Sendable {
  /// A section that a unit has a part of, by its number in the index.
  enum Part: Sendable {
    case info, abbreviations, lines, stringOffsets, rangeLists

    /// The number differs between the versions; nil for sections that lookups do not read.
    init?(_ number: UInt32, version: UInt32) {
      switch (number, version) {
      case (1, _): self = .info
      case (3, _): self = .abbreviations
      case (4, _): self = .lines
      case (6, _): self = .stringOffsets
      case (8, 5): self = .rangeLists
      default: return nil
      }
    }
  }

  private let index: ByteRegion
  private let version: UInt32
  private let columns: [Part?]
  private let unitCount: Int
  private let slotCount: Int

  /// Reads the index's head, and checks that its tables lie inside.
  ///
  /// - Throws: what the index says wrongly.
  init(parsing index: ByteRegion) throws(FormatError) {
    self.index = index
    var cursor = ByteCursor(index.bytes)
    // DWARF 5 has a half word and padding where version 2 has a word.
    version = try cursor.u32()
    guard version == 2 || version == 5 else {
      throw FormatError(.unsupportedVersion(version), offset: 0)
    }
    let columnCount = Int(try cursor.u32())
    unitCount = Int(try cursor.u32())
    slotCount = Int(try cursor.u32())
    guard columnCount <= 16, slotCount & (slotCount &- 1) == 0, slotCount > 0 || unitCount == 0
    else {
      throw FormatError(
        .malformed("expected at most 16 sections and a power of two of slots"),
        offset: 4
      )
    }
    // Each at most 2³², so that the sums cannot overflow.
    try cursor.require(slotCount * 12 + columnCount * 4 + unitCount * columnCount * 8)
    try cursor.skip(slotCount * 12)
    var columns: [Part?] = []
    for _ in 0..<columnCount { columns.append(Part(try cursor.u32(), version: version)) }
    self.columns = columns
  }

  /// The unit's parts of the package's sections; nil when the package does not have the unit.
  ///
  /// Names are kept in one section for all units.
  func sections(of id: UInt64, in package: DWARFSections) throws(FormatError) -> DWARFSections? {
    guard let row = row(of: id) else { return nil }
    var sections = DWARFSections()
    sections.strings = package.strings
    for (column, part) in columns.enumerated() {
      guard let part else { continue }
      let range = try range(row: row, column: column)
      switch part {
      case .info: sections.info = try Self.part(range, of: package.info)
      case .abbreviations: sections.abbreviations = try Self.part(range, of: package.abbreviations)
      case .lines: sections.lines = try Self.part(range, of: package.lines)
      case .stringOffsets: sections.stringOffsets = try Self.part(range, of: package.stringOffsets)
      case .rangeLists: sections.rangeLists = try Self.part(range, of: package.rangeLists)
      }
    }
    return sections
  }

  /// The row of a unit, from 0: by open addressing, at most every slot once.
  private func row(of id: UInt64) -> Int? {
    guard slotCount > 0 else { return nil }
    let mask = slotCount - 1
    var slot = Int(truncatingIfNeeded: id) & mask
    let step = Int(truncatingIfNeeded: id >> 32) & mask | 1
    var cursor = ByteCursor(index.bytes)
    for _ in 0..<slotCount {
      cursor.quietSeek(to: 16 + slot * 8)
      let signature = cursor.quietU64()
      cursor.quietSeek(to: 16 + slotCount * 8 + slot * 4)
      let row = Int(cursor.quietU32())
      if row == 0 { return nil }
      if signature == id { return row <= unitCount ? row - 1 : nil }
      slot = (slot + step) & mask
    }
    return nil
  }

  private func range(row: Int, column: Int) throws(FormatError) -> Range<Int> {
    let tables = 16 + slotCount * 12 + columns.count * 4
    let cell = (row * columns.count + column) * 4
    var cursor = ByteCursor(index.bytes)
    try cursor.seek(to: tables + cell)
    let offset = Int(try cursor.u32())
    try cursor.seek(to: tables + unitCount * columns.count * 4 + cell)
    return offset..<offset + Int(try cursor.u32())
  }

  private static func part(
    _ range: Range<Int>,
    of section: ByteRegion
  ) throws(FormatError) -> ByteRegion {
    guard let part = section.part(range) else {
      throw FormatError(
        .truncated(needed: range.upperBound, available: section.byteCount),
        offset: range.lowerBound
      )
    }
    return part
  }
}
