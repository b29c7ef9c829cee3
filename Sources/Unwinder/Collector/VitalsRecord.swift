import CUnwind

/// Writes the process's memory, age, limits and control group (proc(5), cgroups(7)).
@safe struct VitalsRecord {
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  /// Above it the kernel would walk the page tables for too long, with the process's memory map locked.
  private static var largestSummed: UInt64 { @_noLocks @inline(__always) get { 0x4000_0000 } }
  /// The corresponding C constant is RLIM_NLIMITS.
  private static var limitCount: UInt32 { @_noLocks @inline(__always) get { 16 } }

  @_noLocks
  init(scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  @_noLocks
  func write(to file: inout CaptureFile) {
    var record = file.beginRecord(room: 16_384)
    writeMemory(&record)
    writeAge(&record)
    writeScores(&record)
    writeLimits(&record)
    unsafe ControlGroup(scratch: scratch, scratchSize: scratchSize).write(16, to: &record)
    file.endRecord(RecordKind.vitals, record)
  }

  /// Of the collector's own files: those of a main thread that ended say nothing any more.
  @_noLocks
  private func writeMemory(_ record: inout ProtobufWriter) {
    let status = unsafe ProcText("/proc/thread-self/status", into: scratch, capacity: 16_384)
    let resident = status.number(after: ByteText("VmRSS:"))
    write(1, kibibytes: resident, &record)
    write(2, kibibytes: status.number(after: ByteText("VmHWM:")), &record)
    write(3, kibibytes: status.number(after: ByteText("VmSize:")), &record)
    write(4, kibibytes: status.number(after: ByteText("VmPeak:")), &record)
    write(5, kibibytes: status.number(after: ByteText("RssAnon:")), &record)
    write(6, kibibytes: status.number(after: ByteText("RssFile:")), &record)
    write(7, kibibytes: status.number(after: ByteText("RssShmem:")), &record)
    write(8, kibibytes: status.number(after: ByteText("VmSwap:")), &record)
    write(11, status.number(after: ByteText("Threads:")), &record)
    guard let resident, resident &<< 10 <= Self.largestSummed else { return }
    let sums = unsafe ProcText("/proc/self/smaps_rollup", into: scratch, capacity: 16_384)
    write(9, kibibytes: sums.number(after: ByteText("Pss:")), &record)
    if let clean = sums.number(after: ByteText("Private_Clean:")),
      let dirty = sums.number(after: ByteText("Private_Dirty:"))
    {
      write(10, kibibytes: clean &+ dirty, &record)
    }
  }

  @_noLocks
  private func writeAge(_ record: inout ProtobufWriter) {
    let stat = unsafe ProcText("/proc/self/stat", into: scratch, capacity: 4096)
    var close = stat.count &- 1
    while close > 0, unsafe scratch[close] != 0x29 { close &-= 1 }
    guard close > 0 else { return }
    var fields = unsafe FieldReader(scratch, from: close &+ 1, to: stat.count)
    fields.skip(19)
    // Field 22, ticks from boot to start; beside the clock that also counts sleep.
    let age = UInt64(truncatingIfNeeded: dc_clock(7)) &- fields.nextDecimal() &* 10_000_000
    record.field(12, varint: age, keepsZero: true)
  }

  @_noLocks
  private func writeScores(_ record: inout ProtobufWriter) {
    let score = unsafe ProcText("/proc/self/oom_score", into: scratch, capacity: 64)
    write(13, score.number(at: 0), &record)
    let adjustment = unsafe ProcText("/proc/self/oom_score_adj", into: scratch, capacity: 64)
    guard adjustment.count > 0 else { return }
    var fields = unsafe FieldReader(scratch, from: 0, to: adjustment.count)
    let value = fields.nextSigned()
    record.field(14, varint: UInt64(bitPattern: value), keepsZero: true)
  }

  /// The same as /proc/self/limits, without its names.
  @_noLocks
  private func writeLimits(_ record: inout ProtobufWriter) {
    var resource: UInt32 = 0
    while resource < Self.limitCount {
      let values = unsafe UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: UInt64.self)
      if unsafe dc_resource_limit(resource, values) == 0 {
        let message = record.beginMessage(15)
        record.field(1, varint: UInt64(resource))
        unsafe record.field(2, varint: values[0])
        unsafe record.field(3, varint: values[1])
        record.endMessage(message)
      }
      resource &+= 1
    }
  }

  @_noLocks
  private func write(_ field: Int, _ value: UInt64?, _ record: inout ProtobufWriter) {
    if let value { record.field(field, varint: value, keepsZero: true) }
  }

  @_noLocks
  private func write(_ field: Int, kibibytes: UInt64?, _ record: inout ProtobufWriter) {
    if let kibibytes { record.field(field, varint: kibibytes &<< 10, keepsZero: true) }
  }
}
