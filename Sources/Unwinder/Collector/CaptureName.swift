import CUnwind

/// Writes the name of a capture: `NAME.PID.YYYYMMDDTHHMMSSZ.SEQ.dcap`.
struct CaptureName {
  /// Nanoseconds since 1970.
  let time: Int64
  let pid: Int32

  @_noLocks
  init(time: Int64, pid: Int32) {
    self.time = time
    self.pid = pid
  }

  /// The name of the process with the bytes outside `[A-Za-z0-9_.-]` as `_`.
  @_noLocks
  private func appendProcessName(to text: inout TextBuilder) {
    let descriptor = openText("/proc/self/comm")
    guard descriptor >= 0 else { return text.append("process") }
    var storage: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    let count = unsafe dc_read(descriptor, &storage, 31)
    dc_close(descriptor)
    unsafe appendSanitized(&storage, count, to: &text)
  }

  @_noLocks
  private func appendSanitized(
    _ memory: UnsafeMutableRawPointer,
    _ count: Int,
    to text: inout TextBuilder
  ) {
    let bytes = unsafe memory.assumingMemoryBound(to: UInt8.self)
    var index = 0
    while index < count, unsafe bytes[index] != 0x0a {
      let byte = unsafe bytes[index]
      let lower = byte | 0x20
      let isKept =
        (lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5f
        || byte == 0x2d || (byte == 0x2e && index > 0)
      text.append(byte: isKept ? byte : 0x5f)
      index &+= 1
    }
    if index <= 0 { text.append("process") }
  }

  @_noLocks
  func append(to text: inout TextBuilder, sequence: UInt32) {
    appendProcessName(to: &text)
    text.append(byte: 0x2e)
    text.append(decimal: pid)
    text.append(byte: 0x2e)
    appendTime(to: &text)
    text.append(byte: 0x2e)
    text.append(decimal: UInt64(sequence))
    text.append(".dcap")
  }

  /// Days to a date of the Gregorian calendar, by counting years from March in cycles of 400.
  @_noLocks
  private func appendTime(to text: inout TextBuilder) {
    let seconds = UInt64(truncatingIfNeeded: max(time, 0)) / 1_000_000_000
    let days = seconds / 86_400 &+ 719_468
    let cycle = days / 146_097
    let dayOfCycle = days &- cycle &* 146_097
    let yearOfCycle =
      (dayOfCycle &- dayOfCycle / 1460 &+ dayOfCycle / 36_524 &- dayOfCycle / 146_096) / 365
    let dayOfYear = dayOfCycle &- (365 &* yearOfCycle &+ yearOfCycle / 4 &- yearOfCycle / 100)
    let shifted = (5 &* dayOfYear &+ 2) / 153
    let day = dayOfYear &- (153 &* shifted &+ 2) / 5 &+ 1
    let month = shifted < 10 ? shifted &+ 3 : shifted &- 9
    let year = yearOfCycle &+ cycle &* 400 &+ (month <= 2 ? 1 : 0)
    text.append(decimal: year, digits: 4)
    text.append(decimal: month, digits: 2)
    text.append(decimal: day, digits: 2)
    text.append(byte: 0x54)
    text.append(decimal: seconds / 3600 % 24, digits: 2)
    text.append(decimal: seconds / 60 % 60, digits: 2)
    text.append(decimal: seconds % 60, digits: 2)
    text.append(byte: 0x5a)
  }
}
