import CUnwind

/// Looks at the threads before any of them is disturbed, and decides who may be signalled.
@safe struct ThreadSampler {
  let home: Home
  let arena: Arena
  let files: ThreadFiles

  @_noLocks
  init(home: Home, arena: Arena, files: ThreadFiles) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.files = files
  }

  /// State, times, name and system call of each thread, and whether it is to be signalled.
  @_noLocks
  func sampleAll(isQuiet: Bool) {
    guard let threads = unsafe arena.pointee.threads else { return }
    let waitChannels = unsafe WaitChannels(arena: arena, files: files)
    let waits = unsafe arena.pointee.waits.map { unsafe WaitSampler($0, arena, files) }
    waits?.begin()
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      unsafe files.readSyscall(thread)
      if unsafe files.readStatus(thread) {
        unsafe decide(thread, isQuiet: isQuiet)
        if unsafe thread.pointee.in_syscall == SyscallSample.blocked {
          unsafe waitChannels.set(thread, index: index)
          unsafe waits?.look(at: thread)
        }
      } else {
        unsafe thread.pointee.status = ThreadStatus.exited
        unsafe thread.pointee.reason = ThreadReason.exited
      }
      index &+= 1
    }
    waits?.lookAgain()
  }

  @_noLocks
  private func decide(_ thread: UnsafeMutablePointer<dc_thread>, isQuiet: Bool) {
    let state = unsafe thread.pointee.state
    if state == 0x5a || state == 0x58 {
      // A leader that called pthread_exit stays a zombie until the last thread ends.
      unsafe thread.pointee.status = ThreadStatus.exited
      unsafe thread.pointee.reason = ThreadReason.zombie
      return
    }
    var reason = ThreadReason.none
    if isQuiet {
      reason = ThreadReason.quietAsked
    } else if state == 0x74 {
      reason = ThreadReason.traced
    } else if unsafe thread.pointee.in_syscall == SyscallSample.blocked {
      if unsafe thread.pointee.syscall == SystemCallNumber.waitForSignal {
        reason = ThreadReason.waitsForSignals
      } else if unsafe !hasRoom(thread) {
        reason = ThreadReason.littleStack
      }
    }
    unsafe thread.pointee.reason = reason
    unsafe thread.pointee.status =
      reason == ThreadReason.none ? ThreadStatus.captured : ThreadStatus.quiet
  }

  /// Whether the kernel can put a signal frame below a sleeping thread's stack pointer.
  ///
  /// The main thread's stack grows by itself, down to its limit. What cannot be asked counts as room:
  /// a refusal of process_vm_readv must not silence every thread.
  @_noLocks
  private func hasRoom(_ thread: UnsafeMutablePointer<dc_thread>) -> Bool {
    let needed = unsafe home.pointee.stack_room
    let pointer = unsafe thread.pointee.stack_pointer
    let mainEnd = unsafe arena.pointee.main_stack_end
    if unsafe thread.pointee.tid == arena.pointee.pid, pointer < mainEnd {
      return mainEnd &- pointer &+ needed < dc_main_stack_limit()
    }
    guard pointer > needed else { return false }
    return dc_is_readable(pointer &- needed, pointer) != 0
  }
}

/// Numbers of system calls that this code knows by meaning.
enum SystemCallNumber {
  /// The corresponding C constant is SYS_rt_sigtimedwait: it would take our signal as data.
  static var waitForSignal: Int64 {
    @_noLocks @inline(__always) get { Int64(dc_number_sigtimedwait) }
  }
}
