import CUnwind

/// The value that `dumpcollect dump` sends along with the dump signal: mark 0x4443, then flags.
struct DumpRequest {
  /// No thread is to be signalled.
  let isQuiet: Bool

  @_noLocks @inline(__always)
  init(isQuiet: Bool) { self.isQuiet = isQuiet }

  @_noLocks
  init(_ info: UnsafeMutablePointer<siginfo_t>) {
    let value = unsafe dc_info_value(info)
    isQuiet =
      unsafe info.pointee.si_code == SignalCode.queued && value &>> 48 == 0x4443
      && value & (1 &<< 32) != 0
  }
}

/// The action of the dump signal: counts the request and wakes the collector.
@_noLocks @c(dc_on_dump_signal)
func onDumpSignal(
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) {
  guard let (home, arena) = unsafe sharedState(), let info = unsafe info else { return }
  guard unsafe arena.pointee.pid == dc_getpid() || armForkedChild(home, arena) else { return }
  unsafe noteTrigger(arena, signal, info)
  unsafe enqueue(arena, DumpRequest(info))
}

/// Counts one request and wakes the collector.
///
/// A state file cut short by somebody gives no fault: the count goes on in the arena.
@_noLocks
func enqueue(_ arena: Arena, _ request: DumpRequest) {
  if !request.isQuiet { unsafe dc_add64(dc_arena_noisy(arena), 1) }
  let state = unsafe UnsafeMutablePointer<dc_state_file>(
    bitPattern: UInt(truncatingIfNeeded: dc_load64(dc_arena_state(arena)))
  )
  if let state = unsafe state, unsafe dc_add64_in_file(dc_state_file_accepted(state), 1) != 0 {
    // Counted where the command reads it.
  } else {
    unsafe dc_add64(dc_arena_accepted_here(arena), 1)
  }
  unsafe FutexWord(dc_arena_wake(arena)).bump()
}

/// Keeps who sent the first of the requests that one capture will serve.
@_noLocks
private func noteTrigger(
  _ arena: Arena,
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>
) {
  guard unsafe dc_claim32(dc_arena_trigger_phase(arena), 0, 1) != 0 else { return }
  unsafe arena.pointee.trigger_number = signal
  unsafe arena.pointee.trigger_code = unsafe info.pointee.si_code
  unsafe arena.pointee.trigger_pid = unsafe dc_info_pid(info)
  unsafe arena.pointee.trigger_uid = unsafe dc_info_uid(info)
  unsafe arena.pointee.trigger_time_ns = dc_clock(0)
  unsafe dc_store32(dc_arena_trigger_phase(arena), 2)
}

/// Makes the arena this process's own; false in a child that still shares its parent's memory.
///
/// A forked child finds the arena wiped (pid 0) and no collector: its first request starts one, on
/// the stack and the thread block that the parent's collector had. A vfork child finds its parent's
/// pid and must not touch anything.
@_noLocks
func armForkedChild(_ home: Home, _ arena: Arena) -> Bool {
  let pid = dc_getpid()
  guard unsafe dc_claim32(dc_arena_pid(arena), 0, UInt32(truncatingIfNeeded: pid)) != 0 else {
    return unsafe arena.pointee.pid == pid
  }
  guard unsafe home.pointee.armed != 0, unsafe home.pointee.collector_entry_sp != 0 else {
    return true
  }
  let isStarted = unsafe startCollectorAnew(home)
  if !isStarted { unsafe dc_store32(dc_arena_pid(arena), 0) }
  return isStarted
}

/// Starts a collector on the stack and the thread block of one that is gone.
@_noLocks
func startCollectorAnew(_ home: Home) -> Bool {
  // Inherited by the new thread, which then sets its own.
  let mask = dc_set_mask(SignalNumber.allButFaults)
  let tid = unsafe dc_clone_thread(
    collectorOfForkedChild,
    home,
    home.pointee.collector_entry_sp,
    home.pointee.collector_thread_pointer,
    home.pointee.collector_tid_word
  )
  _ = dc_set_mask(mask)
  return tid > 0
}
