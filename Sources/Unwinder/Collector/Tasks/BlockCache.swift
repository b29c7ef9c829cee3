import CUnwind

/// Reads memory that tasks point into, in blocks of 1 KiB.
///
/// A task's contexts lie in slabs of about that size. A block lies in one page: it can be read or it cannot.
/// Direct mapped, 64 blocks.
@safe struct BlockCache {
  private let tags: UnsafeMutablePointer<UInt64>
  private let blocks: UnsafeMutablePointer<UInt8>
  /// A plain copy may be tried, which costs a tenth of a system call.
  private let catchesFaults: Bool

  private static var blockCount: Int { @_noLocks @inline(__always) get { 64 } }
  private static var blockSize: Int { @_noLocks @inline(__always) get { 1024 } }
  static var byteCount: Int { @_noLocks @inline(__always) get { blockCount &* (blockSize &+ 8) } }

  @_noLocks
  init(_ memory: UnsafeMutablePointer<UInt8>, catchesFaults: Bool) {
    unsafe blocks = unsafe memory
    unsafe tags = unsafe UnsafeMutableRawPointer(memory + (Self.blockCount &* Self.blockSize))
      .assumingMemoryBound(to: UInt64.self)
    self.catchesFaults = catchesFaults
  }

  /// Forgets everything.
  @_noLocks
  func flush() { unsafe dc_fill(tags, 0xff, Self.blockCount &* 8) }

  /// The eight bytes at an address, nil where they cannot be read.
  @_noLocks
  func word(at address: UInt64) -> UInt64? {
    let offset = Int(truncatingIfNeeded: address & 1023)
    guard offset &+ 8 <= Self.blockSize else {
      var value: UInt64 = 0
      return unsafe dc_read_memory(address, &value, 8) == 8 ? value : nil
    }
    let block = address &>> 10
    let index = Int(truncatingIfNeeded: (block ^ (block &>> 6)) & 63)
    let bytes = unsafe blocks + (index &* Self.blockSize)
    if unsafe tags[index] != block {
      unsafe tags[index] = ~0
      guard unsafe read(block &<< 10, into: bytes, count: Self.blockSize) else { return nil }
      unsafe tags[index] = block
    }
    return unsafe UnsafeRawPointer(bytes + offset).loadUnaligned(as: UInt64.self)
  }

  /// Copies memory; false where not all of it can be read.
  @_noLocks
  func read(_ address: UInt64, into: UnsafeMutableRawPointer, count: Int) -> Bool {
    guard catchesFaults else { return unsafe dc_read_memory(address, into, count) == count }
    guard let from = unsafe UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: address)) else {
      return false
    }
    return unsafe dc_copy(into, from, count) == 0
  }
}
