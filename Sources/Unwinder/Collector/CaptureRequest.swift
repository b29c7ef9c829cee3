import CUnwind

/// What a capture answers: all requests that had come when its first thread was about to be signalled.
///
/// A later request may come from somebody who has seen the threads do something since; it needs a
/// capture of its own.
@safe struct CaptureRequest {
  private(set) var accepted: UInt64 = 0
  /// CLOCK_REALTIME, nanoseconds.
  private(set) var time: Int64 = 0
  private var hasSignal = false
  private var number: Int32 = 0
  private var code: Int32 = 0
  private var sender: Int32 = 0
  private var user: UInt32 = 0
  private var hasReason = false
  private var reason: UnsafeMutablePointer<CChar>?

  @_noLocks init() {}

  /// Whether one of the waiting requests allows signalling threads.
  @_noLocks
  static func hasNoisy(_ arena: Arena) -> Bool {
    unsafe dc_load64(dc_arena_noisy(arena)) != arena.pointee.noisy_handled
  }

  /// A number that is at least that of a request just made.
  @_noLocks
  static func number(_ arena: Arena) -> UInt64 {
    var inFile: UInt64 = 0
    if let state = unsafe arena.pointee.state {
      _ = unsafe dc_load64_in_file(dc_state_file_accepted(state), &inFile)
    }
    return unsafe inFile &+ dc_load64(dc_arena_accepted_here(arena))
  }

  /// Number of the last request so far.
  ///
  /// For the collector alone.
  ///
  /// A state file that somebody cut short is given up: the count goes on here, above all that is
  /// over, until the next capture makes a new file.
  @_noLocks
  static func lastAccepted(_ arena: Arena) -> UInt64 {
    unsafe takeRetired(arena)
    guard let state = unsafe arena.pointee.state else {
      return unsafe dc_load64(dc_arena_accepted_here(arena))
    }
    let here = unsafe dc_exchange64(dc_arena_accepted_here(arena), 0)
    let accepted = unsafe dc_state_file_accepted(state)
    var value: UInt64 = 0
    if unsafe (here == 0 || dc_add64_in_file(accepted, here) != 0)
      && dc_load64_in_file(accepted, &value) != 0
    {
      return value
    }
    unsafe arena.pointee.state = nil
    let base = unsafe dc_load64(dc_arena_handled(arena)) &+ here
    return unsafe dc_add64(dc_arena_accepted_here(arena), base) &+ base
  }

  /// Requests that were counted in the page before the present one, after that was filled.
  @_noLocks
  private static func takeRetired(_ arena: Arena) {
    var last: UInt64 = 0
    guard let retired = unsafe arena.pointee.retired,
      unsafe dc_load64_in_file(dc_state_file_accepted(retired), &last) != 0
    else { return }
    let late = unsafe last &- arena.pointee.retired_count
    guard late != 0 else { return }
    unsafe arena.pointee.retired_count = last
    unsafe dc_add64(dc_arena_accepted_here(arena), late)
  }

  /// Takes what is waiting.
  @_noLocks
  init(_ arena: Arena) {
    accepted = unsafe Self.lastAccepted(arena)
    unsafe arena.pointee.noisy_handled = unsafe dc_load64(dc_arena_noisy(arena))
    time = dc_clock(0)
    if unsafe dc_load32(dc_arena_trigger_phase(arena)) == 2 {
      hasSignal = true
      number = unsafe arena.pointee.trigger_number
      code = unsafe arena.pointee.trigger_code
      sender = unsafe arena.pointee.trigger_pid
      user = unsafe arena.pointee.trigger_uid
      time = unsafe arena.pointee.trigger_time_ns
      unsafe dc_store32(dc_arena_trigger_phase(arena), 0)
    }
    if unsafe dc_load32(dc_arena_reason_phase(arena)) == 2 {
      hasReason = true
      unsafe reason = unsafe dc_arena_reason_taken(arena)
      unsafe dc_move(dc_arena_reason_taken(arena), dc_arena_reason(arena), 256)
      unsafe dc_store32(dc_arena_reason_phase(arena), 0)
    }
  }

  /// Writes the capture's first record.
  @_noLocks
  func write(
    to file: inout CaptureFile,
    _ home: Home,
    canUnwind: Bool,
    crash: CrashRecord?,
    scratch: UnsafeMutablePointer<UInt8>
  ) {
    var record = file.beginRecord(room: 49_152)
    // The kind comes first, and even if zero: whoever prunes a directory reads it without a parser.
    record.field(1, varint: crash == nil ? 0 : 1, keepsZero: true)
    if crash != nil {
      // The signal says it all.
    } else if hasReason, let reason = unsafe reason {
      unsafe record.field(2, text: reason.asBytes, count: textLength(reason, limit: 255))
    } else {
      record.field(2, text: "signal")
    }
    record.field(3, fixed64: UInt64(truncatingIfNeeded: crash?.time ?? time))
    unsafe record.field(4, text: dc_version().asBytes, count: textLength(dc_version(), limit: 63))
    record.field(5, varint: UInt64(truncatingIfNeeded: dc_elf_machine))
    if let crash {
      unsafe crash.writeHeader(&record, scratch: scratch)
    } else if hasSignal {
      writeSignal(&record)
    }
    if !canUnwind { unsafe writeDegraded(home, &record) }
    unsafe record.field(10, varint: UInt64(truncatingIfNeeded: home.pointee.settings.max_frames))
    if let watchdogs = unsafe home.pointee.watchdogs {
      unsafe WatchdogTable(watchdogs).writeAlarms(to: &record)
    }
    file.endRecord(RecordKind.header, record)
  }

  @_noLocks
  private func writeSignal(_ record: inout ProtobufWriter) {
    let message = record.beginMessage(6)
    record.field(1, signed: Int64(number))
    record.field(2, signed: Int64(code))
    record.field(4, signed: Int64(sender))
    record.field(5, varint: UInt64(user))
    record.endMessage(message)
  }

  @_noLocks
  private func writeDegraded(_ home: Home, _ record: inout ProtobufWriter) {
    let error = unsafe dc_home_libunwind_error(home)
    if unsafe home.pointee.libunwind_is_broken == BrokenUnwinder.fault {
      record.field(9, text: "libunwind failed with a fault: stacks are raw")
    } else if unsafe home.pointee.libunwind_is_broken != 0 {
      record.field(9, text: "forked while libunwind was at work: stacks are raw")
    } else if unsafe error.pointee != 0 {
      unsafe record.field(9, text: error.asBytes, count: textLength(error, limit: 159))
    } else {
      record.field(9, text: "libunwind is not loaded: stacks are raw")
    }
  }
}

/// What a capture did in which time: its last record.
struct CapturePhases {
  var procTime: Int64 = 0
  var signalTime: Int64 = 0
  var signalTicks: UInt64 = 0
  var unwindTime: Int64 = 0
  private var captured: UInt32 = 0
  private var quiet: UInt32 = 0
  private var silent: UInt32 = 0
  private var exited: UInt32 = 0

  @_noLocks init() {}

  @_noLocks
  mutating func count(_ thread: UnsafeMutablePointer<dc_thread>) {
    let status = unsafe thread.pointee.status
    if status == ThreadStatus.captured {
      captured &+= 1
    } else if status == ThreadStatus.quiet {
      quiet &+= 1
    } else if status == ThreadStatus.exited {
      exited &+= 1
    } else {
      silent &+= 1
    }
  }

  @_noLocks
  func write(to file: inout CaptureFile, _ arena: Arena, begin: Int64) {
    let records = UInt64(file.records)
    var record = file.beginRecord(room: 256)
    record.field(1, varint: records)
    record.field(2, varint: UInt64(captured))
    record.field(3, varint: UInt64(quiet))
    record.field(4, varint: UInt64(silent))
    record.field(5, varint: UInt64(exited))
    record.field(6, varint: UInt64(truncatingIfNeeded: dc_clock(1) &- begin))
    record.field(7, varint: UInt64(truncatingIfNeeded: signalTime))
    record.field(8, varint: UInt64(truncatingIfNeeded: unwindTime))
    record.field(9, varint: UInt64(truncatingIfNeeded: procTime))
    let times = unsafe HandlerTimes(arena, ticks: signalTicks, nanoseconds: signalTime)
    record.field(10, varint: times.median)
    record.field(11, varint: times.percentile99)
    record.field(12, varint: times.longest)
    unsafe record.field(16, varint: UInt64(arena.pointee.row_walks))
    unsafe record.field(17, varint: UInt64(arena.pointee.row_checks))
    unsafe record.field(18, varint: UInt64(arena.pointee.row_differences))
    file.endRecord(RecordKind.end, record)
  }
}

/// How long threads were in the handler, in nanoseconds.
private struct HandlerTimes {
  private(set) var median: UInt64 = 0
  private(set) var percentile99: UInt64 = 0
  private(set) var longest: UInt64 = 0

  /// `ticks` of the processor passed in the nanoseconds given: that is the conversion.
  @_noLocks
  init(_ arena: Arena, ticks: UInt64, nanoseconds: Int64) {
    // The thread table is through: its memory takes the values to be sorted.
    guard let slots = unsafe arena.pointee.slots, let buffer = unsafe arena.pointee.scratch else {
      return
    }
    let values = unsafe UnsafeMutableRawPointer(buffer).assumingMemoryBound(to: UInt64.self)
    let capacity = unsafe Int(truncatingIfNeeded: arena.pointee.scratch_size / 8)
    var count = 0
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.slot_count), count < capacity {
      let slot = unsafe slots + index
      index &+= 1
      guard unsafe ThreadSlot(slot).word.isAnswered else { continue }
      let spent = unsafe slot.pointee.left_ticks &- slot.pointee.entered_ticks
      unsafe values[count] = dc_scale(spent, UInt64(truncatingIfNeeded: nanoseconds), ticks)
      count &+= 1
    }
    guard count > 0 else { return }
    unsafe sortAscending(values, count)
    median = unsafe values[count / 2]
    percentile99 = unsafe values[count &- 1 &- count / 100]
    longest = unsafe values[count &- 1]
  }
}

/// Shell sort: in place, no recursion, fast enough for the few thousand values here.
@_noLocks
private func sortAscending(_ values: UnsafeMutablePointer<UInt64>, _ count: Int) {
  var gap = 1
  while gap < count / 3 { gap = gap &* 3 &+ 1 }
  while gap > 0 {
    var index = gap
    while index < count {
      let value = unsafe values[index]
      var place = index
      while place >= gap, unsafe values[place &- gap] > value {
        unsafe values[place] = unsafe values[place &- gap]
        place &-= gap
      }
      unsafe values[place] = value
      index &+= 1
    }
    gap /= 3
  }
}
