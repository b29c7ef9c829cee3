/// Paths by number, each kept once; made from bytes, without a String each.
struct PathTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where each path begins in `bytes`, and where the last one ends.
  private var starts: [Int] = [0]
  private var slots = [UInt32](repeating: .max, count: 64)

  var count: Int { starts.count - 1 }

  /// The number of a path, new or known.
  mutating func number(of path: [UInt8]) -> UInt32 {
    if (count + 1) * 2 > slots.count { grow() }
    let slot = slot(of: path[...])
    if slots[slot] != .max { return slots[slot] }
    let number = UInt32(count)
    slots[slot] = number
    bytes.append(contentsOf: path)
    starts.append(bytes.count)
    return number
  }

  /// The path of a number below `count`.
  subscript(number: Int) -> ArraySlice<UInt8> { bytes[starts[number]..<starts[number + 1]] }

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
    slots = [UInt32](repeating: .max, count: slots.count * 2)
    for number in 0..<count { slots[slot(of: self[number])] = UInt32(number) }
  }
}
