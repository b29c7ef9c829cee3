import CUnwind

/// Writes one protobuf message into memory it is given (protobuf.dev, Encoding).
///
/// Fields whose value is zero are left out, as proto3 does. What does not fit is left out whole and
/// remembered, so that the bytes are a valid message all the same.
@safe struct ProtobufWriter {
  let start: UnsafeMutablePointer<UInt8>
  let capacity: Int
  private(set) var count = 0
  private(set) var isFull = false

  @_noLocks @inline(__always)
  init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
    unsafe self.start = unsafe start
    self.capacity = capacity
  }

  /// An integer or enumeration, as a varint.
  @_noLocks
  mutating func field(_ number: Int, varint value: UInt64, keepsZero: Bool = false) {
    guard value != 0 || keepsZero, reserve(20) else { return }
    varint(UInt64(truncatingIfNeeded: number) &<< 3)
    varint(value)
  }

  /// A signed integer of type int32 or int64: negative ones take ten bytes.
  @_noLocks
  mutating func field(_ number: Int, signed value: Int64) {
    field(number, varint: UInt64(bitPattern: value))
  }

  @_noLocks
  mutating func field(_ number: Int, fixed64 value: UInt64) {
    guard value != 0, reserve(18) else { return }
    varint(UInt64(truncatingIfNeeded: number) &<< 3 | 1)
    fixed64(value)
  }

  /// Packed fixed64 values.
  @_noLocks
  mutating func field(_ number: Int, packed values: UnsafePointer<UInt64>, count valueCount: Int) {
    guard valueCount > 0, reserve(20 &+ valueCount &* 8) else { return }
    varint(UInt64(truncatingIfNeeded: number) &<< 3 | 2)
    varint(UInt64(truncatingIfNeeded: valueCount &* 8))
    var index = 0
    while index < valueCount {
      unsafe fixed64(values[index])
      index &+= 1
    }
  }

  /// Packed fixed32 values.
  @_noLocks
  mutating func field(_ number: Int, packed values: UnsafePointer<UInt32>, count valueCount: Int) {
    guard valueCount > 0, reserve(20 &+ valueCount &* 4) else { return }
    varint(UInt64(truncatingIfNeeded: number) &<< 3 | 2)
    varint(UInt64(truncatingIfNeeded: valueCount &* 4))
    var index = 0
    while index < valueCount {
      let value = unsafe values[index]
      var byte: UInt32 = 0
      while byte < 32 {
        put(UInt8(truncatingIfNeeded: value &>> byte))
        byte &+= 8
      }
      index &+= 1
    }
  }

  @_noLocks
  mutating func field(_ number: Int, bytes: UnsafePointer<UInt8>, count byteCount: Int) {
    guard byteCount > 0, reserve(20 &+ byteCount) else { return }
    varint(UInt64(truncatingIfNeeded: number) &<< 3 | 2)
    varint(UInt64(truncatingIfNeeded: byteCount))
    unsafe dc_move(start + count, bytes, byteCount)
    count &+= byteCount
  }

  /// A string; bytes that are not UTF-8 become U+FFFD.
  @_noLocks
  mutating func field(_ number: Int, text: UnsafePointer<UInt8>, count byteCount: Int) {
    guard byteCount > 0, reserve(20 &+ byteCount &* 3) else { return }
    let field = beginMessage(number)
    var index = 0
    while index < byteCount {
      let length = unsafe sequenceLength(text + index, available: byteCount &- index)
      if length == 0 {
        put(0xef)
        put(0xbf)
        put(0xbd)
        index &+= 1
      } else {
        unsafe dc_move(start + count, text + index, length)
        count &+= length
        index &+= length
      }
    }
    endMessage(field)
  }

  @_noLocks @inline(__always)
  mutating func field(_ number: Int, text: StaticString) {
    unsafe field(number, text: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  @_noLocks
  mutating func field(_ number: Int, text: TextBuilder) {
    unsafe field(number, text: text.start, count: text.count)
  }

  /// Fields that were written elsewhere.
  @_noLocks
  mutating func copy(_ bytes: UnsafePointer<UInt8>, count byteCount: Int) {
    guard reserve(byteCount) else { return }
    unsafe dc_move(start + count, bytes, byteCount)
    count &+= byteCount
  }

  /// Takes bytes as written that were put behind the last ones; within a message, 128 at most.
  @_noLocks
  mutating func advance(_ byteCount: Int) { count &+= byteCount }

  /// Begins a message inside this one; hand the result to `endMessage`.
  @_noLocks
  mutating func beginMessage(_ number: Int) -> Int {
    guard reserve(160) else { return -1 }
    varint(UInt64(truncatingIfNeeded: number) &<< 3 | 2)
    put(0)
    return count
  }

  /// Writes the length in front of the message, and makes room where it takes more than one byte.
  @_noLocks
  mutating func endMessage(_ first: Int) {
    guard first >= 0 else { return }
    let length = count &- first
    var lengthBytes = 1
    while lengthBytes < 5, length &>> (7 &* lengthBytes) != 0 { lengthBytes &+= 1 }
    unsafe dc_move(start + (first &+ lengthBytes &- 1), start + first, length)
    let end = count &+ lengthBytes &- 1
    count = first &- 1
    varint(UInt64(truncatingIfNeeded: length))
    count = end
  }

  @_noLocks @inline(__always)
  private mutating func put(_ byte: UInt8) {
    unsafe start[count] = byte
    count &+= 1
  }

  @_noLocks
  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 127 {
      put(UInt8(truncatingIfNeeded: rest) | 128)
      rest &>>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  @_noLocks @inline(__always)
  private mutating func fixed64(_ value: UInt64) {
    var rest = value
    var index = 0
    while index < 8 {
      put(UInt8(truncatingIfNeeded: rest))
      rest &>>= 8
      index &+= 1
    }
  }

  /// Room for a field, and for moving it up when its message's length takes five bytes.
  @_noLocks @inline(__always)
  private mutating func reserve(_ byteCount: Int) -> Bool {
    if byteCount <= capacity &- count &- 32 { return true }
    isFull = true
    return false
  }
}

/// Bytes of the UTF-8 sequence at the front, 0 when there is none (Unicode 15, table 3-7).
@_noLocks
private func sequenceLength(_ bytes: UnsafePointer<UInt8>, available: Int) -> Int {
  let first = unsafe bytes[0]
  if first < 0x80 { return 1 }
  var length = 0
  var lowest: UInt8 = 0x80
  var highest: UInt8 = 0xbf
  if first >= 0xc2, first <= 0xdf {
    length = 2
  } else if first & 0xf0 == 0xe0 {
    length = 3
    if first == 0xe0 { lowest = 0xa0 }
    if first == 0xed { highest = 0x9f }
  } else if first >= 0xf0, first <= 0xf4 {
    length = 4
    if first == 0xf0 { lowest = 0x90 }
    if first == 0xf4 { highest = 0x8f }
  }
  guard length > 0, length <= available, unsafe bytes[1] >= lowest, unsafe bytes[1] <= highest
  else { return 0 }
  var index = 2
  while index < length {
    guard unsafe bytes[index] & 0xc0 == 0x80 else { return 0 }
    index &+= 1
  }
  return length
}
