import CUnwind

/// The watchdogs of the process: begun and ticked by the service, looked at by the collector.
///
/// Time is what the collector has watched pass: between two looks no more than it meant to sleep, and half as much
/// again. So neither a stopped process nor a machine that gives nobody a processor makes a hang.
@safe struct WatchdogTable {
  private let watchdogs: UnsafeMutablePointer<dc_watchdogs>

  @_noLocks
  init(_ watchdogs: UnsafeMutablePointer<dc_watchdogs>) { unsafe self.watchdogs = unsafe watchdogs }

  private static var count: UInt32 {
    @_noLocks @inline(__always) get { UInt32(truncatingIfNeeded: dc_watchdog_count) }
  }
  private static var longestPause: Int64 { @_noLocks @inline(__always) get { 1_000_000_000 } }
  private static var shortestPause: Int64 { @_noLocks @inline(__always) get { 5_000_000 } }

  /// Room for the table, once in a process's life; without it watchdogs are refused.
  static func reserve(_ home: Home) {
    let size = UInt64(truncatingIfNeeded: MemoryLayout<dc_watchdogs>.size)
    guard unsafe home.pointee.watchdogs == nil, let memory = unsafe dc_reserve(size) else { return }
    unsafe dc_wipe_on_fork(memory, size)
    unsafe home.pointee.watchdogs = unsafe memory.assumingMemoryBound(to: dc_watchdogs.self)
  }

  /// Makes one; nil when there are as many as there may be.
  func begin(_ name: UnsafePointer<CChar>, _ limit: Int64) -> WatchdogID? {
    var index: UInt32 = 0
    while index < Self.count {
      let slot = unsafe dc_watchdogs_slot(watchdogs, index)
      let old = unsafe dc_load32(dc_watchdog_word(slot))
      var generation = (old &>> 2 &+ 1) & 0xff_ffff
      if generation == 0 { generation = 1 }
      let word = generation &<< 2
      if old & 3 == WatchdogState.free,
        unsafe dc_claim32(dc_watchdog_word(slot), old, word | WatchdogState.beingMade) != 0
      {
        var text = unsafe TextBuilder(dc_watchdog_name(slot), capacity: dc_watchdog_name_size)
        unsafe text.append(cString: name)
        _ = unsafe text.terminated()
        unsafe slot.pointee.tid = dc_gettid()
        unsafe slot.pointee.limit_ns = limit
        unsafe slot.pointee.is_alarm = 0
        unsafe dc_add32(dc_watchdogs_active(watchdogs), 1)
        unsafe dc_store32(dc_watchdog_word(slot), word | WatchdogState.active)
        return WatchdogID(generation: generation, slot: index)
      }
      index &+= 1
    }
    return nil
  }

  // MARK: The collector's side

  /// Hands each active watchdog to `body`.
  @_noLocks @inline(__always)
  private func forEachActive(_ body: (UnsafeMutablePointer<dc_watchdog>, UInt32) -> Void) {
    var index: UInt32 = 0
    while index < Self.count {
      let slot = unsafe dc_watchdogs_slot(watchdogs, index)
      index &+= 1
      let word = unsafe dc_load32(dc_watchdog_word(slot))
      if word & 3 == WatchdogState.active { unsafe body(slot, word) }
    }
  }

  /// Notes which have ticked since the last look; returns nanoseconds until the next one.
  @_noLocks
  func look() -> Int64 {
    let now = dc_clock(1)
    let planned = unsafe watchdogs.pointee.planned_ns
    let passed = unsafe min(
      now &- watchdogs.pointee.last_look_ns,
      planned &+ planned / 2 &+ Self.shortestPause
    )
    var pause = Self.longestPause
    unsafe forEachActive { slot, word in
      unsafe note(slot, word, passed)
      pause = unsafe min(pause, max(slot.pointee.limit_ns / 8, Self.shortestPause))
    }
    unsafe watchdogs.pointee.last_look_ns = now
    unsafe watchdogs.pointee.planned_ns = pause
    return pause
  }

  @_noLocks
  private func note(_ slot: UnsafeMutablePointer<dc_watchdog>, _ word: UInt32, _ passed: Int64) {
    let ticks = unsafe dc_load64(dc_watchdog_ticks(slot))
    if unsafe slot.pointee.seen_word == word, unsafe slot.pointee.seen_ticks == ticks {
      unsafe slot.pointee.silent_ns &+= passed
      return
    }
    unsafe slot.pointee.seen_word = word
    unsafe slot.pointee.seen_ticks = ticks
    unsafe slot.pointee.silent_ns = 0
    unsafe slot.pointee.has_fired = 0
  }

  /// Marks all that have crossed their limits since they last ticked; returns the first of them.
  @_noLocks
  func fire() -> UnsafeMutablePointer<dc_watchdog>? {
    var first: UnsafeMutablePointer<dc_watchdog>?
    unsafe forEachActive { slot, word in
      guard unsafe slot.pointee.seen_word == word, unsafe slot.pointee.has_fired == 0,
        unsafe slot.pointee.silent_ns >= slot.pointee.limit_ns
      else { return }
      unsafe slot.pointee.has_fired = 1
      unsafe slot.pointee.is_alarm = 1
      if unsafe first == nil { unsafe first = unsafe slot }
    }
    return unsafe first
  }

  /// Asks for a capture on behalf of a watchdog.
  @_noLocks
  func request(_ arena: Arena, _ slot: UnsafeMutablePointer<dc_watchdog>) {
    if unsafe dc_claim32(dc_arena_reason_phase(arena), 0, 1) != 0 {
      var text = unsafe TextBuilder(dc_arena_reason(arena), capacity: 256)
      text.append("watchdog ")
      unsafe text.append(cString: dc_watchdog_name(slot))
      text.append(": no tick for ")
      unsafe appendMilliseconds(slot.pointee.silent_ns, to: &text)
      text.append(" (limit ")
      unsafe appendMilliseconds(slot.pointee.limit_ns, to: &text)
      text.append("), begun by thread ")
      unsafe text.append(decimal: slot.pointee.tid)
      _ = unsafe text.terminated()
      unsafe dc_store32(dc_arena_reason_phase(arena), 2)
    }
    unsafe enqueue(arena, DumpRequest(isQuiet: false))
  }

  @_noLocks
  private func appendMilliseconds(_ nanoseconds: Int64, to text: inout TextBuilder) {
    text.append(decimal: UInt64(truncatingIfNeeded: nanoseconds / 1_000_000))
    text.append(" ms")
  }

  /// Writes those that no capture has told of as field 14 of the header.
  @_noLocks
  func writeAlarms(to record: inout ProtobufWriter) {
    unsafe forEachActive { slot, _ in
      guard unsafe slot.pointee.is_alarm != 0 else { return }
      let message = record.beginMessage(14)
      let name = unsafe dc_watchdog_name(slot)
      unsafe record.field(
        1,
        text: name.asBytes,
        count: textLength(name, limit: dc_watchdog_name_size &- 1)
      )
      unsafe record.field(2, signed: Int64(slot.pointee.tid))
      unsafe record.field(3, varint: UInt64(bitPattern: slot.pointee.limit_ns))
      unsafe record.field(4, varint: UInt64(bitPattern: slot.pointee.silent_ns))
      record.endMessage(message)
    }
  }

  /// They stand in a published capture.
  @_noLocks
  func forgetAlarms() {
    unsafe forEachActive { slot, _ in unsafe slot.pointee.is_alarm = 0 }
  }
}
