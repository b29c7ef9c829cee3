import CUnwind

/// Reads call frame information out of this process's memory, up to an end.
///
/// Reading beyond it, or memory that is gone, sets `failed`; values are zero from there on.
@safe struct CFIReader {
  private let cache: LineCache
  private(set) var address: UInt64
  let end: UInt64
  private(set) var failed = false

  @_noLocks
  init(_ cache: LineCache, from address: UInt64, to end: UInt64) {
    self.cache = cache
    self.address = address
    self.end = end
  }

  var isAtEnd: Bool { @_noLocks @inline(__always) get { failed || address >= end } }

  /// An integer of 1, 2, 4 or 8 bytes.
  @_noLocks
  mutating func unsigned(_ size: UInt64) -> UInt64 {
    guard !failed, size <= end &- address, let word = word(size) else {
      failed = true
      return 0
    }
    address &+= size
    return size == 8 ? word : word & (1 &<< (size &* 8) &- 1)
  }

  /// Bytes at the end of a mapping have no eight behind them.
  @_noLocks
  private func word(_ size: UInt64) -> UInt64? {
    let offset = address & 7
    if offset &+ size <= 8 { return cache.word(at: address &- offset).map { $0 &>> (offset &* 8) } }
    guard let low = cache.word(at: address &- offset),
      let high = cache.word(at: address &- offset &+ 8)
    else { return nil }
    return low &>> (offset &* 8) | high &<< (64 &- offset &* 8)
  }

  @_noLocks
  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: unsigned(1)) }

  @_noLocks
  mutating func signed(_ size: UInt64) -> Int64 {
    let shift = 64 &- size &* 8
    return Int64(bitPattern: unsigned(size) &<< shift) &>> Int64(bitPattern: shift)
  }

  /// DWARF 5, 7.6.
  @_noLocks
  mutating func unsignedLEB() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = byte()
      value |= UInt64(byte & 0x7f) &<< shift
      if byte & 0x80 == 0 { return value }
      shift &+= 7
    }
    failed = true
    return 0
  }

  @_noLocks
  mutating func signedLEB() -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = byte()
      value |= UInt64(byte & 0x7f) &<< shift
      shift &+= 7
      if byte & 0x80 == 0 {
        if byte & 0x40 != 0, shift < 64 { value |= ~0 &<< shift }
        return Int64(bitPattern: value)
      }
    }
    failed = true
    return 0
  }

  @_noLocks
  mutating func skip(_ byteCount: UInt64) {
    guard !failed, byteCount <= end &- address else {
      failed = true
      return
    }
    address &+= byteCount
  }
}
