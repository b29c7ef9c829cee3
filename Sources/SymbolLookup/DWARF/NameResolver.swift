import Bytes

/// A function as DWARF names it.
struct FunctionName: Hashable, Sendable {
  /// The linkage name, or the plain name of a function that has none.
  var text: StringReference
}

/// Follows an entry's abstract origin and specification to the function's name (DWARF 5, 3.3.8), across units.
struct NameResolver {
  /// A chain is at most this long: concrete instance, abstract instance, declaration, and room; cycles end here.
  static let longestChain = 16
  /// Units of others are dropped together beyond this number.
  private static let keptUnitCount = 64

  private var loader: UnitLoader
  private var units: [Int: LoadedUnit] = [:]
  private(set) var problems: Set<DWARFProblem> = []

  /// A resolver that may read so much.
  init(budget: WorkBudget) {
    loader = UnitLoader(budget: budget)
  }

  /// The name of the function that an entry describes; nil when nothing in its chain states one.
  ///
  /// `current`: the unit that is being looked at, where most chains begin and end.
  mutating func name(
    of entry: EntryReference,
    current: borrowing LoadedUnit,
    file: DWARFFile
  ) -> FunctionName? {
    var target = entry
    var plain: FunctionName?
    var mangled: FunctionName?
    for _ in 0..<Self.longestChain {
      let links: Links
      let header = current.context.header
      if !target.isAlternate, target.offset >= header.entryOffset, target.offset < header.end {
        links = Links(at: target, current, file)
      } else {
        guard let other = unit(holding: target, file) else { break }
        links = Links(at: target, other, file)
      }
      plain = plain ?? links.plainName
      if let linkage = links.linkageName {
        guard file.naming.prefersPlainNames else { return linkage }
        mangled = mangled ?? linkage
      }
      guard let next = links.next, next != target else { break }
      target = next
    }
    return plain ?? mangled
  }

  mutating func unit(holding target: EntryReference, _ file: DWARFFile) -> LoadedUnit? {
    let list = target.isAlternate ? file.alternateUnits : file.units
    guard let index = list.index(containing: target.offset) else { return nil }
    let key = target.isAlternate ? ~index : index
    if let known = units[key] { return known }
    do throws(DWARFProblem) {
      let unit = try loader.load(index, of: file, isAlternate: target.isAlternate)
      if units.count >= Self.keptUnitCount { units.removeAll() }
      units[key] = unit
      return unit
    } catch {
      if problems.count < 16 { problems.insert(error) }
      return nil
    }
  }
}

/// What one entry of a chain says.
private struct Links {
  var linkageName: FunctionName?
  var plainName: FunctionName?
  var next: EntryReference?

  init(at target: EntryReference, _ unit: borrowing LoadedUnit, _ file: DWARFFile) {
    // Two regions, not all sections: copying those costs more than the rest.
    let info = target.isAlternate ? file.alternate?.info ?? .empty : file.sections.info
    let stringOffsets =
      target.isAlternate ? file.alternate?.stringOffsets ?? .empty : file.sections.stringOffsets
    let header = unit.context.header
    var cursor = ByteCursor(info.bytes)
    cursor.quietSeek(to: target.offset)
    cursor = cursor.quietPart(upTo: header.end)
    guard let index = unit.abbreviations.index(of: cursor.quietULEB128()) else { return }
    let abbreviation = unit.abbreviations.abbreviations[index]
    var origin: EntryReference?
    var specification: EntryReference?
    for position in abbreviation.attributes {
      let attribute = unit.abbreviations.attributes[position]
      guard let form = attribute.form else { break }
      let value = AttributeValue.read(
        form,
        implicit: attribute.implicit,
        encoding: header.encoding,
        from: &cursor
      )
      if cursor.isBad { return }
      switch attribute.attribute {
      case .name:
        plainName = Self.name(value, unit, stringOffsets)
      case .linkageName, .oldLinkageName:
        linkageName = Self.name(value, unit, stringOffsets)
      case .abstractOrigin:
        origin = value.reference(unitOffset: header.offset, isAlternate: target.isAlternate)
      case .specification:
        specification = value.reference(unitOffset: header.offset, isAlternate: target.isAlternate)
      default: break
      }
    }
    next = origin ?? specification
  }

  private static func name(
    _ value: AttributeValue,
    _ unit: borrowing LoadedUnit,
    _ stringOffsets: ByteRegion
  ) -> FunctionName? {
    unit.context.string(value, in: stringOffsets.bytes).map {
      FunctionName(text: $0)
    }
  }
}
