import CUnwind

/// Reads in which kernel function threads sleep, once for all that sleep in the same call.
///
/// Opening and reading `wchan` is a third of what /proc costs a thread, and most threads of a large service
/// wait for the same thing. Asleep in state S, in the same system call on the same descriptor (of
/// futex(2): in the same operation, at any address), threads wait in the same function.
@safe struct WaitChannels {
  let arena: Arena
  let files: ThreadFiles

  private static var count: Int { @_noLocks @inline(__always) get { dc_wait_examples } }

  /// Forgets what the last capture saw.
  @_noLocks
  init(arena: Arena, files: ThreadFiles) {
    unsafe self.arena = unsafe arena
    self.files = files
    unsafe dc_fill(dc_arena_wait_examples(arena), 0, Self.count &* 4)
  }

  /// Sets the wait channel of a thread that sleeps in a system call.
  @_noLocks
  func set(_ thread: UnsafeMutablePointer<dc_thread>, index: Int) {
    guard unsafe isShareable(thread), let threads = unsafe arena.pointee.threads else {
      unsafe files.readWaitChannel(thread)
      return
    }
    let place = unsafe dc_arena_wait_examples(arena) + hash(thread)
    let known = unsafe Int(place.pointee) &- 1
    if known >= 0, unsafe isSame(threads + known, thread) {
      let example = unsafe threads + known
      unsafe dc_move(dc_thread_wchan(thread), dc_thread_wchan(example), 64)
      unsafe thread.pointee.wchan_count = unsafe example.pointee.wchan_count
      return
    }
    unsafe files.readWaitChannel(thread)
    unsafe place.pointee = UInt32(truncatingIfNeeded: index &+ 1)
  }

  /// Calls that sleep in one place for what their first argument is.
  ///
  /// A restarted call is another one each time, and an ioctl whatever its second argument makes of it.
  @_noLocks
  private func isShareable(_ thread: UnsafeMutablePointer<dc_thread>) -> Bool {
    let number = unsafe thread.pointee.syscall
    return unsafe thread.pointee.state == 0x53 && number >= 0
      && number != Int64(dc_number_restart) && number != Int64(dc_number_ioctl)
  }

  @_noLocks
  private func object(_ thread: UnsafeMutablePointer<dc_thread>) -> UInt64 {
    let arguments = unsafe dc_thread_arguments(thread)
    return unsafe thread.pointee.syscall == Int64(dc_number_futex) ? arguments[1] : arguments[0]
  }

  @_noLocks
  private func isSame(
    _ first: UnsafeMutablePointer<dc_thread>,
    _ second: UnsafeMutablePointer<dc_thread>
  ) -> Bool {
    unsafe first.pointee.syscall == second.pointee.syscall && object(first) == object(second)
  }

  @_noLocks
  private func hash(_ thread: UnsafeMutablePointer<dc_thread>) -> Int {
    let mixed =
      unsafe (object(thread) &+ UInt64(bitPattern: thread.pointee.syscall) &<< 32)
      &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: mixed &>> 32) & (Self.count &- 1)
  }
}
