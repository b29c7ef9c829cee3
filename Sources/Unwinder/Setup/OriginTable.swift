import CUnwind

/// The stacks that threads were created by: written by threads that create others or begin, read by the collector;
/// nobody waits for anybody.
///
/// A thread's entry is found by its id. It is the thread's own as long as it was begun no earlier than the
/// kernel started the thread: one that a thread left behind (it ended by a raw system call) is older.
@safe struct OriginTable {
  private let origins: UnsafeMutablePointer<dc_origins>

  @_noLocks
  init(_ origins: UnsafeMutablePointer<dc_origins>) { unsafe self.origins = unsafe origins }

  /// Entries looked at for one thread, and for one stack.
  private static var probes: UInt32 { @_noLocks @inline(__always) get { 64 } }
  private static var beingWritten: UInt32 { @_noLocks @inline(__always) get { ~0 } }

  /// Room for the table, once in a process's life; without it origins are not kept.
  static func reserve(_ home: Home) {
    let size = UInt64(truncatingIfNeeded: MemoryLayout<dc_origins>.size)
    guard unsafe home.pointee.origins == nil, let memory = unsafe dc_reserve(size) else { return }
    unsafe dc_wipe_on_fork(memory, size)
    unsafe home.pointee.origins = unsafe memory.assumingMemoryBound(to: dc_origins.self)
  }

  // MARK: Stacks

  /// FNV-1a over whole addresses; never 0.
  @_noLocks
  private static func hash(_ frames: UnsafePointer<UInt64>, _ count: UInt32) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    var index = 0
    while index < Int(count) {
      hash = unsafe (hash ^ frames[index]) &* 0x100_0000_01b3
      hash ^= hash &>> 29
      index &+= 1
    }
    return hash | 1
  }

  /// Finds the stack, or puts it where no thread's is; returns its index + 1, or 0.
  func note(_ frames: UnsafePointer<UInt64>, _ count: UInt32) -> UInt32 {
    let hash = unsafe Self.hash(frames, count)
    let first = UInt32(truncatingIfNeeded: hash &>> 32)
    var probe: UInt32 = 0
    while probe < Self.probes {
      let index = (first &+ probe) & UInt32(truncatingIfNeeded: dc_origin_stacks &- 1)
      let stack = unsafe dc_origins_stack(origins, index)
      probe &+= 1
      if unsafe stack.pointee.hash == hash, unsafe retain(stack) {
        if unsafe isSame(stack, hash, frames, count) { return index &+ 1 }
        unsafe release(stack)
      }
    }
    probe = 0
    while probe < Self.probes {
      let index = (first &+ probe) & UInt32(truncatingIfNeeded: dc_origin_stacks &- 1)
      let stack = unsafe dc_origins_stack(origins, index)
      probe &+= 1
      guard unsafe dc_claim32(dc_origin_references(stack), 0, Self.beingWritten) != 0 else {
        continue
      }
      unsafe stack.pointee.hash = hash
      unsafe stack.pointee.count = count
      unsafe dc_move(dc_origin_addresses(stack), frames, Int(count) &* 8)
      unsafe dc_store32(dc_origin_references(stack), 1)
      return index &+ 1
    }
    return 0
  }

  /// One reference more, unless the stack is being written.
  private func retain(_ stack: UnsafeMutablePointer<dc_origin_stack>) -> Bool {
    let references = unsafe dc_origin_references(stack)
    while true {
      let seen = unsafe dc_load32(references)
      if seen == Self.beingWritten { return false }
      if unsafe dc_claim32(references, seen, seen &+ 1) != 0 { return true }
    }
  }

  private func release(_ stack: UnsafeMutablePointer<dc_origin_stack>) {
    unsafe dc_add32(dc_origin_references(stack), ~0)
  }

  private func isSame(
    _ stack: UnsafeMutablePointer<dc_origin_stack>,
    _ hash: UInt64,
    _ frames: UnsafePointer<UInt64>,
    _ count: UInt32
  ) -> Bool {
    guard unsafe stack.pointee.hash == hash, unsafe stack.pointee.count == count else {
      return false
    }
    var index = 0
    while index < Int(count) {
      if unsafe dc_origin_addresses(stack)[index] != frames[index] { return false }
      index &+= 1
    }
    return true
  }

  /// Gives back a reference by its index + 1.
  func forget(_ stack: UInt32) {
    if stack != 0 { unsafe release(dc_origins_stack(origins, stack &- 1)) }
  }

  // MARK: Threads

  /// Makes the calling thread's entry.
  func begin(_ stack: UInt32, _ creator: Int32, _ name: UnsafePointer<CChar>)
    -> UnsafeMutablePointer<dc_thread_origin>?
  {
    let tid = UInt32(bitPattern: dc_gettid())
    guard let entry = unsafe claim(tid) else {
      forget(stack)
      return nil
    }
    unsafe entry.pointee.creator = creator
    unsafe dc_move(dc_thread_origin_name(entry), name, 16)
    unsafe entry.pointee.begin_ns = dc_clock(7)
    unsafe dc_store32(dc_thread_origin_stack(entry), stack)
    return unsafe entry
  }

  /// The entry that an earlier thread with our id left, else a free one, else that of a thread that is gone.
  private func claim(_ tid: UInt32) -> UnsafeMutablePointer<dc_thread_origin>? {
    var probe: UInt32 = 0
    while probe < Self.probes {
      let entry = unsafe dc_origins_thread(origins, tid &+ probe)
      probe &+= 1
      let owner = unsafe dc_load32(dc_thread_origin_tid(entry))
      if owner == tid || owner == 0, unsafe take(entry, from: owner, tid) {
        return unsafe entry
      }
    }
    let pid = dc_getpid()
    probe = 0
    while probe < Self.probes {
      let entry = unsafe dc_origins_thread(origins, tid &+ probe)
      probe &+= 1
      let owner = unsafe dc_load32(dc_thread_origin_tid(entry))
      if dc_probe_thread(pid, Int32(bitPattern: owner)) != 0, unsafe take(entry, from: owner, tid) {
        return unsafe entry
      }
    }
    return nil
  }

  private func take(
    _ entry: UnsafeMutablePointer<dc_thread_origin>,
    from owner: UInt32,
    _ tid: UInt32
  ) -> Bool {
    guard unsafe dc_claim32(dc_thread_origin_tid(entry), owner, tid) != 0 else { return false }
    forget(unsafe dc_load32(dc_thread_origin_stack(entry)))
    unsafe dc_store32(dc_thread_origin_stack(entry), 0)
    return true
  }

  /// Gives the calling thread's entry back.
  ///
  /// A forked child's table is wiped: its entry is nobody's.
  func end(_ entry: UnsafeMutablePointer<dc_thread_origin>) {
    let tid = UInt32(bitPattern: dc_gettid())
    guard unsafe dc_load32(dc_thread_origin_tid(entry)) == tid else { return }
    let stack = unsafe dc_load32(dc_thread_origin_stack(entry))
    unsafe dc_store32(dc_thread_origin_stack(entry), 0)
    unsafe dc_store32(dc_thread_origin_tid(entry), 0)
    forget(stack)
  }

  // MARK: The collector's side

  /// Writes a thread's origin as field 20 of its record.
  @_noLocks
  func write(_ thread: UnsafeMutablePointer<dc_thread>, to record: inout ProtobufWriter) {
    guard let entry = unsafe find(thread) else { return }
    let index = unsafe dc_load32(dc_thread_origin_stack(entry))
    guard index != 0 else { return }
    let stack = unsafe dc_origins_stack(origins, index &- 1)
    let count = unsafe min(stack.pointee.count, UInt32(truncatingIfNeeded: dc_origin_frames))
    let mark = record
    let message = record.beginMessage(20)
    unsafe record.field(1, signed: Int64(entry.pointee.creator))
    let name = unsafe dc_thread_origin_name(entry)
    unsafe record.field(2, text: name.asBytes, count: textLength(name, limit: 15))
    unsafe record.field(3, packed: dc_origin_addresses(stack), count: Int(count))
    record.endMessage(message)
    dc_fence()
    // The thread has held its reference all the while, so the stack was nobody else's.
    let isStill = unsafe dc_load32(dc_thread_origin_stack(entry)) == index
    if unsafe !isStill
      || dc_load32(dc_thread_origin_tid(entry)) != UInt32(bitPattern: thread.pointee.tid)
    {
      record = mark
    }
  }

  @_noLocks
  private func find(_ thread: UnsafeMutablePointer<dc_thread>)
    -> UnsafeMutablePointer<dc_thread_origin>?
  {
    let tid = unsafe UInt32(bitPattern: thread.pointee.tid)
    var probe: UInt32 = 0
    while probe < Self.probes {
      let entry = unsafe dc_origins_thread(origins, tid &+ probe)
      probe &+= 1
      guard unsafe dc_load32(dc_thread_origin_tid(entry)) == tid else { continue }
      // Both count from the boot; a clock tick is 10 ms.
      let begin = unsafe UInt64(bitPattern: entry.pointee.begin_ns) / 10_000_000
      return unsafe begin >= thread.pointee.start_ticks ? entry : nil
    }
    return nil
  }
}

/// For `ThreadStart.c`.
@c @implementation
func dc_note_origin(
  _ origins: UnsafeMutablePointer<dc_origins>?,
  _ frames: UnsafePointer<UInt64>?,
  _ count: UInt32
) -> UInt32 {
  guard let origins = unsafe origins, let frames = unsafe frames, count > 0 else { return 0 }
  return unsafe OriginTable(origins).note(frames, count)
}

/// For `ThreadStart.c`.
@c @implementation
func dc_forget_origin(_ origins: UnsafeMutablePointer<dc_origins>?, _ stack: UInt32) {
  if let origins = unsafe origins { unsafe OriginTable(origins).forget(stack) }
}

/// For `ThreadStart.c`.
@c @implementation
func dc_begin_thread_origin(
  _ origins: UnsafeMutablePointer<dc_origins>?,
  _ stack: UInt32,
  _ creator: Int32,
  _ name: UnsafePointer<CChar>?
) -> UnsafeMutablePointer<dc_thread_origin>? {
  guard let origins = unsafe origins, let name = unsafe name, stack != 0 else { return nil }
  return unsafe OriginTable(origins).begin(stack, creator, name)
}

/// For `AlternateStack.c`.
@c @implementation
func dc_end_thread_origin(
  _ origins: UnsafeMutablePointer<dc_origins>?,
  _ entry: UnsafeMutablePointer<dc_thread_origin>?
) {
  if let origins = unsafe origins, let entry = unsafe entry {
    unsafe OriginTable(origins).end(entry)
  }
}
