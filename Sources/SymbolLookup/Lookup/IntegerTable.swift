/// From numbers to small numbers, by open addressing: some ten times quicker than a dictionary.
struct IntegerTable: Sendable {
  private var keys: [UInt64]
  private var values: [UInt32]
  private(set) var count = 0

  /// A key that no user of the table has: no offset and no pair of file numbers is as large.
  private static let free = UInt64.max

  /// An empty table.
  init() {
    keys = [UInt64](repeating: Self.free, count: 64)
    values = [UInt32](repeating: 0, count: 64)
  }

  /// The value of a key, or nil.
  subscript(key: UInt64) -> UInt32? {
    let slot = slot(of: key)
    return keys[slot] == key ? values[slot] : nil
  }

  /// Adds a key that is not there yet.
  mutating func insert(_ key: UInt64, _ value: UInt32) {
    precondition(key != Self.free)
    if (count + 1) * 2 > keys.count { grow() }
    let slot = slot(of: key)
    if keys[slot] == Self.free { count += 1 }
    keys[slot] = key
    values[slot] = value
  }

  /// Where the key is, or would be: there is always a free slot.
  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    // Fibonacci hashing spreads offsets that differ in few bits; the upper half has the spread.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while keys[slot] != key, keys[slot] != Self.free { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let old = (keys, values)
    keys = [UInt64](repeating: Self.free, count: old.0.count * 2)
    values = [UInt32](repeating: 0, count: old.0.count * 2)
    for (key, value) in zip(old.0, old.1) where key != Self.free {
      let slot = slot(of: key)
      keys[slot] = key
      values[slot] = value
    }
  }
}
