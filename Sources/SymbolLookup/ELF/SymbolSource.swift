import Bytes

/// The symbols of one section, read one by one where they lie.
struct SymbolSource: Sendable {
  /// Longer names are cut: no compiler writes them, and a damaged table's may have no end.
  static let longestName = 1 << 18

  /// The section's number has no room in the entry: the one that the address lies in counts.
  ///
  /// The corresponding C constant is SHN_XINDEX.
  private static let extendedIndex: UInt16 = 0xffff

  private let file: ELFFile
  private let entries: ByteRegion
  private let strings: ByteRegion
  let count: Int

  /// The symbols of the first section of this kind; nil when there is none that can be read.
  init?(_ kind: ELFSection.Kind, of file: ELFFile) {
    guard let section = file.sections.first(where: { $0.kind == kind && $0.byteCount > 0 }),
      file.sections.indices.contains(section.link),
      // A table that lies outside the file is as good as none; `SymbolTable.problems` has the
      // words.
      let entries = try? file.bytes(of: section),
      let strings = try? file.bytes(of: file.sections[section.link]),
      entries.byteCount >= SymbolEntry.byteCount
    else { return nil }
    self.file = file
    self.entries = entries
    self.strings = strings
    // Identifiers have 30 bits for it: a table of 24 GiB.
    count = min(entries.byteCount / SymbolEntry.byteCount, 1 << 30 - 1)
  }

  /// The symbols that the dynamic linker uses of a file without section headers; nil when it has none.
  init?(dynamicSegmentOf file: ELFFile) {
    guard file.sections.isEmpty, let symbols = DynamicSymbols(of: file) else { return nil }
    self.file = file
    entries = symbols.entries
    strings = symbols.strings
    count = min(entries.byteCount / SymbolEntry.byteCount, 1 << 30 - 1)
  }

  /// The entry of this number, which is below `count`.
  func entry(_ index: Int) -> SymbolEntry {
    var cursor = ByteCursor(entries.bytes)
    cursor.quietSkip(index &* SymbolEntry.byteCount)
    return Self.entry(&cursor)
  }

  /// Calls `body` for each symbol that names code of the file.
  func forEachCodeSymbol(_ body: (_ index: Int, _ entry: SymbolEntry, _ sectionEnd: UInt64) -> Void)
  {
    let ends = codeEnds
    let isARM = file.machine == .aarch64
    let hasNoSections = file.sections.isEmpty
    var cursor = ByteCursor(entries.bytes)
    for index in 0..<count {
      let entry = Self.entry(&cursor)
      guard entry.mayNameCode, entry.nameOffset != 0 else { continue }
      let isUnnumbered = hasNoSections && entry.sectionIndex != 0 && entry.sectionIndex < 0xff00
      let section =
        isUnnumbered || entry.sectionIndex == Self.extendedIndex
        ? ends.firstIndex { $0.start <= entry.value && entry.value < $0.end } ?? .max
        : Int(entry.sectionIndex)
      // Also passes over undefined (0) and absolute symbols, which are no place in the file.
      guard section < ends.count, entry.value < ends[section].end,
        entry.value >= ends[section].start
      else { continue }
      if isARM, !entry.isFunction, isMappingSymbol(entry) { continue }
      body(index, entry, ends[section].end)
    }
  }

  /// The variable that lies at an address; of several the one that starts last, then one with a size, then the first
  /// of the table.
  ///
  /// - Returns: its number.
  func variable(at address: UInt64) -> Int? {
    var best: (number: Int, start: UInt64, isSized: Bool)?
    var cursor = ByteCursor(entries.bytes)
    for index in 0..<count {
      let entry = Self.entry(&cursor)
      // Also passes over undefined ones; common and absolute ones have no place in the file.
      guard entry.isData, entry.sectionIndex != 0, entry.sectionIndex < 0xff00,
        entry.nameOffset != 0,
        entry.value <= address, address - entry.value < max(entry.size, 1)
      else { continue }
      let isSized = entry.size > 0
      let isBetter =
        best.map { $0.start < entry.value || $0.start == entry.value && !$0.isSized && isSized }
      if isBetter ?? true { best = (index, entry.value, isSized) }
    }
    return best?.number
  }

  /// The numbers of the symbols that name source files, ascending.
  var fileSymbols: [Int] {
    var numbers: [Int] = []
    var cursor = ByteCursor(entries.bytes)
    for index in 0..<count where Self.entry(&cursor).isFile { numbers.append(index) }
    return numbers
  }

  /// The symbol's name without its version (`memcpy@@GLIBC_2.14`); empty for one outside the table.
  func name(_ entry: SymbolEntry) -> String {
    let start = Int(entry.nameOffset)
    guard start < strings.byteCount else { return "" }
    var cursor = ByteCursor(strings.bytes)
    cursor.quietSkip(start)
    let limit = min(strings.byteCount, start + Self.longestName)
    var end = start
    while end < limit {
      let byte = cursor.quietU8()
      if byte == 0 { break }
      // Local labels of nasm have an @ of their own, before a digit: `..@5.loop`.
      if byte == UInt8(ascii: "@"), end > start {
        var rest = cursor
        let next = rest.quietU8()
        if !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { break }
      }
      end += 1
    }
    let bytes = strings.bytes.extracting(start..<end)
    // Safe because the pointer does not outlive the borrowed span.
    return unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
  }

  private static func entry(_ cursor: inout ByteCursor) -> SymbolEntry {
    let nameOffset = cursor.quietU32()
    let info = cursor.quietU8()
    cursor.quietSkip(1)
    return SymbolEntry(
      nameOffset: nameOffset,
      info: info,
      sectionIndex: cursor.quietU16(),
      value: cursor.quietU64(),
      size: cursor.quietU64()
    )
  }

  /// `$x`, `$d` and `$x.name` mark code and data (AAELF64, Mapping symbols); they name nothing.
  private func isMappingSymbol(_ entry: SymbolEntry) -> Bool {
    var cursor = ByteCursor(strings.bytes)
    cursor.quietSkip(Int(entry.nameOffset))
    guard cursor.quietU8() == UInt8(ascii: "$") else { return false }
    let letter = cursor.quietU8()
    guard letter == UInt8(ascii: "x") || letter == UInt8(ascii: "d") else { return false }
    let next = cursor.quietU8()
    return next == 0 || next == UInt8(ascii: ".")
  }

  /// Addresses of each section that holds code, by section index; empty ranges for the others.
  ///
  /// Without section headers those of segments.
  private var codeEnds: [(start: UInt64, end: UInt64)] {
    guard !file.sections.isEmpty else {
      return file.segments.filter { $0.kind == .load && $0.isExecutable }.map {
        ($0.address.value, $0.address.value.clampedSum($0.memoryByteCount))
      }
    }
    return file.sections.map { section in
      guard section.isAllocated, section.isExecutable else { return (1, 0) }
      return (section.address.value, section.address.value.clampedSum(section.byteCount))
    }
  }
}
