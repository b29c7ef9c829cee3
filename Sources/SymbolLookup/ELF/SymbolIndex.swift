/// Which symbol stands for which addresses: disjoint ranges, found by binary search.
///
/// All choices are made once, when the index is built: of the symbols around an address the one
/// that starts last, of those with one start global before weak before local and functions before
/// untyped ones. A symbol with a size stands for its size; one without reaches to the next symbol
/// or the end of its section, unless it is a label inside another. What lies behind a sized symbol
/// belongs to nobody. 12 bytes a boundary, at most two boundaries a symbol; 4 bytes for each of several symbols that
/// start together, and 16 for where they do.
struct SymbolIndex: Sendable {
  /// A symbol on its way into the index.
  struct Candidate {
    var start: UInt64
    /// 0 when the table states none.
    var size: UInt64
    /// Where the section ends that it lies in.
    var limit: UInt64
    var id: UInt32
    /// Lower is better.
    var rank: UInt8
  }

  /// Owner of the addresses that no symbol stands for.
  private static let nobody = UInt32.max

  private var starts: [UInt64] = []
  private var owners: [UInt32] = []
  /// Symbols that start together: where each group starts, ascending, and where its symbols end in `grouped`.
  private var groups: [(start: UInt64, end: UInt32)] = []
  /// Symbols by group, the best first.
  private var grouped: [UInt32] = []

  /// Sorts the candidates and decides who owns what; those of one start and rank keep their order.
  init(_ candidates: consuming [Candidate]) {
    var candidates = candidates
    RadixSort.sort(&candidates) { $0.start }
    starts.reserveCapacity(candidates.count)
    owners.reserveCapacity(candidates.count)
    var open: [(end: UInt64, id: UInt32)] = []
    var position = 0
    while position < candidates.count {
      let start = candidates[position].start
      var next = position + 1
      while next < candidates.count, candidates[next].start == start { next += 1 }
      close(&open, upTo: start)
      let following = next < candidates.count ? candidates[next].start : .max
      add(candidates[position..<next], following: following, to: &open)
      position = next
    }
    close(&open, upTo: .max)
  }

  var isEmpty: Bool { starts.isEmpty }

  /// The owner of the address with the range that it owns around it.
  func owner(of address: UInt64) -> (id: UInt32, start: UInt64, end: UInt64)? {
    let position = upperBound(address) - 1
    guard position >= 0, owners[position] != Self.nobody else { return nil }
    let end = position + 1 < starts.count ? starts[position + 1] : .max
    return (owners[position], starts[position], end)
  }

  /// The symbols that start at the address, the best first; none when there is only one.
  func aliases(at start: UInt64) -> ArraySlice<UInt32> {
    var (low, high) = (0, groups.count)
    while low < high {
      let middle = (low + high) / 2
      if groups[middle].start < start { low = middle + 1 } else { high = middle }
    }
    guard low < groups.count, groups[low].start == start else { return [] }
    return grouped[(low > 0 ? Int(groups[low - 1].end) : 0)..<Int(groups[low].end)]
  }

  /// Whether some symbol starts below the address and another above it.
  func isBetweenSymbols(_ address: UInt64) -> Bool {
    let position = upperBound(address)
    return position > 0 && owners[position...].contains { $0 != Self.nobody }
  }

  /// Opens the symbols of one start; the best of them is on top.
  private mutating func add(
    _ group: ArraySlice<Candidate>,
    following: UInt64,
    to open: inout [(end: UInt64, id: UInt32)]
  ) {
    let hasSized = group.contains { $0.size > 0 }
    guard hasSized || open.isEmpty, let start = group.first?.start else { return }
    // Aliases are few; the sort keeps the table's order by comparing identifiers last.
    let ordered =
      group.count == 1
      ? Array(group)
      : group.filter { !hasSized || $0.size > 0 }
        .sorted { ($0.rank, $0.id) > ($1.rank, $1.id) }
    for candidate in ordered where candidate.size > 0 || !hasSized {
      let end =
        hasSized
        ? min(start.clampedSum(candidate.size), candidate.limit) : min(following, candidate.limit)
      if end > start { open.append((end, candidate.id)) }
    }
    if ordered.count > 1 {
      grouped += ordered.reversed().lazy.map(\.id)
      groups.append((start, UInt32(clamping: grouped.count)))
    }
    guard let top = open.last else { return }
    append(start, top.id)
  }

  /// Ends the open symbols that end at or before `limit`, each giving way to the one it lies in.
  private mutating func close(_ open: inout [(end: UInt64, id: UInt32)], upTo limit: UInt64) {
    while let top = open.last, top.end <= limit {
      open.removeLast()
      while let below = open.last, below.end <= top.end { open.removeLast() }
      append(top.end, open.last?.id ?? Self.nobody)
    }
  }

  private mutating func append(_ start: UInt64, _ owner: UInt32) {
    if starts.last == start {
      owners[owners.count - 1] = owner
    } else {
      starts.append(start)
      owners.append(owner)
    }
  }

  private func upperBound(_ address: UInt64) -> Int {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// Sorts by a number, stable, in time proportional to the elements, whatever their order.
enum RadixSort {
  /// Sorts ascending by `key`.
  static func sort<Element>(_ elements: inout [Element], by key: (Element) -> UInt64) {
    guard elements.count > 1 else { return }
    var (least, greatest) = (UInt64.max, UInt64.min)
    for element in elements {
      least = min(least, key(element))
      greatest = max(greatest, key(element))
    }
    var shift: UInt64 = 0
    let span = greatest - least
    var sorted = elements
    while shift < 64, span >> shift != 0 {
      var positions = [Int](repeating: 0, count: 2049)
      for element in elements {
        positions[Int(((key(element) &- least) >> shift) & 2047) + 1] += 1
      }
      for digit in 1..<2049 { positions[digit] += positions[digit - 1] }
      for element in elements {
        let digit = Int(((key(element) &- least) >> shift) & 2047)
        sorted[positions[digit]] = element
        positions[digit] += 1
      }
      swap(&elements, &sorted)
      shift += 11
    }
  }
}
