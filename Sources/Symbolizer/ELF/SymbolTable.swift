import CaptureFormat

/// The symbols of a module: of its `.symtab`, wherever that lies, else of `.dynsym` and
/// MiniDebugInfo, and the slots of its linkage table.
///
/// Names stay in the file until they are asked for. Building takes time and memory in proportion to
/// the symbols (28 bytes each while it is built, 12 to 24 after); a lookup is one binary search.
package final class SymbolTable: Sendable {
  /// What was found where, for a person: "no .symtab (stripped)".
  package let problems: [String]
  /// Has all symbols, not only those of the dynamic linker.
  package let isComplete: Bool

  private let sources: [SymbolSource]
  private let slots: [LinkageSlots.Slot]
  private let slotSource: Int
  private let codeSections: [ELFSection]
  private let index: SymbolIndex

  /// Symbol numbers are in the lower bits of an identifier, their source in the upper two.
  private static let sourceShift: UInt32 = 30
  private static let slotsID: UInt32 = 3

  /// Reads the symbols of a module.
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
    let dynamic = files.reversed().lazy.compactMap { SymbolSource(.dynamicSymbols, of: $0) }.first
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
    slots = dynamic == nil ? [] : main.map { LinkageSlots(of: $0).slots } ?? []
    slotSource = full == nil ? 0 : 1
    isComplete = full != nil
    self.sources = sources
    self.problems = problems
    codeSections = (main ?? debug)?.sections.filter { $0.isAllocated && $0.isExecutable } ?? []
    let used = full == nil ? sources : [sources[0]]
    index = SymbolIndex(Self.candidates(used, slots))
  }

  /// Whether there is no symbol at all.
  package var isEmpty: Bool { index.isEmpty }

  /// The symbol that stands for the address.
  package func symbol(at address: ELFAddress) -> SymbolMatch {
    guard let owner = index.owner(of: address.value) else { return .unknown(reason(address)) }
    if owner.id >> Self.sourceShift == Self.slotsID {
      let slot = slots[number(owner.id)]
      return .symbol(
        Symbol(
          id: owner.id,
          address: ELFAddress(slot.address),
          end: ELFAddress(slot.address &+ slot.byteCount),
          binding: .local,
          isSized: true,
          isLinkageSlot: true
        )
      )
    }
    let entry = sources[Int(owner.id >> Self.sourceShift)].entry(number(owner.id))
    return .symbol(
      Symbol(
        id: owner.id,
        address: ELFAddress(entry.value),
        end: ELFAddress(entry.size > 0 ? entry.value.clampedSum(entry.size) : owner.end),
        binding: entry.binding,
        isSized: entry.size > 0,
        isLinkageSlot: false
      )
    )
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
    let target = slots[number].symbol
    guard slotSource < sources.count, target < sources[slotSource].count else { return "" }
    return sources[slotSource].name(sources[slotSource].entry(target)) + "@plt"
  }

  private func number(_ id: UInt32) -> Int { Int(id & (1 << Self.sourceShift - 1)) }

  private static func candidates(
    _ sources: [SymbolSource],
    _ slots: [LinkageSlots.Slot]
  ) -> [SymbolIndex.Candidate] {
    var candidates: [SymbolIndex.Candidate] = []
    for (number, source) in sources.enumerated() {
      let prefix = UInt32(number) << sourceShift
      source.forEachCodeSymbol { index, entry, limit in
        candidates.append(
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
    for (number, slot) in slots.enumerated() {
      candidates.append(
        SymbolIndex.Candidate(
          start: slot.address,
          size: slot.byteCount,
          limit: .max,
          id: slotsID << sourceShift | UInt32(number),
          rank: .max
        )
      )
    }
    return candidates
  }

  private func reason(_ address: ELFAddress) -> String {
    guard !index.isEmpty else { return "no symbols" }
    let section = codeSections.first { $0.contains(address) }
    guard let section else { return codeSections.isEmpty ? "no symbol" : "not in code" }
    if section.name.hasPrefix(".plt") { return "in the linkage table, no slot" }
    // Without its own table a file names what others use of it; the rest of its code may be anything.
    guard isComplete else { return "stripped: only exported functions have names" }
    return index.isBetweenSymbols(address.value) ? "between functions" : "no symbol"
  }
}
