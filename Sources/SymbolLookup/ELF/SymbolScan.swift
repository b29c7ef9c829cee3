/// Which symbols stand for a few addresses, found by one pass over the table, without sorting or keeping it.
///
/// Makes the choices of `SymbolIndex`, which says what they are. Time in proportion to symbols times addresses.
struct SymbolScan {
  /// What is known of one address so far.
  struct Answer {
    fileprivate let address: UInt64
    /// A symbol with a size that covers the address, if there is one: the best of those that start last.
    fileprivate var sized: SymbolIndex.Candidate?
    /// Where the last symbols at or below the address start.
    fileprivate var lastStart: UInt64 = 0
    /// The best of them, while none of them has a size.
    fileprivate var label: SymbolIndex.Candidate?
    fileprivate var lastHasSized = false
    /// A symbol with a size covers `lastStart`: what starts there is a label inside it.
    fileprivate var isLabelInside = false
    fileprivate var following = UInt64.max
    /// Another symbol starts where the one with a size does, and covers the address.
    private(set) var sharesStart = false
    /// Some symbol starts at or below the address.
    private(set) var hasBefore = false
    /// Some symbol starts above the address.
    private(set) var hasAfter = false

    fileprivate init(address: UInt64) {
      self.address = address
    }

    /// The symbol, and where one without size ends.
    var owner: (id: UInt32, end: UInt64)? {
      if let sized { return (sized.id, sized.end) }
      guard let label, !isLabelInside else { return nil }
      return (label.id, min(following, label.limit))
    }

    /// Whether the answer hangs on what covers `lastStart`.
    fileprivate var isOpen: Bool { sized == nil && label != nil }

    fileprivate mutating func add(_ candidate: SymbolIndex.Candidate) {
      guard candidate.start <= address else {
        hasAfter = true
        following = min(following, candidate.start)
        return
      }
      if !hasBefore || candidate.start > lastStart {
        lastStart = candidate.start
        lastHasSized = false
        label = nil
      }
      hasBefore = true
      if candidate.size > 0 {
        if candidate.start == lastStart {
          lastHasSized = true
          label = nil
        }
        guard address < candidate.end else { return }
        if let sized, candidate.start <= sized.start {
          sharesStart = sharesStart || candidate.start == sized.start
        } else {
          sharesStart = false
        }
        if sized.map({ candidate.isBetter(than: $0) }) ?? true { sized = candidate }
      } else if candidate.start == lastStart, !lastHasSized, address < candidate.limit,
        label.map({ candidate.isBetter(than: $0) }) ?? true
      {
        label = candidate
      }
    }
  }

  private(set) var answers: [Answer]

  /// A scan that has seen no symbol yet.
  init(_ addresses: [UInt64]) {
    answers = addresses.map { Answer(address: $0) }
  }

  /// Takes notice of a symbol.
  mutating func add(_ candidate: SymbolIndex.Candidate) {
    for index in answers.indices { answers[index].add(candidate) }
  }

  /// Whether nobody stands for some address, of the symbols so far.
  var hasUnknown: Bool { answers.contains { $0.owner == nil } }

  /// Whether all symbols have to be shown to `cover` as well.
  var needsSecondPass: Bool { answers.contains { $0.isOpen } }

  /// Finds out whether a symbol without size, which may stand for an address, lies inside this one.
  mutating func cover(_ candidate: SymbolIndex.Candidate) {
    guard candidate.size > 0 else { return }
    for index in answers.indices where answers[index].isOpen {
      let start = answers[index].lastStart
      if candidate.start < start, start < candidate.end { answers[index].isLabelInside = true }
    }
  }
}

extension SymbolIndex.Candidate {
  /// Where a symbol with a size ends.
  fileprivate var end: UInt64 { min(start.clampedSum(size), limit) }

  /// Whether this one stands for an address that both may stand for.
  fileprivate func isBetter(than other: Self) -> Bool {
    (other.start, rank, id) < (start, other.rank, other.id)
  }
}
