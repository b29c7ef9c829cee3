import Bytes

/// Finds out which units may know which addresses of a batch.
struct UnitAssignment {
  /// A stretch of the batch that lies in one range of a unit.
  private struct Run {
    var unit: Int32
    var low: Int32
    var high: Int32
  }

  private var runs: [Run] = []
  private(set) var problems: Set<DWARFProblem> = []

  /// By `.debug_aranges`, range by range: each address to the first unit that claims it.
  ///
  /// Many units claim a template's one instance: linkers let the copies they drop describe the one they keep.
  mutating func addAddressRanges(of file: DWARFFile, sorted: [UInt64]) {
    let section = file.sections.addressRanges
    let addresses = sorted.span
    var owners = [Int32](repeating: .max, count: sorted.count)
    var sets = AddressRangeSets(section.bytes)
    while sets.nextSet() {
      // A set of a unit that does not exist says nothing.
      guard let unit = file.units.index(startingAt: sets.unitOffset) else { continue }
      while let range = sets.next() {
        var position = addresses.firstIndex(notBelow: range.lowerBound)
        while position < addresses.count, addresses[position] < range.upperBound {
          owners[position] = min(owners[position], Int32(unit))
          position += 1
        }
      }
    }
    for (position, owner) in owners.enumerated() where owner != .max {
      let position = Int32(position)
      if let last = runs.last, last.unit == owner, last.high == position {
        runs[runs.count - 1].high += 1
      } else {
        runs.append(Run(unit: owner, low: position, high: position + 1))
      }
    }
    if let problem = sets.problem { problems.insert(DWARFProblem(".debug_aranges", problem)) }
  }

  /// By what each unit says of itself; units that say nothing may know every address.
  ///
  /// `sorted`: the addresses that are still open.
  mutating func addUnitEntries(of file: DWARFFile, sorted: [UInt64]) {
    let addresses = sorted.span
    problems.formUnion(
      Self.forEachUnitRange(of: file, addressCount: sorted.count) { range, unit in
        if let range {
          add(range, unit, addresses)
        } else {
          runs.append(Run(unit: Int32(unit), low: 0, high: Int32(sorted.count)))
        }
      }
    )
  }

  /// Calls `body` with each stretch of code that a unit's own entry states, and the unit; with nil for units that may
  /// know every address, because they say nothing or nobody knows what they would have said.
  static func forEachUnitRange(
    of file: DWARFFile,
    addressCount: Int,
    _ body: (Range<UInt64>?, Int) -> Void
  ) -> Set<DWARFProblem> {
    var problems: Set<DWARFProblem> = []
    var budget = WorkBudget(for: file.sections, addressCount: addressCount)
    var loader = UnitLoader(budget: budget)
    let sections = file.sections
    var released = 0
    for (index, header) in file.units.units.enumerated() {
      // One page of each unit is read, and the kernel may map two megabytes around it.
      if header.offset - released >= UnitList.releaseStep {
        sections.info.releasePages(released..<header.offset)
        released = header.offset
      }
      guard header.kind == .compile || header.kind == .skeleton else { continue }
      do throws(DWARFProblem) {
        let unit = try loader.context(index, of: file)
        guard unit.lowPC.isPresent && unit.highPC.isPresent || unit.ranges.isPresent else {
          // Such a unit may know code all the same when it has lines.
          guard unit.lineProgram != nil else { continue }
          body(nil, index)
          continue
        }
        let lists =
          header.encoding.version >= 5 ? sections.rangeLists : sections.ranges
        var list = RangeList(
          lowPC: unit.lowPC,
          highPC: unit.highPC,
          ranges: unit.ranges,
          unit: unit.addressing,
          lists: lists.bytes,
          addresses: sections.addresses.bytes
        )
        while let range = list.next(), budget.spend(list.takeByteCount(), of: \.rangeSteps) {
          body(range, index)
        }
        if list.isBad { body(nil, index) }
      } catch {
        if problems.count < 16 { problems.insert(error) }
      }
    }
    sections.info.releasePages(released..<sections.info.byteCount)
    return problems
  }

  private mutating func add(_ range: Range<UInt64>, _ unit: Int, _ sorted: Span<UInt64>) {
    let low = sorted.firstIndex(notBelow: range.lowerBound)
    guard low < sorted.count, sorted[low] < range.upperBound else { return }
    var high = low + 1
    while high < sorted.count, sorted[high] < range.upperBound { high += 1 }
    runs.append(Run(unit: Int32(unit), low: Int32(low), high: Int32(high)))
  }

  /// The units with their addresses, the largest units first, so that no thread is left with one at the end.
  ///
  /// `translate`: from positions of the addresses that were given to positions of the whole batch.
  func tasks(of file: DWARFFile, translate: (Int32) -> Int32) -> [UnitTask] {
    var tasks: [UnitTask] = []
    var start = 0
    let ordered = runs.sorted { ($0.unit, $0.low) < ($1.unit, $1.low) }
    while start < ordered.count {
      let unit = ordered[start].unit
      var positions: [Int32] = []
      var next: Int32 = 0
      while start < ordered.count, ordered[start].unit == unit {
        // Ranges of one unit may overlap.
        let low = max(next, ordered[start].low)
        if low < ordered[start].high {
          for position in low..<ordered[start].high { positions.append(translate(position)) }
          next = ordered[start].high
        }
        start += 1
      }
      tasks.append(UnitTask(unit: Int(unit), positions: positions))
    }
    let units = file.units.units
    return tasks.sorted {
      let left = units[$0.unit]
      let right = units[$1.unit]
      return (left.end - left.offset, $0.unit) > (right.end - right.offset, $1.unit)
    }
  }
}
