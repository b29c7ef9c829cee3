import CUnwind

/// Writes usage, limits and pressure of the process's control group, of either version (cgroups(7)).
///
/// A limit may stand at any group above: the tightest one counts. Where the path that the process sees is
/// not below the mounted hierarchy (a container without a namespace of its own), the hierarchy's root is
/// that of the container.
@safe struct ControlGroup {
  private let scratch: UnsafeMutablePointer<UInt8>
  private let paths: UnsafeMutablePointer<UInt8>
  private let name: UnsafeMutablePointer<UInt8>

  private static var textSize: Int { @_noLocks @inline(__always) get { 8192 } }
  private static var pathSize: Int { @_noLocks @inline(__always) get { 4096 } }
  /// Groups above one another that are asked.
  private static var maximumDepth: Int { @_noLocks @inline(__always) get { 16 } }
  /// What version 1 says where there is no limit: the largest whole number of pages.
  private static var noLimit: UInt64 { @_noLocks @inline(__always) get { 0x7fff_ffff_ffff_0000 } }

  /// The first 32 KiB of the scratch memory are used.
  @_noLocks
  init(scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    unsafe self.scratch = unsafe scratch
    unsafe paths = unsafe scratch + Self.textSize
    unsafe name = unsafe scratch + 2 &* Self.textSize
  }

  @_noLocks
  func write(_ field: Int, to record: inout ProtobufWriter) {
    let groups = unsafe ProcText(
      "/proc/thread-self/cgroup",
      into: paths,
      capacity: Self.textSize
    )
    guard groups.count > 0 else { return }
    let message = record.beginMessage(field)
    let memory = path(of: ByteText("memory"), in: groups)
    if memory != nil || path(of: ByteText("pids"), in: groups) != nil {
      record.field(1, varint: 1)
      writeFirstVersion(groups, &record)
    } else if let place = groups.place(after: ByteText("0::")) {
      record.field(1, varint: 2)
      writeSecondVersion(line(groups, from: place), &record)
    }
    record.endMessage(message)
  }

  // MARK: Version 2

  @_noLocks
  private func writeSecondVersion(_ path: ByteText, _ record: inout ProtobufWriter) {
    let root = ByteText("/sys/fs/cgroup")
    write(2, read(root, path, ByteText("/memory.current")).number(at: 0), &record)
    write(3, lowest(root, path, ByteText("/memory.max")), &record)
    write(4, lowest(root, path, ByteText("/memory.high")), &record)
    let events = read(root, path, ByteText("/memory.events"))
    write(5, events.number(after: ByteText("oom_kill ")), &record)
    write(6, read(root, path, ByteText("/pids.current")).number(at: 0), &record)
    write(7, lowest(root, path, ByteText("/pids.max")), &record)
    writeQuota(root, path, ByteText("/cpu.max"), nil, &record)
    let statistics = read(root, path, ByteText("/cpu.stat"))
    write(10, statistics.number(after: ByteText("nr_throttled ")), &record)
    write(11, statistics.number(after: ByteText("throttled_usec ")), &record)
    writePressure(0, read(root, path, ByteText("/cpu.pressure")), &record)
    writePressure(1, read(root, path, ByteText("/memory.pressure")), &record)
    writePressure(2, read(root, path, ByteText("/io.pressure")), &record)
  }

  /// Both lines of a pressure file: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, then `full …`.
  @_noLocks
  private func writePressure(_ resource: UInt64, _ text: ProcText, _ record: inout ProtobufWriter) {
    writePressure(resource, isFull: 0, text, text.place(after: ByteText("some ")), &record)
    writePressure(resource, isFull: 1, text, text.place(after: ByteText("full ")), &record)
  }

  @_noLocks
  private func writePressure(
    _ resource: UInt64,
    isFull: UInt64,
    _ text: ProcText,
    _ place: Int?,
    _ record: inout ProtobufWriter
  ) {
    guard let place else { return }
    let message = record.beginMessage(12)
    record.field(1, varint: resource)
    record.field(2, varint: isFull)
    var fields = unsafe FieldReader(text.bytes, from: place, to: text.count)
    var number = 3
    while number < 7 {
      fields.skip(through: 0x3d)
      var value = fields.nextDecimal()
      if number < 6 {
        // Two digits follow the point.
        fields.skip(byte: 0x2e)
        value = value &* 100 &+ fields.nextDecimal()
      }
      record.field(number, varint: value)
      number &+= 1
    }
    record.endMessage(message)
  }

  // MARK: Version 1

  @_noLocks
  private func writeFirstVersion(_ groups: ProcText, _ record: inout ProtobufWriter) {
    if let path = path(of: ByteText("memory"), in: groups) {
      let root = ByteText("/sys/fs/cgroup/memory")
      write(2, read(root, path, ByteText("/memory.usage_in_bytes")).number(at: 0), &record)
      write(3, lowest(root, path, ByteText("/memory.limit_in_bytes")), &record)
      let control = read(root, path, ByteText("/memory.oom_control"))
      write(5, control.number(after: ByteText("oom_kill ")), &record)
    }
    if let path = path(of: ByteText("pids"), in: groups) {
      let root = ByteText("/sys/fs/cgroup/pids")
      write(6, read(root, path, ByteText("/pids.current")).number(at: 0), &record)
      write(7, lowest(root, path, ByteText("/pids.max")), &record)
    }
    if let path = path(of: ByteText("cpu"), in: groups) {
      let root = ByteText("/sys/fs/cgroup/cpu")
      writeQuota(root, path, ByteText("/cpu.cfs_quota_us"), ByteText("/cpu.cfs_period_us"), &record)
      let statistics = read(root, path, ByteText("/cpu.stat"))
      write(10, statistics.number(after: ByteText("nr_throttled ")), &record)
      if let time = statistics.number(after: ByteText("throttled_time ")) {
        write(11, time / 1000, &record)
      }
    }
  }

  /// The path of a controller: line `4:cpu,cpuacct:/path`.
  @_noLocks
  private func path(of controller: ByteText, in groups: ProcText) -> ByteText? {
    var index = 0
    while index < groups.count {
      while index < groups.count, unsafe groups.bytes[index] != 0x3a { index &+= 1 }
      var isFound = false
      // Names of controllers, each behind a colon or comma.
      repeat {
        index &+= 1
        if unsafe controller.isPrefix(of: groups.bytes, at: index, end: groups.count) {
          let end = index &+ controller.count
          isFound =
            unsafe isFound
            || end < groups.count && (groups.bytes[end] == 0x3a || groups.bytes[end] == 0x2c)
        }
        while index < groups.count, unsafe groups.bytes[index] != 0x3a,
          unsafe groups.bytes[index] != 0x2c
        {
          index &+= 1
        }
      } while unsafe index < groups.count && groups.bytes[index] == 0x2c
      if isFound { return line(groups, from: index &+ 1) }
      while index < groups.count, unsafe groups.bytes[index] != 0x0a { index &+= 1 }
      index &+= 1
    }
    return nil
  }

  // MARK: Files

  /// The rest of a line; nothing for the root, and for a path that leaves the mounted hierarchy.
  @_noLocks
  private func line(_ text: ProcText, from start: Int) -> ByteText {
    var end = start
    while end < text.count, unsafe text.bytes[end] != 0x0a { end &+= 1 }
    let isOutside = unsafe ByteText("/..").isPrefix(of: text.bytes, at: start, end: end)
    let isUseless = isOutside || end &- start <= 1 || end &- start > 2048
    return unsafe ByteText(text.bytes + min(start, text.count), count: isUseless ? 0 : end &- start)
  }

  /// A file of the group; of the hierarchy's root where the group is not below it.
  @_noLocks
  private func read(_ root: ByteText, _ path: ByteText, _ file: ByteText) -> ProcText {
    let text = readOnly(root, path, file)
    return text.count > 0 || path.count == 0
      ? text : unsafe readOnly(root, ByteText(path.start, count: 0), file)
  }

  @_noLocks
  private func readOnly(_ root: ByteText, _ path: ByteText, _ file: ByteText) -> ProcText {
    var builder = unsafe TextBuilder(name, capacity: Self.pathSize)
    unsafe builder.append(root.start, count: root.count)
    unsafe builder.append(path.start, count: path.count)
    unsafe builder.append(file.start, count: file.count)
    let descriptor = unsafe dc_open_at(
      dc_no_directory(),
      builder.terminated(),
      dc_flags_read,
      0
    )
    return unsafe ProcText(
      descriptor: Int32(truncatingIfNeeded: descriptor),
      into: scratch,
      capacity: Self.textSize
    )
  }

  /// The path one group up.
  @_noLocks
  private func parent(of path: ByteText) -> ByteText {
    var count = path.count &- 1
    while count > 0, unsafe path.start[count] != 0x2f { count &-= 1 }
    return unsafe ByteText(path.start, count: max(count, 0))
  }

  /// The lowest limit of the group and those above it.
  @_noLocks
  private func lowest(_ root: ByteText, _ path: ByteText, _ file: ByteText) -> UInt64? {
    var found: UInt64?
    var group = path
    var depth = 0
    while depth < Self.maximumDepth {
      if let limit = readOnly(root, group, file).number(at: 0), limit < Self.noLimit {
        if found == nil || limit < found ?? 0 { found = limit }
      }
      if group.count == 0 { break }
      group = parent(of: group)
      depth &+= 1
    }
    return found
  }

  /// The quota that allows the fewest processors; version 1 has the period in a file of its own.
  @_noLocks
  private func writeQuota(
    _ root: ByteText,
    _ path: ByteText,
    _ file: ByteText,
    _ periodFile: ByteText?,
    _ record: inout ProtobufWriter
  ) {
    var quota: UInt64 = 0
    var period: UInt64 = 0
    var group = path
    var depth = 0
    while depth < Self.maximumDepth {
      let text = readOnly(root, group, file)
      if let limit = text.number(at: 0) {
        var fields = unsafe FieldReader(text.bytes, from: 0, to: text.count)
        fields.skip(1)
        var span = fields.nextDecimal()
        if let periodFile { span = readOnly(root, group, periodFile).number(at: 0) ?? 0 }
        if period == 0 || limit &* period < quota &* span {
          quota = limit
          period = span
        }
      }
      if group.count == 0 { break }
      group = parent(of: group)
      depth &+= 1
    }
    guard period > 0 else { return }
    write(8, quota, &record)
    write(9, period, &record)
  }

  @_noLocks
  private func write(_ field: Int, _ value: UInt64?, _ record: inout ProtobufWriter) {
    if let value { record.field(field, varint: value, keepsZero: true) }
  }
}
