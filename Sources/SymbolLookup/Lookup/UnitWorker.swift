import Bytes

/// One frame of an answer, in numbers: functions and paths are those of the answer's tables.
@usableFromInline
package struct LookupFrame: Sendable, Equatable {
  /// The number of no function and no path.
  @inlinable package static var none: UInt32 { .max }
  /// Neither a function nor a place.
  package static var unknown: LookupFrame { LookupFrame(function: none) }

  package var function: UInt32
  package var path: UInt32 = none
  /// 0 when unknown, and of code that belongs to no line of its file.
  package var line: UInt32 = 0
  /// 0 when unknown.
  package var column: UInt32 = 0
  package var isInlined = false
  /// Nobody but the symbol table knows of it.
  package var isOfSymbol = false
}

/// A stretch of a list of frames.
///
/// Not a `Range`: the first list of those makes the runtime look through all conformances of the program for that of
/// its bound, which takes as long as a small answer.
@usableFromInline
struct FrameRange: Sendable {
  @usableFromInline var lowerBound: Int32 = 0
  @usableFromInline var upperBound: Int32 = 0

  var count: Int { Int(upperBound - lowerBound) }
}

/// What one unit knows of one address.
struct UnitAnswer: Sendable {
  var position: Int32
  var unit: Int32
  /// Into the frames of the same output, innermost first.
  var frames: Range<Int32>
  var hasFunction: Bool
  var hasPlace: Bool
}

extension [StringReference?] {
  /// Keeps a text by the number of its path.
  mutating func set(_ text: StringReference, at number: UInt32) {
    while count <= Int(number) { append(nil) }
    self[Int(number)] = text
  }
}

/// All that one worker found out, in tables of its own.
struct WorkerOutput: Sendable {
  var names = FunctionTable()
  var paths = PathTable()
  /// Texts of source files that the debug information has, by the number of the path.
  var sources: [StringReference?] = []
  var frames: [LookupFrame] = []
  /// Of each frame, where that was asked for; else none.
  var origins: [FrameOrigin] = []
  var answers: [UnitAnswer] = []
  var problems: Set<DWARFProblem> = []
}

/// What the symbols say of the positions of a batch before debug information is asked.
struct SymbolHints: Sendable {
  /// Whether DWARF may know a function there, although it stands in no obvious place: false for what compilers make
  /// without debug information, such as thunks.
  let mayHaveFunction: @Sendable (Int) -> Bool
  /// Whether several symbols may start where the function there does: others of one body, which a linker folded.
  let sharesStart: @Sendable (Int) -> Bool

  /// Where no symbols are known: everything may be.
  static var unknown: SymbolHints {
    SymbolHints(mayHaveFunction: { _ in true }, sharesStart: { _ in true })
  }
  /// Of no addresses.
  static var none: SymbolHints {
    SymbolHints(mayHaveFunction: { _ in false }, sharesStart: { _ in false })
  }
}

/// Looks addresses up in units, one unit after the other, on one thread.
struct UnitWorker {
  /// More are not told.
  static let mostProblems = 16
  /// A walk for no more ends early where it can.
  private static let fewAddresses = 16

  let file: DWARFFile
  /// The addresses of the batch, ascending.
  let sorted: [UInt64]
  let hints: SymbolHints
  let details: FrameDetail
  var budget: WorkBudget
  var loader: UnitLoader
  /// Of other units, by the offsets of their programs, for the files that functions of theirs are declared in.
  var foreignTables: [Int: LineTableHeader?] = [:]
  /// Those of the unit at hand, where it is kept.
  var knownPaths: KnownPaths?
  private var resolver: NameResolver
  /// From an entry's reference to the number of its name, of all units.
  private var entryNumbers = IntegerTable()
  var output = WorkerOutput()

  /// A worker that has found nothing yet.
  init(
    file: DWARFFile,
    sorted: [UInt64],
    details: FrameDetail,
    hints: SymbolHints
  ) {
    self.file = file
    self.sorted = sorted
    self.details = details
    self.hints = hints
    budget = WorkBudget(for: file.sections, addressCount: sorted.count)
    loader = UnitLoader(budget: budget)
    resolver = NameResolver(budget: budget)
  }

  /// Everything that was found, and the worker's end.
  consuming func finish() -> WorkerOutput {
    var output = output
    if !resolver.problems.isEmpty { output.problems.formUnion(resolver.problems) }
    return output
  }

  /// Looks up the addresses of a task, and gives the memory of the unit's bytes back.
  mutating func process(_ task: UnitTask) {
    let header = file.units.units[task.unit]
    do throws(DWARFProblem) {
      let unit = try loader.load(task.unit, of: file, isAlternate: false)
      let addresses = task.positions.map { sorted[Int($0)] }
      let (table, places) = findPlaces(unit, addresses)
      var split = splitUnit(of: unit)
      var functions = findFunctions(
        split?.unit ?? unit,
        in: split?.file ?? file,
        addresses,
        task.positions
      )
      if !functions.rivals.isEmpty {
        chooseAmongFolded(task, unit, &split, addresses, table, &functions)
      }
      emit(task, unit, &split, functions, table, places)
      for problem in split?.problems ?? [] { note(problem) }
    } catch {
      note(error)
    }
    file.sections.info.releasePages(header.offset..<header.end)
  }

  /// The other half of a skeleton with code; nil of other units, and where it is not to be had.
  ///
  /// Units without code that name a file are Swift's references to the modules that it imported.
  mutating func splitUnit(of unit: LoadedUnit) -> SplitWorker? {
    guard unit.context.isSkeleton, unit.context.lowPC.isPresent || unit.context.ranges.isPresent
    else { return nil }
    guard let units = file.split else {
      let text = "functions and inlined calls stand in a split file, which is not looked for"
      let error = FormatError(.malformed(text), offset: unit.context.header.offset)
      note(DWARFProblem(".debug_info", error, isDamage: false))
      return nil
    }
    do throws(FormatError) {
      let split = try units.unit(of: unit.context)
      do throws(DWARFProblem) {
        return try SplitWorker(split, of: unit.context)
      } catch {
        note(DWARFProblem("\(error.section).dwo", error.error))
      }
    } catch {
      note(DWARFProblem(".debug_info", error, isDamage: false))
    }
    return nil
  }

  mutating func note(_ problem: DWARFProblem) {
    if output.problems.count < Self.mostProblems { output.problems.insert(problem) }
  }

  /// Walks over a unit, or over one function of it.
  ///
  /// `start`: the function's entry.
  func walk(
    _ unit: LoadedUnit,
    in file: DWARFFile,
    _ addresses: [UInt64],
    _ depth: FunctionWalk.Depth,
    from start: Int?,
    _ findings: inout FunctionFindings
  ) {
    // Three regions, not all sections: copying those costs as much as the walk over a small function.
    let info = file.sections.info
    let indexed = file.sections.addresses
    let lists =
      unit.context.header.encoding.version >= 5 ? file.sections.rangeLists : file.sections.ranges
    let input = FunctionWalk.Input(
      info: info.bytes,
      addresses: indexed.bytes,
      rangeLists: lists.bytes
    )
    FunctionWalk.run(
      unit.context,
      unit.abbreviations,
      input,
      sorted: addresses.span,
      depth: depth,
      from: start,
      findings: &findings
    )
  }

  private mutating func findFunctions(
    _ unit: LoadedUnit,
    in file: DWARFFile,
    _ addresses: [UInt64],
    _ positions: [Int32]
  ) -> FunctionFindings {
    let section = file === self.file ? ".debug_info" : ".debug_info.dwo"
    var findings = FunctionFindings(
      addressCount: addresses.count,
      rangeSteps: budget.rangeSteps
    )
    // With more addresses a walk comes near the unit's end anyway.
    findings.isToFindRivals =
      positions.count > Self.fewAddresses || positions.contains { hints.sharesStart(Int($0)) }
    walk(unit, in: file, addresses, .quick, from: nil, &findings)
    if findings.openCount > 0, findings.hasSkipped {
      let isWorthIt = addresses.indices.contains {
        findings.nodeOfAddress[$0] < 0 && hints.mayHaveFunction(Int(positions[$0]))
      }
      if isWorthIt { walk(unit, in: file, addresses, .nested, from: nil, &findings) }
    }
    budget.rangeSteps = findings.rangeSteps
    if findings.rangeSteps < 0 {
      let text = "range lists are shared by too many entries; functions may be missing"
      note(
        DWARFProblem(
          section,
          FormatError(.malformed(text), offset: unit.context.header.offset)
        )
      )
    }
    if findings.isDamaged {
      let error = FormatError(
        .malformed("the entries of the unit are damaged; functions may be missing"),
        offset: unit.context.header.offset
      )
      note(DWARFProblem(section, error))
    }
    return findings
  }

  /// Reads the head of a unit's line program.
  func lineTable(at offset: Int, of unit: LoadedUnit) throws(FormatError) -> LineTableHeader {
    try lineTable(at: offset, of: unit, file.sections)
  }

  /// The same of a unit of a file with these sections.
  func lineTable(
    at offset: Int,
    of unit: LoadedUnit,
    _ sections: DWARFSections
  ) throws(FormatError) -> LineTableHeader {
    let lines = sections.lines
    let stringOffsets = sections.stringOffsets
    var cursor = ByteCursor(lines.bytes)
    try cursor.seek(to: offset)
    return try LineTableHeader(
      parsing: &cursor,
      unit: unit.context,
      stringOffsets: stringOffsets.bytes
    )
  }

  private mutating func findPlaces(
    _ unit: LoadedUnit,
    _ addresses: [UInt64]
  ) -> (LineTableHeader?, LineFindings) {
    var findings = LineFindings(
      addressCount: addresses.count,
      withDiscriminators: details != .none
    )
    guard let offset = unit.context.lineProgram, budget.lineBytes >= 0 else {
      return (nil, findings)
    }
    let sections = file.sections
    let lines = sections.lines
    do throws(FormatError) {
      var header = try lineTable(at: offset, of: unit)
      guard budget.spend(header.program.upperBound - offset, of: \.lineBytes) else {
        let text = "a line program is shared by too many units; lines may be missing"
        throw FormatError(.malformed(text), offset: offset)
      }
      LineProgram.run(
        header,
        lines: lines.bytes,
        addressing: unit.context.addressing,
        sorted: addresses.span,
        findings: &findings
      )
      if findings.isDamaged {
        let text = "the line program is damaged; lines may be missing"
        throw FormatError(.malformed(text), offset: header.program.lowerBound)
      }
      header.files += findings.files
      lines.releasePages(offset..<header.program.upperBound)
      return (header, findings)
    } catch {
      note(DWARFProblem(".debug_line", error))
      return (nil, findings)
    }
  }
}

// MARK: - Frames

extension UnitWorker {
  /// Puts what was found of a task's addresses into frames.
  mutating func emit(
    _ task: UnitTask,
    _ unit: LoadedUnit,
    _ split: inout SplitWorker?,
    _ functions: FunctionFindings,
    _ table: LineTableHeader?,
    _ places: LineFindings
  ) {
    var pathNumbers = [UInt32](repeating: LookupFrame.none, count: (table?.files.count ?? 0) + 1)
    for (index, position) in task.positions.enumerated() {
      let first = Int32(output.frames.count)
      var node = functions.nodeOfAddress[index]
      let place = places.places[index]
      guard node >= 0 || place != nil else { continue }
      var frame = LookupFrame(function: LookupFrame.none)
      var discriminator = details == .none ? 0 : places.discriminators[index]
      if let place {
        frame.path = path(place.file, unit, table, &pathNumbers)
        frame.line = place.line
        frame.column = place.column
      }
      while node >= 0 {
        let current = functions.nodes[Int(node)]
        frame.function =
          split?.function(current.name, &output.names) ?? function(current.name, unit)
        frame.isInlined = current.parent >= 0
        output.frames.append(frame)
        if details != .none {
          addOrigin(of: current, discriminator: discriminator, unit, &split) { worker, file in
            worker.path(file, unit, table, &pathNumbers)
          }
          discriminator = callDiscriminator(of: current, unit, split)
        }
        frame.line = current.callLine
        frame.column = current.callColumn
        frame.path =
          current.hasCallFile
          ? path(current.callFile, unit, table, &pathNumbers) : LookupFrame.none
        node = current.parent
      }
      if functions.nodeOfAddress[index] < 0 {
        output.frames.append(frame)
        if details != .none { output.origins.append(FrameOrigin(discriminator: discriminator)) }
      }
      output.answers.append(
        UnitAnswer(
          position: position,
          unit: Int32(task.unit),
          frames: first..<Int32(output.frames.count),
          hasFunction: functions.nodeOfAddress[index] >= 0,
          hasPlace: place != nil
        )
      )
    }
  }

  /// Where an entry of the file is declared.
  mutating func declaration(of entry: EntryReference, _ unit: LoadedUnit) -> Declaration {
    resolver.declaration(of: entry, current: unit, file: file)
  }

  /// The number of the function that an entry names; `none` when it has no name.
  private mutating func function(_ entry: EntryReference, _ unit: LoadedUnit) -> UInt32 {
    let key = UInt64(entry.offset) << 1 | (entry.isAlternate ? 1 : 0)
    if let known = entryNumbers[key] { return known }
    var number = LookupFrame.none
    if let name = resolver.name(of: entry, current: unit, file: file) {
      number = output.names.number(of: name)
    }
    entryNumbers.insert(key, number)
    return number
  }

  private mutating func path(
    _ file: UInt32,
    _ unit: LoadedUnit,
    _ table: LineTableHeader?,
    _ numbers: inout [UInt32]
  ) -> UInt32 {
    guard let table, let entry = table.file(file) else { return LookupFrame.none }
    let known = numbers[Int(file)]
    if known != LookupFrame.none { return known }
    let kept = knownPaths?[file]
    var text = kept ?? []
    if kept == nil {
      SourcePath.build(
        file,
        table,
        unit.context,
        self.file.sections,
        self.file.naming,
        into: &text
      )
      knownPaths?.keep(text, of: file)
    }
    guard !text.isEmpty else { return LookupFrame.none }
    let number = output.paths.number(of: text)
    numbers[Int(file)] = number
    if let source = entry.source { output.sources.set(source, at: number) }
    return number
  }
}
