import Bytes

/// The DWARF of one file, with that of the file that `dwz` moved common parts to.
///
/// Immutable: any number of threads may read it.
package final class DWARFFile: Sendable {
  package let sections: DWARFSections
  /// The sections of the file that `.gnu_debugaltlink` names; names may stand there, code never.
  package let alternate: DWARFSections?
  /// Where the functions of skeleton units stand; nil where nobody looks for them.
  let split: SplitUnits?
  let naming: Naming
  let units: UnitList
  let alternateUnits: UnitList

  /// Reads the heads of the units.
  package init(
    _ sections: DWARFSections,
    alternate: DWARFSections? = nil,
    split: SplitUnits? = nil,
    naming: Naming = Naming()
  ) {
    self.sections = sections
    self.alternate = alternate
    self.split = split
    self.naming = naming
    units = UnitList(parsing: sections.info)
    alternateUnits = UnitList(parsing: alternate?.info ?? .empty)
  }
}

extension DWARFFile {
  /// Gives the memory of all pages of the file back.
  func releasePages() {
    sections.releasePages()
    alternate?.releasePages()
  }

  /// The text of a name; empty where there is no such string.
  private func text(of reference: StringReference, _ split: [String]) -> String {
    if reference.section == .split { return split[reference.offset] }
    let section = sections.section(of: reference, alternate: alternate)
    var cursor = ByteCursor(section.bytes)
    cursor.quietSeek(to: reference.offset)
    // A string without end is damage; what there is of it is no name.
    guard !cursor.isBad, let text = try? cursor.cString() else { return "" }
    // Safe because the pointer does not outlive the borrowed span.
    return unsafe text.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }
}

extension DWARFFile {
  /// Fewer names than this touch so few pages that giving them back is not worth the calls.
  private static let manyNames = 1024

  /// The bytes of a name; none where there is no such string.
  func bytes(of reference: StringReference) -> [UInt8] {
    sections.bytes(of: reference, alternate: alternate)
  }

  /// The texts of names, in their order.
  ///
  /// Of many names those of `.debug_str` are read in the order in which they stand there, and its pages given back
  /// behind: names lie all over what is often the second largest section.
  ///
  /// `split`: the names of split files, by the offsets of their references.
  func texts(of names: [FunctionName], split: [String]) -> [String] {
    guard names.count >= Self.manyNames else { return names.map { text(of: $0.text, split) } }
    var order = names.enumerated().map { (text: $1.text, index: Int32($0)) }
    RadixSort.sort(&order) { $0.text.rawValue }
    var texts = [String](repeating: "", count: names.count)
    var released = 0
    for (number, entry) in order.enumerated() {
      texts[Int(entry.index)] = text(of: entry.text, split)
      guard number % Self.manyNames == Self.manyNames - 1, entry.text.section == .strings,
        entry.text.offset > released
      else { continue }
      sections.strings.releasePages(released..<entry.text.offset)
      released = entry.text.offset
    }
    sections.strings.releasePages(released..<sections.strings.byteCount)
    return texts
  }
}

/// A unit that is ready to be read: its first entry and the shapes of all its entries.
struct LoadedUnit: Sendable {
  var context: UnitContext
  var abbreviations: AbbreviationTable
}

/// Loads units, and keeps the shapes that units share.
struct UnitLoader {
  private struct Key: Equatable {
    var offset: Int
    var encoding: UnitEncoding
    var isAlternate: Bool
  }

  /// Tables are dropped together beyond this number: most units have one of their own.
  private static let keptTableCount = 32

  /// A list: a dictionary's first entry costs as much as a small answer, and these are few.
  private var tables: [(key: Key, table: AbbreviationTable)] = []
  private var budget: WorkBudget

  /// A loader that may read so much.
  init(budget: WorkBudget) {
    self.budget = budget
  }

  /// The shapes up to that of the first entry of the unit before: mostly all units of a compiler begin alike, and to
  /// compare bytes is five times as quick as to read them.
  private struct FirstShape {
    var code: UInt64
    var encoding: UnitEncoding
    /// Where they begin in the file's `.debug_abbrev`.
    var offset: Int
    var table: AbbreviationTable
  }

  private var first: FirstShape?

  /// Whether so many bytes at two places are the same; false where they do not lie in the section.
  private static func isSame(_ bytes: RawSpan, _ left: Int, _ right: Int, _ count: Int) -> Bool {
    guard left + count <= bytes.byteCount, right + count <= bytes.byteCount else { return false }
    for index in 0..<count {
      // Safe because both places were compared with the section, and every byte is a number.
      let (one, other) = unsafe (
        bytes.unsafeLoad(fromByteOffset: left + index, as: UInt8.self),
        bytes.unsafeLoad(fromByteOffset: right + index, as: UInt8.self)
      )
      if one != other { return false }
    }
    return true
  }

  /// Loads a unit of the file, or of its alternate file.
  mutating func load(
    _ index: Int,
    of file: DWARFFile,
    isAlternate: Bool
  ) throws(DWARFProblem) -> LoadedUnit {
    let header = (isAlternate ? file.alternateUnits : file.units).units[index]
    let sections = isAlternate ? file.alternate ?? DWARFSections() : file.sections
    let table = try abbreviations(of: header, sections, isAlternate: isAlternate)
    let info = sections.info
    let addresses = sections.addresses
    do throws(FormatError) {
      let context = try UnitContext(
        header,
        abbreviations: table,
        info: info.bytes,
        addresses: addresses.bytes,
        isAlternate: isAlternate
      )
      return LoadedUnit(context: context, abbreviations: table)
    } catch {
      throw DWARFProblem(".debug_info", error)
    }
  }

  /// Reads the first entry of a unit of the file alone, with no more of its shapes than that takes.
  mutating func context(_ index: Int, of file: DWARFFile) throws(DWARFProblem) -> UnitContext {
    let header = file.units.units[index]
    let info = file.sections.info
    let abbreviations = file.sections.abbreviations
    let addresses = file.sections.addresses
    do throws(FormatError) {
      var entry = ByteCursor(info.bytes)
      try entry.seek(to: header.entryOffset)
      var cursor = ByteCursor(abbreviations.bytes)
      try cursor.seek(to: header.abbreviationOffset)
      let code = try entry.uleb128()
      let table: AbbreviationTable
      if let first, first.code == code, first.encoding == header.encoding,
        Self.isSame(abbreviations.bytes, first.offset, cursor.position, first.table.byteCount)
      {
        table = first.table
      } else {
        table = try AbbreviationTable(parsing: &cursor, encoding: header.encoding, upTo: code)
        // What ends where the shape was found says the same wherever it stands.
        first = table.index(of: code).map { _ in
          FirstShape(
            code: code,
            encoding: header.encoding,
            offset: header.abbreviationOffset,
            table: table
          )
        }
      }
      guard budget.spend(table.byteCount, of: \.abbreviationBytes) else {
        let text = "expected a unit's abbreviation among the first ones, found too many before it"
        throw FormatError(.malformed(text), offset: header.abbreviationOffset)
      }
      return try UnitContext(
        header,
        abbreviations: table,
        info: info.bytes,
        addresses: addresses.bytes,
        isAlternate: false
      )
    } catch {
      throw DWARFProblem(".debug_info", error)
    }
  }

  private mutating func abbreviations(
    of header: UnitHeader,
    _ sections: DWARFSections,
    isAlternate: Bool
  ) throws(DWARFProblem) -> AbbreviationTable {
    let key = Key(
      offset: header.abbreviationOffset,
      encoding: header.encoding,
      isAlternate: isAlternate
    )
    if let known = tables.last(where: { $0.key == key }) { return known.table }
    let section = sections.abbreviations
    do throws(FormatError) {
      var cursor = ByteCursor(section.bytes)
      try cursor.seek(to: header.abbreviationOffset)
      let table = try AbbreviationTable(parsing: &cursor, encoding: header.encoding)
      guard budget.spend(table.byteCount, of: \.abbreviationBytes) else {
        let text = "expected units to share abbreviations, found too many tables"
        throw FormatError(.malformed(text), offset: header.abbreviationOffset)
      }
      if tables.count >= Self.keptTableCount { tables.removeAll() }
      tables.append((key, table))
      return table
    } catch {
      throw DWARFProblem(".debug_abbrev", error)
    }
  }
}
