import CUnwind

/// Kinds of a capture file's records (docs/capture-format.md).
enum RecordKind {
  static var header: UInt16 { @_noLocks @inline(__always) get { 1 } }
  static var process: UInt16 { @_noLocks @inline(__always) get { 2 } }
  static var module: UInt16 { @_noLocks @inline(__always) get { 3 } }
  static var thread: UInt16 { @_noLocks @inline(__always) get { 4 } }
  static var vitals: UInt16 { @_noLocks @inline(__always) get { 5 } }
  static var descriptors: UInt16 { @_noLocks @inline(__always) get { 6 } }
  static var environment: UInt16 { @_noLocks @inline(__always) get { 7 } }
  static var notes: UInt16 { @_noLocks @inline(__always) get { 8 } }
  static var taskStacks: UInt16 { @_noLocks @inline(__always) get { 9 } }
  static var tasks: UInt16 { @_noLocks @inline(__always) get { 10 } }
  static var executors: UInt16 { @_noLocks @inline(__always) get { 11 } }
  static var taskSummary: UInt16 { @_noLocks @inline(__always) get { 12 } }
  static var awaitedDescriptors: UInt16 { @_noLocks @inline(__always) get { 13 } }
  static var end: UInt16 { @_noLocks @inline(__always) get { 255 } }
}

/// A capture file being written: records gather in a buffer and go to the file in large pieces.
///
/// The first error stays: what comes after it is dropped, and `failure` says so at the end.
@safe struct CaptureFile {
  private let descriptor: Int32
  private let buffer: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var buffered = 0
  private(set) var records: UInt32 = 0
  /// 0, or the errno of the first write that failed.
  private(set) var failure: Int32 = 0

  private static var fileHeaderSize: Int { @_noLocks @inline(__always) get { 16 } }
  private static var recordHeaderSize: Int { @_noLocks @inline(__always) get { 16 } }

  @_noLocks
  init(descriptor: Int32, buffer: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.descriptor = descriptor
    unsafe self.buffer = unsafe buffer
    self.capacity = capacity
    // D C A P \r \n 0x1a \n: shows a transfer that changed line ends or cut at a control character.
    store(0x0a1a_0a0d_5041_4344, at: 0, bytes: 8)
    store(1, at: 8, bytes: 8)
    buffered = Self.fileHeaderSize
  }

  /// A writer for the payload of the next record, with room for at least `room` bytes.
  @_noLocks
  mutating func beginRecord(room: Int) -> ProtobufWriter {
    if capacity &- buffered &- Self.recordHeaderSize < room { flush() }
    let first = buffered &+ Self.recordHeaderSize
    return unsafe ProtobufWriter(buffer + first, capacity: capacity &- first)
  }

  /// Frames what the writer has: sync, kind, flags, length, CRC-32C of kind, flags, length, payload.
  @_noLocks
  mutating func endRecord(_ kind: UInt16, _ payload: ProtobufWriter) {
    store(0x4443_5245, at: buffered, bytes: 4)
    store(UInt64(truncatingIfNeeded: kind), at: buffered &+ 4, bytes: 4)
    store(UInt64(truncatingIfNeeded: payload.count), at: buffered &+ 8, bytes: 4)
    var crc = unsafe dc_crc32c(0, buffer + (buffered &+ 4), 8)
    crc = unsafe dc_crc32c(crc, payload.start, payload.count)
    store(UInt64(truncatingIfNeeded: crc), at: buffered &+ 12, bytes: 4)
    buffered &+= Self.recordHeaderSize &+ payload.count
    records &+= 1
  }

  /// Writes what is buffered.
  @_noLocks
  mutating func flush() {
    var written = 0
    while written < buffered, failure == 0 {
      let result = unsafe dc_write(descriptor, buffer + written, buffered &- written)
      if result > 0 {
        written &+= result
      } else if result == 0 {
        failure = ErrorNumber.noSpace
      } else if result != -Int(ErrorNumber.interrupted) {
        failure = Int32(truncatingIfNeeded: 0 &- result)
      }
    }
    buffered = 0
  }

  @_noLocks
  private func store(_ value: UInt64, at offset: Int, bytes: Int) {
    var index = 0
    while index < bytes {
      unsafe buffer[offset &+ index] = UInt8(truncatingIfNeeded: value &>> UInt64(index &* 8))
      index &+= 1
    }
  }
}
