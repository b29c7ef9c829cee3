/// Paths by number, each kept once; made from bytes, without a String each.
struct PathTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where each path ends in `bytes`, and the next one begins.
  private var ends: [Int] = []
  /// None before the first path: most tables of small answers stay empty.
  private var slots: [UInt32] = []

  private static let smallestCount = 16

  var count: Int { ends.count }

  /// The number of a path, new or known.
  mutating func number(of path: [UInt8]) -> UInt32 {
    if (count + 1) * 2 > slots.count { grow() }
    let slot = slot(of: path[...])
    if slots[slot] != .max { return slots[slot] }
    let number = UInt32(count)
    slots[slot] = number
    bytes.append(contentsOf: path)
    ends.append(bytes.count)
    return number
  }

  /// The path of a number below `count`.
  subscript(number: Int) -> ArraySlice<UInt8> {
    bytes[(number == 0 ? 0 : ends[number - 1])..<ends[number]]
  }

  private func slot(of path: ArraySlice<UInt8>) -> Int {
    let mask = slots.count - 1
    // FNV-1a: paths are short, and their last bytes differ most.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in path { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & mask
    while slots[slot] != .max, self[Int(slots[slot])] != path { slot = (slot + 1) & mask }
    return slot
  }

  private mutating func grow() {
    slots = [UInt32](repeating: .max, count: max(Self.smallestCount, slots.count * 2))
    for number in 0..<count { slots[slot(of: self[number])] = UInt32(number) }
  }
}
