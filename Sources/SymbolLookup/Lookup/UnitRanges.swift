/// Which units have code where, as `.debug_aranges` or the units' own entries say, to be asked again and again.
struct UnitRanges: Sendable {
  private struct Entry {
    var low: UInt64
    var high: UInt64
    var unit: Int32
  }

  /// By their low addresses.
  private var entries: [Entry] = []
  /// The highest end of the entries up to each.
  private var ends: [UInt64] = []
  /// Units that may know every address.
  private var unbounded: [Int] = []
  private(set) var problems: Set<DWARFProblem> = []

  /// What the sets of `.debug_aranges` say.
  init(addressRangesOf file: DWARFFile) {
    let section = file.sections.addressRanges
    var sets = AddressRangeSets(section.bytes)
    while sets.nextSet() {
      guard let unit = file.units.index(startingAt: sets.unitOffset) else { continue }
      while let range = sets.next() {
        entries.append(
          Entry(low: range.lowerBound, high: range.upperBound, unit: Int32(unit))
        )
      }
    }
    if let problem = sets.problem { problems.insert(DWARFProblem(".debug_aranges", problem)) }
    sort()
  }

  /// What the first entries of the units say.
  init(unitEntriesOf file: DWARFFile) {
    problems = UnitAssignment.forEachUnitRange(of: file, addressCount: 1) { range, unit in
      if let range {
        entries.append(
          Entry(low: range.lowerBound, high: range.upperBound, unit: Int32(unit))
        )
      } else {
        unbounded.append(unit)
      }
    }
    sort()
  }

  private mutating func sort() {
    RadixSort.sort(&entries) { $0.low }
    var end: UInt64 = 0
    ends.reserveCapacity(entries.count)
    for entry in entries {
      end = max(end, entry.high)
      ends.append(end)
    }
  }

  /// The first of the units that claim the address.
  func owner(of address: UInt64) -> Int? {
    var owner: Int32?
    forEachUnit(holding: address) { owner = min(owner ?? $0, $0) }
    return owner.map { Int($0) }
  }

  /// All units that may know the address, ascending, each once.
  func units(holding address: UInt64) -> [Int] {
    var units = unbounded
    forEachUnit(holding: address) { units.append(Int($0)) }
    units.sort()
    var last = -1
    units.removeAll { unit in
      defer { last = unit }
      return unit == last
    }
    return units
  }

  private func forEachUnit(holding address: UInt64, _ body: (Int32) -> Void) {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].low <= address { low = middle + 1 } else { high = middle }
    }
    while low > 0, ends[low - 1] > address {
      low -= 1
      if entries[low].high > address { body(entries[low].unit) }
    }
  }
}
