/// Values that were taken out of a report, to be found again in its sentences.
///
/// A sentence is looked through once, however many values there are: ten thousand threads may have a label each, and a
/// reason each.
struct RepeatedValues {
  private var values: Set<[UInt8]> = []
  /// How long values are that begin with the same four bytes, the longest first.
  private var lengths: [UInt32: [Int]] = [:]

  /// Shorter values are part of many words that have nothing to do with them.
  private static let shortest = 4

  init(_ all: some Sequence<String>) {
    for value in all where value.utf8.count >= Self.shortest { values.insert(Array(value.utf8)) }
    var sets: [UInt32: Set<Int>] = [:]
    for value in values { sets[Self.key(value[...]), default: []].insert(value.count) }
    lengths = sets.mapValues { $0.sorted(by: >) }
  }

  /// The text with `token` in place of each value that it repeats.
  func replaced(in text: String, _ token: (String) -> String) -> String {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if let value = value(at: bytes[index...]) {
        result += token(String(decoding: value, as: UTF8.self)).utf8
        index += value.count
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private func value(at bytes: ArraySlice<UInt8>) -> [UInt8]? {
    guard bytes.count >= Self.shortest else { return nil }
    for length in lengths[Self.key(bytes)] ?? [] where length <= bytes.count {
      let candidate = Array(bytes.prefix(length))
      if values.contains(candidate) { return candidate }
    }
    return nil
  }

  private static func key(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.prefix(shortest).reduce(0) { $0 << 8 | UInt32($1) }
  }
}
