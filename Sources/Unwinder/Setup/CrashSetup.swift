import CUnwind

/// Arms and disarms the fatal signals.
@safe struct CrashSetup {
  private let home: Home

  /// The alternate stack that the main thread gets: room for handlers of the service too, which run on it.
  private static var stackSize: UInt64 { 65_536 }
  /// The whole of abort() where its symbol has no size.
  private static var pageSize: UInt64 { 4096 }

  init(_ home: Home) { unsafe self.home = unsafe home }

  /// Memory of the crash handler; without it no crash is captured.
  func reserve() {
    let size = UInt64((MemoryLayout<dc_crash>.size &+ 4095) & ~4095)
    if unsafe home.pointee.crash == nil, let memory = unsafe dc_map(size) {
      unsafe dc_wipe_on_fork(memory, size)
      reserveRoom()
      let fallback = UInt64(truncatingIfNeeded: CrashFallback.byteCount)
      if let memory = unsafe dc_reserve_closed(fallback) {
        unsafe dc_wipe_on_fork(memory, fallback)
        unsafe home.pointee.crash_fallback = unsafe memory.assumingMemoryBound(to: UInt8.self)
      }
      unsafe home.pointee.crash = unsafe memory.assumingMemoryBound(to: dc_crash.self)
    }
    unsafe dc_find_messages(&home.pointee.messages)
    unsafe dc_find_tasks(&home.pointee.tasks)
  }

  private func reserveRoom() {
    var count = UInt32(truncatingIfNeeded: dc_crasher_limit)
    while count > 0 {
      let size = UInt64(count) &* UInt64(truncatingIfNeeded: CrashTable.roomSize)
      if let room = unsafe dc_reserve_closed(size) {
        unsafe dc_wipe_on_fork(room, size)
        unsafe home.pointee.crash_room = unsafe room.assumingMemoryBound(to: UInt8.self)
        unsafe home.pointee.crash_capacity = count
        return
      }
      count /= 4
    }
  }

  /// SIGSEGV and SIGBUS, which the handler's own copies need.
  func setFaultActions() {
    set(SignalNumber.segmentation)
    set(SignalNumber.bus)
  }

  /// All others; from now on a fatal signal makes a capture.
  func arm() {
    guard unsafe home.pointee.settings.crash != 0, let crash = unsafe home.pointee.crash,
      unsafe home.pointee.crash_capacity > 0
    else { return }
    // The first crash finds its stack ready; the copy's pages come when they are written.
    let table = unsafe CrashTable(home, crash)
    if table.openRoom(0), let room = unsafe home.pointee.crash_room {
      unsafe dc_fault_in(room, UInt64(dc_crash_stack_size))
    }
    giveMainThreadAStack()
    forEachOther { set($0) }
    unsafe dc_store32(dc_home_crash_armed(home), 1)
  }

  /// What the service does with its crashes from now on is its own; handlers under way end their work.
  func disarm() {
    unsafe dc_store32(dc_home_crash_armed(home), 0)
    forEachOther { giveBack($0) }
  }

  /// Gives back SIGSEGV and SIGBUS too.
  func restoreActions() {
    giveBack(SignalNumber.segmentation)
    giveBack(SignalNumber.bus)
  }

  private func forEachOther(_ body: (Int32) -> Void) {
    body(SignalNumber.illegalInstruction)
    body(SignalNumber.trap)
    body(SignalNumber.abort)
    body(SignalNumber.arithmetic)
    body(SignalNumber.systemCall)
    if unsafe home.pointee.settings.crash_limits != 0 {
      body(SignalNumber.processorTime)
      body(SignalNumber.fileSize)
    }
  }

  /// Everything is blocked at first.
  ///
  /// A fault of the handler on an alternate stack that is too small for it ends the process: the kernel would call
  /// it there again and again.
  private func set(_ signal: Int32) {
    let isTaken =
      unsafe signal == home.pointee.settings.dump_signal
      || signal == home.pointee.settings.thread_signal
    if isTaken { return }
    var action = dc_action()
    unsafe dc_make_action(
      &action,
      dc_crash_entry,
      ActionFlag.alternateStack,
      ~0
    )
    // Whether a call goes on that the signal interrupted is decided by our flag, and was by that of the handler before.
    var current = dc_action()
    if unsafe dc_get_action(signal, &current) == 0, current.handler > 1,
      current.flags & ActionFlag.restart == 0
    {
      action.flags &= ~ActionFlag.restart
    }
    unsafe Installation.replace(signal, dc_previous_crash(home, signal), &action)
  }

  private func giveBack(_ signal: Int32) {
    var ours = dc_action()
    unsafe dc_make_action(&ours, dc_crash_entry, 0, 0)
    unsafe Installation.giveBack(signal, &ours, dc_previous_crash(home, signal))
  }

  /// A stack overflow leaves no room for a handler but on another stack.
  ///
  /// One that is there already stays.
  private func giveMainThreadAStack() {
    var old = dc_alternate_stack()
    guard dc_gettid() == dc_getpid(), unsafe dc_swap_alternate_stack(nil, &old) == 0,
      old.flags & 2 != 0, let memory = unsafe dc_map(Self.stackSize &+ Self.pageSize)
    else { return }
    unsafe dc_protect(memory, Self.pageSize)
    var stack = dc_alternate_stack(
      address: UInt64(UInt(bitPattern: memory)) &+ Self.pageSize,
      flags: 0,
      unused: 0,
      size: Self.stackSize
    )
    unsafe dc_swap_alternate_stack(&stack, nil)
  }
}
