import CUnwind

/// What libunwind reads while it walks one thread: its registers and the copy of its stack, and the
/// process's memory for everything else.
///
/// Its address is the argument that libunwind hands to our accessors.
@safe struct WalkContext {
  var registers: UnsafeMutablePointer<UInt64>
  /// Bit n for register n: quiet reads know the stack pointer and the program counter alone.
  var known: UInt32
  var knowsAllRegisters: Bool { @_noLocks @inline(__always) get { known == KnownRegisters.all } }
  var copy: UnsafePointer<UInt8>?
  var copyStart: UInt64
  var copyEnd: UInt64
  var cache: LineCache
  /// Stack outside the copy was read.
  var readOutsideCopy = false
  /// The thread went where there is no code: its caller's address is what the stack pointer points at.
  var jumpedAstray = false
  /// In the last step: no unwind table for the frame, a register that is not known.
  var missedTable = false
  var missedRegister = false

  @_noLocks
  init(
    registers: UnsafeMutablePointer<UInt64>,
    knowsAllRegisters: Bool,
    copy: UnsafePointer<UInt8>?,
    copyStart: UInt64,
    copyCount: UInt64,
    cache: LineCache
  ) {
    unsafe self.registers = unsafe registers
    known = knowsAllRegisters ? KnownRegisters.all : KnownRegisters.quiet
    unsafe self.copy = unsafe copy
    self.copyStart = copyStart
    copyEnd = copyStart &+ copyCount
    self.cache = cache
  }
}

/// Sets of registers, bit n for register n in DWARF numbering.
enum KnownRegisters {
  static var all: UInt32 { @_noLocks @inline(__always) get { ~0 } }
  /// What /proc tells of a thread that sleeps.
  static var quiet: UInt32 {
    @_noLocks @inline(__always) get {
      1 &<< UInt32(truncatingIfNeeded: dc_register_sp)
        | 1 &<< UInt32(truncatingIfNeeded: dc_register_pc)
    }
  }
}

/// How the frames of one thread ended.
enum WalkEnd {
  static var outermost: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var frameLimit: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var noTable: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var unknownRegister: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var unreadable: UInt8 { @_noLocks @inline(__always) get { 4 } }
  static var noProgress: UInt8 { @_noLocks @inline(__always) get { 5 } }
  static var noUnwinder: UInt8 { @_noLocks @inline(__always) get { 6 } }
  static var outOfTime: UInt8 { @_noLocks @inline(__always) get { 7 } }
  /// Without a signal, more than one stack was possible.
  static var ambiguous: UInt8 { @_noLocks @inline(__always) get { 8 } }
  /// The walk itself ran into a fault.
  static var fault: UInt8 { @_noLocks @inline(__always) get { 9 } }
}

/// A frame that is not a plain return address found by its unwind table.
struct WalkMark {
  var index: UInt32
  var kind: UInt8
  var foundBy: UInt8
}

/// Frames of the thread walked last; the memory belongs to the collector and is used again.
@safe struct Walk {
  let addresses: UnsafeMutablePointer<UInt64>
  let marks: UnsafeMutablePointer<WalkMark>
  let limit: Int
  var count = 0
  var markCount = 0
  var end: UInt8 = 0
  /// The address at which the walk could not go on.
  var stuckAt: UInt64 = 0

  @_noLocks
  init(addresses: UnsafeMutablePointer<UInt64>, marks: UnsafeMutablePointer<WalkMark>, limit: Int) {
    unsafe self.addresses = unsafe addresses
    unsafe self.marks = unsafe marks
    self.limit = limit
  }

  @_noLocks
  mutating func append(_ address: UInt64) {
    unsafe addresses[count] = address
    count &+= 1
  }

  /// Marks the frame appended last.
  @_noLocks
  mutating func mark(kind: UInt8, foundBy: UInt8) {
    unsafe marks[markCount] = WalkMark(
      index: UInt32(truncatingIfNeeded: count &- 1),
      kind: kind,
      foundBy: foundBy
    )
    markCount &+= 1
  }
}

/// Values of FrameMark in capture.proto.
enum FrameKind {
  static var returnAddress: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var exact: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var signalFrame: UInt8 { @_noLocks @inline(__always) get { 3 } }
}
enum FrameSource {
  static var table: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var context: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var framePointer: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var search: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var callSite: UInt8 { @_noLocks @inline(__always) get { 4 } }
}

/// A walk that ends with the frames it has, and the collector goes on, where an unwinder fails.
@safe private struct WalkAttempt {
  var walk: Walk
  let unwinder: RowUnwinder
  let cursor: UnsafeMutableRawPointer
  let context: UnsafeMutablePointer<WalkContext>

  @_noLocks
  init(
    _ walk: Walk,
    _ unwinder: RowUnwinder,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>
  ) {
    self.walk = walk
    self.unwinder = unwinder
    unsafe self.cursor = unsafe cursor
    unsafe self.context = unsafe context
  }
}

@_noLocks @c(dc_run_walk)
private func runWalk(_ argument: UnsafeMutableRawPointer?) {
  guard let attempt = unsafe argument?.assumingMemoryBound(to: WalkAttempt.self) else { return }
  unsafe attempt.pointee.unwinder.run(
    &attempt.pointee.walk,
    attempt.pointee.cursor,
    attempt.pointee.context
  )
}

extension Walk {
  /// Walks by the unwinder given.
  ///
  /// A fault of its costs the frames of this walk that were not found yet.
  @_noLocks
  mutating func run(
    protecting unwinder: RowUnwinder,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>
  ) {
    let counter = unsafe context.pointee.registers[dc_register_pc]
    var attempt = unsafe WalkAttempt(self, unwinder, cursor, context)
    let isBroken = unsafe dc_recover(dc_arena_recovery(unwinder.arena), runWalk, &attempt) != 0
    self = attempt.walk
    guard isBroken else { return }
    end = WalkEnd.fault
    if count > 0 { return }
    append(counter)
    mark(kind: FrameKind.exact, foundBy: FrameSource.context)
  }

  /// Walks from the context's registers to the outermost frame.
  @_noLocks
  mutating func run(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>
  ) {
    count = 0
    markCount = 0
    stuckAt = 0
    unsafe append(context.pointee.registers[dc_register_pc])
    mark(kind: FrameKind.exact, foundBy: FrameSource.context)
    if unsafe context.pointee.jumpedAstray { unsafe returnFromNowhere(context) }
    guard unsafe dc_unwind_begin(library, cursor, context) == 0 else {
      end = WalkEnd.unreadable
      return
    }
    var stackPointer: UInt64 = unsafe context.pointee.registers[dc_register_sp]
    var isInterrupted = false
    while true {
      if unsafe isTrampoline(addresses[count &- 1], context.pointee.cache) {
        if count > 1 { markSignalFrame() }
        isInterrupted = true
      }
      guard count < limit else {
        unsafe context.pointee.missedRegister = false
        let isOutermost = unsafe dc_unwind_step(library, cursor) == 0
        end =
          unsafe isOutermost && !context.pointee.missedRegister
          ? WalkEnd.outermost : WalkEnd.frameLimit
        return
      }
      if unsafe !step(library, cursor, context, isInterrupted) {
        guard end == WalkEnd.unknownRegister, unsafe !context.pointee.missedTable,
          unsafe searchFrame(library, cursor, context, stackPointer: stackPointer)
        else { return }
      }
      if isInterrupted { hideOwnFrames() }
      isInterrupted = false
      // Frames lie one above the other, except across a signal's change of stack.
      let next = unsafe dc_unwind_register(library, cursor, dc_register_sp)
      if next == stackPointer, unsafe addresses[count &- 1] == addresses[count &- 2] {
        end = WalkEnd.noProgress
        return
      }
      stackPointer = next
    }
  }

  /// Undoes a call through a pointer that led nowhere, where a return address is at the stack pointer.
  ///
  /// The context's registers become those of the caller. libunwind takes its first address as it is, so it gets one
  /// inside the call.
  @_noLocks
  private mutating func returnFromNowhere(_ context: UnsafeMutablePointer<WalkContext>) {
    let registers = unsafe context.pointee.registers
    let pointer = unsafe registers[dc_register_sp]
    var address: UInt64 = 0
    var module = dc_module()
    guard unsafe dc_unwind_read_memory(pointer, &address, context) == 0, limit > 1, address > 0,
      unsafe dc_find_module(address &- 1, &module) != 0
    else { return }
    append(address)
    mark(kind: FrameKind.returnAddress, foundBy: FrameSource.callSite)
    unsafe registers[dc_register_sp] = pointer &+ 8
    unsafe registers[dc_register_pc] = address &- 1
  }

  /// A thread that is still on its way out of the dump signal's handler shows where that interrupted it.
  @_noLocks
  private mutating func hideOwnFrames() {
    guard count > 1, unsafe addresses[count &- 2] == dc_hidden_frame() else { return }
    unsafe addresses[0] = unsafe addresses[count &- 1]
    count = 1
    markCount = 0
    mark(kind: FrameKind.exact, foundBy: FrameSource.context)
  }

  /// The frame appended last is the trampoline that a handler returns to.
  @_noLocks
  private mutating func markSignalFrame() {
    let index = UInt32(truncatingIfNeeded: count &- 1)
    var foundBy = FrameSource.table
    if markCount > 0, unsafe marks[markCount &- 1].index == index {
      markCount &-= 1
      if unsafe marks[markCount].foundBy == FrameSource.search { foundBy = FrameSource.search }
    }
    mark(kind: FrameKind.signalFrame, foundBy: foundBy)
  }

  /// Goes to the next outer frame and appends it; false at the end, whose reason is then set.
  @_noLocks
  private mutating func step(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    _ isInterrupted: Bool
  ) -> Bool {
    unsafe context.pointee.missedTable = false
    unsafe context.pointee.missedRegister = false
    let result = unsafe dc_unwind_step(library, cursor)
    let address =
      unsafe result > 0
      ? dc_unwind_register(library, cursor, dc_register_pc) : 0
    let missedTable = unsafe context.pointee.missedTable
    if result <= 0 || address == 0 {
      end = WalkEnd.outermost
      if unsafe context.pointee.missedRegister {
        end = WalkEnd.unknownRegister
      } else if missedTable {
        end = WalkEnd.noTable
      } else if result < 0 {
        end = WalkEnd.unreadable
      }
      stuckAt = unsafe addresses[count &- 1]
      return false
    }
    var module = dc_module()
    if missedTable, unsafe dc_find_module(address, &module) == 0 {
      // Guessed from a frame pointer, and not even code: the guess was wrong.
      end = WalkEnd.noTable
      stuckAt = unsafe addresses[count &- 1]
      return false
    }
    append(address)
    if isInterrupted {
      mark(kind: FrameKind.exact, foundBy: FrameSource.table)
    } else if missedTable {
      mark(kind: FrameKind.returnAddress, foundBy: FrameSource.framePointer)
    }
    return true
  }
}

/// Whether an address is where a handler returns to: `mov $SYS_rt_sigreturn, %rax; syscall`.
///
/// libunwind 1.6 tells of the frame before it, once it has stepped over it.
@_noLocks
func isTrampoline(_ address: UInt64, _ cache: LineCache) -> Bool {
  guard let first = cache.word(at: address), first == 0x0f00_0000_0fc0_c748 else { return false }
  return (cache.word(at: address &+ 8) ?? 0) & 0xff == 0x05
}

// MARK: What libunwind asks

@_noLocks @c @implementation
func dc_unwind_read_memory(
  _ address: UInt64,
  _ value: UnsafeMutablePointer<UInt64>?,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let value = unsafe value,
    let walk = unsafe context?.assumingMemoryBound(to: WalkContext.self)
  else { return -1 }
  let start = unsafe walk.pointee.copyStart
  let copied = unsafe walk.pointee.copyEnd &- start
  // Any address may be asked for, also one whose end wraps around: a register can hold anything.
  if address >= start, copied >= 8, address &- start <= copied &- 8,
    let copy = unsafe walk.pointee.copy
  {
    let offset = Int(truncatingIfNeeded: address &- start)
    unsafe value.pointee = unsafe UnsafeRawPointer(copy + offset).loadUnaligned(as: UInt64.self)
    return 0
  }
  guard let word = unsafe walk.pointee.cache.word(at: address) else { return -1 }
  if unsafe walk.pointee.copy != nil, unsafe !walk.pointee.readOutsideCopy {
    // Tables lie in modules; what does not is stack.
    var module = dc_module()
    if unsafe dc_find_module(address, &module) == 0 { unsafe walk.pointee.readOutsideCopy = true }
  }
  unsafe value.pointee = word
  return 0
}

@_noLocks @c @implementation
func dc_unwind_read_register(
  _ number: Int32,
  _ value: UnsafeMutablePointer<UInt64>?,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let value = unsafe value,
    let walk = unsafe context?.assumingMemoryBound(to: WalkContext.self)
  else { return -1 }
  let index = Int(truncatingIfNeeded: number)
  guard index >= 0, index < dc_register_count else { return -1 }
  guard unsafe walk.pointee.known & (1 &<< UInt32(truncatingIfNeeded: index)) != 0 else {
    unsafe walk.pointee.missedRegister = true
    return -1
  }
  unsafe value.pointee = unsafe walk.pointee.registers[index]
  return 0
}

/// A table was there, but says nothing about this address.
@_noLocks @c @implementation
func dc_unwind_note_missing(_ context: UnsafeMutableRawPointer?) {
  unsafe context?.assumingMemoryBound(to: WalkContext.self).pointee.missedTable = true
}

/// Finds the search table of the module around an address.
@_noLocks @c @implementation
func dc_unwind_find_table(
  _ address: UInt64,
  _ table: UnsafeMutablePointer<dc_unwind_table>?,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let table = unsafe table,
    let walk = unsafe context?.assumingMemoryBound(to: WalkContext.self)
  else { return -1 }
  guard let found = unsafe UnwindTable(around: address, walk.pointee.cache) else {
    unsafe walk.pointee.missedTable = true
    return -1
  }
  unsafe table.pointee.start = found.start
  unsafe table.pointee.end = found.end
  unsafe table.pointee.header = found.header
  unsafe table.pointee.table = found.entries
  unsafe table.pointee.table_bytes = UInt64(found.entryCount) &* 8
  return 0
}
