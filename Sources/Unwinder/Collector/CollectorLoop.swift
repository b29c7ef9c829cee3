import CUnwind

/// Makes captures until it is told to end.
@_noLocks
func serve(_ home: Home, _ arena: Arena) {
  let wake = unsafe FutexWord(dc_arena_wake(arena))
  while true {
    let seen = wake.value
    if unsafe dc_load32(dc_arena_stop(arena)) != 0 { return }
    if unsafe CaptureRequest.lastAccepted(arena) == dc_load64(dc_arena_handled(arena)) {
      wake.wait(while: seen, nanoseconds: 3_600_000_000_000)
      continue
    }
    let interval = unsafe home.pointee.settings.min_interval_ns
    let left = unsafe arena.pointee.last_begin_ns &+ interval &- dc_clock(1)
    if unsafe arena.pointee.last_begin_ns != 0, left > 0 {
      wake.wait(while: seen, nanoseconds: left)
      continue
    }
    unsafe makeCapture(home, arena)
  }
}

@_noLocks
private func makeCapture(_ home: Home, _ arena: Arena) {
  let begin = dc_clock(1)
  unsafe arena.pointee.last_begin_ns = begin
  guard let scratch = unsafe arena.pointee.scratch,
    var capture = unsafe Capture(home: home, arena: arena)
  else {
    return
  }
  let failure = capture.run()
  let file = unsafe StateFile(home: home, arena: arena, scratch: scratch)
  unsafe arena.pointee.last_errno = failure
  if failure == 0 { unsafe dc_store64(dc_arena_served_here(arena), capture.accepted) }
  unsafe dc_store64(dc_arena_handled(arena), capture.accepted)
  file.publishFlags()
  file.publishEnd(failure, capture.accepted, duration: dc_clock(1) &- begin)
  unsafe FutexWord(dc_arena_changed(arena)).bump()
}
