import CUnwind

/// Writes the names of the variables that the process was started with, and their values only where asked.
///
/// A service may have written over that memory (to change its title): what does not look like a variable's name is
/// left out, since it may be a part of a value.
@safe struct EnvironmentRecord {
  let hasValues: Bool
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  private static var byteLimit: Int { @_noLocks @inline(__always) get { 65_536 } }
  private static var countLimit: UInt64 { @_noLocks @inline(__always) get { 1024 } }
  private static var nameLimit: Int { @_noLocks @inline(__always) get { 128 } }
  private static var valueLimit: Int { @_noLocks @inline(__always) get { 1024 } }

  @_noLocks
  init(hasValues: Bool, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    self.hasValues = hasValues
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  @_noLocks
  func write(to file: inout CaptureFile) {
    let text = unsafe ProcText(
      "/proc/thread-self/environ",
      into: scratch,
      capacity: Self.byteLimit
    )
    guard text.count > 0 else { return }
    var record = file.beginRecord(room: 4 &* Self.byteLimit)
    var count: UInt64 = 0
    var skipped: UInt64 = 0
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, unsafe scratch[end] != 0 { end &+= 1 }
      // What the limit cut is not known to its end.
      let isWhole = end < text.count
      if end > start {
        if isWhole, count < Self.countLimit, write(from: start, to: end, &record) {
          count &+= 1
        } else {
          skipped &+= 1
        }
      }
      start = end &+ 1
    }
    record.field(2, varint: skipped)
    file.endRecord(RecordKind.environment, record)
  }

  /// False for what is no variable.
  @_noLocks
  private func write(from start: Int, to end: Int, _ record: inout ProtobufWriter) -> Bool {
    var equals = start
    while equals < end, unsafe isNameByte(scratch[equals], isFirst: equals == start) {
      equals &+= 1
    }
    let length = equals &- start
    guard length > 0, length <= Self.nameLimit, equals < end, unsafe scratch[equals] == 0x3d else {
      return false
    }
    let message = record.beginMessage(1)
    unsafe record.field(1, text: scratch + start, count: length)
    if hasValues {
      let valueLength = min(end &- equals &- 1, Self.valueLimit)
      if valueLength > 0 {
        unsafe record.field(2, text: scratch + (equals &+ 1), count: valueLength)
      } else {
        // An empty value is one too: a text of no bytes.
        record.endMessage(record.beginMessage(2))
      }
    }
    record.endMessage(message)
    return true
  }

  /// Letters, digits and `_`, as shells take them (IEEE Std 1003.1, 8.1).
  @_noLocks
  private func isNameByte(_ byte: UInt8, isFirst: Bool) -> Bool {
    let lower = byte | 0x20
    return byte == 0x5f || lower >= 0x61 && lower <= 0x7a
      || !isFirst && byte >= 0x30 && byte <= 0x39
  }
}
