import Bytes

/// The dynamic linker's symbols, found as it finds them: through the dynamic segment (gabi, Dynamic Section).
///
/// For files without section headers: what `sstrip` made, or an image of memory.
struct DynamicSymbols {
  /// Entries of `Elf64_Sym`.
  let entries: ByteRegion
  /// Their names.
  let strings: ByteRegion

  /// The tags that are read.
  private enum Tag {
    static let hash: UInt64 = 4
    static let strings: UInt64 = 5
    static let symbols: UInt64 = 6
    static let stringByteCount: UInt64 = 10
    static let gnuHash: UInt64 = 0x6fff_fef5
  }

  /// Finds the tables; nil where the file has none, or where they do not lie in the file.
  init?(of file: ELFFile) {
    guard let segment = file.segments.first(where: { $0.kind == .dynamic }),
      let tags = Self.part(of: file, at: segment.address.value, byteCount: segment.fileByteCount)
    else { return nil }
    var values: [UInt64: UInt64] = [:]
    var cursor = ByteCursor(tags.bytes)
    while cursor.remaining >= 16 {
      let tag = cursor.quietU64()
      let value = cursor.quietU64()
      if tag == 0 { break }
      // A table that is named twice is read where it is named first.
      if values[tag] == nil { values[tag] = value }
    }
    guard let symbols = values[Tag.symbols], let names = values[Tag.strings],
      let size = values[Tag.stringByteCount],
      let strings = Self.part(of: file, at: names, byteCount: size),
      let all = Self.rest(of: file, at: symbols)
    else { return nil }
    let count =
      values[Tag.hash].flatMap { Self.count(hash: $0, file) }
      ?? values[Tag.gnuHash].flatMap { Self.count(gnuHash: $0, file) }
      // No table of names begins inside the symbols: every linker puts it behind them.
      ?? (names > symbols ? Int(clamping: names - symbols) / SymbolEntry.byteCount : 0)
    let (byteCount, overflows) = count.multipliedReportingOverflow(by: SymbolEntry.byteCount)
    guard count > 0, !overflows, let entries = all.part(0..<min(byteCount, all.byteCount)) else {
      return nil
    }
    self.entries = entries
    self.strings = strings
  }

  /// The bytes of the file from an address of the program to the end of the segment that holds it.
  private static func rest(of file: ELFFile, at address: UInt64) -> ByteRegion? {
    for segment in file.segments
    where segment.kind == .load && segment.contains(ELFAddress(address)) {
      let skipped = address - segment.address.value
      guard skipped < segment.fileByteCount,
        let start = Int(exactly: segment.fileOffset.clampedSum(skipped)),
        let end = Int(exactly: segment.fileOffset.clampedSum(segment.fileByteCount)), start <= end
      else { return nil }
      return file.contents.part(start..<min(end, max(start, file.contents.byteCount)))
    }
    return nil
  }

  private static func part(of file: ELFFile, at address: UInt64, byteCount: UInt64) -> ByteRegion? {
    guard let count = Int(exactly: byteCount) else { return nil }
    return rest(of: file, at: address)?.part(0..<count)
  }

  /// DT_HASH states the number of symbols.
  private static func count(hash: UInt64, _ file: ELFFile) -> Int? {
    guard let region = rest(of: file, at: hash) else { return nil }
    var cursor = ByteCursor(region.bytes)
    cursor.quietSkip(4)
    let count = Int(cursor.quietU32())
    return cursor.isBad ? nil : count
  }

  /// DT_GNU_HASH ends with the chain of the last bucket, whose last entry has its lowest bit set.
  private static func count(gnuHash: UInt64, _ file: ELFFile) -> Int? {
    guard let region = rest(of: file, at: gnuHash) else { return nil }
    var cursor = ByteCursor(region.bytes)
    let bucketCount = Int(cursor.quietU32())
    let first = Int(cursor.quietU32())
    let filterCount = Int(cursor.quietU32())
    cursor.quietSkip(4 + filterCount * 8)
    guard !cursor.isBad, bucketCount <= cursor.remaining / 4 else { return nil }
    var last = 0
    for _ in 0..<bucketCount { last = max(last, Int(cursor.quietU32())) }
    guard last >= first else { return first }
    cursor.quietSkip((last - first) * 4)
    var count = last
    while !cursor.isAtEnd {
      let word = cursor.quietU32()
      count += 1
      if word & 1 == 1 { return count }
    }
    return nil
  }
}
