import CUnwind

/// Memory of one process's captures, reserved at install so that no capture needs to ask for any.
///
/// Slots and pool are large reservations that take memory only where they are used: a late handler may
/// look at them at any time, so they never move. What is not used yet is closed, so that mlockall leaves it alone.
@safe struct CollectorMemory {
  let home: Home
  let arena: Arena

  @_noLocks
  init(home: Home, arena: Arena) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
  }

  private static var scratchSize: UInt64 { @_noLocks @inline(__always) get { 262_144 } }

  /// False when the process cannot have it.
  @_noLocks
  func reserve() -> Bool {
    // After an uninstall slots and pool are still there.
    guard unsafe arena.pointee.slots != nil || reserveThreads(),
      unsafe arena.pointee.pool != nil || reservePool()
    else { return false }
    let frames = unsafe Int(truncatingIfNeeded: home.pointee.settings.max_frames)
    let stack = unsafe max(
      UInt64(truncatingIfNeeded: home.pointee.settings.stack_bytes),
      StackCopy.limit
    )
    // The largest record: a thread with all its frames, marks and stack bytes.
    let bufferSize = stack &+ UInt64(truncatingIfNeeded: frames) &* 32 &+ 524_288
    guard let scratch = unsafe map(Self.scratchSize), let buffer = unsafe map(bufferSize),
      let walk = unsafe map(walkSize),
      let lines = unsafe map(UInt64(truncatingIfNeeded: LineCache.byteCount)),
      let rows = unsafe map(UInt64(truncatingIfNeeded: RowTable.byteCount)),
      let names = unsafe map(4096)
    else { return false }
    reserveCensus()
    reserveWaits()
    unsafe arena.pointee.scratch_size = Self.scratchSize
    unsafe arena.pointee.buffer_size = bufferSize
    unsafe arena.pointee.scratch = unsafe scratch
    unsafe arena.pointee.buffer = unsafe buffer
    unsafe arena.pointee.walk = unsafe walk
    unsafe arena.pointee.line_cache = unsafe lines
    unsafe arena.pointee.rows = unsafe rows
    unsafe arena.pointee.names = unsafe names
    return true
  }

  private var walkSize: UInt64 {
    @_noLocks get {
      let frames = unsafe Int(truncatingIfNeeded: home.pointee.settings.max_frames)
      return UInt64(truncatingIfNeeded: WalkMemory.byteCount(frames: frames))
    }
  }

  /// Gives back what only the collector uses; slots and pool stay for late handlers.
  @_noLocks
  func release() {
    unsafe unmap(arena.pointee.scratch, arena.pointee.scratch_size)
    unsafe unmap(arena.pointee.buffer, arena.pointee.buffer_size)
    unsafe unmap(arena.pointee.walk, walkSize)
    unsafe unmap(arena.pointee.line_cache, UInt64(truncatingIfNeeded: LineCache.byteCount))
    unsafe unmap(arena.pointee.rows, UInt64(truncatingIfNeeded: RowTable.byteCount))
    unsafe unmap(arena.pointee.names, 4096)
    unsafe arena.pointee.scratch = nil
    unsafe arena.pointee.buffer = nil
    unsafe arena.pointee.walk = nil
    unsafe arena.pointee.line_cache = nil
    unsafe arena.pointee.rows = nil
    unsafe arena.pointee.names = nil
  }

  @_noLocks
  private func unmap(_ memory: UnsafeMutablePointer<UInt8>?, _ size: UInt64) {
    if let memory = unsafe memory { unsafe dc_unmap(memory, size) }
  }

  @_noLocks
  private func map(_ size: UInt64) -> UnsafeMutablePointer<UInt8>? {
    guard let memory = unsafe dc_map(size) else { return nil }
    // Beside a forked child each write to a shared page would cost a copy.
    unsafe dc_wipe_on_fork(memory, size)
    return unsafe memory.assumingMemoryBound(to: UInt8.self)
  }

  @_noLocks
  private func reserve(_ size: UInt64) -> UnsafeMutableRawPointer? {
    guard let memory = unsafe dc_reserve_closed(size) else { return nil }
    unsafe dc_wipe_on_fork(memory, size)
    return unsafe memory
  }

  /// A quarter of a million threads, less where the address space is limited.
  @_noLocks
  private func reserveThreads() -> Bool {
    var count: UInt64 = 262_144
    while count >= 1024 {
      if let slots = unsafe reserve(
        count &* UInt64(truncatingIfNeeded: MemoryLayout<dc_slot>.stride)
      ),
        let threads = unsafe reserve(
          count &* UInt64(truncatingIfNeeded: MemoryLayout<dc_thread>.stride)
        )
      {
        unsafe arena.pointee.slots = unsafe slots.assumingMemoryBound(to: dc_slot.self)
        unsafe arena.pointee.threads = unsafe threads.assumingMemoryBound(to: dc_thread.self)
        unsafe arena.pointee.thread_reserved = UInt32(truncatingIfNeeded: count)
        return true
      }
      count /= 4
    }
    return false
  }

  /// Opens more of slots and threads; false when all that is reserved is open, or there is no memory.
  @_noLocks
  static func openThreads(_ arena: Arena) -> Bool {
    let old = unsafe arena.pointee.thread_capacity
    // A multiple of what makes whole pages of both.
    let count = unsafe min(old &+ 1024, arena.pointee.thread_reserved)
    guard count > old, let slots = unsafe arena.pointee.slots,
      let threads = unsafe arena.pointee.threads
    else { return false }
    let opened = UInt64(count &- old)
    guard
      unsafe dc_open_reserved(
        slots + Int(truncatingIfNeeded: old),
        opened &* UInt64(truncatingIfNeeded: MemoryLayout<dc_slot>.stride)
      ) == 0,
      unsafe dc_open_reserved(
        threads + Int(truncatingIfNeeded: old),
        opened &* UInt64(truncatingIfNeeded: MemoryLayout<dc_thread>.stride)
      ) == 0
    else { return false }
    unsafe arena.pointee.slot_capacity = count
    unsafe arena.pointee.thread_capacity = count
    return true
  }

  /// Without it a capture says nothing of descriptors and connections.
  @_noLocks
  private func reserveCensus() {
    let size = UInt64(truncatingIfNeeded: MemoryLayout<dc_census>.size)
    if unsafe arena.pointee.census == nil, let memory = unsafe dc_reserve(size) {
      unsafe dc_wipe_on_fork(memory, size)
      unsafe arena.pointee.census = unsafe memory.assumingMemoryBound(to: dc_census.self)
    }
  }

  /// Without it a capture says nothing of locks and of what threads wait for.
  @_noLocks
  private func reserveWaits() {
    let size = UInt64(truncatingIfNeeded: MemoryLayout<dc_waits>.size)
    if unsafe arena.pointee.waits == nil, let memory = unsafe dc_reserve(size) {
      unsafe dc_wipe_on_fork(memory, size)
      unsafe arena.pointee.waits = unsafe memory.assumingMemoryBound(to: dc_waits.self)
    }
  }

  @_noLocks
  private func reservePool() -> Bool {
    var size: UInt64 = 0x4000_0000
    while size >= 0x40_0000 {
      if let pool = unsafe reserve(size) {
        unsafe arena.pointee.pool = unsafe pool.assumingMemoryBound(to: UInt8.self)
        unsafe arena.pointee.pool_reserved = size
        return true
      }
      size /= 4
    }
    return false
  }
}
