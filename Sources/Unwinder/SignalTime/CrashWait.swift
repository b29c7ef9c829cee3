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

  /// Returns when the capture is published, has failed, or the time is over.
  @_noLocks
  func waitForCapture() {
    let deadline = unsafe table.crash.pointee.begin_ns &+ home.pointee.settings.timeout_ns
    while true {
      let phase = table.phase.value
      if phase == CrashPhase.published || phase == CrashPhase.failed { return }
      let left = deadline &- dc_clock(1)
      guard left > 0 else { return }
      table.phase.wait(while: phase, nanoseconds: min(left, Self.glance))
    }
  }
}
