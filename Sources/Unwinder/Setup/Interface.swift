public import CUnwind

// The functions of dumpcollect.h; their documentation stands there. They are public so that the shared library can
// export them: the symbols of internal functions are hidden. Public functions, unlike types, emit no metadata.

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_install(_ options: UnsafePointer<dumpcollect_options>?) -> Int32 {
  unsafe Installation.install(options)
}

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_uninstall() -> Int32 {
  Installation.uninstall()
}

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_version() -> UnsafePointer<CChar>? {
  unsafe dc_version()
}

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_last_capture() -> UnsafePointer<CChar>? {
  guard let (_, arena) = unsafe sharedState(), let buffer = unsafe dc_path_buffer() else {
    return nil
  }
  let version = unsafe dc_arena_last_capture_version(arena)
  var attempt = 0
  // The collector writes for less than a microsecond, once a capture.
  while attempt < 1_000_000 {
    attempt &+= 1
    let before = unsafe dc_load32(version)
    guard before & 1 == 0 else { continue }
    unsafe dc_move(buffer, dc_arena_last_capture(arena), dc_path_size)
    if unsafe dc_load32(version) == before {
      return unsafe buffer.pointee == 0 ? nil : UnsafePointer(buffer)
    }
  }
  return nil
}

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_capture(_ reason: UnsafePointer<CChar>?) -> Int32 {
  guard let (home, arena) = unsafe sharedState(), unsafe home.pointee.armed != 0 else {
    return 0 &- ErrorNumber.notConnected
  }
  let pid = dc_getpid()
  guard unsafe arena.pointee.pid == pid || armForkedChild(home, arena) else {
    return 0 &- ErrorNumber.notConnected
  }
  // In this order: a capture that begins in between has begun after its own, and is no reason to refuse.
  let last = unsafe arena.pointee.last_begin_ns
  let begin = dc_clock(1)
  if last != 0, unsafe begin &- last < home.pointee.settings.min_interval_ns {
    return 0 &- ErrorNumber.tryAgain
  }
  if let reason = unsafe reason { unsafe noteReason(arena, reason) }
  unsafe enqueue(arena, DumpRequest(isQuiet: false))
  return unsafe waitForCapture(home, arena, CaptureRequest.number(arena), begin)
}

/// Keeps the reason of the first of the requests that one capture will serve.
private func noteReason(_ arena: Arena, _ reason: UnsafePointer<CChar>) {
  guard unsafe dc_claim32(dc_arena_reason_phase(arena), 0, 1) != 0 else { return }
  var text = unsafe TextBuilder(dc_arena_reason(arena), capacity: 256)
  unsafe text.append(cString: reason)
  _ = unsafe text.terminated()
  unsafe dc_store32(dc_arena_reason_phase(arena), 2)
}

/// Waits until the capture that covers this request is over.
///
/// Twice the timeout: a capture that is under way may have begun with the threads' signals already. A request that came too
/// late for that one is refused like any other, once it has ended, where the next may not begin in time.
private func waitForCapture(_ home: Home, _ arena: Arena, _ number: UInt64, _ begin: Int64) -> Int32
{
  let deadline = unsafe begin &+ home.pointee.settings.timeout_ns &* 2
  let changed = unsafe FutexWord(dc_arena_changed(arena))
  var looked = changed.value
  while true {
    let seen = changed.value
    if unsafe dc_load64(dc_arena_served_here(arena)) >= number { return 0 }
    if unsafe dc_load64(dc_arena_handled(arena)) >= number {
      return unsafe 0 &- arena.pointee.last_errno
    }
    // Looked at once for each end: a capture that has begun since may be the one that is waited for.
    if seen != looked {
      looked = seen
      if unsafe mustWait(home, arena, until: deadline) { return 0 &- ErrorNumber.tryAgain }
    }
    let left = deadline &- dc_clock(1)
    guard left > 0 else { return 0 &- ErrorNumber.timedOut }
    changed.wait(while: seen, nanoseconds: left)
  }
}

/// Whether the least interval keeps the next capture from beginning before the deadline.
private func mustWait(_ home: Home, _ arena: Arena, until deadline: Int64) -> Bool {
  let interval = unsafe home.pointee.settings.min_interval_ns
  return unsafe arena.pointee.last_begin_ns &+ interval > deadline
}
