import CUnwind

/// One round of the thread signal: one after the other without waiting for its answer, then waiting for all answers.
///
/// Waiting for each answer would need a scheduling turn for each: 22 s beside two busy threads.
@safe struct SignalRound {
  let home: Home
  let arena: Arena
  let files: ThreadFiles
  /// CLOCK_MONOTONIC, nanoseconds: silent threads are given up then.
  let deadline: Int64
  /// The crash whose threads are asked; nil in a live capture, which ends when a thread crashes.
  let crash: CrashRecord?

  @_noLocks
  init(
    home: Home,
    arena: Arena,
    files: ThreadFiles,
    deadline: Int64,
    crash: CrashRecord?
  ) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.files = files
    self.deadline = deadline
    self.crash = crash
  }

  private var signal: Int32 {
    @_noLocks @inline(__always) get { unsafe home.pointee.settings.thread_signal }
  }

  /// Gives each thread that is to be signalled a free slot, and makes room in the pool.
  @_noLocks
  func prepare() {
    let generation = unsafe (arena.pointee.generation &+ 1) & 0x1fff_ffff
    unsafe arena.pointee.generation = generation
    unsafe dc_store32(dc_arena_expected(arena), ~0)
    unsafe dc_store32(dc_arena_answered(arena), 0)
    unsafe dc_store32(dc_arena_round_done(arena), 0)
    // Set before the first signal: each thread of a crash's round stays in its handler.
    unsafe dc_store32(dc_arena_held(arena), crash == nil ? 0 : generation)
    let poolStart = assignSlots(generation)
    unsafe dc_store64(dc_arena_pool_used(arena), poolStart)
    growPool(poolStart)
    adoptThreadAction()
    unsafe arena.pointee.copies_by_system_call = Self.catchesFaults() ? 0 : 1
  }

  /// Returns where the pool is free: behind the copies of threads still busy with an old round.
  @_noLocks
  private func assignSlots(_ generation: UInt32) -> UInt64 {
    guard let slots = unsafe arena.pointee.slots, let threads = unsafe arena.pointee.threads else {
      return 0
    }
    let capacity = unsafe arena.pointee.slot_capacity
    let mainThread = unsafe arena.pointee.pid
    var poolStart: UInt64 = 0
    var slot: UInt32 = 0
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      index &+= 1
      while slot < capacity {
        let old = unsafe slots + Int(truncatingIfNeeded: slot)
        guard unsafe ThreadSlot(old).word.isCopying else { break }
        let end = unsafe old.pointee.copy_offset &+ UInt64(old.pointee.copy_count) &+ 64
        if end > poolStart { poolStart = end & ~63 }
        slot &+= 1
      }
      guard slot < capacity else {
        unsafe thread.pointee.status = ThreadStatus.quiet
        unsafe thread.pointee.reason = ThreadReason.noSlot
        continue
      }
      let chosen = unsafe slots + Int(truncatingIfNeeded: slot)
      // The slot of one that crashed is its place among the crashers.
      if unsafe thread.pointee.reason == ThreadReason.crashed { continue }
      unsafe thread.pointee.slot = slot
      unsafe chosen.pointee.tid = unsafe thread.pointee.tid
      unsafe chosen.pointee.copy_count = 0
      unsafe chosen.pointee.wanted =
        unsafe thread.pointee.tid == mainThread ? arena.pointee.main_stack_end : 0
      let isAsked = unsafe thread.pointee.reason == ThreadReason.none
      unsafe ThreadSlot(chosen).set(isAsked ? .waiting(generation) : .idle(generation))
      slot &+= 1
    }
    unsafe arena.pointee.slot_count = slot
    return poolStart
  }

  /// What the threads of a usual service want: 8 KiB each, and a few long stacks.
  private var usualPool: UInt64 {
    @_noLocks get { unsafe UInt64(arena.pointee.thread_count) &* 8192 &+ 4 &* StackCopy.limit }
  }

  /// Faults in as much as the threads are likely to want: what is usual, or what they wanted last.
  @_noLocks
  private func growPool(_ start: UInt64) {
    growPool(to: start &+ max(usualPool, unsafe arena.pointee.pool_wanted))
  }

  /// Gives back what is more than usual, once the copies have been read; the rest stays warm.
  @_noLocks
  func shrinkPool() {
    unsafe arena.pointee.pool_wanted = unsafe min(
      dc_load64(dc_arena_pool_used(arena)),
      arena.pointee.pool_reserved
    )
    let kept = (usualPool &+ 0xffff) & ~0xffff
    let size = unsafe arena.pointee.pool_size
    guard let pool = unsafe arena.pointee.pool, kept < size else { return }
    // A thread that is late with its copy writes into new pages: nobody reads them, nothing is lost.
    guard unsafe dc_give_back(pool + Int(truncatingIfNeeded: kept), size &- kept) == 0 else {
      return
    }
    unsafe arena.pointee.pool_size = kept
  }

  /// Nothing happens where the pool is that large, or cannot be.
  @_noLocks
  func growPool(to wanted: UInt64) {
    let size = unsafe min(wanted &+ 0xffff & ~0xffff, arena.pointee.pool_reserved)
    guard let pool = unsafe arena.pointee.pool, unsafe size > arena.pointee.pool_size else {
      return
    }
    let old = unsafe arena.pointee.pool_size
    guard unsafe dc_open_reserved(pool + Int(truncatingIfNeeded: old), size &- old) == 0 else {
      return
    }
    unsafe dc_fault_in(pool + Int(truncatingIfNeeded: old), size &- old)
    unsafe arena.pointee.pool_size = size
  }

  /// A service may have taken the thread signal since: its action becomes the one we hand on to.
  @_noLocks
  private func adoptThreadAction() {
    var action = dc_action()
    guard unsafe dc_get_action(signal, &action) == 0 else { return }
    var ours = dc_action()
    unsafe dc_make_action(&ours, onThreadSignal, 0, SignalNumber.allButFaults)
    guard action.handler != ours.handler else { return }
    let next = unsafe dc_load32(dc_home_adopted(home, signal)) &+ 1
    unsafe dc_previous_thread(home, signal, next).pointee = action
    unsafe dc_store32(dc_home_adopted(home, signal), next)
    _ = unsafe dc_set_action(signal, &ours)
  }

  /// Whether a fault of a copy comes to us; a service's own crash handler may have replaced ours.
  @_noLocks
  static func catchesFaults() -> Bool {
    var ours = dc_action()
    unsafe dc_make_action(&ours, dc_crash_entry, 0, 0)
    var action = dc_action()
    guard unsafe dc_get_action(SignalNumber.segmentation, &action) == 0,
      action.handler == ours.handler,
      unsafe dc_get_action(SignalNumber.bus, &action) == 0
    else { return false }
    return action.handler == ours.handler
  }

  /// Signals every thread whose slot waits.
  @_noLocks
  func sendAll() {
    guard let slots = unsafe arena.pointee.slots, let threads = unsafe arena.pointee.threads else {
      return
    }
    var sent: UInt32 = 0
    var pace = SendingPace()
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.reason == ThreadReason.none else { continue }
      if unsafe send(thread) {
        sent &+= 1
        unsafe pace.wait(sent: sent, arena)
      } else {
        _ = unsafe abandon(slots + Int(truncatingIfNeeded: thread.pointee.slot))
      }
    }
    unsafe dc_store32(dc_arena_expected(arena), sent)
  }

  /// Asks those once more whose stacks did not fit into the pool.
  ///
  /// A thread whose second answer does not come keeps nothing of the first: its status says so.
  @_noLocks
  func repeatForCutStacks() {
    guard let slots = unsafe arena.pointee.slots, let threads = unsafe arena.pointee.threads else {
      return
    }
    let generation = unsafe (arena.pointee.generation &+ 1) & 0x1fff_ffff
    unsafe arena.pointee.generation = generation
    unsafe dc_store32(dc_arena_expected(arena), ~0)
    unsafe dc_store32(dc_arena_answered(arena), 0)
    unsafe dc_store32(dc_arena_round_done(arena), 0)
    var sent: UInt32 = 0
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.reason == ThreadReason.none else { continue }
      let slot = unsafe slots + Int(truncatingIfNeeded: thread.pointee.slot)
      guard unsafe ThreadSlot(slot).word.isAnswered, unsafe slot.pointee.copy_cut == StackCut.pool
      else { continue }
      unsafe slot.pointee.wanted =
        unsafe thread.pointee.tid == arena.pointee.pid ? arena.pointee.main_stack_end : 0
      unsafe ThreadSlot(slot).set(.waiting(generation))
      if unsafe send(thread) {
        sent &+= 1
      } else {
        _ = unsafe abandon(slot)
      }
    }
    unsafe dc_store32(dc_arena_expected(arena), sent)
    waitForAnswers()
  }

  @_noLocks
  private func send(_ thread: UnsafeMutablePointer<dc_thread>) -> Bool {
    let cookie = unsafe ThreadCookie(
      generation: arena.pointee.generation,
      slot: thread.pointee.slot
    )
    let result = unsafe dc_queue_signal(arena.pointee.pid, thread.pointee.tid, signal, cookie.value)
    if result == 0 { return true }
    let isGone = result == -Int(ErrorNumber.noProcess)
    unsafe thread.pointee.status = isGone ? ThreadStatus.exited : ThreadStatus.quiet
    unsafe thread.pointee.reason = isGone ? ThreadReason.exited : ThreadReason.notSent
    return false
  }

  /// A signal that arrives later finds nothing to do; false when the thread answered meanwhile.
  @_noLocks
  private func abandon(_ slot: UnsafeMutablePointer<dc_slot>) -> Bool {
    let word = unsafe ThreadSlot(slot).word
    return unsafe word.isWaiting && ThreadSlot(slot).change(word, to: .idle(word.generation))
  }

  /// Waits until all have answered, or nobody who is silent will.
  ///
  /// While answers come in, the processors are busy with them. When none came for a while, the silent
  /// are looked at: who is gone, blocks the signal or sleeps in the kernel for good is not waited for.
  @_noLocks
  func waitForAnswers() {
    var pause: Int64 = 1_000_000
    var seen = unsafe dc_load32(dc_arena_answered(arena))
    while unsafe dc_load32(dc_arena_answered(arena)) < dc_load32(dc_arena_expected(arena)) {
      let left = deadline &- dc_clock(1)
      guard left > 0, unsafe crash != nil || !CrashRecord.isWaiting(home) else { break }
      unsafe FutexWord(dc_arena_round_done(arena)).wait(while: 0, nanoseconds: min(pause, left))
      let answered = unsafe dc_load32(dc_arena_answered(arena))
      if answered != seen {
        seen = answered
        continue
      }
      inspectSilent(resends: pause < 2_000_000, isPatient: pause < 64_000_000)
      if pause < 64_000_000 { pause &*= 2 }
    }
    giveUpSilent()
  }

  /// Looks at every thread that has not answered.
  @_noLocks
  private func inspectSilent(resends: Bool, isPatient: Bool) {
    unsafe forEachSilent { thread, slot in
      let tid = unsafe thread.pointee.tid
      if let place = crash?.table.place(of: tid) {
        unsafe drop(thread, slot, ThreadStatus.captured, ThreadReason.crashed)
        unsafe thread.pointee.slot = place
        return
      }
      if unsafe dc_probe_thread(arena.pointee.pid, tid) != 0 {
        unsafe drop(thread, slot, ThreadStatus.exited, ThreadReason.exited)
        return
      }
      guard let state = files.disposition(of: signal, tid) else {
        unsafe drop(thread, slot, ThreadStatus.exited, ThreadReason.exited)
        return
      }
      if state.isDeaf || (state.isBlocked && state.isPending && !isPatient) {
        unsafe drop(thread, slot, ThreadStatus.quiet, ThreadReason.blocked)
      } else if resends, unsafe thread.pointee.resent == 0 {
        // A signal of this number that was pending already has swallowed ours.
        unsafe thread.pointee.resent = 1
        // It has ended since it was looked at: then it is not waited for either.
        if unsafe !send(thread), unsafe abandon(slot) {
          unsafe dc_add32(dc_arena_expected(arena), ~0)
        }
      } else if !isPatient, state.isOutOfReach {
        unsafe drop(thread, slot, ThreadStatus.quiet, ThreadReason.uninterruptible)
      }
    }
  }

  @_noLocks
  private func giveUpSilent() {
    unsafe forEachSilent { thread, slot in
      unsafe drop(thread, slot, ThreadStatus.quiet, ThreadReason.silent)
      // In the middle of its copy, and not to be had: half an answer is none, and what was seen before is over.
      guard unsafe ThreadSlot(slot).word.isCopying else { return }
      unsafe thread.pointee.status = ThreadStatus.noAnswer
      unsafe thread.pointee.reason = ThreadReason.silent
    }
  }

  @_noLocks
  private func drop(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ slot: UnsafeMutablePointer<dc_slot>,
    _ status: UInt8,
    _ reason: UInt8
  ) {
    guard unsafe abandon(slot) else { return }
    unsafe thread.pointee.status = status
    unsafe thread.pointee.reason = reason
    unsafe dc_add32(dc_arena_expected(arena), ~0)
  }

  @_noLocks
  private func forEachSilent(
    _ body: (UnsafeMutablePointer<dc_thread>, UnsafeMutablePointer<dc_slot>) -> Void
  ) {
    guard let slots = unsafe arena.pointee.slots, let threads = unsafe arena.pointee.threads else {
      return
    }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.reason == ThreadReason.none else { continue }
      let slot = unsafe slots + Int(truncatingIfNeeded: thread.pointee.slot)
      if unsafe !ThreadSlot(slot).word.isAnswered { unsafe body(thread, slot) }
    }
  }
}
