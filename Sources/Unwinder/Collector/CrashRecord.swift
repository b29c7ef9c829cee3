import CUnwind

/// The crash that a capture is made of, as the collector sees it.
@safe struct CrashRecord {
  let table: CrashTable
  private let place: UInt32

  @_noLocks
  init(_ table: CrashTable) {
    self.table = table
    place = unsafe table.crash.pointee.first
  }

  /// Whether a crash waits to be captured.
  @_noLocks
  static func isWaiting(_ home: Home) -> Bool {
    guard let crash = unsafe home.pointee.crash else { return false }
    return unsafe dc_load32(dc_crash_phase(crash)) == CrashPhase.requested
  }

  /// The crash that waits to be captured; from now on it is this collector's.
  @_noLocks
  static func take(_ home: Home, _ arena: Arena) -> CrashRecord? {
    guard let crash = unsafe home.pointee.crash else { return nil }
    let table = unsafe CrashTable(home, crash)
    guard table.changePhase(CrashPhase.requested, to: CrashPhase.taken) else { return nil }
    return CrashRecord(table)
  }

  /// CLOCK_MONOTONIC of the first signal.
  var begin: Int64 { @_noLocks get { unsafe table.crash.pointee.begin_ns } }
  /// CLOCK_REALTIME of the first signal.
  var time: Int64 { @_noLocks get { unsafe table.crash.pointee.time_ns } }

  /// False when the crashed thread did not wait any longer, and wrote something itself.
  @_noLocks
  func mayPublish() -> Bool { table.changePhase(CrashPhase.taken, to: CrashPhase.publishing) }

  /// Lets the crashed thread go on; 0 or an errno.
  @_noLocks
  func end(_ failure: Int32) {
    let phase = failure == 0 ? CrashPhase.published : CrashPhase.failed
    if !table.changePhase(CrashPhase.publishing, to: phase) {
      _ = table.changePhase(CrashPhase.taken, to: phase)
    }
  }

  /// Notes which of the listed threads are in the handler of a fatal signal: they are not signalled.
  @_noLocks
  func adoptThreads(_ arena: Arena) {
    guard let threads = unsafe arena.pointee.threads else { return }
    var index: UInt32 = 0
    while unsafe index < table.home.pointee.crash_capacity {
      if table.word(index) == CrasherPhase.whole {
        unsafe adopt(table.crasher(index).pointee.tid, index, threads, arena.pointee.thread_count)
      }
      index &+= 1
    }
  }

  @_noLocks
  private func adopt(
    _ tid: Int32,
    _ place: UInt32,
    _ threads: UnsafeMutablePointer<dc_thread>,
    _ count: UInt32
  ) {
    var index = 0
    while index < Int(truncatingIfNeeded: count) {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.tid == tid else { continue }
      unsafe thread.pointee.status = ThreadStatus.captured
      unsafe thread.pointee.reason = ThreadReason.crashed
      unsafe thread.pointee.slot = place
      // What /proc shows is our own handler, waiting.
      unsafe thread.pointee.state = 0x52
      unsafe thread.pointee.in_syscall = SyscallSample.running
      unsafe thread.pointee.wchan_count = 0
      return
    }
  }

  /// The fields of the header that tell what happened.
  @_noLocks
  func writeHeader(_ record: inout ProtobufWriter, scratch: UnsafeMutablePointer<UInt8>) {
    unsafe Self.writeSignal(6, table.crasher(place), &record)
    unsafe record.field(8, signed: Int64(table.crasher(place).pointee.tid))
    unsafe CrashMessage(dc_home_messages(table.home), table.crasher(place), scratch: scratch).write(
      to: &record
    )
  }

  /// A crasher's signal as a message of the capture.
  @_noLocks
  static func writeSignal(_ field: Int, _ crasher: Crasher, _ record: inout ProtobufWriter) {
    let message = record.beginMessage(field)
    unsafe record.field(1, signed: Int64(crasher.pointee.signal))
    unsafe record.field(2, signed: Int64(crasher.pointee.code))
    unsafe record.field(3, fixed64: crasher.pointee.address)
    unsafe record.field(4, signed: Int64(crasher.pointee.sender_pid))
    unsafe record.field(5, varint: UInt64(crasher.pointee.sender_uid))
    record.endMessage(message)
  }
}
