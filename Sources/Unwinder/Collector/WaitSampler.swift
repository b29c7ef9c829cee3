import CUnwind

/// What the collector found out about a thread's wait.
enum WaitFlag {
  /// `words` were read.
  static var words: UInt32 { @_noLocks @inline(__always) get { 1 } }
  /// One of them names a thread, or may: they are read again.
  static var owned: UInt32 { @_noLocks @inline(__always) get { 2 } }
  /// They were, and what differed is left out.
  static var steady: UInt32 { @_noLocks @inline(__always) get { 4 } }
  /// The thread slept in its call when the words were read again.
  static var asleep: UInt32 { @_noLocks @inline(__always) get { 8 } }
  /// And did not run from before then until after it.
  static var unmoved: UInt32 { @_noLocks @inline(__always) get { 16 } }
}

/// Reads what sleeping threads wait for: the words of locks, the descriptors of poll, how long.
///
/// All of it before any thread is signalled. A lock's words are read a second time, of all such locks together, and
/// what differs is left out. Threads that wait and are waited for themselves may be part of a circle: of these it
/// is made sure that none ran while the words were read again. All circles are among them, and each is one of one moment.
@safe struct WaitSampler {
  let waits: UnsafeMutablePointer<dc_waits>
  let arena: Arena
  let files: ThreadFiles

  /// Threads of which it is made sure that they did not run.
  private static var unmovedLimit: Int { @_noLocks @inline(__always) get { 4096 } }

  @_noLocks
  init(_ waits: UnsafeMutablePointer<dc_waits>, _ arena: Arena, _ files: ThreadFiles) {
    unsafe self.waits = unsafe waits
    unsafe self.arena = unsafe arena
    self.files = files
  }

  /// Forgets the last capture, and notes the ids of the threads.
  @_noLocks
  func begin() {
    unsafe waits.pointee.number_count = 0
    unsafe waits.pointee.awaited_count = 0
    unsafe waits.pointee.text_count = 0
    unsafe waits.pointee.skipped = 0
    unsafe dc_fill(dc_waits_threads(waits), 0, Int(dc_waits_bits))
    unsafe dc_fill(dc_waits_owners(waits), 0, Int(dc_waits_bits))
    unsafe forEachThread { thread in
      unsafe Self.add(UInt32(bitPattern: thread.pointee.tid), to: dc_waits_threads(waits))
      // No call, until one is looked at: 0 is read(2).
      unsafe thread.pointee.wait_call = -1
      unsafe thread.pointee.wait_timeout = ~0
    }
  }

  /// Reads what a thread waits for that was found asleep in a system call.
  @_noLocks
  func look(at thread: UnsafeMutablePointer<dc_thread>) {
    let call = unsafe thread.pointee.syscall
    let arguments = unsafe dc_thread_arguments(thread)
    unsafe thread.pointee.wait_call = call
    unsafe thread.pointee.wait_argument = unsafe arguments[0]
    unsafe thread.pointee.wait_timeout = ~0
    if call == Int64(dc_number_futex) {
      unsafe lookAtLock(thread, arguments)
    } else if call == Int64(dc_number_poll) || call == Int64(dc_number_ppoll) {
      unsafe readPolled(thread, at: arguments[0], count: arguments[1])
      if call == Int64(dc_number_ppoll) { unsafe readTimeout(thread, at: arguments[2]) }
    } else if call == Int64(dc_number_select) || call == Int64(dc_number_pselect6) {
      unsafe readSelected(thread, arguments)
      // struct timeval or struct timespec.
      let unit: UInt64 = call == Int64(dc_number_select) ? 1000 : 1
      unsafe readTimeout(thread, at: arguments[4], unit: unit)
    } else if call == Int64(dc_number_nanosleep) {
      unsafe readTimeout(thread, at: arguments[0])
    } else if call == Int64(dc_number_clock_nanosleep) {
      // Not TIMER_ABSTIME.
      if unsafe arguments[1] & 1 == 0 { unsafe readTimeout(thread, at: arguments[2]) }
    } else if call == Int64(dc_number_epoll_pwait2) {
      unsafe readTimeout(thread, at: arguments[3])
    }
  }

  @_noLocks
  private func forEachThread(_ body: (UnsafeMutablePointer<dc_thread>) -> Void) {
    guard let threads = unsafe arena.pointee.threads else { return }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      unsafe body(threads + index)
      index &+= 1
    }
  }

  /// `struct timespec` at an address; a null pointer is no limit of time.
  @_noLocks
  private func readTimeout(
    _ thread: UnsafeMutablePointer<dc_thread>,
    at address: UInt64,
    unit: UInt64 = 1
  ) {
    guard address != 0 else { return }
    var time: (seconds: UInt64, rest: UInt64) = (0, 0)
    guard unsafe dc_read_memory(address, &time, 16) == 16, time.seconds < 1 &<< 33 else { return }
    unsafe thread.pointee.wait_timeout = time.seconds &* 1_000_000_000 &+ time.rest &* unit
  }
}

// MARK: - Locks

extension WaitSampler {
  @_noLocks
  private func lookAtLock(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ arguments: UnsafeMutablePointer<UInt64>
  ) {
    // FUTEX_WAIT's timeout is relative, FUTEX_WAIT_BITSET's and those of the others are points of time.
    if unsafe arguments[1] & 127 == 0 { unsafe readTimeout(thread, at: arguments[3]) }
    let words = unsafe dc_thread_words(thread)
    guard unsafe readWords(at: arguments[0], into: words) else { return }
    var flags = WaitFlag.words
    if unsafe noteOwners(words, operation: arguments[1] & 127) { flags |= WaitFlag.owned }
    unsafe thread.pointee.wait_flags = flags
  }

  /// The words around the one at an address, as capture.proto has them; false where that one cannot be read.
  @_noLocks
  private func readWords(at address: UInt64, into words: UnsafeMutablePointer<UInt32>) -> Bool {
    let before = UInt64(truncatingIfNeeded: dc_lock_words_before &* 4)
    let size = Int(dc_lock_words &* 4)
    unsafe dc_fill(words, 0xff, size)
    if address & 3 != 0 || address < before { return false }
    if unsafe dc_read_memory(address &- before, words, size) < Int(before) &+ 4 {
      // Its page is the first one of its mapping.
      unsafe dc_fill(words, 0xff, size)
      let place = unsafe words + Int(dc_lock_words_before)
      guard unsafe dc_read_memory(address, place, size &- Int(before)) >= 4 else { return false }
    }
    var index = 0
    while index < Int(dc_lock_words) {
      // No thread has a larger id (PID_MAX_LIMIT); what is larger is somebody's data.
      if unsafe words[index] & 0x3fff_ffff >= 1 &<< 22 { unsafe words[index] = ~0 }
      index &+= 1
    }
    return true
  }

  /// Notes each word that is the id of a thread where a lock has its owner's; whether there is one, or was.
  @_noLocks
  private func noteOwners(_ words: UnsafeMutablePointer<UInt32>, operation: UInt64) -> Bool {
    let word = unsafe words[Int(dc_lock_words_before)]
    var isOwned = false
    // The word itself (priority-inheriting, robust, join); 8 behind it (mutex); 16, 12 and 24 (rwlock).
    var offset = 0
    while offset <= 6 {
      let candidate = unsafe words[Int(dc_lock_words_before) &+ offset] & 0x3fff_ffff
      if offset != 1, offset != 5, candidate > 1,
        unsafe Self.contains(candidate, in: dc_waits_threads(waits))
      {
        unsafe Self.add(candidate, to: dc_waits_owners(waits))
        isOwned = true
      }
      offset &+= 1
    }
    if isOwned { return true }
    // An owner that is gone: FUTEX_LOCK_PI and FUTEX_LOCK_PI2, robust words, a plain mutex (2: held, and waited for).
    let isPlain = unsafe operation == 0 && word == 2 && words[Int(dc_lock_words_before) &+ 2] > 1
    return operation == 6 || operation == 13 || word & 0x8000_0000 != 0 || isPlain
  }

  /// Reads the words of owned locks again, while those that may be part of a circle sleep.
  @_noLocks
  func lookAgain() {
    var left = Self.unmovedLimit
    unsafe forEachThread { thread in
      let id = unsafe UInt32(bitPattern: thread.pointee.tid)
      guard unsafe thread.pointee.wait_flags & WaitFlag.owned != 0, left > 0,
        unsafe Self.contains(id, in: dc_waits_owners(waits))
      else { return }
      left &-= 1
      guard let activity = unsafe files.activity(of: thread.pointee.tid),
        activity.state != 0x52, unsafe files.isInCall(thread)
      else { return }
      unsafe thread.pointee.switches = activity.switches
      unsafe thread.pointee.wait_flags |= WaitFlag.asleep
    }
    unsafe forEachThread { thread in
      if unsafe thread.pointee.wait_flags & WaitFlag.owned != 0 { unsafe readAgain(thread) }
    }
    unsafe forEachThread { thread in
      guard unsafe thread.pointee.wait_flags & WaitFlag.asleep != 0,
        let activity = unsafe files.activity(of: thread.pointee.tid), activity.state != 0x52,
        unsafe activity.switches == thread.pointee.switches
      else { return }
      unsafe thread.pointee.wait_flags |= WaitFlag.unmoved
    }
  }

  @_noLocks
  private func readAgain(_ thread: UnsafeMutablePointer<dc_thread>) {
    // Room for eleven words.
    var again = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    unsafe withUnsafeMutableBytes(of: &again) { bytes in
      guard let base = bytes.baseAddress else { return }
      let second = unsafe base.assumingMemoryBound(to: UInt32.self)
      guard unsafe readWords(at: thread.pointee.wait_argument, into: second) else { return }
      let first = unsafe dc_thread_words(thread)
      var index = 0
      while index < Int(dc_lock_words) {
        let isSame = unsafe first[index] == second[index]
        if unsafe !isSame || isOfNewcomer(first[index]) { unsafe first[index] = ~0 }
        index &+= 1
      }
      unsafe thread.pointee.wait_flags |= WaitFlag.steady
    }
  }

  /// The id of a thread that began when the list had been read: it is in no capture, but has not ended either.
  @_noLocks
  private func isOfNewcomer(_ word: UInt32) -> Bool {
    let id = word & 0x3fff_ffff
    guard word != ~0, id > 1, unsafe !Self.contains(id, in: dc_waits_threads(waits)) else {
      return false
    }
    return unsafe dc_probe_thread(arena.pointee.pid, Int32(bitPattern: id)) == 0
  }

  // MARK: Sets of thread ids, modulo 2^20

  @_noLocks
  private static func add(_ id: UInt32, to set: UnsafeMutablePointer<UInt8>) {
    let place = Int(truncatingIfNeeded: id & 0xf_ffff)
    unsafe set[place &>> 3] |= 1 &<< UInt8(truncatingIfNeeded: place & 7)
  }

  @_noLocks
  private static func contains(_ id: UInt32, in set: UnsafeMutablePointer<UInt8>) -> Bool {
    let place = Int(truncatingIfNeeded: id & 0xf_ffff)
    return unsafe set[place &>> 3] & 1 &<< UInt8(truncatingIfNeeded: place & 7) != 0
  }
}

// MARK: - Descriptors

extension WaitSampler {
  /// The descriptors of an array of `struct pollfd`: number, events, returned events.
  @_noLocks
  private func readPolled(
    _ thread: UnsafeMutablePointer<dc_thread>,
    at address: UInt64,
    count: UInt64
  ) {
    let limit = UInt64(truncatingIfNeeded: dc_waits_for_one)
    let taken = Int(truncatingIfNeeded: min(count, limit))
    guard taken > 0 else { return }
    let entries = unsafe UnsafeMutableRawPointer(files.scratch)
      .assumingMemoryBound(to: UInt64.self)
    guard unsafe dc_read_memory(address, entries, taken &* 8) == taken &* 8 else { return }
    unsafe thread.pointee.polled = waits.pointee.number_count
    var index = 0
    while index < taken {
      let number = unsafe Int32(truncatingIfNeeded: entries[index])
      // A negative one is passed over by the kernel.
      if number >= 0 { unsafe note(number, of: thread) }
      index &+= 1
    }
    let more = count > limit ? min(count &- limit, 1 &<< 30) : 0
    unsafe thread.pointee.polled_more &+= UInt32(truncatingIfNeeded: more)
  }

  /// The descriptors whose bit is set in one of select's three sets.
  @_noLocks
  private func readSelected(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ arguments: UnsafeMutablePointer<UInt64>
  ) {
    // The kernel takes whole words, and looks at the bits below the number; 1,024 descriptors are the size of fd_set.
    let limit = unsafe Int32(truncatingIfNeeded: min(arguments[0], 1024))
    let words = Int((limit &+ 63) / 64)
    guard words > 0 else { return }
    unsafe thread.pointee.polled = waits.pointee.number_count
    let all = unsafe UnsafeMutableRawPointer(files.scratch).assumingMemoryBound(to: UInt64.self)
    unsafe dc_fill(all, 0, words &* 8)
    let one = unsafe all + 16
    var set = 1
    while set <= 3 {
      if unsafe arguments[set] != 0,
        unsafe dc_read_memory(arguments[set], one, words &* 8) == words &* 8
      {
        var word = 0
        while word < words {
          unsafe all[word] |= one[word]
          word &+= 1
        }
      }
      set &+= 1
    }
    var number: Int32 = 0
    while number < limit {
      let bits = unsafe all[Int(number &>> 6)]
      if bits &>> UInt64(number & 63) & 1 != 0 { unsafe note(number, of: thread) }
      number &+= 1
    }
  }

  @_noLocks
  private func note(_ number: Int32, of thread: UnsafeMutablePointer<dc_thread>) {
    if unsafe addDescriptorNumber(number, to: waits, behind: UInt32(thread.pointee.polled_count)) {
      unsafe thread.pointee.polled_count &+= 1
    } else {
      unsafe thread.pointee.polled_more &+= 1
    }
  }
}

/// Keeps the number of a descriptor behind the last one; false where all are taken, or one thread or epoll has its share.
///
/// `count`: how many the same thread or epoll has already.
@_noLocks
func addDescriptorNumber(
  _ number: Int32,
  to waits: UnsafeMutablePointer<dc_waits>,
  behind count: UInt32
) -> Bool {
  let next = unsafe waits.pointee.number_count
  guard next < UInt32(truncatingIfNeeded: dc_waits_numbers),
    count < UInt32(truncatingIfNeeded: dc_waits_for_one)
  else { return false }
  unsafe dc_waits_number(waits, next).pointee = number
  unsafe waits.pointee.number_count = next &+ 1
  return true
}
