import Bytes
import Synchronization

/// The symbols of a module: of its `.symtab`, wherever that lies, else of `.dynsym` and
/// MiniDebugInfo, and the slots of its linkage table.
///
/// Names stay in the file until they are asked for. The first few addresses are found by one pass over the table;
/// whoever asks for more, or again, gets an index, which takes time and memory in proportion to the symbols (28 bytes
/// each while it is built, 12 to 24 after); a lookup in it is one binary search.
package final class SymbolTable: Sendable {
  /// What was found where, for a person: "no .symtab (stripped)".
  package let problems: [String]
  /// Has all symbols, not only those of the dynamic linker.
  package let isComplete: Bool

  private let sources: [SymbolSource]
  /// What names code; `.dynsym` beside a full table names slots alone.
  private let used: [SymbolSource]
  private let slots: LazyValue<[LinkageSlots.Slot]>
  private let slotSource: Int
  private let codeSections: [ELFSection]
  private let index: LazyValue<SymbolIndex>
  /// By source: the numbers of the symbols that name source files.
  private let fileSymbols: LazyValue<[[Int]]>
  private let wasAsked = Atomic(false)

  /// Symbol numbers are in the lower bits of an identifier, their source in the upper two.
  private static let sourceShift: UInt32 = 30
  private static let slotsID: UInt32 = 3

  /// More addresses than this are looked up in the index, even when they are the first.
  private static let fewAddresses = 16

  /// Finds the symbols of a module; reads none of them yet.
  ///
  /// - Parameters:
  ///   - main: the module itself.
  ///   - debug: its separate debug file, whose `.symtab` is preferred.
  package init(main: ELFFile?, debug: ELFFile? = nil) {
    var sources: [SymbolSource] = []
    var problems: [String] = []
    let files = [debug, main].compactMap(\.self)
    let full = files.lazy.compactMap { SymbolSource(.symbolTable, of: $0) }.first
    if let full { sources.append(full) }
    let dynamic = files.reversed().lazy.compactMap {
      SymbolSource(.dynamicSymbols, of: $0) ?? SymbolSource(dynamicSegmentOf: $0)
    }.first
    if let dynamic { sources.append(dynamic) }
    if full == nil, let main {
      do throws(FormatError) {
        if let embedded = try MiniDebugInformation.file(in: main) {
          if let symbols = SymbolSource(.symbolTable, of: embedded) { sources.append(symbols) }
        }
      } catch {
        problems.append("\(main.path): .gnu_debugdata: \(error)")
      }
    }
    for file in files {
      if let problem = file.sectionProblem { problems.append("\(file.path): \(problem)") }
    }
    let slots = LazyValue { main.map { LinkageSlots(of: $0).slots } ?? [] }
    self.slots = slots
    slotSource = full == nil ? 0 : 1
    isComplete = full != nil
    self.sources = sources
    self.problems = problems
    codeSections = (main ?? debug)?.sections.filter { $0.isAllocated && $0.isExecutable } ?? []
    let used = full == nil ? sources : [sources[0]]
    self.used = used
    index = LazyValue { SymbolIndex(Self.candidates(used, slots.value)) }
    let all = sources
    fileSymbols = LazyValue { all.map(\.fileSymbols) }
  }

  /// The symbol that stands for the address.
  package func symbol(at address: ELFAddress) -> SymbolMatch { match(address, in: index.value) }

  private func match(_ address: ELFAddress, in index: SymbolIndex) -> SymbolMatch {
    guard let owner = index.owner(of: address.value) else {
      return .unknown(
        reason(
          address,
          isEmpty: index.isEmpty,
          isBetweenSymbols: index.isBetweenSymbols(address.value)
        )
      )
    }
    return .symbol(symbol(owner.id, end: owner.end))
  }

  /// The symbols that stand for the addresses, in their order.
  package func symbols(at addresses: [UInt64]) -> [SymbolMatch] {
    let isFirst = !wasAsked.exchange(true, ordering: .relaxed)
    guard isFirst, addresses.count <= Self.fewAddresses else {
      let index = index.value
      return addresses.map { match(ELFAddress($0), in: index) }
    }
    var scan = SymbolScan(addresses)
    for (number, source) in used.enumerated() { Self.scan(source, number) { scan.add($0) } }
    // Slots are found by reading code and relocations: not before an address may lie in one, or lies nowhere.
    let mayBeSlot = addresses.contains { isInLinkageTable(ELFAddress($0)) }
    let slots = mayBeSlot || scan.hasUnknown ? slots.value : []
    Self.scan(slots) { scan.add($0) }
    if scan.needsSecondPass {
      for (number, source) in used.enumerated() { Self.scan(source, number) { scan.cover($0) } }
      Self.scan(slots) { scan.cover($0) }
    }
    return scan.answers.enumerated().map { position, answer in
      if let owner = answer.owner {
        var symbol = symbol(owner.id, end: owner.end)
        symbol.sharesStart = answer.sharesStart
        return .symbol(symbol)
      }
      return .unknown(
        reason(
          ELFAddress(addresses[position]),
          isEmpty: !answer.hasBefore && !answer.hasAfter,
          isBetweenSymbols: answer.hasBefore && answer.hasAfter
        )
      )
    }
  }

  private func isInLinkageTable(_ address: ELFAddress) -> Bool {
    codeSections.contains { Self.isLinkageTable($0) && $0.contains(address) }
  }

  private static func isLinkageTable(_ section: ELFSection) -> Bool {
    section.name.hasPrefix(".plt") || section.name == ".iplt"
  }

  /// `end`: where a symbol without size ends.
  private func symbol(_ id: UInt32, end: UInt64) -> Symbol {
    if id >> Self.sourceShift == Self.slotsID {
      let slot = slots.value[number(id)]
      return Symbol(
        id: id,
        address: ELFAddress(slot.address),
        end: ELFAddress(slot.address &+ slot.byteCount),
        binding: .local,
        isSized: true,
        isLinkageSlot: true
      )
    }
    let entry = sources[Int(id >> Self.sourceShift)].entry(number(id))
    return Symbol(
      id: id,
      address: ELFAddress(entry.value),
      end: ELFAddress(entry.size > 0 ? entry.value.clampedSum(entry.size) : end),
      binding: entry.binding,
      isSized: entry.size > 0,
      isLinkageSlot: false
    )
  }

  /// Whether another function may start where this symbol does, which is an answer of this table.
  ///
  /// The variants of a constructor (`C1`, `C2`) are one function with one entry.
  func sharesStart(_ symbol: Symbol) -> Bool {
    if let known = symbol.sharesStart { return known }
    let group = index.value.aliases(at: symbol.address.value)
    guard group.count > 1 else { return false }
    let names = names(group)
    return !names.dropFirst().allSatisfy { Self.areVariants($0, names[0]) }
  }

  /// Whether two linkage names differ in nothing but the number of a constructor's or destructor's variant.
  private static func areVariants(_ first: String, _ second: String) -> Bool {
    guard first.utf8.count == second.utf8.count else { return false }
    var differences = 0
    var last: UInt8 = 0
    for (left, right) in zip(first.utf8, second.utf8) {
      if left != right {
        differences += 1
        let isVariant = last == UInt8(ascii: "C") || last == UInt8(ascii: "D")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "5")
        guard differences == 1, isVariant, digits ~= left, digits ~= right else { return false }
      }
      last = left
    }
    return true
  }

  /// The symbol's name as in the table, without its version; slots of the linkage table end in
  /// `@plt`.
  package func name(of symbol: Symbol) -> String {
    let number = number(symbol.id)
    guard symbol.isLinkageSlot else {
      let source = Int(symbol.id >> Self.sourceShift)
      guard source < sources.count, number < sources[source].count else { return "" }
      return sources[source].name(sources[source].entry(number))
    }
    switch slots.value[number].target {
    case .resolver(let address):
      // binutils' name for what has none: a stripped static program.
      let name = indirectFunction(at: address) ?? "*ABS*+0x\(String(address, radix: 16))"
      return name + "@plt"
    case .symbol(let target):
      guard slotSource < sources.count, target < sources[slotSource].count else { return "" }
      return sources[slotSource].name(sources[slotSource].entry(target)) + "@plt"
    }
  }

  /// The name of the indirect function that the code at an address chooses.
  private func indirectFunction(at address: UInt64) -> String? {
    let group: [UInt32]
    if let index = index.known {
      let aliases = index.aliases(at: address)
      let owner = index.owner(of: address).flatMap { $0.start == address ? $0.id : nil }
      group = aliases.isEmpty ? [owner].compactMap(\.self) : Array(aliases)
    } else {
      group = identifiers(startingAt: [address])[0]
    }
    let entries = group.lazy.filter { $0 >> Self.sourceShift != Self.slotsID }.map { id in
      (source: self.sources[Int(id >> Self.sourceShift)], number: self.number(id))
    }
    // Beside it stands the function that chooses, which is called otherwise.
    let best = entries.first { $0.source.entry($0.number).isIndirect } ?? entries.first
    return best.map { $0.source.name($0.source.entry($0.number)) }
  }

  /// Whoever folds more functions than this has no use for all their names.
  private static let mostNames = 17

  /// The names of the symbols that start where each of these starts, its own among them, the best first; none where
  /// there is only one.
  ///
  /// Of symbols with and without size only the former count, as in lookups; each name is given once, and of many the
  /// first ones.
  func names(startingWith symbols: [UInt32]) -> [[String]] {
    let starts = symbols.map { id in
      // Nothing else starts at a slot of the linkage table.
      id >> Self.sourceShift == Self.slotsID
        ? nil : sources[Int(id >> Self.sourceShift)].entry(number(id)).value
    }
    guard let index = index.known ?? (symbols.count > Self.fewAddresses ? index.value : nil) else {
      return identifiers(startingAt: starts).map { $0.count > 1 ? names($0[...]) : [] }
    }
    return starts.map { $0.map { names(index.aliases(at: $0)) } ?? [] }
  }

  /// The symbols that start at each address, the best first, by one pass over the table.
  private func identifiers(startingAt starts: [UInt64?]) -> [[UInt32]] {
    var found = [[SymbolIndex.Candidate]](repeating: [], count: starts.count)
    for (number, source) in used.enumerated() {
      Self.scan(source, number) { candidate in
        for (index, start) in starts.enumerated() where start == candidate.start {
          found[index].append(candidate)
        }
      }
    }
    return found.map { group in
      let hasSized = group.contains { $0.size > 0 }
      return group.filter { !hasSized || $0.size > 0 }
        .sorted { ($0.rank, $0.id) < ($1.rank, $1.id) }.map(\.id)
    }
  }

  private func names(_ symbols: ArraySlice<UInt32>) -> [String] {
    var names: [String] = []
    for id in symbols where id >> Self.sourceShift != Self.slotsID {
      let source = sources[Int(id >> Self.sourceShift)]
      let name = source.name(source.entry(number(id)))
      if !name.isEmpty, !names.contains(name) { names.append(name) }
      if names.count == Self.mostNames { break }
    }
    return names
  }

  /// The source file that a symbol's table states for it; nil of symbols that other files may use, of which it says
  /// nothing.
  func sourceFile(ofSymbol id: UInt32) -> String? {
    let source = Int(id >> Self.sourceShift)
    guard source < sources.count, sources[source].entry(number(id)).isLocal else { return nil }
    let all = fileSymbols.value[source]
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle] < number(id) { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let name = sources[source].name(sources[source].entry(all[low - 1]))
    return name.isEmpty ? nil : name
  }

  /// The variable that lies at the address, by one pass over the table.
  package func variable(at address: UInt64) -> Variable? {
    for (number, source) in used.enumerated() {
      guard let index = source.variable(at: address) else { continue }
      let entry = source.entry(index)
      var variable = Variable(
        name: source.name(entry),
        address: entry.value,
        byteCount: entry.size
      )
      variable.file = sourceFile(ofSymbol: UInt32(number) << Self.sourceShift | UInt32(index))
      return variable
    }
    return nil
  }

  private func number(_ id: UInt32) -> Int { Int(id & (1 << Self.sourceShift - 1)) }

  private static func candidates(
    _ sources: [SymbolSource],
    _ slots: [LinkageSlots.Slot]
  ) -> [SymbolIndex.Candidate] {
    var candidates: [SymbolIndex.Candidate] = []
    for (number, source) in sources.enumerated() {
      scan(source, number) { candidates.append($0) }
    }
    scan(slots) { candidates.append($0) }
    return candidates
  }

  @inline(__always)
  private static func scan(
    _ source: SymbolSource,
    _ number: Int,
    _ body: (SymbolIndex.Candidate) -> Void
  ) {
    let prefix = UInt32(number) << sourceShift
    source.forEachCodeSymbol { index, entry, limit in
      body(
        SymbolIndex.Candidate(
          start: entry.value,
          size: entry.size,
          limit: limit,
          id: prefix | UInt32(index),
          rank: entry.binding.rawValue * 2 + (entry.isFunction ? 0 : 1)
        )
      )
    }
  }

  private static func scan(
    _ slots: [LinkageSlots.Slot],
    _ body: (SymbolIndex.Candidate) -> Void
  ) {
    for (number, slot) in slots.enumerated() {
      body(
        SymbolIndex.Candidate(
          start: slot.address,
          size: slot.byteCount,
          limit: .max,
          id: slotsID << sourceShift | UInt32(number),
          rank: .max
        )
      )
    }
  }

  private func reason(_ address: ELFAddress, isEmpty: Bool, isBetweenSymbols: Bool) -> String {
    guard !isEmpty else { return "no symbols" }
    let section = codeSections.first { $0.contains(address) }
    guard let section else { return codeSections.isEmpty ? "no symbol" : "not in code" }
    if Self.isLinkageTable(section) { return "in the linkage table, no slot" }
    // Without its own table a file names what others use of it; the rest of its code may be anything.
    guard isComplete else { return "stripped: only exported functions have names" }
    return isBetweenSymbols ? "between functions" : "no symbol"
  }
}
