/// Addresses in the order in which lookups want them: ascending, each once.
struct AddressBatch: Sendable {
  /// Ascending, without repetitions.
  let sorted: [UInt64]
  /// For each address as it was asked: where it is in `sorted`.
  let positions: [Int32]

  /// Sorts the addresses; 2³¹ of them are more than any memory holds.
  init(_ addresses: [UInt64]) {
    precondition(addresses.count < Int(Int32.max))
    var positions = [Int32](repeating: 0, count: addresses.count)
    var sorted: [UInt64] = []
    let least = addresses.min() ?? 0
    if (addresses.max() ?? 0) - least <= UInt64(UInt32.max) {
      // Of one file's code: an address and its index are one number, which halves the memory and the work.
      var keys = addresses.indices.map { (addresses[$0] - least) << 32 | UInt64($0) }
      RadixSort.sort(&keys) { $0 >> 32 }
      sorted.reserveCapacity(Self.distinctCount(keys))
      for key in keys {
        let address = least + key >> 32
        if sorted.last != address { sorted.append(address) }
        positions[Int(truncatingIfNeeded: key & UInt64(UInt32.max))] = Int32(sorted.count - 1)
      }
    } else {
      var pairs = addresses.enumerated().map { (address: $1, index: Int32($0)) }
      RadixSort.sort(&pairs) { $0.address }
      for pair in pairs {
        if sorted.last != pair.address { sorted.append(pair.address) }
        positions[Int(pair.index)] = Int32(sorted.count - 1)
      }
    }
    self.sorted = sorted
    self.positions = positions
  }

  /// How many addresses there are in sorted keys.
  private static func distinctCount(_ keys: [UInt64]) -> Int {
    var (count, last) = (0, UInt64.max)
    for key in keys where key >> 32 != last {
      count += 1
      last = key >> 32
    }
    return count
  }
}

/// One unit with the addresses that it may know.
struct UnitTask: Sendable {
  /// Index of the unit in its file.
  var unit: Int
  /// Positions in the batch's `sorted`, ascending.
  var positions: [Int32]
}
