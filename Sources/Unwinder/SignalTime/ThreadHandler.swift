import CUnwind

/// Sizes of the copy that a thread makes of its own stack.
enum StackCopy {
  /// No copy is longer: 512 frames of 512 bytes, about 15 µs.
  static var limit: UInt64 { @_noLocks @inline(__always) get { 262_144 } }
  /// Bytes below the stack pointer that a leaf function may use (System V psABI, AMD64, 3.2.2).
  static var redZone: UInt64 { @_noLocks @inline(__always) get { 128 } }
}

/// The action of the thread signal: copies registers and live stack, and returns.
@_noLocks @c(dc_on_thread_signal)
func onThreadSignal(
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) {
  let entered = dc_ticks()
  guard let (home, arena) = unsafe sharedState(), let info = unsafe info,
    let context = unsafe context
  else { return }
  if unsafe info.pointee.si_code == SignalCode.queued,
    let cookie = unsafe ThreadCookie(dc_info_value(info))
  {
    // A cookie of an old round, or of a process before this fork, is ours too.
    guard let slots = unsafe arena.pointee.slots, unsafe cookie.slot < arena.pointee.slot_count
    else { return }
    let slot = unsafe ThreadSlot(slots + Int(truncatingIfNeeded: cookie.slot))
    if slot.word.generation & 0xffff == cookie.generation {
      unsafe answer(arena, slot, context, entered)
    } else if let slot = unsafe ownSlot(arena) {
      // One that came late may have swallowed that of the present round, as when a crash follows a live dump.
      unsafe answer(arena, slot, context, entered)
    }
  } else if let slot = unsafe slotOfStrippedSignal(arena, info) {
    unsafe answer(arena, slot, context, entered)
  } else {
    let index = unsafe dc_load32(dc_home_adopted(home, signal))
    unsafe dc_perform(dc_previous_thread(home, signal, index), signal, info, context)
  }
}

/// The calling thread's slot, when the signal may be ours without its value.
///
/// With RLIMIT_SIGPENDING exhausted the kernel delivers value, code and sender as zero. Such a signal
/// is swallowed by a thread that has a slot: handing it on to a default action would kill.
@_noLocks
private func slotOfStrippedSignal(_ arena: Arena, _ info: UnsafeMutablePointer<siginfo_t>)
  -> ThreadSlot?
{
  guard unsafe info.pointee.si_code == 0, unsafe dc_info_pid(info) == 0,
    unsafe arena.pointee.slots != nil
  else {
    return nil
  }
  return unsafe ownSlot(arena)
}

/// The slot that the round has for the calling thread.
@_noLocks
private func ownSlot(_ arena: Arena) -> ThreadSlot? {
  guard let slots = unsafe arena.pointee.slots else { return nil }
  let tid = dc_gettid()
  let count = unsafe Int(truncatingIfNeeded: arena.pointee.slot_count)
  var index = 0
  while index < count {
    if unsafe slots[index].tid == tid { return unsafe ThreadSlot(slots + index) }
    index &+= 1
  }
  return nil
}

/// Fills the slot, unless somebody was quicker or gave up waiting.
@_noLocks
private func answer(
  _ arena: Arena,
  _ slot: ThreadSlot,
  _ context: UnsafeMutableRawPointer,
  _ entered: UInt64
) {
  let waiting = slot.word
  guard waiting.isWaiting, slot.change(waiting, to: waiting.copying) else { return }
  let record = unsafe slot.slot
  unsafe dc_get_registers(context, dc_slot_registers(record))
  unsafe copyStack(arena, record)
  unsafe noteTask(arena, record)
  unsafe record.pointee.entered_ticks = entered
  unsafe record.pointee.left_ticks = dc_ticks()
  slot.set(waiting.answered)
  // One that was given up in the middle of its copy must not count for a thread of a later round.
  guard unsafe waiting.generation == arena.pointee.generation else { return }
  if unsafe dc_add32(dc_arena_answered(arena), 1) &+ 1 == dc_load32(dc_arena_expected(arena)) {
    unsafe FutexWord(dc_arena_round_done(arena)).set(1)
  }
  unsafe waitOutCrash(arena, waiting.generation)
}

/// In the round of a crash: nobody goes on serving from memory that may be broken.
///
/// Ends when the process does, when the service goes on after its crash, or with the timeout.
@_noLocks @inline(__always)
private func waitOutCrash(_ arena: Arena, _ generation: UInt32) {
  let held = unsafe FutexWord(dc_arena_held(arena))
  guard held.value == generation, let home = unsafe dc_get_home(),
    let crash = unsafe home.pointee.crash
  else { return }
  while held.value == generation {
    let left = unsafe CrashWait.lastMoment(home, crash) &- dc_clock(1)
    guard left > 0 else { return }
    held.wait(while: generation, nanoseconds: left)
  }
}

/// Notes the task and the executor that the thread runs: the task may have ended when somebody else asks.
///
/// Memory is read, and nothing called: the runtime's own functions may allocate a thread's variables.
@_noLocks
private func noteTask(_ arena: Arena, _ slot: UnsafeMutablePointer<dc_slot>) {
  unsafe slot.pointee.noted = dc_noted_task()
  guard let home = unsafe dc_get_home(), unsafe home.pointee.tasks.notes_tasks != 0 else { return }
  let pointer = dc_thread_pointer()
  let task = unsafe word(
    arena,
    at: pointer &+ UInt64(bitPattern: home.pointee.tasks.task)
  )
  if task != 0 {
    let low = unsafe word(arena, at: task &+ TaskLayout.flags) &>> 32
    let high = unsafe word(arena, at: task &+ TaskLayout.highID) & 0xffff_ffff
    unsafe slot.pointee.noted.id = high &<< 32 | low
  }
  let executor = unsafe word(
    arena,
    at: pointer &+ UInt64(bitPattern: home.pointee.tasks.executor)
  )
  if executor != 0 {
    unsafe slot.pointee.noted.executor = unsafe word(arena, at: executor)
    unsafe slot.pointee.noted.implementation = unsafe word(arena, at: executor &+ 8)
  }
}

/// Eight bytes of memory that may not be there; 0 then.
@_noLocks
private func word(_ arena: Arena, at address: UInt64) -> UInt64 {
  var value: UInt64 = 0
  return unsafe copy(arena, into: &value, from: address, count: 8) == 0 ? value : 0
}

/// Copies from the red zone below the stack pointer up to the stack's end.
@_noLocks
private func copyStack(_ arena: Arena, _ slot: UnsafeMutablePointer<dc_slot>) {
  let start =
    unsafe dc_slot_registers(slot)[dc_register_sp] &- StackCopy.redZone
  let wanted = unsafe liveStackSize(from: start, mainStackEnd: slot.pointee.wanted)
  var cut = StackCut.none
  var count = wanted
  if count > StackCopy.limit {
    count = StackCopy.limit
    cut = StackCut.limit
  }
  let room = (count &+ 63) & ~63
  let offset = unsafe dc_add64(dc_arena_pool_used(arena), room)
  let size = unsafe arena.pointee.pool_size
  if offset &+ room > size {
    count = offset < size ? size &- offset : 0
    cut = StackCut.pool
  }
  // Known before the copy: a round that gives up waiting must not hand the bytes out again.
  unsafe slot.pointee.copy_offset = offset
  unsafe slot.pointee.copy_count = UInt32(truncatingIfNeeded: count)
  var left = 0
  if count > 0, let pool = unsafe arena.pointee.pool {
    left = unsafe copy(
      arena,
      into: pool + Int(truncatingIfNeeded: offset),
      from: start,
      count: count
    )
  }
  if left > 0 {
    count &-= UInt64(truncatingIfNeeded: left)
    cut = StackCut.fault
  }
  unsafe slot.pointee.copy_address = start
  unsafe slot.pointee.copy_count = UInt32(truncatingIfNeeded: count)
  unsafe slot.pointee.copy_cut = cut
  unsafe slot.pointee.wanted = wanted
}

/// Bytes between `start` and the end of the stack it lies on.
///
/// A stack made by pthread_create ends at its thread pointer. On any other one (alternate signal
/// stack, coroutine) the end is not known here: then as much as a copy may have.
@_noLocks @inline(__always)
func liveStackSize(from start: UInt64, mainStackEnd: UInt64) -> UInt64 {
  if mainStackEnd > start { return mainStackEnd &- start }
  let threadPointer = dc_thread_pointer()
  if mainStackEnd == 0, threadPointer > start { return threadPointer &- start }
  return StackCopy.limit
}

/// Returns the bytes that could not be read.
@_noLocks @inline(__always)
private func copy(
  _ arena: Arena,
  into: UnsafeMutableRawPointer,
  from start: UInt64,
  count: UInt64
) -> Int {
  let count = Int(truncatingIfNeeded: count)
  if unsafe arena.pointee.copies_by_system_call != 0 {
    let copied = unsafe dc_read_memory(start, into, count)
    return copied < 0 ? count : count &- copied
  }
  return unsafe dc_copy(into, UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: start)), count)
}
