import CUnwind

/// Builds a short text in memory it is given; what does not fit is cut, and known to be.
@safe struct TextBuilder {
  let start: UnsafeMutablePointer<UInt8>
  let capacity: Int
  private(set) var count = 0
  private(set) var isCut = false

  /// One byte of the capacity is kept for the NUL at the end.
  @_noLocks @inline(__always)
  init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
    unsafe self.start = unsafe start
    self.capacity = capacity
  }

  @_noLocks @inline(__always)
  init(_ start: UnsafeMutablePointer<CChar>, capacity: Int) {
    unsafe self.init(
      UnsafeMutableRawPointer(start).assumingMemoryBound(to: UInt8.self),
      capacity: capacity
    )
  }

  @_noLocks
  mutating func append(byte: UInt8) {
    guard count &+ 1 < capacity else {
      isCut = true
      return
    }
    unsafe start[count] = byte
    count &+= 1
  }

  @_noLocks
  mutating func append(_ bytes: UnsafePointer<UInt8>, count: Int) {
    var index = 0
    while index < count {
      unsafe append(byte: bytes[index])
      index &+= 1
    }
  }

  /// Inlined, else the text's length check leaves a trap behind.
  @_noLocks @inline(__always)
  mutating func append(_ text: StaticString) {
    unsafe append(text.utf8Start, count: text.utf8CodeUnitCount)
  }

  /// A text of C up to its NUL.
  @_noLocks
  mutating func append(cString: UnsafePointer<CChar>) {
    var next = unsafe cString
    while unsafe next.pointee != 0 {
      unsafe append(byte: UInt8(bitPattern: next.pointee))
      unsafe next += 1
    }
  }

  @_noLocks
  mutating func append(decimal value: UInt64, digits: Int = 1) {
    var power: UInt64 = 1
    var length = 1
    while length < 20, dc_divide(value / 10, power) != 0 || length < digits {
      power &*= 10
      length &+= 1
    }
    while power > 0 {
      append(byte: 0x30 &+ UInt8(truncatingIfNeeded: dc_divide(value, power) % 10))
      power /= 10
    }
  }

  @_noLocks
  mutating func append(decimal value: Int32) {
    if value < 0 { append(byte: 0x2d) }
    append(decimal: UInt64(truncatingIfNeeded: value < 0 ? 0 &- Int64(value) : Int64(value)))
  }

  @_noLocks
  mutating func append(hexadecimal value: UInt64) {
    append("0x")
    var shift: UInt64 = 60
    var begun = false
    while true {
      let digit = UInt8(truncatingIfNeeded: value &>> shift) & 15
      begun = begun || digit != 0 || shift == 0
      if begun { append(byte: digit < 10 ? 0x30 &+ digit : 0x57 &+ digit) }
      if shift == 0 { return }
      shift &-= 4
    }
  }

  /// The text with its NUL.
  @_noLocks
  func terminated() -> UnsafePointer<CChar> {
    unsafe start[count] = 0
    return unsafe UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)
  }
}

/// Length of a text of C, at most `limit`.
@_noLocks
func textLength(_ text: UnsafePointer<CChar>, limit: Int) -> Int {
  var count = 0
  while count < limit, unsafe text[count] != 0 { count &+= 1 }
  return count
}

extension UnsafePointer where Pointee == CChar {
  /// The same text as bytes.
  var asBytes: UnsafePointer<UInt8> {
    @_noLocks @inline(__always) get {
      unsafe UnsafeRawPointer(self).assumingMemoryBound(to: UInt8.self)
    }
  }
}

extension UnsafeMutablePointer where Pointee == CChar {
  /// The same text as bytes.
  var asBytes: UnsafePointer<UInt8> {
    @_noLocks @inline(__always) get {
      unsafe UnsafeRawPointer(self).assumingMemoryBound(to: UInt8.self)
    }
  }
}
