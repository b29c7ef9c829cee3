import CUnwind

/// Walks one thread and writes its record.
@safe struct ThreadRecord {
  let home: Home
  let arena: Arena
  let cache: LineCache
  let unwinder: RowUnwinder
  /// libunwind's cursor, dc_unwind_cursor_size bytes.
  let cursor: UnsafeMutableRawPointer
  let quietStack: QuietStack
  let tickNanoseconds: UInt64
  /// CLOCK_REALTIME of the boot, nanoseconds: what start times are counted from.
  let bootTime: UInt64

  @_noLocks
  init(
    home: Home,
    arena: Arena,
    cache: LineCache,
    unwinder: RowUnwinder,
    cursor: UnsafeMutableRawPointer,
    quietStack: QuietStack,
    tickNanoseconds: UInt64,
    bootTime: UInt64
  ) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.cache = cache
    self.unwinder = unwinder
    unsafe self.cursor = unsafe cursor
    self.quietStack = quietStack
    self.tickNanoseconds = tickNanoseconds
    self.bootTime = bootTime
  }

  /// Registers and copy of the thread, or what /proc said of a thread that did not answer.
  @_noLocks
  private func context(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ quiet: UnsafeMutablePointer<UInt64>
  ) -> WalkContext? {
    if let crasher = unsafe crasher(thread) {
      // A copy: the walk may begin with the registers of the caller.
      unsafe dc_move(quiet, dc_crasher_registers(crasher), dc_register_count &* 8)
      return unsafe crashContext(crasher, thread.pointee.slot, quiet)
    }
    if unsafe thread.pointee.status == ThreadStatus.captured, let slots = unsafe arena.pointee.slots
    {
      let slot = unsafe slots + Int(truncatingIfNeeded: thread.pointee.slot)
      let copy = unsafe arena.pointee.pool.map {
        unsafe UnsafePointer($0 + Int(truncatingIfNeeded: slot.pointee.copy_offset))
      }
      return unsafe WalkContext(
        registers: dc_slot_registers(slot),
        knowsAllRegisters: true,
        copy: copy,
        copyStart: slot.pointee.copy_address,
        copyCount: UInt64(slot.pointee.copy_count),
        cache: cache
      )
    }
    guard unsafe thread.pointee.status == ThreadStatus.quiet else { return nil }
    return unsafe quietStack.read(thread, quiet, cache)
  }

  /// What a thread that crashed has put there itself.
  @_noLocks
  private func crasher(_ thread: UnsafeMutablePointer<dc_thread>) -> Crasher? {
    guard unsafe thread.pointee.reason == ThreadReason.crashed,
      let crash = unsafe home.pointee.crash
    else { return nil }
    return unsafe dc_crash_crasher(crash, thread.pointee.slot)
  }

  @_noLocks
  private func crashContext(
    _ crasher: Crasher,
    _ place: UInt32,
    _ registers: UnsafeMutablePointer<UInt64>
  ) -> WalkContext? {
    guard let crash = unsafe home.pointee.crash else { return nil }
    var context = unsafe WalkContext(
      registers: registers,
      knowsAllRegisters: true,
      copy: CrashTable(home, crash).copy(place).map { unsafe UnsafePointer($0) },
      copyStart: crasher.pointee.copy_address,
      copyCount: UInt64(crasher.pointee.copy_count),
      cache: cache
    )
    let counter = unsafe dc_crasher_registers(crasher)[dc_register_pc]
    context.jumpedAstray =
      unsafe crasher.pointee.code > 0 && crasher.pointee.address == counter
      && (crasher.pointee.signal == SignalNumber.segmentation
        || crasher.pointee.signal == SignalNumber.bus)
    return context
  }

  /// `quiet`: 17 words for the registers of a thread that was not signalled.
  @_noLocks
  func write(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ walk: inout Walk,
    _ quiet: UnsafeMutablePointer<UInt64>,
    canUnwind: Bool,
    isLate: Bool,
    to file: inout CaptureFile
  ) {
    walk.count = 0
    walk.markCount = 0
    walk.end = WalkEnd.outermost
    // A fault of an earlier walk may have left locks of libunwind's held.
    let canUnwind = unsafe canUnwind && home.pointee.libunwind_is_broken == 0
    var context = unsafe self.context(thread, quiet)
    var isDoubtful = false
    if var found = context {
      if !isLate, unwinder.canWalk(hasLibrary: canUnwind) {
        var unwinder = unwinder
        unwinder.hasLibrary = canUnwind
        unsafe walk.run(protecting: unwinder, cursor, &found)
      } else {
        unsafe walk.append(found.registers[dc_register_pc])
        walk.mark(kind: FrameKind.exact, foundBy: FrameSource.context)
        walk.end = canUnwind ? WalkEnd.outOfTime : WalkEnd.noUnwinder
      }
      // The threads of a crash stand still until the capture is made.
      isDoubtful = unsafe found.readOutsideCopy && dc_load32(dc_arena_held(arena)) == 0
      context = found
    }
    let stackBytes = unsafe stackCount(thread, walk)
    var record = file.beginRecord(room: 16_384 &+ walk.count &* 32 &+ stackBytes)
    unsafe writeIdentity(thread, isDoubtful, &record)
    writeFrames(walk, &record)
    if let crasher = unsafe crasher(thread) {
      unsafe writeRegisters(dc_crasher_registers(crasher), &record)
      unsafe CrashRecord.writeSignal(21, crasher, &record)
    } else if stackBytes > 0, let context, context.knowsAllRegisters {
      unsafe writeRegisters(context.registers, &record)
    }
    if stackBytes > 0, let context { writeStack(context, stackBytes, &record) }
    if let labels = unsafe LabelTable(home) { unsafe labels.write(thread, to: &record) }
    if let origins = unsafe home.pointee.origins {
      unsafe OriginTable(origins).write(thread, to: &record)
    }
    file.endRecord(RecordKind.thread, record)
  }

  @_noLocks
  private func writeIdentity(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ isDoubtful: Bool,
    _ record: inout ProtobufWriter
  ) {
    unsafe record.field(1, signed: Int64(thread.pointee.tid))
    unsafe record.field(
      2,
      text: dc_thread_name(thread).asBytes,
      count: Int(thread.pointee.name_count)
    )
    var state = unsafe thread.pointee.state
    if state != 0 { unsafe record.field(3, text: &state, count: 1) }
    unsafe record.field(4, varint: UInt64(thread.pointee.status))
    unsafe writeReason(thread, isDoubtful, &record)
    unsafe record.field(6, varint: thread.pointee.user_ticks &* tickNanoseconds)
    unsafe record.field(7, varint: thread.pointee.system_ticks &* tickNanoseconds)
    if unsafe thread.pointee.in_syscall == SyscallSample.blocked {
      let message = record.beginMessage(8)
      unsafe record.field(1, signed: thread.pointee.syscall)
      if unsafe thread.pointee.syscall >= 0 {
        unsafe record.field(2, packed: dc_thread_arguments(thread), count: 6)
      }
      unsafe record.field(3, fixed64: thread.pointee.stack_pointer)
      unsafe record.field(4, fixed64: thread.pointee.program_counter)
      record.endMessage(message)
    }
    unsafe record.field(
      9,
      text: dc_thread_wchan(thread).asBytes,
      count: Int(thread.pointee.wchan_count)
    )
    unsafe record.field(17, varint: UInt64(thread.pointee.policy))
    unsafe record.field(18, varint: UInt64(thread.pointee.realtime_priority))
    unsafe record.field(19, signed: Int64(thread.pointee.nice))
    let noted = unsafe NotedTask.find(thread, home: home, arena: arena)
    record.field(22, varint: noted.id)
    record.field(23, fixed64: noted.executor)
    let start = unsafe thread.pointee.start_ticks
    if start > 0 { record.field(24, fixed64: bootTime &+ start &* tickNanoseconds) }
    unsafe writeWait(thread, &record)
  }

  /// What it waited for, unless the call that the record shows is another one by now.
  @_noLocks
  private func writeWait(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ record: inout ProtobufWriter
  ) {
    guard let waits = unsafe arena.pointee.waits,
      unsafe thread.pointee.in_syscall == SyscallSample.blocked,
      unsafe thread.pointee.syscall == thread.pointee.wait_call,
      unsafe dc_thread_arguments(thread)[0] == thread.pointee.wait_argument
    else { return }
    let flags = unsafe thread.pointee.wait_flags
    if flags & WaitFlag.words != 0 {
      let message = record.beginMessage(25)
      unsafe record.field(1, fixed64: thread.pointee.wait_argument)
      unsafe record.field(
        2,
        packed: dc_thread_words(thread),
        count: Int(truncatingIfNeeded: dc_lock_words)
      )
      record.field(3, varint: flags & WaitFlag.steady != 0 ? 1 : 0)
      let isUnmoved = flags & WaitFlag.steady != 0 && flags & WaitFlag.unmoved != 0
      record.field(4, varint: isUnmoved ? 1 : 0)
      record.endMessage(message)
    }
    var index: UInt32 = 0
    while unsafe index < thread.pointee.polled_count {
      let number = unsafe dc_waits_number(waits, thread.pointee.polled &+ index).pointee
      record.field(26, varint: UInt64(UInt32(bitPattern: number)), keepsZero: true)
      index &+= 1
    }
    unsafe record.field(27, varint: UInt64(thread.pointee.polled_more))
    if unsafe thread.pointee.wait_timeout != ~0 {
      unsafe record.field(28, varint: thread.pointee.wait_timeout, keepsZero: true)
    }
  }

  @_noLocks
  private func writeFrames(_ walk: Walk, _ record: inout ProtobufWriter) {
    unsafe record.field(10, packed: walk.addresses, count: walk.count)
    var index = 0
    while index < walk.markCount {
      let message = record.beginMessage(11)
      unsafe record.field(1, varint: UInt64(walk.marks[index].index))
      unsafe record.field(2, varint: UInt64(walk.marks[index].kind))
      unsafe record.field(3, varint: UInt64(walk.marks[index].foundBy))
      record.endMessage(message)
      index &+= 1
    }
    writeTruncation(walk, &record)
  }

  /// Stack bytes that the record is to carry: those asked for, or all where nothing could unwind.
  @_noLocks
  private func stackCount(_ thread: UnsafeMutablePointer<dc_thread>, _ walk: Walk) -> Int {
    guard
      unsafe thread.pointee.status == ThreadStatus.captured
        || thread.pointee.status == ThreadStatus.quiet
    else { return 0 }
    let asked = unsafe Int(truncatingIfNeeded: home.pointee.settings.stack_bytes)
    if unsafe thread.pointee.reason == ThreadReason.noCollector { return max(asked, 0) }
    let all = Int(truncatingIfNeeded: StackCopy.limit)
    return walk.end == WalkEnd.noUnwinder ? max(asked, all) : max(asked, 0)
  }

  @_noLocks
  private func writeStack(_ context: WalkContext, _ limit: Int, _ record: inout ProtobufWriter) {
    guard let copy = unsafe context.copy else { return }
    let count = min(Int(truncatingIfNeeded: context.copyEnd &- context.copyStart), limit)
    record.field(14, fixed64: context.copyStart)
    unsafe record.field(15, bytes: copy, count: count)
  }

  @_noLocks
  private func writeRegisters(
    _ registers: UnsafePointer<UInt64>,
    _ record: inout ProtobufWriter
  ) {
    let message = record.beginMessage(13)
    unsafe record.field(1, packed: registers, count: dc_register_count)
    record.endMessage(message)
  }
}
