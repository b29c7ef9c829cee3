import Glibc
import Synchronization

/// What is kept of a unit, so that a question does not walk over it again.
///
/// A class: a question would else count some thirty references up and down.
final class KnownUnit: Sendable {
  /// Which functions have code where.
  struct Functions: Sendable {
    /// In the order of the walk, which decides of two that hold an address.
    var extents: [FunctionExtent]
    /// Functions may be nested where the walk did not come.
    var hasSkipped: Bool
    /// Where several functions start, ascending.
    private let foldedLows: [UInt64]

    /// `extents`: in the order of the walk.
    init(extents: [FunctionExtent], hasSkipped: Bool) {
      self.extents = extents
      self.hasSkipped = hasSkipped
      let lows = extents.map(\.low).sorted()
      var folded: [UInt64] = []
      for (low, next) in zip(lows, lows.dropFirst()) where low == next && folded.last != low {
        folded.append(low)
      }
      foldedLows = folded
    }

    /// Where the function starts that holds the address, if others start there too.
    func foldedLow(holding address: UInt64) -> UInt64? {
      guard !foldedLows.isEmpty,
        let first = extents.first(where: { $0.low <= address && address < $0.high }),
        foldedLows.contains(first.low)
      else { return nil }
      return first.low
    }

    /// Where the entries of the functions begin that start at `low` and hold the address, in the order of the walk.
    func entries(from low: UInt64, holding address: UInt64) -> [Int] {
      extents.filter { $0.low == low && address < $0.high }.map(\.offset)
    }

    /// Where the entry of the function begins that holds the address.
    func entry(holding address: UInt64) -> Int? {
      let all = extents.span
      for index in all.indices where all[index].low <= address && address < all[index].high {
        return all[index].offset
      }
      return nil
    }
  }

  let unit: LoadedUnit
  /// The other half of a skeleton.
  let split: (file: DWARFFile, unit: LoadedUnit)?
  let table: LineTableHeader?
  let lines: LineCheckpoints
  let functions: Functions
  /// Those that are nested too, once they were asked for.
  let nested: Functions?
  let paths: KnownPaths

  init(
    unit: LoadedUnit,
    split: (file: DWARFFile, unit: LoadedUnit)?,
    table: LineTableHeader?,
    lines: LineCheckpoints,
    functions: Functions,
    nested: Functions? = nil,
    paths: KnownPaths = KnownPaths()
  ) {
    self.paths = paths
    self.unit = unit
    self.split = split
    self.table = table
    self.lines = lines
    self.functions = functions
    self.nested = nested
  }

  /// The same with the functions that are nested.
  func adding(nested: Functions) -> KnownUnit {
    KnownUnit(
      unit: unit,
      split: split,
      table: table,
      lines: lines,
      functions: functions,
      nested: nested,
      paths: paths
    )
  }

  /// Memory that it takes, without small change.
  var byteCount: Int {
    let extents = functions.extents.capacity + (nested?.extents.capacity ?? 0)
    let files = table?.files.capacity ?? 0
    var count = 1024 + lines.byteCount
    count += extents * MemoryLayout<FunctionExtent>.stride
    count += files * MemoryLayout<LineTableHeader.File>.stride
    for table in [unit.abbreviations, split?.unit.abbreviations].compactMap(\.self) {
      count += table.abbreviations.capacity * MemoryLayout<AbbreviationTable.Abbreviation>.stride
      count += table.attributes.capacity * MemoryLayout<AbbreviationTable.Specification>.stride
      count += table.steps.capacity * MemoryLayout<AbbreviationTable.Step>.stride
    }
    return count
  }
}

/// Paths of a unit's files as they are shown, once they were asked for: to put one together takes as long as to find a
/// line.
final class KnownPaths: Sendable {
  private let paths = Mutex<[[UInt8]]>([])
  /// More files than any unit has are not kept.
  private static let mostFiles = 1 << 14

  /// The path of a file; nil when it was not kept.
  subscript(file: UInt32) -> [UInt8]? {
    paths.withLock { paths in
      guard file < paths.count, !paths[Int(file)].isEmpty else { return nil }
      return paths[Int(file)]
    }
  }

  func keep(_ path: [UInt8], of file: UInt32) {
    guard file < Self.mostFiles else { return }
    paths.withLock { paths in
      while paths.count <= file { paths.append([]) }
      paths[Int(file)] = path
    }
  }
}

/// The units that were asked for lately, for questions that come one by one.
struct KnownUnits: Sendable {
  /// Beyond this the unit that was not asked for longest is dropped.
  private static let mostBytes = 64 << 20
  /// Larger batches walk over their units once and keep nothing.
  private static let fewAddresses = 16

  private struct Kept {
    var unit: KnownUnit
    var byteCount: Int
    var lastUse: Int
  }

  private var units: [Int: Kept] = [:]
  private var byteCount = 0
  private var useCount = 0
  private var wasAsked = false
  private var questionCount = 0
  private var ranges: UnitRanges?
  private var entries: UnitRanges?

  /// Whether to keep what is found for a batch: who asks for the first time may be who asks once.
  mutating func isWorthKeeping(for batch: AddressBatch) -> Bool {
    defer { wasAsked = true }
    return wasAsked && batch.sorted.count <= Self.fewAddresses
  }

  /// Whether mapped files take more memory than they may; asked once a question.
  mutating func isTimeToRelease() -> Bool {
    questionCount += 1
    guard questionCount % Self.questionsBetweenLooks == 0 else { return false }
    return Self.mappedTooMuch
  }

  /// Whether mapped files take more memory than they may.
  static var mappedTooMuch: Bool { mappedBytes > mostMappedBytes }

  /// Mapped pages are counted after so many questions: that takes as long as half of one.
  private static let questionsBetweenLooks = 64
  /// More than this is given back: whoever asks all over a large file would else have all of it in memory.
  private static let mostMappedBytes = 128 << 20

  /// Memory of this process that is pages of files (proc_pid_statm(5), shared); 0 where nobody says so.
  private static var mappedBytes: Int {
    let file = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    let text = unsafe [UInt8](unsafeUninitializedCapacity: 128) { buffer, count in
      // Safe because the buffer has room for so many bytes.
      count = max(0, unsafe read(file, buffer.baseAddress, buffer.count))
    }
    let words = text.split(separator: UInt8(ascii: " "))
    guard words.count > 2, let pages = Int(String(decoding: words[2], as: UTF8.self)) else {
      return 0
    }
    return pages * sysconf(Int32(_SC_PAGESIZE))
  }

  /// What `.debug_aranges` says.
  mutating func addressRanges(of file: DWARFFile) -> UnitRanges {
    if let ranges { return ranges }
    let found = UnitRanges(addressRangesOf: file)
    ranges = found
    return found
  }

  /// What the units' own entries say.
  mutating func unitEntries(of file: DWARFFile) -> UnitRanges {
    if let entries { return entries }
    let found = UnitRanges(unitEntriesOf: file)
    entries = found
    return found
  }

  /// A unit by its number in the file.
  subscript(index: Int) -> KnownUnit? {
    mutating get {
      useCount += 1
      units[index]?.lastUse = useCount
      return units[index]?.unit
    }
  }

  /// Keeps a unit, or what became of it.
  mutating func keep(_ unit: KnownUnit, as index: Int) {
    let size = unit.byteCount
    byteCount += size - (units[index]?.byteCount ?? 0)
    useCount += 1
    units[index] = Kept(unit: unit, byteCount: size, lastUse: useCount)
    while byteCount > Self.mostBytes, units.count > 1,
      let oldest = units.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      units[oldest.key] = nil
      byteCount -= oldest.value.byteCount
    }
  }
}
