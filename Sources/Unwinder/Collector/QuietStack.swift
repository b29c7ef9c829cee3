import CUnwind

/// Copies the stack of a thread that is not signalled: all of one moment, or marked.
///
/// A sleeping thread's stack pointer and program counter stand in /proc/PID/task/TID/syscall. It may wake at any moment: the
/// copy is right if the thread was not switched out in between and does not run now.
@safe struct QuietStack {
  let files: ThreadFiles
  private let memory: UnsafeMutablePointer<UInt8>
  private let capacity: Int

  private static var attempts: Int { @_noLocks @inline(__always) get { 3 } }
  /// Bytes in front for the texts of /proc.
  private static var textSize: Int { @_noLocks @inline(__always) get { 8192 } }

  @_noLocks
  init(directory: Int32, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    files = unsafe ThreadFiles(
      directory: directory,
      scratch: scratch,
      scratchSize: Self.textSize
    )
    unsafe memory = unsafe scratch + Self.textSize
    capacity = scratchSize &- Self.textSize
  }

  /// What a thread's walk begins with, in the registers given; nil for one that runs or is gone: its status says so.
  @_noLocks
  func read(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ registers: UnsafeMutablePointer<UInt64>,
    _ cache: LineCache
  ) -> WalkContext? {
    unsafe thread.pointee.doubt = 0
    var attempt = 0
    var result: WalkContext?
    while attempt < Self.attempts {
      attempt &+= 1
      guard let before = unsafe files.activity(of: thread.pointee.tid), !before.isOver else {
        unsafe thread.pointee.status = ThreadStatus.exited
        unsafe thread.pointee.reason = ThreadReason.exited
        return nil
      }
      unsafe files.readSyscall(thread)
      guard unsafe thread.pointee.in_syscall == SyscallSample.blocked else {
        result = nil
        continue
      }
      result = unsafe copy(thread, registers, cache)
      if unsafe isUnchanged(thread, since: before) { return result }
    }
    guard result != nil else {
      unsafe thread.pointee.status = ThreadStatus.noAnswer
      return nil
    }
    unsafe thread.pointee.doubt = 1
    return result
  }

  @_noLocks
  private func isUnchanged(_ thread: UnsafeMutablePointer<dc_thread>, since before: ThreadActivity)
    -> Bool
  {
    guard let after = unsafe files.activity(of: thread.pointee.tid) else { return false }
    return after.isUnchanged(since: before)
  }

  @_noLocks
  private func copy(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ registers: UnsafeMutablePointer<UInt64>,
    _ cache: LineCache
  ) -> WalkContext {
    let pointer = unsafe thread.pointee.stack_pointer
    unsafe registers[dc_register_sp] = pointer
    unsafe registers[dc_register_pc] = unsafe thread.pointee.program_counter
    let start = pointer &- StackCopy.redZone
    // Up to the end of its mapping: where the stack ends is not known here.
    let count = unsafe dc_read_memory(start, memory, capacity)
    var context = unsafe WalkContext(
      registers: registers,
      knowsAllRegisters: false,
      copy: memory,
      copyStart: start,
      copyCount: UInt64(truncatingIfNeeded: max(count, 0)),
      cache: cache
    )
    unsafe takeArguments(thread, &context)
    return context
  }

  /// A system call leaves its arguments in their registers; vfork keeps its return address in one.
  @_noLocks
  private func takeArguments(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ context: inout WalkContext
  ) {
    guard unsafe thread.pointee.syscall >= 0 else { return }
    let arguments = unsafe dc_thread_arguments(thread)
    var index: UInt32 = 0
    while index < 6 {
      let number = dc_argument_register(index)
      unsafe context.registers[Int(number)] = unsafe arguments[Int(index)]
      context.known |= 1 &<< number
      index &+= 1
    }
  }
}
