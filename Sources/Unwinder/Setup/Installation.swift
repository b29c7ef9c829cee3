import CUnwind

/// Arms and disarms the handler.
enum Installation {
  /// How long install and uninstall wait for the collector thread.
  private static var patience: Int64 { 5_000_000_000 }
  /// The service's thread variables lie on it too: half a megabyte in one under ThreadSanitizer.
  private static var collectorStackSize: UInt64 {
    262_144 &+ (dc_thread_block_size() &+ 4095) & ~4095
  }

  static func install(_ options: UnsafePointer<dumpcollect_options>?) -> Int32 {
    let environment = EnvironmentSettings()
    if environment.isOff { return 0 }
    guard let home = unsafe makeHome() else { return 0 &- ErrorNumber.noMemory }
    guard unsafe dc_claim32(dc_home_install_lock(home), 0, 1) != 0 else {
      return 0 &- ErrorNumber.already
    }
    defer { unsafe dc_store32(dc_home_install_lock(home), 0) }
    guard unsafe home.pointee.armed == 0 else { return 0 &- ErrorNumber.already }
    let end = unsafe endForgottenCollector(home)
    guard end == 0 else { return end }
    var settings = unsafe SettingsBuilder(home)
    let result = unsafe settings.apply(options, environment)
    guard result == 0 else { return result }
    return unsafe arm(home)
  }

  /// The home of this process; made at the first install, kept for its life.
  private static func makeHome() -> Home? {
    if let home = unsafe dc_get_home() { return unsafe home }
    guard let memory = unsafe dc_map(UInt64(truncatingIfNeeded: MemoryLayout<dc_home>.size)) else {
      return nil
    }
    let home = unsafe memory.assumingMemoryBound(to: dc_home.self)
    unsafe dc_set_home(home)
    return unsafe home
  }

  private static func arm(_ home: Home) -> Int32 {
    if unsafe dc_load_libunwind(home) != 0 {
      unsafe Message.write(
        "captures will carry raw stacks of threads that are no plain case: ",
        dc_home_libunwind_error(home)
      )
    }
    unsafe home.pointee.main_stack_end = dc_main_stack_end()
    unsafe home.pointee.program_entry = dc_program_entry()
    unsafe NoteRing.reserve(home)
    unsafe WatchdogTable.reserve(home)
    // Without it threads cannot be attached; captures go on without.
    _ = dc_prepare_alternate_stacks()
    if unsafe home.pointee.settings.thread_origins != 0 {
      unsafe OriginTable.reserve(home)
      dc_warm_up_origins()
    }
    // A frame, our handler's own needs, and the red zone.
    let frame = max(dc_minimum_signal_stack(), 4096)
    unsafe home.pointee.stack_room = frame &+ 2048 &+ StackCopy.redZone
    // Faults first: where the kernel refuses safe reads, the collector's first reads need them.
    let crashes = unsafe CrashSetup(home)
    crashes.reserve()
    crashes.setFaultActions()
    let result = unsafe startCollector(home)
    guard result == 0, let arena = unsafe home.pointee.arena else {
      crashes.restoreActions()
      return result
    }
    unsafe warnOfMissingDirectory(home, arena)
    dc_guard_main_thread()
    let armed = unsafe setActions(home, arena, crashes)
    if armed != 0 { dc_leave_main_thread() }
    return armed
  }

  /// Starts the collector on a stack of our own and waits until it is ready.
  private static func startCollector(_ home: Home) -> Int32 {
    let arenaSize = unsafe UInt64(truncatingIfNeeded: (MemoryLayout<dc_arena>.size &+ 4095) & ~4095)
    if unsafe home.pointee.arena == nil {
      guard let memory = unsafe dc_map(arenaSize) else { return 0 &- ErrorNumber.noMemory }
      unsafe dc_wipe_on_fork(memory, arenaSize)
      unsafe home.pointee.arena = unsafe memory.assumingMemoryBound(to: dc_arena.self)
    }
    guard let arena = unsafe home.pointee.arena else { return 0 &- ErrorNumber.noMemory }
    let stackSize = collectorStackSize
    guard let stack = unsafe dc_map(stackSize) else { return 0 &- ErrorNumber.noMemory }
    unsafe dc_protect(stack, 4096)
    unsafe arena.pointee.pid = dc_getpid()
    unsafe dc_store32(dc_arena_stop(arena), 0)
    unsafe dc_store32(dc_arena_collector_state(arena), CollectorPhase.absent)
    unsafe home.pointee.collector_stack = UInt64(UInt(bitPattern: stack))
    unsafe home.pointee.collector_stack_size = stackSize
    // Inherited by the collector, which opens what it needs itself.
    let mask = dc_set_mask(~0)
    let result = unsafe dc_start_collector(home, collectorMain)
    _ = dc_set_mask(mask)
    guard result == 0 else { return result }
    let phase = unsafe FutexWord(dc_arena_collector_state(arena))
    let deadline = dc_clock(1) &+ patience
    while phase.value == CollectorPhase.absent, dc_clock(1) < deadline {
      phase.wait(while: CollectorPhase.absent, nanoseconds: deadline &- dc_clock(1))
    }
    guard phase.value == CollectorPhase.ready else { return 0 &- ErrorNumber.noMemory }
    return 0
  }

  private static func warnOfMissingDirectory(_ home: Home, _ arena: Arena) {
    let isGiven = unsafe home.pointee.settings.directory_is_given != 0
    if unsafe arena.pointee.directory_descriptor < 0 {
      unsafe Message.write(
        "no capture directory can be written, tried again at each capture; set DUMPCOLLECT=directory=…, first tried: ",
        dc_directory(home, 0)
      )
    } else if isGiven, unsafe arena.pointee.directory_index != 0 {
      unsafe Message.write("the given directory cannot be written: ", dc_directory(home, 0))
      unsafe Message.write(
        "captures go here until it can: ",
        dc_directory(home, arena.pointee.directory_index)
      )
    }
  }

  /// The thread signal first: from the dump signal on, captures may come.
  private static func setActions(_ home: Home, _ arena: Arena, _ crashes: CrashSetup) -> Int32 {
    let settings = unsafe home.pointee.settings
    var action = dc_action()
    unsafe dc_make_action(&action, onThreadSignal, 0, SignalNumber.allButFaults)
    let signal = settings.thread_signal
    unsafe replace(
      signal,
      dc_previous_thread(home, signal, dc_load32(dc_home_adopted(home, signal))),
      &action
    )
    unsafe dc_make_action(&action, onDumpSignal, 0, 0)
    unsafe dc_hide_frames(&action)
    _ = unsafe dc_get_action(settings.dump_signal, dc_home_previous_dump(home))
    unsafe dc_store32(dc_home_armed(home), 1)
    let result = unsafe dc_set_action(settings.dump_signal, &action)
    if result == 0 {
      crashes.arm()
    } else {
      unsafe dc_store32(dc_home_armed(home), 0)
    }
    if let scratch = unsafe arena.pointee.scratch {
      unsafe StateFile(home: home, arena: arena, scratch: scratch).publishFlags()
    }
    return result
  }

  /// Nothing happens where our action is set already, from an earlier install.
  static func replace(
    _ signal: Int32,
    _ previous: UnsafeMutablePointer<dc_action>?,
    _ action: UnsafeMutablePointer<dc_action>
  ) {
    var current = dc_action()
    guard unsafe dc_get_action(signal, &current) == 0,
      unsafe current.handler != action.pointee.handler
    else {
      return
    }
    unsafe previous?.pointee = current
    _ = unsafe dc_set_action(signal, action)
  }

  static func uninstall() -> Int32 {
    guard let (home, arena) = unsafe sharedState() else { return 0 &- ErrorNumber.notConnected }
    guard unsafe dc_claim32(dc_home_install_lock(home), 0, 1) != 0 else {
      return 0 &- ErrorNumber.already
    }
    defer { unsafe dc_store32(dc_home_install_lock(home), 0) }
    guard unsafe home.pointee.armed != 0 else { return 0 &- ErrorNumber.notConnected }
    unsafe dc_store32(dc_home_armed(home), 0)
    unsafe restoreDumpAction(home)
    dc_leave_main_thread()
    unsafe CrashSetup(home).disarm()
    if unsafe arena.pointee.pid == dc_getpid() {
      let result = unsafe endCollector(home, arena)
      // A capture that goes on, or a thread in the middle of its copy, still counts on them.
      guard result == 0, unsafe !isCopying(arena) else { return result }
    }
    unsafe CrashSetup(home).restoreActions()
    return 0
  }

  /// Whether a thread that was given up is still copying its stack.
  private static func isCopying(_ arena: Arena) -> Bool {
    guard let slots = unsafe arena.pointee.slots else { return false }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.slot_count) {
      if unsafe ThreadSlot(slots + index).word.isCopying { return true }
      index &+= 1
    }
    return false
  }

  private static func restoreDumpAction(_ home: Home) {
    var ours = dc_action()
    unsafe dc_make_action(&ours, onDumpSignal, 0, 0)
    unsafe giveBack(home.pointee.settings.dump_signal, &ours, dc_home_previous_dump(home))
  }

  static func giveBack(
    _ signal: Int32,
    _ ours: UnsafeMutablePointer<dc_action>,
    _ previous: UnsafeMutablePointer<dc_action>?
  ) {
    var current = dc_action()
    guard let previous = unsafe previous, unsafe dc_get_action(signal, &current) == 0,
      unsafe current.handler == ours.pointee.handler
    else { return }
    _ = unsafe dc_set_action(signal, previous)
  }

  /// Ends a collector that an uninstall or a failed install did not wait for any longer.
  ///
  /// It goes by the settings, in memory of their size: they must not change under it.
  private static func endForgottenCollector(_ home: Home) -> Int32 {
    guard let arena = unsafe home.pointee.arena, unsafe arena.pointee.pid == dc_getpid(),
      unsafe arena.pointee.collector_tid != 0
    else { return 0 }
    return unsafe endCollector(home, arena)
  }

  private static func endCollector(_ home: Home, _ arena: Arena) -> Int32 {
    unsafe dc_store32(dc_arena_stop(arena), 1)
    unsafe FutexWord(dc_arena_wake(arena)).bump()
    let phase = unsafe FutexWord(dc_arena_collector_state(arena))
    let deadline = dc_clock(1) &+ patience
    while phase.value != CollectorPhase.ended, dc_clock(1) < deadline {
      phase.wait(while: phase.value, nanoseconds: min(deadline &- dc_clock(1), 100_000_000))
    }
    guard phase.value == CollectorPhase.ended else { return 0 &- ErrorNumber.timedOut }
    // A thread that gets its id later is one of the service's.
    unsafe arena.pointee.collector_tid = 0
    // A forked child's collector is no thread of libc's, and may not have left its stack yet.
    guard unsafe arena.pointee.is_child == 0 else { return 0 }
    let result = unsafe dc_join_collector(home)
    if result == 0 { unsafe releaseStack(home) }
    return result
  }

  private static func releaseStack(_ home: Home) {
    let address = unsafe UInt(truncatingIfNeeded: home.pointee.collector_stack)
    guard let stack = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
    unsafe home.pointee.collector_entry_sp = 0
    unsafe home.pointee.collector_stack = 0
    unsafe dc_unmap(stack, home.pointee.collector_stack_size)
  }
}
