import Synchronization

/// All that is known of one module's code: its DWARF, wherever that lies, and its symbols.
///
/// Immutable: any number of threads may ask it.
package final class ModuleLookup: Sendable {
  package let dwarf: DWARFFile?
  package let symbols: SymbolTable
  /// How far the module was moved after its debug file was made (prelink).
  fileprivate let displacement: UInt64
  /// What is kept for those who ask again and again.
  private let known = Mutex(KnownUnits())
  private let variables: LazyValue<VariableTable>

  /// `dwarf`: nil when neither the module nor a debug file has DWARF; `displacement`: what to take from an address of
  /// the module to have the one that `dwarf` and `symbols` mean, modulo 2⁶⁴.
  package init(dwarf: DWARFFile?, symbols: SymbolTable, displacement: UInt64 = 0) {
    self.dwarf = dwarf
    self.symbols = symbols
    self.displacement = displacement
    variables = LazyValue { dwarf.map { VariableTable(of: $0) } ?? VariableTable() }
  }

  /// The variable that lies at an address of the module, and where it is declared.
  ///
  /// The first question costs a pass over all of the debug information: no table of it leads from addresses to
  /// variables.
  package func variable(at address: UInt64) -> Variable? {
    guard var variable = symbols.variable(at: address &- displacement) else { return nil }
    if let dwarf {
      let end = max(address &- displacement, variable.address)
      if let place = variables.value.declaration(in: variable.address...end, of: dwarf) {
        (variable.file, variable.line) = place
      }
    }
    variable.address &+= displacement
    return variable
  }

  /// Gives the memory of all pages of its debug information back.
  func releasePages() { dwarf?.releasePages() }

  /// The frames of each address, in input order.
  ///
  /// `jobs`: how many threads to use, this one among them.
  package func answer(
    _ addresses: [UInt64],
    jobs: Int,
    details: FrameDetail = .none
  ) -> ModuleAnswer {
    let places = displacement == 0 ? addresses : addresses.map { $0 &- displacement }
    return ModuleAnswer(of: self, places, jobs: jobs, details: details)
  }

  /// What DWARF knows of a batch; of a small one that is not the first, with what is kept of units.
  fileprivate func lookup(
    _ batch: AddressBatch,
    in dwarf: DWARFFile,
    jobs: Int,
    details: FrameDetail,
    hints: SymbolHints
  ) -> DWARFLookup {
    let small = known.withLockIfAvailable { known -> DWARFLookup? in
      guard known.isWorthKeeping(for: batch) else { return nil }
      // Each question touches a few pages of a large file, and the kernel maps sixteen around each.
      if known.isTimeToRelease() { dwarf.releasePages() }
      return DWARFLookup(
        batch,
        in: dwarf,
        &known,
        details: details,
        hints: hints
      )
    }
    if let small, let small { return small }
    return DWARFLookup(
      batch,
      in: dwarf,
      jobs: jobs,
      details: details,
      hints: hints
    )
  }
}

/// The frames of a batch of addresses of one module: numbers, with tables of names and paths.
package struct ModuleAnswer: Sendable {
  /// Names by number, as they stand in the symbol table or in DWARF; not demangled.
  package private(set) var functions: [String]
  /// Paths by number.
  package let paths: [String]
  /// What DWARF says wrongly, or what is not read of it.
  package let problems: [DWARFProblem]
  /// By number of the path.
  private let sources: [StringReference?]
  private let positions: [Int32]
  private var frames: [LookupFrame] = []
  /// Of each frame, where that was asked for; else none.
  private var origins: [FrameOrigin] = []
  private var ranges: [FrameRange] = []
  private var reasons: [Reason] = []
  /// The identifier of the symbol that stands for each place; `LookupFrame.none` where there is none.
  private var symbols: [UInt32] = []

  /// How many addresses were asked.
  package var count: Int { positions.count }

  /// The frames of the address that was given at `index`, innermost first.
  package func frames(at index: Int) -> ArraySlice<LookupFrame> {
    let range = ranges[Int(positions[index])]
    return frames[Int(range.lowerBound)..<Int(range.upperBound)]
  }

  /// All frames, to be read one after the other.
  package var allFrames: AnswerFrames {
    @_lifetime(borrow self)
    get {
      AnswerFrames(
        frames: frames.span,
        origins: origins.span,
        ranges: ranges.span,
        positions: positions.span
      )
    }
  }

  /// What is known besides of a frame, by its index in what `frames(at:)` gives; nil unless it was asked for.
  package func origin(ofFrame index: Int) -> FrameOrigin? {
    origins.isEmpty ? nil : origins[index]
  }

  /// The symbol that stands for the address at `index`; nil when there is none.
  func symbol(at index: Int) -> UInt32? {
    let symbol = symbols[Int(positions[index])]
    return symbol == LookupFrame.none ? nil : symbol
  }

  /// The symbol that stands for the address at `index`, with the number of the function that is shown for it.
  func shownSymbol(at index: Int) -> (symbol: UInt32, function: UInt32)? {
    let symbol = symbols[Int(positions[index])]
    guard symbol != LookupFrame.none, let frame = frames(at: index).last,
      frame.function != LookupFrame.none
    else { return nil }
    return (symbol, frame.function)
  }

  /// The texts of source files that the debug information has, by path.
  ///
  /// `file`: the debug information that was asked.
  package func embeddedSources(of file: DWARFFile) -> [String: [UInt8]] {
    var texts: [String: [UInt8]] = [:]
    for (number, source) in sources.enumerated() {
      guard let source else { continue }
      let text = file.bytes(of: source)
      // A compiler that had no text puts an empty one in.
      if !text.isEmpty { texts[paths[number]] = text }
    }
    return texts
  }

  /// Why the address at `index` has no function, in words for a person; nil when it has one.
  ///
  /// It may have a place all the same: the row before padding reaches over it.
  package func reason(at index: Int) -> String? {
    let position = positions[index]
    var (low, high) = (0, reasons.count)
    while low < high {
      let middle = (low + high) / 2
      if reasons[middle].position < position { low = middle + 1 } else { high = middle }
    }
    return low < reasons.count && reasons[low].position == position ? reasons[low].text : nil
  }

  /// Why an address has no function.
  private struct Reason: Sendable {
    /// Its position among the batch's addresses in their order.
    var position: Int32
    var text: String
  }
}

extension ModuleAnswer {
  init(of module: ModuleLookup, _ addresses: [UInt64], jobs: Int, details: FrameDetail) {
    let batch = AddressBatch(addresses)
    positions = batch.positions
    let symbols = module.symbols
    let matches = symbols.symbols(at: batch.sorted)
    guard let dwarf = module.dwarf else {
      (functions, paths, problems, sources) = ([], [], [], [])
      var names = OuterNames(symbols: symbols, functions: [])
      for (position, match) in matches.enumerated() {
        append(Int32(position), match, [], &names)
        if details != .none { appendOrigins(match, [], module.displacement) }
      }
      functions = names.texts
      return
    }
    let hints = SymbolHints(
      mayHaveFunction: { position in
        // Compilers give thunks no entry: looking for one costs a walk over the whole unit.
        guard let symbol = matches[position].symbol else { return true }
        return !symbols.name(of: symbol).hasPrefix("_ZT")
      },
      sharesStart: { position in
        matches[position].symbol.map { symbols.sharesStart($0) } ?? true
      }
    )
    let lookup = module.lookup(batch, in: dwarf, jobs: jobs, details: details, hints: hints)
    paths = lookup.paths
    sources = lookup.sources
    problems = lookup.problems.isEmpty ? [] : Array(lookup.problems)
    functions = []
    let texts = dwarf.texts(of: lookup.functions, split: lookup.splitNames)
    var names = OuterNames(symbols: symbols, functions: texts)
    names.prefersDWARF = dwarf.naming.prefersPlainNames
    frames.reserveCapacity(lookup.frames.count)
    ranges.reserveCapacity(matches.count)
    for (position, match) in matches.enumerated() {
      let range = lookup.ranges[position]
      append(
        Int32(position),
        match,
        lookup.frames[Int(range.lowerBound)..<Int(range.upperBound)],
        &names
      )
      if details != .none {
        let known = lookup.origins[Int(range.lowerBound)..<Int(range.upperBound)]
        appendOrigins(match, known, module.displacement)
      }
    }
    functions = names.texts
  }

  /// Adds the frames of the next address, the outermost of them with the name of the symbol table.
  private mutating func append(
    _ position: Int32,
    _ match: SymbolMatch,
    _ found: ArraySlice<LookupFrame>,
    _ names: inout OuterNames
  ) {
    let first = Int32(frames.count)
    frames.append(contentsOf: found)
    symbols.append(match.symbol?.id ?? LookupFrame.none)
    let outermost = found.last?.function ?? LookupFrame.none
    switch names.name(match, dwarf: outermost) {
    case .number(let number):
      if found.isEmpty {
        frames.append(LookupFrame(function: number, isOfSymbol: true))
      } else {
        frames[frames.count - 1].function = number
      }
    case .unknown(let reason):
      reasons.append(Reason(position: position, text: reason))
      // A row of line 0 for padding between functions says nothing at all.
      if let only = found.last, found.count == 1, only.line == 0 { frames.removeLast() }
    }
    ranges.append(FrameRange(lowerBound: first, upperBound: Int32(frames.count)))
  }

  /// Adds what is known besides of the frames that were added last; the symbol says where the outermost begins.
  private mutating func appendOrigins(
    _ match: SymbolMatch,
    _ found: ArraySlice<FrameOrigin>,
    _ displacement: UInt64
  ) {
    origins.append(contentsOf: found)
    if origins.count < frames.count { origins.append(FrameOrigin()) }
    if origins.count > frames.count { origins.removeLast() }
    guard let range = ranges.last, range.count > 0 else { return }
    for index in Int(range.lowerBound)..<Int(range.upperBound) {
      if let start = origins[index].start { origins[index].start = start &+ displacement }
    }
    let outermost = Int(range.upperBound) - 1
    // What reaches from label to label may belong to somebody else.
    if let symbol = match.symbol, symbol.isSized || origins[outermost].start == nil {
      origins[outermost].start = symbol.address.value &+ displacement
    }
  }
}

/// Chooses the name of a machine function, which DWARF and the symbol table both may know.
private struct OuterNames {
  enum Choice {
    case number(UInt32)
    case unknown(String)
  }

  let symbols: SymbolTable
  /// Names by number; those of DWARF first.
  var texts: [String]
  /// Symbols stand in for names that DWARF does not have, and for nothing else.
  var prefersDWARF = false
  private var numbers = IntegerTable()

  init(symbols: SymbolTable, functions: [String]) {
    self.symbols = symbols
    texts = functions
  }

  /// The name of the function that a symbol stands for, whose name by DWARF is given, or `LookupFrame.none`.
  mutating func name(_ match: SymbolMatch, dwarf: UInt32) -> Choice {
    switch match {
    case .unknown(let reason):
      return dwarf == LookupFrame.none ? .unknown(reason) : .number(dwarf)
    case .symbol(let symbol):
      let key = UInt64(symbol.id) << 32 | UInt64(dwarf)
      // The one key that the table cannot keep is no pair: no table has 2³² symbols.
      if let known = numbers[key] { return .number(known) }
      let number = number(symbol, dwarf)
      numbers.insert(key, number)
      return .number(number)
    }
  }

  private mutating func number(_ symbol: Symbol, _ dwarf: UInt32) -> UInt32 {
    let name = symbols.name(of: symbol)
    if dwarf != LookupFrame.none {
      let known = texts[Int(dwarf)]
      // What reaches from label to label may belong to somebody else.
      guard symbol.isSized, name != known, !prefersDWARF else { return dwarf }
      if isForeign(name, to: known) { return dwarf }
    }
    texts.append(name)
    return UInt32(texts.count - 1)
  }

  private static func isMangled(_ name: String) -> Bool {
    name.hasPrefix("_Z") || name.hasPrefix("_R") || name.hasPrefix("$s") || name.hasPrefix("$S")
  }

  /// Whether a linkage name has `C4E`, `C4I` or `D4E` in it; by bytes, a search by characters takes microseconds.
  private static func standsForAllVariants(_ name: String) -> Bool {
    var (first, second): (UInt8, UInt8) = (0, 0)
    for byte in name.utf8 {
      let isVariant = first == UInt8(ascii: "C") || first == UInt8(ascii: "D")
      let isEnd = byte == UInt8(ascii: "E") || byte == UInt8(ascii: "I")
      if isVariant, second == UInt8(ascii: "4"), isEnd { return true }
      (first, second) = (second, byte)
    }
    return false
  }

  /// Whether the two names are of different functions with one body, of which DWARF's is the one to show.
  private func isForeign(_ name: String, to known: String) -> Bool {
    // Parts and copies of a function: `f.cold`, `f.isra.0`, `f.llvm.123`.
    if name.hasPrefix(known), name.utf8.dropFirst(known.utf8.count).first == UInt8(ascii: ".") {
      return false
    }
    guard Self.isMangled(known) else {
      // A plain name is not the whole name of a C++, Rust or Swift function, but it is that of a C function, whatever
      // else the same code is called.
      return !Self.isMangled(name)
    }
    // The entry of a constructor or destructor may stand for all its variants: C4, D4.
    return !Self.standsForAllVariants(known)
  }
}
