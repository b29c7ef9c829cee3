import CUnwind

/// A short text that somebody else owns.
@safe struct ByteText {
  let start: UnsafePointer<UInt8>
  let count: Int

  @_noLocks @inline(__always)
  init(_ start: UnsafePointer<UInt8>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  /// Inlined, as every function that takes a StaticString: its length check leaves a trap behind.
  @_noLocks @inline(__always)
  init(_ text: StaticString) {
    unsafe start = unsafe text.utf8Start
    count = text.utf8CodeUnitCount
  }

  /// Whether the bytes from `index` on, which end before `end`, begin with this text.
  @_noLocks
  func isPrefix(of bytes: UnsafePointer<UInt8>, at index: Int, end: Int) -> Bool {
    guard end &- index >= count else { return false }
    var offset = 0
    while offset < count {
      if unsafe bytes[index &+ offset] != start[offset] { return false }
      offset &+= 1
    }
    return true
  }
}

/// A small file of /proc or a control group, read whole into memory that is given.
@safe struct ProcText {
  let bytes: UnsafeMutablePointer<UInt8>
  let count: Int

  @_noLocks @inline(__always)
  init(_ path: StaticString, into bytes: UnsafeMutablePointer<UInt8>, capacity: Int) {
    unsafe self.init(descriptor: openText(path), into: bytes, capacity: capacity)
  }

  /// Reads a descriptor to its end or the capacity, and closes it; a negative one reads as nothing.
  @_noLocks
  init(descriptor: Int32, into bytes: UnsafeMutablePointer<UInt8>, capacity: Int) {
    var count = 0
    while descriptor >= 0, count < capacity {
      let result = unsafe dc_read(descriptor, bytes + count, capacity &- count)
      if result <= 0 { break }
      count &+= result
    }
    if descriptor >= 0 { dc_close(descriptor) }
    unsafe self.bytes = unsafe bytes
    self.count = count
  }

  /// What follows the key at the beginning of a line: the place behind the key.
  @_noLocks
  func place(after key: ByteText) -> Int? {
    var index = 0
    while index < count {
      if unsafe key.isPrefix(of: bytes, at: index, end: count) { return index &+ key.count }
      while index < count, unsafe bytes[index] != 0x0a { index &+= 1 }
      index &+= 1
    }
    return nil
  }

  /// The number behind the key at the beginning of a line; nil where there is none, as of `max`.
  @_noLocks
  func number(after key: ByteText) -> UInt64? {
    guard let place = place(after: key) else { return nil }
    return number(at: place)
  }

  /// The number at a place, blanks before it skipped; nil where there is none.
  @_noLocks
  func number(at place: Int) -> UInt64? {
    var index = place
    while index < count, unsafe bytes[index] == 0x20 || bytes[index] == 0x09 { index &+= 1 }
    guard index < count, unsafe bytes[index] >= 0x30, unsafe bytes[index] <= 0x39 else {
      return nil
    }
    var fields = unsafe FieldReader(bytes, from: index, to: count)
    return fields.nextDecimal()
  }
}

/// Goes through a long file of /proc line by line; who opened it closes it.
@safe struct ProcLines {
  private let descriptor: Int32
  let bytes: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var filled = 0
  private var next = 0

  @_noLocks
  init(descriptor: Int32, into bytes: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.descriptor = descriptor
    unsafe self.bytes = unsafe bytes
    self.capacity = capacity
  }

  /// Begin and end of the next line in `bytes`, nil at the end of the file.
  @_noLocks
  mutating func nextLine() -> (start: Int, end: Int)? {
    var end = next
    while true {
      while end < filled, unsafe bytes[end] != 0x0a { end &+= 1 }
      if end < filled {
        let start = next
        next = end &+ 1
        return (start, end)
      }
      guard refill() else { return nil }
      end = next
    }
  }

  /// Moves the begun line to the front and reads on; false at the end, or for a line beyond all measure.
  @_noLocks
  private mutating func refill() -> Bool {
    let rest = filled &- next
    guard descriptor >= 0, rest < capacity else { return false }
    unsafe dc_move(bytes, bytes + next, rest)
    next = 0
    filled = rest
    let count = unsafe dc_read(descriptor, bytes + rest, capacity &- rest)
    guard count > 0 else { return false }
    filled = rest &+ count
    return true
  }
}
