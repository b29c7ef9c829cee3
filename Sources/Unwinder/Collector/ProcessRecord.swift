import CUnwind

/// Writes what a capture says about the process as a whole.
@safe struct ProcessRecord {
  let home: Home
  let arena: Arena
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  @_noLocks
  init(home: Home, arena: Arena, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  @_noLocks
  func write(to file: inout CaptureFile) {
    var record = file.beginRecord(room: 4 &* scratchSize)
    unsafe record.field(1, signed: Int64(arena.pointee.pid))
    let nameLength = readLine("/proc/self/comm")
    unsafe record.field(2, text: scratch, count: nameLength)
    unsafe record.field(3, text: scratch, count: executable())
    if unsafe home.pointee.settings.arguments > 0 { writeArguments(4, &record) }
    record.field(5, varint: UInt64(dc_user()))
    record.field(6, varint: UInt64(dc_group()))
    record.field(7, fixed64: startTime())
    var names = dc_system_names()
    unsafe dc_get_system_names(&names)
    unsafe writeName(8, dc_names_host(&names), &record)
    writeControlGroup(9, &record)
    unsafe record.field(10, varint: UInt64(arena.pointee.thread_count))
    unsafe writeName(11, dc_names_kernel(&names), &record)
    record.field(12, signed: Int64(dc_parent()))
    file.endRecord(RecordKind.process, record)
  }

  @_noLocks
  private func writeName(
    _ field: Int,
    _ name: UnsafeMutablePointer<CChar>,
    _ record: inout ProtobufWriter
  ) {
    unsafe record.field(field, text: name.asBytes, count: textLength(name, limit: 64))
  }

  /// Reads a whole small file into the scratch memory.
  @_noLocks @inline(__always)
  private func readAll(_ path: StaticString) -> Int {
    let descriptor = openText(path)
    guard descriptor >= 0 else { return 0 }
    let count = unsafe dc_read(descriptor, scratch, scratchSize)
    dc_close(descriptor)
    return max(count, 0)
  }

  @_noLocks @inline(__always)
  private func readLine(_ path: StaticString) -> Int {
    let count = readAll(path)
    var length = 0
    while length < count, unsafe scratch[length] != 0x0a { length &+= 1 }
    return length
  }

  @_noLocks
  private func executable() -> Int {
    let path: StaticString = "/proc/self/exe"
    let text = unsafe UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
    return unsafe max(dc_read_link(text, scratch, 4096), 0)
  }

  @_noLocks
  private func writeArguments(_ field: Int, _ record: inout ProtobufWriter) {
    let count = readAll("/proc/self/cmdline")
    var start = 0
    var index = 0
    while index < count {
      if unsafe scratch[index] == 0 {
        unsafe record.field(field, text: scratch + start, count: index &- start)
        start = index &+ 1
      }
      index &+= 1
    }
  }

  /// Field 22 of /proc/self/stat counts clock ticks since boot.
  @_noLocks
  func startTicks() -> UInt64 {
    let count = readAll("/proc/self/stat")
    var close = count &- 1
    while close > 0, unsafe scratch[close] != 0x29 { close &-= 1 }
    var fields = unsafe FieldReader(scratch, from: close &+ 1, to: count)
    fields.skip(19)
    return fields.nextDecimal()
  }

  @_noLocks
  private func startTime() -> UInt64 {
    let boot = dc_clock(0) &- dc_clock(7)
    return UInt64(truncatingIfNeeded: boot) &+ startTicks() &* 10_000_000
  }

  /// The path of the unified hierarchy (line `0::/path`), else of the first line.
  @_noLocks
  private func writeControlGroup(_ field: Int, _ record: inout ProtobufWriter) {
    let count = readAll("/proc/self/cgroup")
    var start = 0
    var found = (start: 0, count: 0)
    while start < count {
      var end = start
      while end < count, unsafe scratch[end] != 0x0a { end &+= 1 }
      let isUnified =
        unsafe end &- start > 3 && scratch[start] == 0x30 && scratch[start &+ 1] == 0x3a
        && scratch[start &+ 2] == 0x3a
      if found.count == 0 || isUnified {
        var path = start
        var colons = 0
        while path < end, colons < 2 {
          if unsafe scratch[path] == 0x3a { colons &+= 1 }
          path &+= 1
        }
        found = (path, end &- path)
      }
      start = end &+ 1
    }
    unsafe record.field(field, text: scratch + found.start, count: found.count)
  }
}
