import Bytes

/// What a unit's first entry says for all the others: where its tables begin, and its folder.
struct UnitContext: Sendable {
  var header: UnitHeader
  var tag = DWARFTag.compileUnit
  var name = AttributeValue.absent
  var compilationDirectory = AttributeValue.absent
  /// Offset into `.debug_line`.
  var lineProgram: Int?
  var lowPC = AttributeValue.absent
  var highPC = AttributeValue.absent
  var ranges = AttributeValue.absent
  /// Offset of the unit's part of `.debug_str_offsets`.
  var stringOffsetsBase: Int
  var addressing: UnitAddressing
  /// The functions stand in a split file, of which this unit is the skeleton.
  var isSkeleton = false
  /// The split file, as the compiler wrote it.
  var splitName = AttributeValue.absent
  /// What the unit and its other half have in common.
  var splitID: UInt64?
  /// What the range lists of the split unit count from, before DWARF 5.
  var splitRangesBase = 0
  /// The unit stands in the file that `.gnu_debugaltlink` names.
  var isAlternate = false
}

extension UnitContext {
  /// Reads the first entry.
  init(
    _ header: UnitHeader,
    abbreviations: AbbreviationTable,
    info: RawSpan,
    addresses: RawSpan,
    isAlternate: Bool
  ) throws(FormatError) {
    self.header = header
    self.isAlternate = isAlternate
    splitID = header.splitID
    // A unit that does not say where its tables begin means the first ones, behind their header (DWARF 5, 7.26 to 7.28).
    let isLarge = header.encoding.offsetSize == 8
    let hasHeaders = header.encoding.version >= 5
    stringOffsetsBase = hasHeaders ? (isLarge ? 16 : 8) : 0
    addressing = UnitAddressing(
      encoding: header.encoding,
      addressBase: hasHeaders ? (isLarge ? 16 : 8) : 0,
      rangeListsBase: hasHeaders ? (isLarge ? 20 : 12) : 0
    )

    var cursor = try Self.cursor(info, header)
    guard let index = abbreviations.index(of: try cursor.uleb128()) else {
      throw FormatError(
        .malformed("expected a unit's entry, found a code without an abbreviation"),
        offset: header.entryOffset
      )
    }
    let abbreviation = abbreviations.abbreviations[index]
    tag = abbreviation.tag
    for position in abbreviation.attributes {
      let specification = abbreviations.attributes[position]
      guard let form = specification.form else {
        throw FormatError(.malformed("found a form that is not known"), offset: cursor.offset)
      }
      let value = AttributeValue.read(
        form,
        implicit: specification.implicit,
        encoding: header.encoding,
        from: &cursor
      )
      note(value.evaluated(header.encoding, before: cursor), of: specification.attribute)
    }
    if cursor.isBad {
      throw FormatError(
        .malformed("expected the unit's entry to end before the unit"),
        offset: header.entryOffset
      )
    }
    isSkeleton = isSkeleton || header.kind == .skeleton
    // The index of a low address counts from a base that may be stated behind it.
    addressing.base = addressing.address(lowPC, in: addresses) ?? 0
  }

  @_lifetime(copy info)
  private static func cursor(_ info: RawSpan, _ header: UnitHeader) throws(FormatError)
    -> ByteCursor
  {
    var all = ByteCursor(info)
    try all.seek(to: header.entryOffset)
    return try all.split(header.end - header.entryOffset)
  }

  private mutating func note(_ value: AttributeValue, of attribute: DWARFAttribute) {
    switch attribute {
    case .name: name = value
    case .compilationDirectory: compilationDirectory = value
    case .lineProgram: lineProgram = value.sectionOffset
    case .lowPC: lowPC = value
    case .highPC: highPC = value
    case .ranges: ranges = value
    case .addressBase, .gnuAddressBase:
      addressing.addressBase = value.sectionOffset ?? addressing.addressBase
    case .stringOffsetsBase: stringOffsetsBase = value.sectionOffset ?? stringOffsetsBase
    case .rangeListsBase:
      addressing.rangeListsBase = value.sectionOffset ?? addressing.rangeListsBase
    case .splitName, .gnuSplitName:
      splitName = value
      isSkeleton = true
    case .gnuSplitID: splitID = value.bits
    case .gnuRangesBase: splitRangesBase = value.sectionOffset ?? 0
    default: break
    }
  }
}

// MARK: - Values that need the unit's tables

extension UnitContext {
  /// Where the text of a string value stands.
  func string(_ value: AttributeValue, in stringOffsets: RawSpan) -> StringReference? {
    let section: StringReference.Section
    var bits = value.bits
    switch value.form {
    case .string: section = isAlternate ? .alternateInfo : .info
    case .stringOffset: section = isAlternate ? .alternateStrings : .strings
    case .lineStringOffset: section = .lineStrings
    case .gnuAlternateString, .supplementaryString: section = .alternateStrings
    case .stringIndex, .stringIndex1, .stringIndex2, .stringIndex3, .stringIndex4, .gnuStringIndex:
      let size = Int(header.encoding.offsetSize)
      guard let position = tablePosition(bits, size: size, base: stringOffsetsBase) else {
        return nil
      }
      var cursor = ByteCursor(stringOffsets)
      cursor.quietSeek(to: position)
      bits = cursor.quietUnsigned(byteCount: size)
      guard !cursor.isBad else { return nil }
      section = isAlternate ? .alternateStrings : .strings
    default: return nil
    }
    return Int(exactly: bits).flatMap { StringReference(section, offset: $0) }
  }
}

/// Where the text of a name stands: cheap to keep, to compare and to hash.
struct StringReference: Hashable, Sendable {
  /// A section that holds strings.
  enum Section: UInt64, Sendable {
    case strings = 0
    case lineStrings = 1
    case info = 2
    case lines = 3
    case alternateStrings = 4
    case alternateInfo = 5
    /// A table of names that were copied from split files.
    case split = 6
  }

  /// The section in the upper three bits, the offset below.
  let rawValue: UInt64

  /// A string of a section; nil for an offset that no file has.
  init?(_ section: Section, offset: Int) {
    guard offset >= 0, offset < 1 << 61 else { return nil }
    rawValue = section.rawValue << 61 | UInt64(offset)
  }

  var section: Section { Section(rawValue: rawValue >> 61) ?? .strings }
  var offset: Int { Int(rawValue & (1 << 61 - 1)) }
}
