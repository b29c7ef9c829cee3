import CUnwind

/// Reads the files of one thread below /proc/self/task.
@safe struct ThreadFiles {
  /// /proc/self/task, open: a path relative to it costs the kernel less.
  let directory: Int32
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  @_noLocks
  init(directory: Int32, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    self.directory = directory
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  /// Reads a file of a thread into the scratch memory; the count, or negative.
  ///
  /// Inlined, as every function that takes a StaticString: its length check leaves a trap behind.
  @_noLocks @inline(__always)
  private func read(_ tid: Int32, _ file: StaticString) -> Int {
    let pathSize = 64
    var path = unsafe TextBuilder(scratch + (scratchSize &- pathSize), capacity: pathSize)
    path.append(decimal: tid)
    path.append(byte: 0x2f)
    unsafe path.append(file.utf8Start, count: file.utf8CodeUnitCount)
    let descriptor = unsafe dc_open_at(directory, path.terminated(), dc_flags_read, 0)
    guard descriptor >= 0 else { return descriptor }
    let count = unsafe dc_read(
      Int32(truncatingIfNeeded: descriptor),
      scratch,
      scratchSize &- pathSize
    )
    dc_close(Int32(truncatingIfNeeded: descriptor))
    return count
  }

  /// Fields of proc(5), /proc/PID/stat: comm, state, utime, stime, starttime.
  ///
  /// False: the thread is gone.
  @_noLocks
  func readStatus(_ thread: UnsafeMutablePointer<dc_thread>) -> Bool {
    let count = unsafe read(thread.pointee.tid, "stat")
    guard count > 0 else { return false }
    // The name is in parentheses and may contain any byte, also parentheses.
    var open = 0
    while open < count, unsafe scratch[open] != 0x28 { open &+= 1 }
    var close = count &- 1
    while close > open, unsafe scratch[close] != 0x29 { close &-= 1 }
    guard close > open else { return false }
    var length = close &- open &- 1
    if length > 15 { length = 15 }
    unsafe dc_move(dc_thread_name(thread), scratch + (open &+ 1), length)
    unsafe thread.pointee.name_count = UInt8(truncatingIfNeeded: length)
    var fields = unsafe FieldReader(scratch, from: close &+ 1, to: count)
    // Field 3 is the state, 14 utime, 15 stime, 19 nice, 22 starttime, 40 rt_priority, 41 policy.
    unsafe thread.pointee.state = fields.nextByte()
    fields.skip(10)
    unsafe thread.pointee.user_ticks = fields.nextDecimal()
    unsafe thread.pointee.system_ticks = fields.nextDecimal()
    fields.skip(3)
    unsafe thread.pointee.nice = Int32(truncatingIfNeeded: fields.nextSigned())
    fields.skip(2)
    unsafe thread.pointee.start_ticks = fields.nextDecimal()
    fields.skip(17)
    unsafe thread.pointee.realtime_priority = UInt32(truncatingIfNeeded: fields.nextDecimal())
    unsafe thread.pointee.policy = UInt32(truncatingIfNeeded: fields.nextDecimal())
    return true
  }

  /// /proc/PID/syscall: `running`, or number, six arguments, stack pointer, program counter.
  @_noLocks
  func readSyscall(_ thread: UnsafeMutablePointer<dc_thread>) {
    unsafe thread.pointee.in_syscall = SyscallSample.unknown
    let count = unsafe read(thread.pointee.tid, "syscall")
    guard count > 0 else { return }
    if unsafe scratch[0] == 0x72 {
      unsafe thread.pointee.in_syscall = SyscallSample.running
      return
    }
    var fields = unsafe FieldReader(scratch, from: 0, to: count)
    let number = fields.nextSigned()
    unsafe thread.pointee.syscall = number
    if number >= 0 {
      let arguments = unsafe dc_thread_arguments(thread)
      var index = 0
      while index < 6 {
        unsafe arguments[index] = fields.nextHexadecimal()
        index &+= 1
      }
    }
    unsafe thread.pointee.stack_pointer = fields.nextHexadecimal()
    unsafe thread.pointee.program_counter = fields.nextHexadecimal()
    // A zombie shows nothing but a −1.
    if unsafe thread.pointee.stack_pointer != 0 {
      unsafe thread.pointee.in_syscall = SyscallSample.blocked
    }
  }

  /// Whether the thread is, or is again, in the call that it was sampled in.
  @_noLocks
  func isInCall(_ thread: UnsafeMutablePointer<dc_thread>) -> Bool {
    let count = unsafe read(thread.pointee.tid, "syscall")
    // `running`, or gone.
    guard count > 0, unsafe scratch[0] != 0x72 else { return false }
    var fields = unsafe FieldReader(scratch, from: 0, to: count)
    guard unsafe fields.nextSigned() == thread.pointee.wait_call else { return false }
    return unsafe fields.nextHexadecimal() == thread.pointee.wait_argument
  }

  /// Whether a thread runs, and how often it was switched out so far; nil: it is gone.
  ///
  /// From the line State and the last two of /proc/PID/status, voluntary_ctxt_switches and nonvoluntary_ctxt_switches.
  @_noLocks
  func activity(of tid: Int32) -> ThreadActivity? {
    let count = read(tid, "status")
    guard count > 0 else { return nil }
    var result = ThreadActivity()
    var index = 0
    while index &+ 8 < count {
      let line = unsafe scratch + index
      if unsafe line[0] == 0x53, unsafe line[1] == 0x74, unsafe line[5] == 0x3a {
        result.state = unsafe line[7]
      } else if unsafe line[0] == 0x76 || (line[0] == 0x6e && line[3] == 0x76) {
        var field = unsafe FieldReader(scratch, from: index, to: count)
        field.skip(1)
        result.switches &+= field.nextDecimal()
      }
      while index < count, unsafe scratch[index] != 0x0a { index &+= 1 }
      index &+= 1
    }
    return result
  }

  /// The kernel function that the thread sleeps in; `0` is none.
  @_noLocks
  func readWaitChannel(_ thread: UnsafeMutablePointer<dc_thread>) {
    let count = unsafe read(thread.pointee.tid, "wchan")
    guard count > 0, count < 64, unsafe scratch[0] != 0x30 else { return }
    unsafe dc_move(dc_thread_wchan(thread), scratch, count)
    unsafe thread.pointee.wchan_count = UInt8(truncatingIfNeeded: count)
  }

  /// What a thread does with a signal, from the lines State, SigPnd and SigBlk of /proc/PID/status.
  ///
  /// Nil: the thread is gone.
  @_noLocks
  func disposition(of signal: Int32, _ tid: Int32) -> SignalDisposition? {
    let count = read(tid, "status")
    guard count > 0 else { return nil }
    var result = SignalDisposition()
    var index = 0
    while index &+ 8 < count {
      // Not "ShdPnd:", the process's. "State:", "SigPnd:" and "SigBlk:", a tab, and a letter or sixteen digits.
      let line = unsafe scratch + index
      if unsafe line[0] == 0x53 {
        if unsafe line[1] == 0x74, unsafe line[5] == 0x3a {
          result.state = unsafe line[7]
        } else if unsafe line[1] == 0x69, unsafe line[3] == 0x50 {
          result.isPending = bit(signal, of: index &+ 7, count)
        } else if unsafe line[1] == 0x69, unsafe line[3] == 0x42 {
          result.isBlocked = bit(signal, of: index &+ 7, count)
          return result
        }
      }
      while index < count, unsafe scratch[index] != 0x0a { index &+= 1 }
      index &+= 1
    }
    return result
  }

  @_noLocks
  private func bit(_ signal: Int32, of start: Int, _ end: Int) -> Bool {
    var field = unsafe FieldReader(scratch, from: start, to: end)
    return field.nextHexadecimal() & SignalNumber.bit(signal) != 0
  }
}

/// What tells whether a thread has run between two looks at it.
struct ThreadActivity {
  /// The letter of /proc/PID/status.
  var state: UInt8 = 0
  var switches: UInt64 = 0

  @_noLocks init() {}

  /// Asleep or stopped now, and all the time since the look before.
  @_noLocks
  func isUnchanged(since before: ThreadActivity) -> Bool {
    state != 0x52 && switches == before.switches
  }

  /// Z, X: has ended.
  var isOver: Bool { @_noLocks get { state == 0x5a || state == 0x58 } }
}

/// What a thread does with a signal that was sent to it.
struct SignalDisposition {
  /// The letter of /proc/PID/status.
  var state: UInt8 = 0
  var isPending = false
  var isBlocked = false

  @_noLocks init() {}

  /// The signal waits and the thread will not take it soon: it sleeps with the signal blocked.
  ///
  /// A running thread may block it for a moment only, and one that is in our handler blocks it with
  /// nothing pending.
  var isDeaf: Bool {
    @_noLocks get { isBlocked && isPending && state != 0x52 }
  }

  /// Stopped, or asleep where no signal reaches it: D, T, t.
  var isOutOfReach: Bool {
    @_noLocks get { state == 0x44 || state == 0x54 || state == 0x74 }
  }
}

/// Reads fields of a /proc file that are separated by blanks or tabs.
///
/// Missing fields read as zero.
@safe struct FieldReader {
  private let bytes: UnsafeMutablePointer<UInt8>
  private var index: Int
  private let end: Int

  @_noLocks
  init(_ bytes: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int) {
    unsafe self.bytes = unsafe bytes
    index = start
    self.end = end
  }

  @_noLocks
  private mutating func skipBlanks() {
    while index < end, unsafe bytes[index] == 0x20 || bytes[index] == 0x09 { index &+= 1 }
  }

  @_noLocks
  mutating func skip(_ fields: Int) {
    var left = fields
    while left > 0 {
      skipBlanks()
      while index < end, unsafe bytes[index] > 0x20 { index &+= 1 }
      left &-= 1
    }
  }

  @_noLocks
  mutating func nextByte() -> UInt8 {
    skipBlanks()
    guard index < end else { return 0 }
    index &+= 1
    return unsafe bytes[index &- 1]
  }

  @_noLocks
  mutating func nextDecimal() -> UInt64 {
    skipBlanks()
    var value: UInt64 = 0
    while index < end, unsafe bytes[index] >= 0x30, unsafe bytes[index] <= 0x39 {
      value = unsafe value &* 10 &+ UInt64(bytes[index] &- 0x30)
      index &+= 1
    }
    return value
  }

  @_noLocks
  mutating func nextSigned() -> Int64 {
    skipBlanks()
    let isNegative = unsafe index < end && bytes[index] == 0x2d
    if isNegative { index &+= 1 }
    let value = Int64(truncatingIfNeeded: nextDecimal())
    return isNegative ? 0 &- value : value
  }

  /// With or without 0x in front; stops at the first byte that is no digit.
  @_noLocks
  mutating func nextHexadecimal() -> UInt64 {
    skipBlanks()
    if index &+ 1 < end, unsafe bytes[index] == 0x30, unsafe bytes[index &+ 1] == 0x78 {
      index &+= 2
    }
    var value: UInt64 = 0
    while index < end {
      let byte = unsafe bytes[index]
      var digit: UInt8
      if byte >= 0x30, byte <= 0x39 {
        digit = byte &- 0x30
      } else if byte >= 0x61, byte <= 0x66 {
        digit = byte &- 0x57
      } else {
        break
      }
      digit &= 15
      value = value &<< 4 | UInt64(digit)
      index &+= 1
    }
    return value
  }

  /// Steps over one byte if it is this one.
  @_noLocks
  mutating func skip(byte: UInt8) {
    if index < end, unsafe bytes[index] == byte { index &+= 1 }
  }

  /// Steps behind the next byte of this value, or to the end.
  @_noLocks
  mutating func skip(through byte: UInt8) {
    while index < end, unsafe bytes[index] != byte { index &+= 1 }
    if index < end { index &+= 1 }
  }

  /// What is left of the line, blanks in front skipped.
  @_noLocks
  mutating func rest() -> (start: Int, count: Int) {
    skipBlanks()
    return (index, end &- index)
  }
}
