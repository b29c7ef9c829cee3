import CUnwind

/// A crashing thread's part in the capture: it puts its registers and its stack where the collector reads
/// them, and waits until the capture is made or its time is over.
@safe struct CrashPart {
  private let home: Home
  private let arena: Arena
  private let table: CrashTable
  private let previous: PreviousAction
  private let info: UnsafeMutablePointer<siginfo_t>
  private let context: UnsafeMutableRawPointer

  @_noLocks
  init(
    _ home: Home,
    _ arena: Arena,
    _ table: CrashTable,
    _ previous: PreviousAction,
    _ info: UnsafeMutablePointer<siginfo_t>,
    _ context: UnsafeMutableRawPointer
  ) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.table = table
    self.previous = previous
    unsafe self.info = unsafe info
    unsafe self.context = unsafe context
  }

  /// Goes to a stack of our own for it: an alternate stack may have room for the kernel's frame and
  /// little else.
  @_noLocks
  func take() {
    let round = table.round.value
    let isIdle = table.phase.value == CrashPhase.idle
    if isIdle, unsafe table.crash.pointee.captures >= CrashTable.captureLimit { return }
    guard unsafe arena.pointee.pid == dc_getpid() || armForkedChild(home, arena) else { return }
    guard let place = table.claim(dc_gettid()) else {
      // More threads crash at once than there is room for: the others' capture is waited for.
      if !isIdle { waitForOthers(round) }
      return
    }
    var job = CrashJob(part: self, place: place, round: round)
    unsafe dc_call_on_stack(crashOnOwnStack, &job, table.stackTop(place))
    table.setWord(place, CrasherPhase.free)
  }

  /// Signals that come now find their own stack, not that of the frames we came from.
  @_noLocks
  fileprivate func run(_ job: CrashJob) {
    var none = dc_alternate_stack(address: 0, flags: 2, unused: 0, size: 0)
    var old = dc_alternate_stack()
    let isOff = unsafe dc_swap_alternate_stack(&none, &old) == 0
    dc_open_faults()
    var job = job
    let recovery = unsafe dc_crasher_recovery(table.crasher(job.place))
    let isBroken = unsafe dc_recover(recovery, crashProtected, &job) != 0
    if isBroken { giveUp() }
    _ = dc_set_mask(~0)
    if isOff { unsafe dc_swap_alternate_stack(&old, nil) }
  }

  @_noLocks
  fileprivate func runProtected(_ place: UInt32, _ round: UInt32) {
    unsafe fill(table.crasher(place), table.copy(place))
    table.setWord(place, CrasherPhase.whole)
    guard table.changePhase(CrashPhase.idle, to: CrashPhase.claimed) else {
      waitForOthers(round)
      return
    }
    let crash = unsafe table.crash
    unsafe crash.pointee.first = place
    unsafe crash.pointee.begin_ns = dc_clock(1)
    unsafe crash.pointee.time_ns = dc_clock(0)
    let isDeadly = unsafe previous.isDeadly(info)
    unsafe crash.pointee.is_deadly = isDeadly ? 1 : 0
    _ = table.changePhase(CrashPhase.claimed, to: CrashPhase.requested)
    unsafe FutexWord(dc_arena_wake(arena)).bump()
    unsafe CrashWait(home: home, arena: arena, table: table).waitForCapture()
    unsafe crash.pointee.captures &+= 1
    if !isDeadly { goOn() }
  }

  /// The handler's own code failed: the crash takes its course without a capture.
  @_noLocks
  private func giveUp() {
    unsafe table.crash.pointee.captures &+= 1
    if unsafe !previous.isDeadly(info) { goOn() }
  }

  /// The process may survive: everybody who waits goes on, and the next crash finds us ready.
  @_noLocks
  private func goOn() {
    table.phase.set(CrashPhase.idle)
    table.round.bump()
    unsafe FutexWord(dc_arena_held(arena)).set(0)
  }

  /// Another thread was the first: its capture has this thread in it too.
  ///
  /// Where its signal ends the process, that is waited for a little longer: its signal is the one to be seen.
  @_noLocks
  private func waitForOthers(_ round: UInt32) {
    while table.round.value == round {
      let left = unsafe CrashWait.lastMoment(home, table.crash) &- dc_clock(1)
      guard left > 0 else { return }
      table.round.wait(while: round, nanoseconds: left)
    }
  }

  @_noLocks
  private func fill(_ crasher: Crasher, _ copy: UnsafeMutablePointer<UInt8>?) {
    unsafe crasher.pointee.signal = previous.signal
    unsafe crasher.pointee.code = unsafe info.pointee.si_code
    let isFromKernel = unsafe info.pointee.si_code > 0
    unsafe crasher.pointee.address = isFromKernel ? dc_info_address(info) : 0
    unsafe crasher.pointee.sender_pid = isFromKernel ? 0 : dc_info_pid(info)
    unsafe crasher.pointee.sender_uid = isFromKernel ? 0 : dc_info_uid(info)
    unsafe crasher.pointee.thread_pointer = dc_thread_pointer()
    unsafe dc_get_registers(context, dc_crasher_registers(crasher))
    unsafe copyStack(crasher, copy)
  }

  /// Memory that cannot be read at the stack pointer is the guard page of a stack that overflowed: the
  /// copy begins above it.
  @_noLocks
  private func copyStack(_ crasher: Crasher, _ copy: UnsafeMutablePointer<UInt8>?) {
    guard let copy = unsafe copy else { return }
    var start =
      unsafe dc_crasher_registers(crasher)[dc_register_sp] &- StackCopy.redZone
    let isMain = unsafe crasher.pointee.tid == arena.pointee.pid
    let mainEnd = unsafe isMain ? home.pointee.main_stack_end : 0
    var pages = 256
    while pages > 0 {
      let wanted = liveStackSize(from: start, mainStackEnd: mainEnd)
      let count = min(wanted, StackCopy.limit)
      let copied = unsafe dc_read_memory(start, copy, Int(truncatingIfNeeded: count))
      if copied > 0 {
        unsafe crasher.pointee.copy_address = start
        unsafe crasher.pointee.copy_count = UInt32(truncatingIfNeeded: copied)
        return
      }
      start = (start | 4095) &+ 1
      pages &-= 1
    }
    unsafe crasher.pointee.copy_count = 0
  }
}

/// What a crashing thread takes along to its own stack.
private struct CrashJob {
  let part: CrashPart
  let place: UInt32
  let round: UInt32

  @_noLocks
  init(part: CrashPart, place: UInt32, round: UInt32) {
    self.part = part
    self.place = place
    self.round = round
  }
}

@_noLocks @c(dc_crash_on_own_stack)
private func crashOnOwnStack(_ argument: UnsafeMutableRawPointer?) {
  guard let job = unsafe argument?.assumingMemoryBound(to: CrashJob.self) else { return }
  unsafe job.pointee.part.run(job.pointee)
}

@_noLocks @c(dc_crash_protected)
private func crashProtected(_ argument: UnsafeMutableRawPointer?) {
  guard let job = unsafe argument?.assumingMemoryBound(to: CrashJob.self) else { return }
  unsafe job.pointee.part.runProtected(job.pointee.place, job.pointee.round)
}
