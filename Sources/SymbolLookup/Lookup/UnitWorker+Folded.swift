// MARK: - Functions that a linker folded into one

/// Linkers that fold functions of one body (`--icf`) keep the code of the first, and let the entries and the rows of
/// all others describe it too (gold), or the rows alone (lld). Rows stand in the order of the code, so the first are
/// those of the function that was kept; entries stand in the order of the compiler, which may be another. What is shown
/// is the function that the rows belong to: the one that is declared last before the row of its first instruction.
extension UnitWorker {
  /// Gives addresses that several functions of the unit hold to the one that their rows belong to.
  mutating func chooseAmongFolded(
    _ task: UnitTask,
    _ unit: LoadedUnit,
    _ split: inout SplitWorker?,
    _ addresses: [UInt64],
    _ table: LineTableHeader?,
    _ functions: inout FunctionFindings
  ) {
    guard let table else { return }
    let groups = folded(task, functions)
    guard !groups.isEmpty, budget.spend(table.program.count, of: \.lineBytes) else { return }
    var findings = LineFindings(addressCount: 0)
    let lines = file.sections.lines
    let rows = LineProgram.checkpoints(
      table,
      lines: lines.bytes,
      addressing: unit.context.addressing,
      findings: &findings
    )
    let (dwarf, half) = split.map { ($0.file, $0.unit) } ?? (file, unit)
    for group in groups {
      let chosen = choose(
        first: group.first,
        group.rivals,
        startingAt: group.low,
        rows.firstRow(at: group.low),
        unit,
        &split,
        table
      )
      guard chosen != group.first else { continue }
      var found = FunctionFindings(addressCount: group.held.count, rangeSteps: budget.rangeSteps)
      let held = group.held.map { addresses[$0] }
      walk(half, in: dwarf, held, .nested, from: chosen, &found)
      budget.rangeSteps = found.rangeSteps
      functions.replaceNodes(at: group.held, by: found, of: chosen)
    }
  }

  /// Functions that start together.
  private struct Folded {
    var low: UInt64
    /// Where the entry begins of the one that was found first.
    var first: Int
    var rivals: [Int]
    /// Indices of the addresses that it holds.
    var held: [Int] = []
  }

  /// More functions of one body are not looked at.
  private static let mostFolded = 1 << 10

  private func folded(_ task: UnitTask, _ functions: FunctionFindings) -> [Folded] {
    var groups: [Folded] = []
    var numbers: [Int: Int] = [:]
    for rival in functions.rivals {
      let index = Int(rival.address)
      guard let first = functions.outermost(ofAddress: index)?.entry, first != rival.entry,
        hints.sharesStart(Int(task.positions[index]))
      else { continue }
      if let number = numbers[first] {
        if groups[number].low == rival.low, groups[number].rivals.count < Self.mostFolded,
          !groups[number].rivals.contains(rival.entry)
        {
          groups[number].rivals.append(rival.entry)
        }
      } else {
        numbers[first] = groups.count
        groups.append(Folded(low: rival.low, first: first, rivals: [rival.entry]))
      }
    }
    guard !groups.isEmpty else { return [] }
    for index in functions.nodeOfAddress.indices {
      guard let first = functions.outermost(ofAddress: index)?.entry, let number = numbers[first]
      else { continue }
      groups[number].held.append(index)
    }
    return groups
  }

  /// The function to which the row belongs at the start of several, by where its entry begins; the first, where
  /// nothing speaks for another one.
  mutating func choose(
    first: Int,
    _ rivals: [Int],
    startingAt low: UInt64,
    _ row: SourcePlace?,
    _ unit: LoadedUnit,
    _ split: inout SplitWorker?,
    _ table: LineTableHeader
  ) -> Int {
    guard let row, start(of: first, unit, split) == low else { return first }
    let path = spelled(row.file, table, unit)
    var chosen = first
    var line: UInt32 = 0
    for entry in [first] + rivals where entry == first || start(of: entry, unit, split) == low {
      let reference = EntryReference(offset: entry, isAlternate: false)
      let declaration =
        split?.declaration(of: reference) ?? self.declaration(of: reference, unit)
      guard declaration.line > line, declaration.line <= row.line, let number = declaration.file,
        declaration.fileUnit == nil || split != nil,
        number == row.file || spelled(number, table, unit) == path
      else { continue }
      (chosen, line) = (entry, declaration.line)
    }
    return chosen
  }

  /// Where the code of an entry begins, if it lies in one stretch.
  private func start(of entry: Int, _ unit: LoadedUnit, _ split: SplitWorker?) -> UInt64? {
    let (dwarf, half) = split.map { ($0.file, $0.unit) } ?? (file, unit)
    let addresses = dwarf.sections.addresses
    let reference = EntryReference(offset: entry, isAlternate: false)
    var start: UInt64?
    DebugEntry.forEachAttribute(of: reference, in: half, dwarf.sections.info) { attribute, value in
      guard attribute == .lowPC else { return }
      start = half.context.addressing.address(value, in: addresses.bytes)
    }
    return start
  }

  private func spelled(_ number: UInt32, _ table: LineTableHeader, _ unit: LoadedUnit) -> [UInt8] {
    var text: [UInt8] = []
    SourcePath.build(number, table, unit.context, file.sections, into: &text)
    return text
  }
}
