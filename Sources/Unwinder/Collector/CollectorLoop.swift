import CUnwind

/// Makes captures until it is told to end, and goes on after a fault of its own.
///
/// A fault that comes again and again ends it in the end: nobody is to be kept busy by it.
@_noLocks
func serveProtected(_ home: Home, _ arena: Arena) {
  var faults = 0
  while faults < 8, unsafe dc_recover(dc_arena_recovery(arena), serveShared, home) != 0 {
    faults &+= 1
  }
}

@_noLocks @c(dc_serve_shared)
private func serveShared(_ argument: UnsafeMutableRawPointer?) {
  guard let home = unsafe argument?.assumingMemoryBound(to: dc_home.self),
    let arena = unsafe home.pointee.arena
  else { return }
  unsafe serve(home, arena)
}

/// Makes captures until it is told to end.
@_noLocks
private func serve(_ home: Home, _ arena: Arena) {
  let wake = unsafe FutexWord(dc_arena_wake(arena))
  while true {
    let seen = wake.value
    if unsafe dc_load32(dc_arena_stop(arena)) != 0 { return }
    // Before everything else, and whatever the least interval says.
    if let crash = unsafe CrashRecord.take(home, arena) {
      unsafe makeCrashCapture(home, arena, crash)
      continue
    }
    let left = unsafe untilNextCapture(home, arena)
    let pause = unsafe lookAtWatchdogs(home, arena, canCapture: left <= 0)
    if unsafe CaptureRequest.lastAccepted(arena) == dc_load64(dc_arena_handled(arena)) {
      wake.wait(while: seen, nanoseconds: pause)
    } else if left > 0 {
      wake.wait(while: seen, nanoseconds: min(left, pause))
    } else {
      unsafe makeCapture(home, arena)
    }
  }
}

/// Nanoseconds that the least interval still holds captures back; none are left where it is 0 or less.
@_noLocks
private func untilNextCapture(_ home: Home, _ arena: Arena) -> Int64 {
  guard unsafe arena.pointee.last_begin_ns != 0 else { return 0 }
  return unsafe arena.pointee.last_begin_ns &+ home.pointee.settings.min_interval_ns &- dc_clock(1)
}

/// How long the collector may sleep: an hour, unless it has something to watch.
@_noLocks
private func lookAtWatchdogs(_ home: Home, _ arena: Arena, canCapture: Bool) -> Int64 {
  guard let watchdogs = unsafe home.pointee.watchdogs,
    unsafe dc_load32(dc_watchdogs_active(watchdogs)) != 0
  else { return 3_600_000_000_000 }
  let table = unsafe WatchdogTable(watchdogs)
  let pause = table.look()
  if canCapture, let slot = unsafe table.fire() { unsafe table.request(arena, slot) }
  return pause
}

@_noLocks
private func makeCapture(_ home: Home, _ arena: Arena) {
  unsafe arena.pointee.last_begin_ns = dc_clock(1)
  guard let capture = unsafe Capture(home: home, arena: arena) else { return }
  var attempt = CaptureAttempt(capture)
  unsafe attempt.run(arena)
  // A thread crashed meanwhile: the crash's capture answers these requests too.
  if attempt.failure == ErrorNumber.cancelled, unsafe CrashRecord.isWaiting(home) { return }
  unsafe conclude(home, arena, attempt)
}

@_noLocks
private func makeCrashCapture(_ home: Home, _ arena: Arena, _ crash: CrashRecord) {
  guard let capture = unsafe Capture(home: home, arena: arena, crash: crash) else {
    return crash.end(ErrorNumber.noMemory)
  }
  var attempt = CaptureAttempt(capture)
  unsafe attempt.run(arena)
  unsafe conclude(home, arena, attempt)
  crash.end(attempt.failure)
}

/// Tells everybody who waits how a capture ended.
@_noLocks
private func conclude(_ home: Home, _ arena: Arena, _ attempt: CaptureAttempt) {
  guard let scratch = unsafe arena.pointee.scratch else { return }
  let file = unsafe StateFile(home: home, arena: arena, scratch: scratch)
  let accepted = attempt.capture.accepted
  unsafe arena.pointee.last_errno = attempt.failure
  if attempt.failure == 0 {
    unsafe dc_store64(dc_arena_served_here(arena), accepted)
    if let watchdogs = unsafe home.pointee.watchdogs {
      unsafe WatchdogTable(watchdogs).forgetAlarms()
    }
  }
  unsafe dc_store64(dc_arena_handled(arena), accepted)
  file.publishFlags()
  file.publishEnd(
    attempt.failure,
    accepted,
    duration: dc_clock(1) &- attempt.capture.begin
  )
  unsafe FutexWord(dc_arena_changed(arena)).bump()
}

/// A capture that ends early, and the collector goes on, where the collector's own code fails.
private struct CaptureAttempt {
  var capture: Capture
  var failure: Int32

  @_noLocks
  init(_ capture: Capture) {
    self.capture = capture
    failure = ErrorNumber.badAddress
  }

  @_noLocks
  mutating func run(_ arena: Arena) {
    _ = unsafe dc_recover(dc_arena_recovery(arena), runAttempt, &self)
  }
}

@_noLocks @c(dc_run_attempt)
private func runAttempt(_ argument: UnsafeMutableRawPointer?) {
  guard let attempt = unsafe argument?.assumingMemoryBound(to: CaptureAttempt.self) else { return }
  unsafe attempt.pointee.failure = unsafe attempt.pointee.capture.run()
}
