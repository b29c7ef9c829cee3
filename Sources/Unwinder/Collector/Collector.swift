import CUnwind

/// How far the collector is; what install, uninstall and captures wait for.
enum CollectorPhase {
  static var absent: UInt32 { @_noLocks @inline(__always) get { 0 } }
  static var ready: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var ended: UInt32 { @_noLocks @inline(__always) get { 2 } }
}

/// The collector's start as a thread of libc's.
@_noLocks @c(dc_collector_main)
func collectorMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let home = unsafe argument?.assumingMemoryBound(to: dc_home.self),
    let arena = unsafe home.pointee.arena
  else { return nil }
  // A forked child's collector runs on the same stack and thread block. Room for this frame's callers
  // is left: the thread block lies above them.
  unsafe home.pointee.collector_entry_sp = dc_frame_address() &- 256
  unsafe home.pointee.collector_thread_pointer = dc_thread_pointer()
  unsafe home.pointee.collector_tid_word = unsafe threadIDWord(
    in: home.pointee.collector_thread_pointer
  )
  unsafe arena.pointee.is_child = 0
  unsafe dc_verify_messages(dc_home_messages(home))
  unsafe dc_verify_tasks(dc_home_tasks(home))
  unsafe runCollector(home, arena)
  return nil
}

/// The collector's start in a forked child.
@_noLocks @c(dc_collector_of_forked_child)
func collectorOfForkedChild(_ argument: UnsafeMutableRawPointer?) {
  guard let home = unsafe argument?.assumingMemoryBound(to: dc_home.self),
    let arena = unsafe home.pointee.arena
  else { return }
  unsafe arena.pointee.is_child = 1
  // Locks of libunwind's that were held when the process forked stay held for ever.
  if unsafe dc_load32(dc_home_is_unwinding(home)) != 0 {
    unsafe home.pointee.libunwind_is_broken = BrokenUnwinder.forked
  }
  unsafe runCollector(home, arena)
  dc_exit_thread()
}

/// All signals blocked but those that must reach this thread: the dump signal, when every other thread
/// blocks it; 32 and 33, with which libc carries out setuid in all threads; faults of its own code.
@_noLocks
func collectorMask(_ dumpSignal: Int32) -> UInt64 {
  ~(SignalNumber.bit(dumpSignal) | SignalNumber.bit(32) | SignalNumber.bit(33)
    | SignalNumber.bit(SignalNumber.segmentation) | SignalNumber.bit(SignalNumber.bus)
    | SignalNumber.bit(SignalNumber.illegalInstruction)
    | SignalNumber.bit(SignalNumber.arithmetic))
}

@_noLocks
private func runCollector(_ home: Home, _ arena: Arena) {
  _ = unsafe dc_set_mask(collectorMask(home.pointee.settings.dump_signal))
  unsafe dc_name_thread(collectorName())
  // From here on its descriptors are its own, whatever the service closes, reopens or exhausts.
  _ = dc_own_descriptors()
  occupyStandardDescriptors()
  unsafe arena.pointee.collector_tid = dc_gettid()
  unsafe arena.pointee.state_descriptor = -1
  unsafe arena.pointee.directory_descriptor = -1
  unsafe arena.pointee.main_stack_end = unsafe home.pointee.main_stack_end
  guard unsafe CollectorMemory(home: home, arena: arena).reserve() else {
    unsafe FutexWord(dc_arena_collector_state(arena)).set(CollectorPhase.ended)
    return
  }
  unsafe openDirectory(home, arena)
  unsafe warmUp(home, arena)
  unsafe FutexWord(dc_arena_collector_state(arena)).set(CollectorPhase.ready)
  unsafe serveProtected(home, arena)
  if let scratch = unsafe arena.pointee.scratch {
    unsafe StateFile(home: home, arena: arena, scratch: scratch).remove()
  }
  if unsafe arena.pointee.directory_descriptor >= 0 {
    unsafe dc_close(arena.pointee.directory_descriptor)
  }
  if unsafe arena.pointee.state_descriptor >= 0 { unsafe dc_close(arena.pointee.state_descriptor) }
  unsafe CollectorMemory(home: home, arena: arena).release()
  unsafe FutexWord(dc_arena_collector_state(arena)).set(CollectorPhase.ended)
}

/// Keeps 0, 1 and 2 free of our own files: whoever writes to standard error writes to 2.
@_noLocks
private func occupyStandardDescriptors() {
  var count = 0
  while count < 3 {
    _ = openText("/dev/null")
    count &+= 1
  }
}

@_noLocks @inline(__always)
private func collectorName() -> UnsafePointer<CChar> {
  let name: StaticString = "dumpcollect"
  return unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
}

@_noLocks
private func openDirectory(_ home: Home, _ arena: Arena) {
  guard let scratch = unsafe arena.pointee.scratch else { return }
  unsafe arena.pointee.last_errno = 0
  let isOpen = unsafe CaptureDirectory(home: home, arena: arena, scratch: scratch).open()
  unsafe arena.pointee.is_degraded =
    unsafe isOpen && home.pointee.unwind.address_space != nil ? 0 : 1
  unsafe StateFile(home: home, arena: arena, scratch: scratch).publishFlags()
}

/// Walks the collector's own stack once, so that everything libunwind does only the first time is done.
///
/// Its outermost frame is that of every thread that libc starts: walks are checked by it.
@_noLocks
func warmUp(_ home: Home, _ arena: Arena) {
  guard unsafe home.pointee.unwind.address_space != nil, unsafe arena.pointee.is_child == 0,
    let memory = unsafe WalkMemory(home: home, arena: arena)
  else { return }
  memory.cache.flush()
  unsafe memory.quiet[dc_register_sp] = dc_frame_address() &- 64
  unsafe memory.quiet[dc_register_bp] = dc_frame_address()
  unsafe memory.quiet[dc_register_pc] = dc_own_code_address()
  var context = unsafe WalkContext(
    registers: memory.quiet,
    knowsAllRegisters: true,
    copy: nil,
    copyStart: 0,
    copyCount: 0,
    cache: memory.cache
  )
  var walk = memory.walk
  unsafe walk.run(dc_home_unwind(home), memory.cursor, &context)
  if walk.end == WalkEnd.outermost, walk.count > 1 {
    unsafe home.pointee.thread_begin = unsafe walk.addresses[walk.count &- 1]
  }
}
