import CUnwind

/// Labels that threads gave themselves: a hash table by thread id, which threads write and the collector reads.
///
/// An entry belongs to the thread with this id and start time; one of a dead thread is
/// taken by the next that needs it.
@safe struct LabelTable {
  let owners: UnsafeMutablePointer<dc_label_owner>

  /// Entries looked at for one thread id.
  private static var probes: Int { @_noLocks @inline(__always) get { 64 } }
  private static var attempts: Int { @_noLocks @inline(__always) get { 1000 } }

  /// Nil while no thread has a label.
  @_noLocks
  init?(_ home: Home) {
    guard let owners = unsafe home.pointee.labels else { return nil }
    unsafe self.owners = unsafe owners
  }

  @_noLocks
  private func entry(_ tid: Int32, _ probe: Int) -> UnsafeMutablePointer<dc_label_owner> {
    let hash = UInt32(bitPattern: tid) &* 2_654_435_761
    let index = (Int(truncatingIfNeeded: hash &>> 16) &+ probe) & (dc_label_owners &- 1)
    return unsafe owners + index
  }

  /// The entry of a live thread.
  @_noLocks
  func find(_ tid: Int32, startTicks: UInt64) -> UnsafeMutablePointer<dc_label_owner>? {
    var probe = 0
    while probe < Self.probes {
      let owner = unsafe entry(tid, probe)
      if unsafe owner.pointee.tid == 0 { return nil }
      if unsafe owner.pointee.tid == tid, unsafe owner.pointee.start_ticks == startTicks {
        return unsafe owner
      }
      probe &+= 1
    }
    return nil
  }

  /// Claims an entry for the calling thread; nil when all that it may have belong to live threads.
  @_noLocks
  func claim(_ tid: Int32, pid: Int32, startTicks: UInt64) -> UnsafeMutablePointer<dc_label_owner>?
  {
    var probe = 0
    while probe < Self.probes {
      let owner = unsafe entry(tid, probe)
      probe &+= 1
      let old = unsafe owner.pointee.tid
      // A thread with our id that is not us has ended.
      let isFree = old == 0 || old == tid || dc_probe_thread(pid, old) != 0
      guard isFree,
        unsafe dc_claim32(
          dc_label_owner_tid(owner),
          UInt32(bitPattern: old),
          UInt32(bitPattern: tid)
        ) != 0
      else { continue }
      unsafe dc_add32(dc_label_owner_version(owner), 1)
      var index: UInt32 = 0
      while index < UInt32(truncatingIfNeeded: dc_labels_a_thread) {
        unsafe dc_label_key(dc_owner_label(owner, index)).pointee = 0
        index &+= 1
      }
      unsafe owner.pointee.start_ticks = startTicks
      unsafe dc_add32(dc_label_owner_version(owner), 1)
      return unsafe owner
    }
    return nil
  }

  /// Writes a thread's labels as field 16 of its record, as they were at one moment.
  @_noLocks
  func write(_ thread: UnsafeMutablePointer<dc_thread>, to record: inout ProtobufWriter) {
    guard let owner = unsafe find(thread.pointee.tid, startTicks: thread.pointee.start_ticks) else {
      return
    }
    let mark = record
    var attempt = 0
    while attempt < Self.attempts {
      attempt &+= 1
      let version = unsafe dc_load32(dc_label_owner_version(owner))
      guard version & 1 == 0 else { continue }
      unsafe writeAll(owner, to: &record)
      if unsafe dc_load32(dc_label_owner_version(owner)) == version { return }
      record = mark
    }
  }

  @_noLocks
  private func writeAll(
    _ owner: UnsafeMutablePointer<dc_label_owner>,
    to record: inout ProtobufWriter
  ) {
    var index: UInt32 = 0
    while index < UInt32(truncatingIfNeeded: dc_labels_a_thread) {
      let label = unsafe dc_owner_label(owner, index)
      index &+= 1
      let keyLength = unsafe textLength(dc_label_key(label), limit: 31)
      guard keyLength > 0 else { continue }
      let message = record.beginMessage(16)
      unsafe record.field(1, text: dc_label_key(label).asBytes, count: keyLength)
      let value = unsafe dc_label_value(label)
      unsafe record.field(2, text: value.asBytes, count: textLength(value, limit: 127))
      record.endMessage(message)
    }
  }
}
