import CUnwind

/// Reads this process's memory safely, and keeps what it read for the time of one capture.
///
/// Unwind tables may be unmapped at any moment by a dlclose: a plain load would fault. A warm line costs
/// as much as a plain load; a cold one a system call. Direct mapped, 4096 lines of 128 bytes.
@safe struct LineCache {
  private let tags: UnsafeMutablePointer<UInt64>
  private let lines: UnsafeMutablePointer<UInt8>

  private static var lineCount: Int { @_noLocks @inline(__always) get { 4096 } }
  private static var lineSize: Int { @_noLocks @inline(__always) get { 128 } }
  /// Bytes of memory that the cache takes.
  static var byteCount: Int { @_noLocks @inline(__always) get { lineCount &* (lineSize &+ 8) } }

  @_noLocks @inline(__always)
  init(_ memory: UnsafeMutablePointer<UInt8>) {
    unsafe lines = unsafe memory
    unsafe tags = unsafe UnsafeMutableRawPointer(memory + (Self.lineCount &* Self.lineSize))
      .assumingMemoryBound(to: UInt64.self)
  }

  /// Forgets everything: modules come and go between captures.
  @_noLocks
  func flush() { unsafe dc_fill(tags, 0xff, Self.lineCount &* 8) }

  /// The eight bytes at an address, nil where they cannot be read.
  @_noLocks
  func word(at address: UInt64) -> UInt64? {
    let offset = Int(truncatingIfNeeded: address & 127)
    guard offset &+ 8 <= Self.lineSize else { return uncachedWord(at: address) }
    let line = address &>> 7
    let index = Int(truncatingIfNeeded: (line ^ (line &>> 12)) & 4095)
    let bytes = unsafe lines + (index &* Self.lineSize)
    if unsafe tags[index] != line {
      unsafe tags[index] = ~0
      let count = unsafe dc_read_memory(line &<< 7, bytes, Self.lineSize)
      guard count == Self.lineSize else { return nil }
      unsafe tags[index] = line
    }
    return unsafe UnsafeRawPointer(bytes + offset).loadUnaligned(as: UInt64.self)
  }

  @_noLocks
  private func uncachedWord(at address: UInt64) -> UInt64? {
    var value: UInt64 = 0
    return unsafe dc_read_memory(address, &value, 8) == 8 ? value : nil
  }
}
