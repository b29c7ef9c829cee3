import CUnwind

/// Statuses of a thread, as in capture.proto.
enum ThreadStatus {
  static var captured: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var quiet: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var noAnswer: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var exited: UInt8 { @_noLocks @inline(__always) get { 3 } }
}

/// Why a thread was not signalled, or did not answer.
enum ThreadReason {
  static var none: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var quietAsked: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var waitsForSignals: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var traced: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var littleStack: UInt8 { @_noLocks @inline(__always) get { 4 } }
  static var zombie: UInt8 { @_noLocks @inline(__always) get { 5 } }
  static var exited: UInt8 { @_noLocks @inline(__always) get { 6 } }
  static var blocked: UInt8 { @_noLocks @inline(__always) get { 7 } }
  static var uninterruptible: UInt8 { @_noLocks @inline(__always) get { 8 } }
  static var silent: UInt8 { @_noLocks @inline(__always) get { 9 } }
  static var notSent: UInt8 { @_noLocks @inline(__always) get { 10 } }
  static var noSlot: UInt8 { @_noLocks @inline(__always) get { 11 } }
  /// It is in the handler of a fatal signal, and has put there itself what there is to know.
  static var crashed: UInt8 { @_noLocks @inline(__always) get { 12 } }
  static var noCollector: UInt8 { @_noLocks @inline(__always) get { 13 } }
}

/// What /proc/PID/task/TID/syscall said.
enum SyscallSample {
  /// The kernel did not say.
  static var unknown: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var running: UInt8 { @_noLocks @inline(__always) get { 1 } }
  /// Blocked, with the registers below.
  static var blocked: UInt8 { @_noLocks @inline(__always) get { 2 } }
}

/// Hands the name of each entry of a directory to `body`, as a text of C with its length; returns
/// false when the directory cannot be read.
@_noLocks @discardableResult
func forEachEntry(
  of descriptor: Int32,
  scratch: UnsafeMutablePointer<UInt8>,
  scratchSize: Int,
  _ body: (UnsafePointer<CChar>, Int) -> Void
) -> Bool {
  while true {
    let count = unsafe dc_list_directory(descriptor, scratch, scratchSize)
    if count <= 0 { return count == 0 }
    var offset = 0
    // struct linux_dirent64: inode 8, offset 8, record length 2, type 1, name.
    while offset &+ 19 < count {
      let entry = unsafe scratch + offset
      let length = unsafe Int(entry[16]) | Int(entry[17]) &<< 8
      guard length > 19 else { return false }
      let name = unsafe UnsafeRawPointer(entry + 19).assumingMemoryBound(to: CChar.self)
      unsafe body(name, textLength(name, limit: length &- 19))
      offset &+= length
    }
  }
}

/// The number a text consists of, nil when it is none.
@_noLocks
func decimal(_ text: UnsafePointer<UInt8>, count: Int) -> UInt64? {
  guard count > 0 else { return nil }
  var value: UInt64 = 0
  var index = 0
  while index < count {
    guard unsafe text[index] >= 0x30, unsafe text[index] <= 0x39 else { return nil }
    value = unsafe value &* 10 &+ UInt64(text[index] &- 0x30)
    index &+= 1
  }
  return value
}

/// The threads of the process but the handler's own.
@safe struct ThreadList {
  let arena: Arena
  /// /proc/self/task, open.
  let directory: Int32

  @_noLocks
  init(arena: Arena, directory: Int32) {
    unsafe self.arena = unsafe arena
    self.directory = directory
  }

  /// In this process alone: a forked child has the number of its parent's.
  private var guardianThread: Int32 {
    @_noLocks get {
      guard let home = unsafe dc_get_home(), unsafe arena.pointee.is_child == 0 else { return 0 }
      return unsafe home.pointee.guardian_tid
    }
  }

  /// Reads the list; false when /proc cannot be read or there is no memory for it.
  @_noLocks
  func read(scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) -> Bool {
    guard let threads = unsafe arena.pointee.threads else { return false }
    let collector = unsafe UInt64(truncatingIfNeeded: arena.pointee.collector_tid)
    let guardian = UInt64(truncatingIfNeeded: guardianThread)
    unsafe arena.pointee.thread_count = 0
    return unsafe forEachEntry(of: directory, scratch: scratch, scratchSize: scratchSize) {
      name,
      length in
      let next = unsafe arena.pointee.thread_count
      guard let tid = unsafe decimal(name.asBytes, count: length),
        tid != collector, tid != guardian,
        unsafe next < arena.pointee.thread_capacity || CollectorMemory.openThreads(arena)
      else { return }
      let thread = unsafe threads + Int(truncatingIfNeeded: next)
      unsafe dc_fill(thread, 0, MemoryLayout<dc_thread>.stride)
      unsafe thread.pointee.tid = Int32(truncatingIfNeeded: tid)
      unsafe arena.pointee.thread_count = next &+ 1
    }
  }
}
