import CUnwind

/// What the low bits of a watchdog's word say; the bits above are its generation.
enum WatchdogState {
  static var free: UInt32 { @_noLocks @inline(__always) get { 0 } }
  static var beingMade: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var active: UInt32 { @_noLocks @inline(__always) get { 2 } }
}

/// The number that the service knows a watchdog by: 24 bits of generation, so that an id outlives its watchdog
/// without harm, and 7 bits of place.
struct WatchdogID {
  let value: Int32

  @_noLocks @inline(__always)
  init(_ value: Int32) { self.value = value }

  @_noLocks @inline(__always)
  init(generation: UInt32, slot: UInt32) {
    value = Int32(bitPattern: generation &<< 7 | slot)
  }

  /// In range for every value.
  var slot: UInt32 { @_noLocks @inline(__always) get { UInt32(bitPattern: value) & 127 } }
  /// What the word of its watchdog is while it is active.
  var word: UInt32 {
    @_noLocks @inline(__always) get {
      (UInt32(bitPattern: value) &>> 7) &<< 2 | WatchdogState.active
    }
  }
}

/// As declared in `dumpcollect.h`.
@c @implementation
public func dumpcollect_watchdog_begin(_ name: UnsafePointer<CChar>?, _ limit: Int64) -> Int32 {
  guard let (home, arena) = unsafe sharedState(), unsafe home.pointee.armed != 0 else {
    return 0 &- ErrorNumber.notConnected
  }
  guard let name = unsafe name, unsafe name.pointee != 0, limit >= 10, limit <= 86_400_000 else {
    return 0 &- ErrorNumber.invalid
  }
  // A forked child has no collector yet, and nobody else who would look.
  guard unsafe arena.pointee.pid == dc_getpid() || armForkedChild(home, arena) else {
    return 0 &- ErrorNumber.notConnected
  }
  guard let watchdogs = unsafe home.pointee.watchdogs else { return 0 &- ErrorNumber.noSpace }
  guard let id = unsafe WatchdogTable(watchdogs).begin(name, limit &* 1_000_000) else {
    return 0 &- ErrorNumber.noSpace
  }
  // Out of an hour's sleep.
  unsafe FutexWord(dc_arena_wake(arena)).bump()
  return id.value
}

/// As declared in `dumpcollect.h`.
///
/// A count rather than a time: reading the processor's ticks takes ten times as long as the rest of it. Of two
/// threads that tick at once one may go unseen, which is no loss.
@c @implementation
public func dumpcollect_watchdog_tick(_ id: Int32) {
  let id = WatchdogID(id)
  guard let home = unsafe dc_get_home(), let watchdogs = unsafe home.pointee.watchdogs else {
    return
  }
  let slot = unsafe dc_watchdogs_slot(watchdogs, id.slot)
  guard unsafe dc_load32(dc_watchdog_word(slot)) == id.word else { return }
  unsafe dc_store64(dc_watchdog_ticks(slot), dc_load64(dc_watchdog_ticks(slot)) &+ 1)
}

/// As declared in `dumpcollect.h`.
@c @implementation
public func dumpcollect_watchdog_end(_ id: Int32) -> Int32 {
  let id = WatchdogID(id)
  guard let home = unsafe dc_get_home(), let watchdogs = unsafe home.pointee.watchdogs else {
    return 0 &- ErrorNumber.notConnected
  }
  let slot = unsafe dc_watchdogs_slot(watchdogs, id.slot)
  let ended = id.word & ~3 | WatchdogState.free
  guard unsafe dc_claim32(dc_watchdog_word(slot), id.word, ended) != 0 else {
    return 0 &- ErrorNumber.invalid
  }
  unsafe dc_add32(dc_watchdogs_active(watchdogs), ~0)
  return 0
}
