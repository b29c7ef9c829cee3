import Bytes

// MARK: - Units that are kept

extension UnitWorker {
  /// Looks one address up in a unit that is kept, or is from now on.
  ///
  /// A unit with damage is not kept: how far it can be read depends on what is asked.
  mutating func process(_ position: Int32, in index: Int, _ known: inout KnownUnits) {
    let task = UnitTask(unit: index, positions: [position])
    var unit = known[index]
    if unit == nil {
      unit = learn(index)
      if let unit { known.keep(unit, as: index) }
    }
    guard var unit else { return process(task) }
    let address = [sorted[Int(position)]]
    var places = LineFindings(addressCount: 1, withDiscriminators: details != .none)
    if let table = unit.table, let checkpoint = unit.lines.first(before: address[0]) {
      let lines = file.sections.lines
      LineProgram.resume(
        at: checkpoint,
        table,
        lines: lines.bytes,
        addressing: unit.unit.context.addressing,
        sorted: address.span,
        findings: &places
      )
    }
    var depth = FunctionWalk.Depth.quick
    var entry = unit.functions.entry(holding: address[0])
    if entry == nil, unit.functions.hasSkipped, hints.mayHaveFunction(Int(position)) {
      if unit.nested == nil {
        let (dwarf, half) = unit.split ?? (file, unit.unit)
        guard let nested = functions(of: half, in: dwarf, .nested) else { return process(task) }
        unit = unit.adding(nested: nested)
        known.keep(unit, as: index)
      }
      depth = .nested
      entry = unit.nested?.entry(holding: address[0])
    }
    if let first = entry {
      let all = depth == .quick ? unit.functions : unit.nested ?? unit.functions
      entry = function(of: all, unit, first: first, holding: address[0], Int(position))
    }
    var functions = FunctionFindings(addressCount: 1, rangeSteps: budget.rangeSteps)
    if let entry {
      let (dwarf, half) = unit.split ?? (file, unit.unit)
      walk(half, in: dwarf, address, depth, from: entry, &functions)
    }
    var split = unit.split.map { SplitWorker(known: $0.file, $0.unit) }
    knownPaths = unit.paths
    emit(task, unit.unit, &split, functions, unit.table, places)
    knownPaths = nil
    for problem in split?.problems ?? [] { note(problem) }
  }

  /// The function to show of those that hold an address; the first, where no linker folded them.
  private mutating func function(
    of all: KnownUnit.Functions,
    _ unit: KnownUnit,
    first: Int,
    holding address: UInt64,
    _ position: Int
  ) -> Int {
    let low = all.foldedLow(holding: address)
    guard let low, let table = unit.table, hints.sharesStart(position) else { return first }
    var split = unit.split.map { SplitWorker(known: $0.file, $0.unit) }
    let rivals = all.entries(from: low, holding: address)
    return choose(
      first: first,
      rivals,
      startingAt: low,
      unit.lines.firstRow(at: low),
      unit.unit,
      &split,
      table
    )
  }

  /// All that is to be kept of a unit; nil of one that cannot be read to its end.
  private mutating func learn(_ index: Int) -> KnownUnit? {
    guard let unit = try? loader.load(index, of: file, isAlternate: false) else { return nil }
    let problemCount = output.problems.count
    let half = splitUnit(of: unit)
    guard output.problems.count == problemCount, problemCount < Self.mostProblems else {
      return nil
    }
    var table: LineTableHeader?
    var checkpoints = LineCheckpoints()
    if let offset = unit.context.lineProgram {
      let lines = file.sections.lines
      guard let header = try? lineTable(at: offset, of: unit) else { return nil }
      var findings = LineFindings(addressCount: 0)
      checkpoints = LineProgram.checkpoints(
        header,
        lines: lines.bytes,
        addressing: unit.context.addressing,
        findings: &findings
      )
      guard !findings.isDamaged else { return nil }
      table = header
      table?.files += findings.files
      lines.releasePages(offset..<header.program.upperBound)
    }
    guard let functions = functions(of: half?.unit ?? unit, in: half?.file ?? file, .quick)
    else { return nil }
    file.sections.info.releasePages(unit.context.header.offset..<unit.context.header.end)
    return KnownUnit(
      unit: unit,
      split: half.map { ($0.file, $0.unit) },
      table: table,
      lines: checkpoints,
      functions: functions
    )
  }

  /// Which functions a walk passes; nil when there is damage.
  private func functions(
    of unit: LoadedUnit,
    in file: DWARFFile,
    _ depth: FunctionWalk.Depth
  ) -> KnownUnit.Functions? {
    var findings = FunctionFindings(recordingWith: budget.rangeSteps)
    walk(unit, in: file, [], depth, from: nil, &findings)
    guard findings.rangeSteps >= 0, !findings.isDamaged else { return nil }
    return KnownUnit.Functions(extents: findings.extents, hasSkipped: findings.hasSkipped)
  }
}
