import GRDB

/// What is wrong in an archive: table, row, column, and what was expected there.
struct ArchiveDamage: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) {
    self.description = description
  }
}

/// One row of an archive's table, read column by column; nothing that it says is believed unchecked.
struct ArchiveRow {
  let table: String
  /// Position among the rows of the table.
  let number: Int
  private let row: Row

  init(_ row: Row, table: String, number: Int) {
    self.row = row
    self.table = table
    self.number = number
  }

  func text(_ column: Int) throws(ArchiveDamage) -> String {
    guard let value = try optionalText(column) else { throw expected("text", column) }
    return value
  }

  func optionalText(_ column: Int) throws(ArchiveDamage) -> String? {
    switch storage(column) {
    case .null: nil
    case .string(let text): text
    default: throw expected("text", column)
    }
  }

  /// An integer that fits the type asked for.
  func integer<Integer: FixedWidthInteger>(
    _ column: Int,
    as type: Integer.Type = Integer.self
  ) throws(ArchiveDamage) -> Integer {
    guard let value = try optionalInteger(column, as: type) else {
      throw expected("an integer", column)
    }
    return value
  }

  func optionalInteger<Integer: FixedWidthInteger>(
    _ column: Int,
    as type: Integer.Type = Integer.self
  ) throws(ArchiveDamage) -> Integer? {
    switch storage(column) {
    case .null:
      return nil
    case .int64(let value):
      guard let fitting = Integer(exactly: value) else {
        throw expected("an integer of \(Integer.bitWidth) bits", column)
      }
      return fitting
    default:
      throw expected("an integer", column)
    }
  }

  /// Addresses lie in SQLite's signed integers with their bits unchanged.
  func address(_ column: Int) throws(ArchiveDamage) -> UInt64 {
    UInt64(bitPattern: try integer(column, as: Int64.self))
  }

  func optionalAddress(_ column: Int) throws(ArchiveDamage) -> UInt64? {
    try optionalInteger(column, as: Int64.self).map { UInt64(bitPattern: $0) }
  }

  func flag(_ column: Int) throws(ArchiveDamage) -> Bool {
    switch try integer(column, as: Int64.self) {
    case 0: false
    case 1: true
    default: throw expected("0 or 1", column)
    }
  }

  /// An index into a table of `count` rows.
  func index(_ column: Int, below count: Int) throws(ArchiveDamage) -> Int {
    guard let value = try optionalIndex(column, below: count) else {
      throw expected("an index", column)
    }
    return value
  }

  func optionalIndex(_ column: Int, below count: Int) throws(ArchiveDamage) -> Int? {
    guard let value = try optionalInteger(column, as: Int.self) else { return nil }
    guard (0..<count).contains(value) else { throw expected("an index below \(count)", column) }
    return value
  }

  /// One of the words of an enumeration.
  func word<Word: RawRepresentable & CaseIterable>(
    _ column: Int,
    as type: Word.Type = Word.self
  ) throws(ArchiveDamage) -> Word where Word.RawValue == String {
    guard let value = try optionalWord(column, as: type) else { throw expected("a word", column) }
    return value
  }

  func optionalWord<Word: RawRepresentable & CaseIterable>(
    _ column: Int,
    as type: Word.Type = Word.self
  ) throws(ArchiveDamage) -> Word? where Word.RawValue == String {
    guard let text = try optionalText(column) else { return nil }
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw expected("one of \(known)", column)
    }
    return word
  }

  /// Requires that rows of one parent are numbered from 0, without a gap: this one comes behind `count` others.
  func requirePosition(_ count: Int, _ column: Int) throws(ArchiveDamage) {
    guard try integer(column, as: Int.self) == count else {
      throw expected("position \(count)", column)
    }
  }

  func expected(_ what: String, _ column: Int) -> ArchiveDamage {
    ArchiveDamage("table \(table), row \(number), column \(column): expected \(what)")
  }

  private func storage(_ column: Int) -> DatabaseValue.Storage {
    guard column < row.count else { return .null }
    return (row[column] as DatabaseValue).storage
  }
}
