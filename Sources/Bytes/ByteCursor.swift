/// A position in bytes from outside, all reads checked, little-endian.
///
/// It never outlives its bytes and never reads outside `position..<end`. Two ways to read share one position:
///
/// - Reads that throw (`u32()`, `split(_:)`) for headers, notes and records. A failed read does not move.
/// - Quiet reads (`quietU32()`) for hot loops. A read past the end sets `isBad`, jumps to the end and returns
///   0, which also ends LEB128 numbers and strings. Test `isBad` once per unit, list or sequence, and keep
///   `isAtEnd` in the condition of the loop.
///
/// Members are `@inlinable package`, which counts only in a type that is `@usableFromInline`: called across modules without it they cost a third to a half more. The smallest
/// are inlined always: a caller as large as the walk over DWARF's entries is beyond what the optimizer inlines into.
@usableFromInline
package struct ByteCursor: ~Escapable {
  /// All bytes, of which this cursor may read those before `end`.
  @usableFromInline let storage: RawSpan
  /// What offset the first byte of `storage` has in the file or section, for errors.
  @usableFromInline let base: Int
  /// The next byte to be read, counted from the first byte of the span that the first cursor was given.
  @usableFromInline package internal(set) var position: Int
  /// One past the last byte that may be read, counted like `position`.
  @usableFromInline package let end: Int
  /// A quiet read failed; all that was read since is worth nothing.
  @usableFromInline package internal(set) var isBad = false

  /// A cursor before the first of `bytes`.
  ///
  /// `base`: the offset of the first byte in its file or section; errors count from there.
  @inlinable @_lifetime(copy bytes)
  package init(_ bytes: RawSpan, base: Int = 0) {
    self.storage = bytes
    self.base = base
    self.position = 0
    self.end = bytes.byteCount
  }

  @inlinable @_lifetime(copy storage)
  init(storage: RawSpan, base: Int, position: Int, end: Int) {
    self.storage = storage
    self.base = base
    self.position = position
    self.end = end
  }

  /// The position as errors state it.
  @inlinable @inline(__always) package var offset: Int { base &+ position }

  /// Bytes left.
  @inlinable @inline(__always) package var remaining: Int { end &- position }

  @inlinable @inline(__always) package var isAtEnd: Bool { position >= end }
}

// MARK: - Reads that throw

extension ByteCursor {
  @inlinable @_lifetime(self: copy self)
  package mutating func u8() throws(FormatError) -> UInt8 { try load(UInt8.self) }

  @inlinable @_lifetime(self: copy self)
  package mutating func u16() throws(FormatError) -> UInt16 { try load(UInt16.self) }

  @inlinable @_lifetime(self: copy self)
  package mutating func u32() throws(FormatError) -> UInt32 { try load(UInt32.self) }

  @inlinable @_lifetime(self: copy self)
  package mutating func u64() throws(FormatError) -> UInt64 { try load(UInt64.self) }

  /// An unsigned number of 1, 2, 3, 4 or 8 bytes.
  @inlinable @_lifetime(self: copy self)
  package mutating func unsigned(byteCount: Int) throws(FormatError) -> UInt64 {
    switch byteCount {
    case 1: return UInt64(try u8())
    case 2: return UInt64(try u16())
    case 4: return UInt64(try u32())
    case 8: return try u64()
    case 3:
      try require(3)
      let low = UInt64(try u16())
      return low | UInt64(try u8()) << 16
    default:
      throw FormatError(
        .malformed("expected a number of 1, 2, 3, 4 or 8 bytes, found one of \(byteCount)"),
        offset: offset
      )
    }
  }

  /// An unsigned LEB128 number (DWARF 5, 7.6); padding is accepted, bits beyond the 64th are not.
  @inlinable @_lifetime(self: copy self)
  package mutating func uleb128() throws(FormatError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var lost: UInt64 = 0
    while position < end {
      let byte = unsafe byteUnchecked()
      let bits = UInt64(byte & 0x7f)
      if shift < 64 {
        value |= bits &<< shift
        // Only the tenth byte can lose bits: its upper six.
        if shift == 63 { lost |= bits >> 1 }
        shift &+= 7
      } else {
        lost |= bits
      }
      if byte < 0x80 {
        if lost == 0 { return value }
        position = start
        throw FormatError(.oversizedNumber, offset: offset)
      }
    }
    let available = end &- start
    position = start
    throw FormatError(.truncated(needed: available &+ 1, available: available), offset: offset)
  }

  /// A signed LEB128 number (DWARF 5, 7.6); bits beyond the 64th must repeat the sign.
  @inlinable @_lifetime(self: copy self)
  package mutating func sleb128() throws(FormatError) -> Int64 {
    let start = position
    var value: Int64 = 0
    var shift: Int64 = 0
    var isOversized = false
    while position < end {
      let byte = unsafe byteUnchecked()
      let bits = Int64(byte & 0x7f)
      if shift < 63 {
        value |= bits &<< shift
        shift &+= 7
      } else {
        // From the tenth byte on there is one bit to keep; the others only repeat it.
        if shift == 63 {
          value |= bits &<< 63
          shift = 64
        }
        isOversized = isOversized || bits != (value < 0 ? 0x7f : 0)
      }
      if byte < 0x80 {
        if shift < 64, byte & 0x40 != 0 { value |= -1 &<< shift }
        if !isOversized { return value }
        position = start
        throw FormatError(.oversizedNumber, offset: offset)
      }
    }
    let available = end &- start
    position = start
    throw FormatError(.truncated(needed: available &+ 1, available: available), offset: offset)
  }

  /// The next `count` bytes.
  @inlinable @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func bytes(_ count: Int) throws(FormatError) -> RawSpan {
    try require(count)
    let start = position
    position &+= count
    return unsafe storage.extracting(unchecked: start..<position)
  }

  /// The bytes before the next NUL, which is passed too.
  @inlinable @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func cString() throws(FormatError) -> RawSpan {
    let start = position
    while position < end {
      if unsafe byteUnchecked() == 0 {
        return unsafe storage.extracting(unchecked: start..<(position &- 1))
      }
    }
    position = start
    throw FormatError(.unterminatedString, offset: offset)
  }

  /// A cursor of the next `count` bytes, which cannot read past them; this one goes on behind them.
  @inlinable @_lifetime(copy self) @_lifetime(self: copy self)
  package mutating func split(_ count: Int) throws(FormatError) -> ByteCursor {
    try require(count)
    let start = position
    position &+= count
    return ByteCursor(storage: storage, base: base, position: start, end: position)
  }

  @inlinable @_lifetime(self: copy self)
  package mutating func skip(_ count: Int) throws(FormatError) {
    try require(count)
    position &+= count
  }

  /// Moves to a position counted from the first byte of the span that the first cursor was given.
  @inlinable @_lifetime(self: copy self)
  package mutating func seek(to newPosition: Int) throws(FormatError) {
    guard newPosition >= 0, newPosition <= end else {
      throw FormatError(
        .malformed("expected an offset of at most \(base &+ end), found \(newPosition)"),
        offset: offset
      )
    }
    position = newPosition
  }

  /// Throws unless `count` bytes are left; a negative count is never there.
  @inlinable
  package func require(_ count: Int) throws(FormatError) {
    guard count >= 0, count <= end &- position else {
      throw FormatError(.truncated(needed: count, available: remaining), offset: offset)
    }
  }

  @inlinable @_lifetime(self: copy self)
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws(FormatError) -> Value {
    let size = MemoryLayout<Value>.size
    try require(size)
    // Safe because `require` proved that the bytes lie before `end`, which lies in `storage`.
    let value = unsafe storage.unsafeLoadUnaligned(
      fromUncheckedByteOffset: position,
      as: Value.self
    )
    position &+= size
    return Value(littleEndian: value)
  }

  /// The next byte; the caller has checked that there is one.
  @unsafe @inlinable @_lifetime(self: copy self)
  mutating func byteUnchecked() -> UInt8 {
    let byte = unsafe storage.unsafeLoad(fromUncheckedByteOffset: position, as: UInt8.self)
    position &+= 1
    return byte
  }
}

// MARK: - Quiet reads

extension ByteCursor {
  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietU8() -> UInt8 { quietLoad(UInt8.self) }

  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietU16() -> UInt16 { quietLoad(UInt16.self) }

  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietU32() -> UInt32 { quietLoad(UInt32.self) }

  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietU64() -> UInt64 { quietLoad(UInt64.self) }

  /// An unsigned number of 1, 2, 3, 4 or 8 bytes; any other size makes the cursor bad.
  @inlinable @_lifetime(self: copy self)
  package mutating func quietUnsigned(byteCount: Int) -> UInt64 {
    switch byteCount {
    case 1: return UInt64(quietU8())
    case 2: return UInt64(quietU16())
    case 4: return UInt64(quietU32())
    case 8: return quietU64()
    case 3:
      let low = UInt64(quietU16())
      return low | UInt64(quietU8()) << 16
    default:
      markBad()
      return 0
    }
  }

  /// An unsigned LEB128 number; bits beyond the 64th are dropped.
  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietULEB128() -> UInt64 {
    let first = quietU8()
    return first < 0x80 ? UInt64(first) : quietLongULEB128(first)
  }

  /// The rest of a number whose first byte is not its last; apart, so that the short ones are inlined.
  @inlinable @inline(never) @_lifetime(self: copy self)
  mutating func quietLongULEB128(_ first: UInt8) -> UInt64 {
    var value = UInt64(first & 0x7f)
    var shift: UInt64 = 7
    while true {
      let byte = quietU8()
      if shift < 64 { value |= UInt64(byte & 0x7f) &<< shift }
      shift &+= 7
      // The 0 of a failed read ends the number too.
      if byte < 0x80 { return value }
    }
  }

  /// A signed LEB128 number; bits beyond the 64th are dropped.
  @inlinable @_lifetime(self: copy self)
  package mutating func quietSLEB128() -> Int64 {
    var value: Int64 = 0
    var shift: Int64 = 0
    while true {
      let byte = quietU8()
      if shift < 64 { value |= Int64(byte & 0x7f) &<< shift }
      shift &+= 7
      if byte < 0x80 {
        if shift < 64, byte & 0x40 != 0 { value |= -1 &<< shift }
        return value
      }
    }
  }

  /// Passes a LEB128 number of any length.
  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietSkipLEB128() {
    while quietU8() >= 0x80 {}
  }

  /// Passes a string and its NUL.
  @inlinable @_lifetime(self: copy self)
  package mutating func quietSkipCString() {
    while quietU8() != 0 {}
  }

  @inlinable @inline(__always) @_lifetime(self: copy self)
  package mutating func quietSkip(_ count: Int) {
    guard count >= 0, count <= end &- position else { return markBad() }
    position &+= count
  }

  /// Moves to a position counted like `position`; one that may not be read makes the cursor bad.
  @inlinable @_lifetime(self: copy self)
  package mutating func quietSeek(to newPosition: Int) {
    guard newPosition >= 0, newPosition <= end else { return markBad() }
    position = newPosition
  }

  /// A cursor from here to `newEnd`, as bad as this one; where `newEnd` lies outside, a bad one.
  @inlinable @_lifetime(copy self)
  package func quietPart(upTo newEnd: Int) -> ByteCursor {
    let isInside = newEnd >= position && newEnd <= end
    var part = ByteCursor(
      storage: storage,
      base: base,
      position: position,
      end: isInside ? newEnd : position
    )
    part.isBad = isBad || !isInside
    return part
  }

  /// Sets `isBad` and jumps to the end: the caller found a value that cannot be.
  @inlinable @_lifetime(self: copy self)
  package mutating func markBad() {
    isBad = true
    position = end
  }

  @inlinable @inline(__always) @_lifetime(self: copy self)
  mutating func quietLoad<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) -> Value {
    let size = MemoryLayout<Value>.size
    guard size <= end &- position else {
      markBad()
      return 0
    }
    // Safe because the guard proved that the bytes lie before `end`, which lies in `storage`.
    let value = unsafe storage.unsafeLoadUnaligned(
      fromUncheckedByteOffset: position,
      as: Value.self
    )
    position &+= size
    return Value(littleEndian: value)
  }
}
