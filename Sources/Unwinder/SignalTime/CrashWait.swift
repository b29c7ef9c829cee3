import CUnwind

/// The first crasher's wait for its capture: never longer than the timeout, whatever became of the collector.
@safe struct CrashWait {
  let home: Home
  let arena: Arena
  let table: CrashTable

  /// How often the collector is looked after.
  private static var glance: Int64 { @_noLocks @inline(__always) get { 20_000_000 } }
  /// Between the end of the timeout and the end of the process.
  private static var grace: Int64 { @_noLocks @inline(__always) get { 1_000_000_000 } }

  @_noLocks
  init(home: Home, arena: Arena, table: CrashTable) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.table = table
  }

  /// When everybody who waits because of a crash stops waiting; CLOCK_MONOTONIC.
  @_noLocks
  static func lastMoment(_ home: Home, _ crash: Crash) -> Int64 {
    let begin = unsafe crash.pointee.begin_ns
    // The first crasher may not have come to note it yet.
    let known = begin == 0 ? dc_clock(1) : begin
    return unsafe known &+ home.pointee.settings.timeout_ns &+ grace
  }

  /// Returns when the capture is published, has failed for good, or the time is over.
  ///
  /// A collector that is gone is started anew. One that does not take the crash in half of the time, or does not end in
  /// three quarters of it, is given up, and the last resort has what is left.
  @_noLocks
  func waitForCapture() {
    let begin = unsafe table.crash.pointee.begin_ns
    let timeout = unsafe home.pointee.settings.timeout_ns
    var isLastResort = false
    var mayRestart = true
    while true {
      let phase = table.phase.value
      if phase == CrashPhase.published { return }
      let passed = dc_clock(1) &- begin
      guard passed < timeout else { return }
      if !isLastResort {
        if mayRestart, isCollectorGone() {
          mayRestart = false
          isLastResort = !restartCollector()
        } else if phase == CrashPhase.requested {
          isLastResort = passed > timeout / 2
        } else if phase == CrashPhase.taken {
          isLastResort = passed > timeout / 4 &* 3
        } else {
          isLastResort = phase == CrashPhase.failed
        }
        // Fails where the collector has just come to an end.
        if isLastResort, table.changePhase(phase, to: CrashPhase.abandoned) {
          unsafe CrashFallback(home: home, arena: arena, table: table).start()
          continue
        }
        isLastResort = false
      } else if phase == CrashPhase.failed {
        return
      }
      table.phase.wait(while: phase, nanoseconds: min(timeout &- passed, Self.glance))
    }
  }

  /// Whether there is no thread of its id any more: something ended it.
  ///
  /// One that has not noted its id yet is being started.
  @_noLocks
  private func isCollectorGone() -> Bool {
    let collector = unsafe arena.pointee.collector_tid
    guard collector != 0 else { return false }
    return unsafe dc_probe_thread(arena.pointee.pid, collector) == -Int(ErrorNumber.noProcess)
  }

  @_noLocks
  private func restartCollector() -> Bool {
    guard unsafe home.pointee.collector_entry_sp != 0 else { return false }
    unsafe arena.pointee.collector_tid = 0
    // What it had taken waits again.
    _ = table.changePhase(CrashPhase.taken, to: CrashPhase.requested)
    return unsafe startCollectorAnew(home)
  }
}
