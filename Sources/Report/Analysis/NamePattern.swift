/// Names that differ in their last number alone: `worker-1` to `worker-12`.
public struct NamePattern: Sendable, Equatable {
  /// The name with the smallest number.
  public var first: String
  /// The name with the largest number; `first` where all are the same.
  public var last: String
  /// How many threads or tasks have such a name.
  public var count: Int
  /// How many different names there are.
  public var distinctCount: Int

  /// A pattern of names that were counted.
  public init(first: String, last: String, count: Int, distinctCount: Int) {
    self.first = first
    self.last = last
    self.count = count
    self.distinctCount = distinctCount
  }

  /// What names have in common, the most frequent first.
  public static func patterns(of names: some Sequence<String>) -> [NamePattern] {
    var counts: [String: Int] = [:]
    var order: [String] = []
    for name in names {
      if counts.updateValue(counts[name, default: 0] + 1, forKey: name) == nil {
        order.append(name)
      }
    }
    var families: [Substring: Int] = [:]
    var patterns: [(pattern: NamePattern, first: NumberedName, last: NumberedName)] = []
    for name in order {
      let numbered = NumberedName(name)
      let count = counts[name] ?? 1
      guard let family = families[numbered.stem] else {
        families[numbered.stem] = patterns.count
        let pattern = NamePattern(first: name, last: name, count: count, distinctCount: 1)
        patterns.append((pattern, numbered, numbered))
        continue
      }
      patterns[family].pattern.count += count
      patterns[family].pattern.distinctCount += 1
      if numbered < patterns[family].first { patterns[family].first = numbered }
      if patterns[family].last < numbered { patterns[family].last = numbered }
    }
    return patterns.map { entry in
      var pattern = entry.pattern
      (pattern.first, pattern.last) = (entry.first.name, entry.last.name)
      return pattern
    }
    // Swift's sort is stable: what is as frequent stays in the order of the threads.
    .sorted { $0.count > $1.count }
  }
}

/// A name taken apart at its last number, so that 9 sorts before 10.
private struct NumberedName: Comparable {
  let name: String
  let stem: Substring
  private let number: UInt64

  init(_ name: String) {
    self.name = name
    var end = name.utf8.endIndex
    while end > name.utf8.startIndex, isDigit(name.utf8[name.utf8.index(before: end)]) {
      end = name.utf8.index(before: end)
    }
    stem = name[..<end]
    number = UInt64(name[end...]) ?? 0
  }

  static func < (a: Self, b: Self) -> Bool {
    (a.number, a.name) < (b.number, b.name)
  }
}
