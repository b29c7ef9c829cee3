import CUnwind

/// What the action of fatal signals does before the previous one has its turn; called by
/// `dc_crash_entry` with little stack to spare.
///
/// With captures of crashes switched off it is there for SIGSEGV and SIGBUS, where a copy that ran into
/// an unreadable page has to go on behind it.
@_noLocks @c(dc_on_crash)
func onCrash(
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) -> dc_onward {
  guard let info = unsafe info, let context = unsafe context, let home = unsafe dc_get_home() else {
    return dc_onward()
  }
  if unsafe isRecovered(signal, info, context) { return dc_onward() }
  guard let arena = unsafe home.pointee.arena, let crash = unsafe home.pointee.crash else {
    return unsafe PreviousAction(home, signal).onward(info, context)
  }
  // Another pid that is not 0: a vfork child, in its parent's memory.
  let pid = dc_getpid()
  let isChild = unsafe arena.pointee.pid != pid
  guard unsafe !isChild || dc_load32(dc_arena_pid(arena)) == 0 else {
    return unsafe PreviousAction(home, signal).onward(info, context)
  }
  let table = unsafe CrashTable(home, crash)
  let tid = dc_gettid()
  if unsafe !isChild && tid == arena.pointee.collector_tid {
    if unsafe keepCollector(arena, signal, info, context) { return dc_onward() }
  } else if let place = table.place(of: tid) {
    // A fault of this handler, or a second signal meanwhile; its own previous action is not due yet.
    if unsafe keepCrasher(table.crasher(place), signal, info, context) { return dc_onward() }
  } else {
    let previous = unsafe PreviousAction(home, signal)
    if unsafe home.pointee.crash_armed != 0, unsafe previous.isWorthACapture(info, context) {
      let part = unsafe CrashPart(home, arena, table, previous, info, context)
      part.take()
    }
  }
  return unsafe PreviousAction(home, signal).onward(info, context)
}

/// Whether the kernel raised the signal for an instruction of the thread itself, which cannot go on.
@_noLocks
func isFault(_ signal: Int32, _ info: UnsafeMutablePointer<siginfo_t>) -> Bool {
  let code = unsafe info.pointee.si_code
  guard code > 0 else { return false }
  // BUS_MCEERR_AO: memory was found bad that nobody touched yet.
  if signal == SignalNumber.bus { return code != 5 }
  return signal == SignalNumber.segmentation || signal == SignalNumber.illegalInstruction
    || signal == SignalNumber.arithmetic || signal == SignalNumber.trap
    || signal == SignalNumber.systemCall
}

/// A fault in one of the few instructions that may: it goes on behind it.
@_noLocks
private func isRecovered(
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>,
  _ context: UnsafeMutableRawPointer
) -> Bool {
  guard signal == SignalNumber.segmentation || signal == SignalNumber.bus,
    unsafe info.pointee.si_code > 0
  else { return false }
  let recovery = unsafe dc_recovery_address(
    UInt(truncatingIfNeeded: dc_get_program_counter(context))
  )
  guard recovery != 0 else { return false }
  unsafe dc_set_program_counter(context, UInt64(truncatingIfNeeded: recovery))
  return true
}

/// A fatal signal in the collector: its own fault ends what it was doing; one sent to the process, which
/// found every other thread blocking it, is sent on.
@_noLocks
private func keepCollector(
  _ arena: Arena,
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>,
  _ context: UnsafeMutableRawPointer
) -> Bool {
  if unsafe isFault(signal, info) {
    let point = unsafe dc_load64(dc_arena_recovery(arena))
    guard point != 0, let home = unsafe dc_get_home() else { return false }
    let dumpSignal = unsafe home.pointee.settings.dump_signal
    // libunwind blocks all signals while it holds its lock, which then stays held.
    if unsafe dc_get_context_mask(context) & SignalNumber.bit(dumpSignal) != 0 {
      unsafe home.pointee.libunwind_is_broken = BrokenUnwinder.fault
    }
    unsafe dc_set_context_mask(context, collectorMask(dumpSignal))
    unsafe dc_go_on_at(context, point)
    return true
  }
  unsafe dc_set_context_mask(context, dc_get_context_mask(context) | SignalNumber.bit(signal))
  _ = dc_set_mask(~0)
  return unsafe dc_requeue_to_process(signal, info) == 0
}

/// A fatal signal in the handler of one: a fault ends the handler's work, a signal that was sent waits
/// until the thread has its own mask back.
@_noLocks
private func keepCrasher(
  _ crasher: Crasher,
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>,
  _ context: UnsafeMutableRawPointer
) -> Bool {
  if unsafe isFault(signal, info) {
    let point = unsafe crasher.pointee.recovery
    guard point != 0 else { return false }
    unsafe dc_go_on_at(context, point)
    return true
  }
  unsafe dc_set_context_mask(context, dc_get_context_mask(context) | SignalNumber.bit(signal))
  _ = dc_set_mask(~0)
  return unsafe dc_requeue_signal(signal, info) == 0
}

/// The action that a fatal signal had before ours.
@safe struct PreviousAction {
  let home: Home
  let signal: Int32
  private let action: dc_action

  private static var defaultHandler: UInt { @_noLocks @inline(__always) get { 0 } }
  private static var ignore: UInt { @_noLocks @inline(__always) get { 1 } }

  @_noLocks
  init(_ home: Home, _ signal: Int32) {
    unsafe self.home = unsafe home
    self.signal = signal
    action = unsafe dc_previous_crash(home, signal).pointee
  }

  private var isFunction: Bool { @_noLocks get { action.handler > Self.ignore } }

  /// Whether the process ends by it: the first one of a container does not by a signal that was sent.
  @_noLocks
  func isDeadly(_ info: UnsafeMutablePointer<siginfo_t>) -> Bool {
    unsafe !isFunction && (isFault(signal, info) || dc_getpid() != 1)
  }

  /// An ignored signal that was sent is ignored, unless abort() sent it: that ends the process later.
  @_noLocks
  func isWorthACapture(
    _ info: UnsafeMutablePointer<siginfo_t>,
    _ context: UnsafeMutableRawPointer
  ) -> Bool {
    guard action.handler == Self.ignore, unsafe !isFault(signal, info) else { return true }
    return unsafe signal == SignalNumber.abort && isInAbort(home, context)
  }

  /// Does what the signal would have done, or says which handler is to do it.
  @_noLocks
  func onward(_ info: UnsafeMutablePointer<siginfo_t>, _ context: UnsafeMutableRawPointer)
    -> dc_onward
  {
    guard isFunction else {
      if unsafe action.handler == Self.defaultHandler || isFault(signal, info) {
        unsafe die(info, context)
      }
      return dc_onward()
    }
    var frame: UInt64 = 0
    if action.flags & ActionFlag.alternateStack == 0 {
      frame = unsafe dc_move_frame(context)
      // The kernel ends a process whose stack has no room for the frame of a handler.
      if frame == 1 {
        unsafe PreviousAction(home, SignalNumber.segmentation).endBySignal(info, context)
        return dc_onward()
      }
    }
    var mask = unsafe dc_get_context_mask(context) | action.mask
    if action.flags & ActionFlag.noDefer == 0 { mask |= SignalNumber.bit(signal) }
    // Ours stays; what follows it from now on is the default action.
    if action.flags & ActionFlag.reset != 0 {
      unsafe dc_previous_crash(home, signal).pointee.handler = Self.defaultHandler
    }
    _ = dc_set_mask(mask)
    return dc_onward(handler: UInt64(action.handler), stack_pointer: frame)
  }

  /// Ends the process by this signal, which did not come itself.
  @_noLocks
  private func endBySignal(
    _ info: UnsafeMutablePointer<siginfo_t>,
    _ context: UnsafeMutableRawPointer
  ) {
    _ = dc_set_mask(~0)
    let mask = unsafe dc_get_context_mask(context)
    unsafe dc_set_context_mask(context, mask & ~SignalNumber.bit(signal))
    dc_set_default(signal)
    dc_signal_thread(dc_getpid(), dc_gettid(), signal)
  }

  /// The signal comes again as it came, when the handler returns: then with the registers of the crash.
  @_noLocks
  private func die(
    _ info: UnsafeMutablePointer<siginfo_t>,
    _ context: UnsafeMutableRawPointer
  ) {
    // The first process of a container does not end by a default action, only by a fault.
    if dc_getpid() == 1 {
      guard unsafe isFault(signal, info) else { return }
      unsafe dc_repeat_instruction(signal, info, context)
      return dc_set_default(signal)
    }
    _ = dc_set_mask(~0)
    dc_set_default(signal)
    if unsafe dc_requeue_signal(signal, info) != 0 {
      // A filter may refuse it. A fault comes again by itself.
      dc_signal_thread(dc_getpid(), dc_gettid(), signal)
    }
  }
}

/// Whether abort() stands on the stack: its address is the return address of a frame near the top.
///
/// glibc raises SIGABRT through two or three small frames.
@_noLocks
private func isInAbort(_ home: Home, _ context: UnsafeMutableRawPointer) -> Bool {
  let start = unsafe home.pointee.messages.abort_start
  let end = unsafe home.pointee.messages.abort_end
  var registers = dc_crasher()
  unsafe dc_get_registers(context, dc_crasher_registers(&registers))
  var address = unsafe dc_crasher_registers(&registers)[dc_register_sp]
  var left = 128
  while left > 0 {
    var word: UInt64 = 0
    guard unsafe dc_read_memory(address, &word, 8) == 8 else { return false }
    if word > start, word <= end { return true }
    address &+= 8
    left &-= 1
  }
  return false
}
