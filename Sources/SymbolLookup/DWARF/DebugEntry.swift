import Bytes

/// One entry of a unit as it stands, for those who ask about few: others walk.
enum DebugEntry {
  /// Calls `body` with each attribute that the entry has, up to where it cannot be read.
  ///
  /// Values that are expressions for an address are that address.
  ///
  /// - Returns: what the entry describes; nil where there is none.
  @discardableResult
  static func forEachAttribute(
    of target: EntryReference,
    in unit: borrowing LoadedUnit,
    _ info: ByteRegion,
    _ body: (DWARFAttribute, AttributeValue) -> Void
  ) -> DWARFTag? {
    let header = unit.context.header
    guard target.offset >= header.entryOffset, target.offset < header.end else { return nil }
    var cursor = ByteCursor(info.bytes)
    cursor.quietSeek(to: target.offset)
    cursor = cursor.quietPart(upTo: header.end)
    guard let index = unit.abbreviations.index(of: cursor.quietULEB128()) else { return nil }
    let abbreviation = unit.abbreviations.abbreviations[index]
    for position in abbreviation.attributes {
      let attribute = unit.abbreviations.attributes[position]
      guard let form = attribute.form else { break }
      let value = AttributeValue.read(
        form,
        implicit: attribute.implicit,
        encoding: header.encoding,
        from: &cursor
      )
      if cursor.isBad { break }
      body(attribute.attribute, value.evaluated(header.encoding, before: cursor))
    }
    return abbreviation.tag
  }
}

/// Where a function or variable is declared.
struct Declaration: Sendable {
  /// 0 when nothing states it.
  var line: UInt32 = 0
  /// In the numbers of the unit whose entry states it; nil when nothing does.
  var file: UInt32?
  /// That unit, where it is not the one that was asked.
  var fileUnit: LoadedUnit?
}

extension NameResolver {
  /// Where the entry is declared: the first line and the first file on the way to its abstract origin and
  /// specification, which mostly stand together.
  mutating func declaration(
    of entry: EntryReference,
    current: borrowing LoadedUnit,
    file: DWARFFile
  ) -> Declaration {
    var declaration = Declaration()
    var target = entry
    for _ in 0..<Self.longestChain {
      let info = target.isAlternate ? file.alternate?.info ?? .empty : file.sections.info
      let header = current.context.header
      let isCurrent =
        !target.isAlternate && target.offset >= header.entryOffset && target.offset < header.end
      let other = isCurrent ? nil : unit(holding: target, file)
      var (line, number): (UInt32?, UInt32?)
      var (origin, specification): (EntryReference?, EntryReference?)
      func note(_ attribute: DWARFAttribute, _ value: AttributeValue, _ unitOffset: Int) {
        switch attribute {
        case .declarationLine: line = value.smallConstant
        case .declarationFile: number = value.smallConstant
        case .abstractOrigin:
          origin = value.reference(unitOffset: unitOffset, isAlternate: target.isAlternate)
        case .specification:
          specification = value.reference(unitOffset: unitOffset, isAlternate: target.isAlternate)
        default: break
        }
      }
      if let other {
        let offset = other.context.header.offset
        DebugEntry.forEachAttribute(of: target, in: other, info) { note($0, $1, offset) }
      } else if isCurrent {
        DebugEntry.forEachAttribute(of: target, in: current, info) { note($0, $1, header.offset) }
      }
      if declaration.line == 0, let line { declaration.line = line }
      if declaration.file == nil, let number {
        declaration.file = number
        declaration.fileUnit = other
      }
      if declaration.line != 0, declaration.file != nil { break }
      guard let next = origin ?? specification, next != target else { break }
      target = next
    }
    return declaration
  }
}
