/// From numbers to small numbers, by open addressing: some ten times quicker than a dictionary.
struct IntegerTable: Sendable {
  private struct Slot: Sendable {
    var key = IntegerTable.free
    var value: UInt32 = 0
  }

  /// None before the first key: of the tables of a small answer most stay empty, and memory costs more than the rest.
  private var slots: [Slot] = []
  private(set) var count = 0

  /// A key that no user of the table has: no offset and no pair of file numbers is as large.
  private static let free = UInt64.max
  private static let smallestCount = 16

  /// An empty table.
  init() {}

  /// The value of a key, or nil.
  subscript(key: UInt64) -> UInt32? {
    guard count > 0 else { return nil }
    let slot = slots[slot(of: key)]
    return slot.key == key ? slot.value : nil
  }

  /// Adds a key that is not there yet.
  mutating func insert(_ key: UInt64, _ value: UInt32) {
    precondition(key != Self.free)
    if (count + 1) * 2 > slots.count { grow() }
    let slot = slot(of: key)
    if slots[slot].key == Self.free { count += 1 }
    slots[slot] = Slot(key: key, value: value)
  }

  /// Where the key is, or would be: there is always a free slot.
  private func slot(of key: UInt64) -> Int {
    let mask = slots.count - 1
    // Fibonacci hashing spreads offsets that differ in few bits; the upper half has the spread.
    var slot = Int(truncatingIfNeeded: (key &* 0x9e37_79b9_7f4a_7c15) >> 32) & mask
    while slots[slot].key != key, slots[slot].key != Self.free { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    let old = slots
    slots = [Slot](repeating: Slot(), count: max(Self.smallestCount, old.count * 2))
    for entry in old where entry.key != Self.free { slots[slot(of: entry.key)] = entry }
  }
}
