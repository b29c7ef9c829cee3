import CUnwind

/// One stack that the file has already; id 0 is a free place.
struct InternedStack {
  var hash: UInt64
  var id: UInt32
  var length: UInt32

  @_noLocks
  init(hash: UInt64, id: UInt32, length: UInt32) {
    self.hash = hash
    self.id = id
    self.length = length
  }
}

/// Which stacks the file has.
///
/// The frames themselves are in the file and not kept: two stacks count as one that agree in a hash of 64 bits
/// and in their lengths. When the table is three quarters full, further stacks are written as often as they come.
@safe struct StackTable {
  private let places: UnsafeMutablePointer<InternedStack>
  private var kept = 0
  private(set) var lastID: UInt32 = 0

  @_noLocks
  init(_ places: UnsafeMutablePointer<InternedStack>) { unsafe self.places = unsafe places }

  /// The id of a stack, and whether it has to be written.
  @_noLocks
  mutating func intern(_ chain: AsyncChain) -> (id: UInt32, isNew: Bool) {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15 &+ UInt64(chain.end)
    var index = 0
    while index < chain.count {
      hash = unsafe (hash ^ chain.addresses[index]) &* 0xff51_afd7_ed55_8ccd
      hash ^= hash &>> 32
      index &+= 1
    }
    let length = UInt32(truncatingIfNeeded: chain.count)
    let mask = TaskMemory.stackTableSize &- 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while unsafe places[place].id != 0 {
      if unsafe places[place].hash == hash, unsafe places[place].length == length {
        return unsafe (places[place].id, false)
      }
      place = (place &+ 1) & mask
    }
    lastID &+= 1
    if kept < TaskMemory.stackTableSize / 4 &* 3 {
      unsafe places[place] = InternedStack(hash: hash, id: lastID, length: length)
      kept &+= 1
    }
    return (lastID, true)
  }
}
