/// Addresses in the order in which lookups want them: ascending, each once.
struct AddressBatch: Sendable {
  /// Ascending, without repetitions.
  let sorted: [UInt64]
  /// For each address as it was asked: where it is in `sorted`.
  let positions: [Int32]

  /// Sorts the addresses; 2³¹ of them are more than any memory holds.
  init(_ addresses: [UInt64]) {
    precondition(addresses.count < Int(Int32.max))
    var pairs = addresses.enumerated().map { (address: $1, index: Int32($0)) }
    RadixSort.sort(&pairs) { $0.address }
    var sorted: [UInt64] = []
    sorted.reserveCapacity(pairs.count)
    var positions = [Int32](repeating: 0, count: pairs.count)
    for pair in pairs {
      if sorted.last != pair.address { sorted.append(pair.address) }
      positions[Int(pair.index)] = Int32(sorted.count - 1)
    }
    self.sorted = sorted
    self.positions = positions
  }
}

/// One unit with the addresses that it may know.
struct UnitTask: Sendable {
  /// Index of the unit in its file.
  var unit: Int
  /// Positions in the batch's `sorted`, ascending.
  var positions: [Int32]
}
