import CUnwind

/// The page by which the command finds this process and asks it (docs/signal-time.md has the layout).
///
/// It lives in the capture directory and is mapped shared, so that /proc/PID/maps shows it. The
/// collector holds a lock on it: a state file whose lock can be had belongs to nobody any more.
@safe struct StateFile {
  let home: Home
  let arena: Arena
  let scratch: UnsafeMutablePointer<UInt8>

  @_noLocks
  init(home: Home, arena: Arena, scratch: UnsafeMutablePointer<UInt8>) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
  }

  enum Flag {
    static var armed: UInt32 { @_noLocks @inline(__always) get { 1 } }
    static var crashes: UInt32 { @_noLocks @inline(__always) get { 2 } }
    static var tasks: UInt32 { @_noLocks @inline(__always) get { 4 } }
    static var degraded: UInt32 { @_noLocks @inline(__always) get { 8 } }
  }

  private static var size: Int { @_noLocks @inline(__always) get { 4096 } }

  /// Creates the file and makes it the one in use; 0 or -errno.
  @_noLocks
  func create(in directory: Int32, _ index: UInt32) -> Int32 {
    var temporary = unsafe TextBuilder(scratch, capacity: 64)
    appendName(to: &temporary)
    temporary.append(".new")
    let temporaryName = unsafe temporary.terminated()
    unsafe dc_unlink_at(directory, temporaryName)
    let descriptor = unsafe Int32(
      truncatingIfNeeded: dc_open_at(directory, temporaryName, dc_flags_create, 0o600)
    )
    guard descriptor >= 0 else { return descriptor }
    let result = fill(descriptor, index)
    guard result == 0 else {
      unsafe dc_unlink_at(directory, temporaryName)
      dc_close(descriptor)
      return result
    }
    var name = unsafe TextBuilder(scratch + 64, capacity: 64)
    appendName(to: &name)
    unsafe dc_rename_at(directory, temporaryName, name.terminated(), 0)
    if unsafe arena.pointee.state_descriptor >= 0 {
      unsafe dc_close(arena.pointee.state_descriptor)
    }
    unsafe arena.pointee.state_descriptor = descriptor
    return 0
  }

  /// Writes all 4096 bytes first: a page of a sparse file could fail to be had in a signal handler.
  @_noLocks
  private func fill(_ descriptor: Int32, _ index: UInt32) -> Int32 {
    _ = dc_lock_file(descriptor)
    let shadow = unsafe dc_arena_shadow(arena)
    unsafe describe(shadow)
    unsafe put(dc_directory(home, index), into: dc_state_file_directory(shadow), 1024)
    let accepted = unsafe CaptureRequest.lastAccepted(arena)
    unsafe shadow.pointee.accepted = accepted
    let written = unsafe dc_write(descriptor, shadow, Self.size)
    guard written == Self.size else {
      return written < 0 ? Int32(truncatingIfNeeded: written) : 0 &- ErrorNumber.noSpace
    }
    guard let memory = unsafe dc_map_file(descriptor, UInt64(Self.size)) else {
      return 0 &- ErrorNumber.noMemory
    }
    let old = unsafe arena.pointee.state
    let state = unsafe memory.assumingMemoryBound(to: dc_state_file.self)
    // What is counted there goes on counting: handlers add to it at any time.
    if unsafe old == nil { unsafe dc_add64(dc_arena_accepted_here(arena), 0 &- accepted) }
    unsafe arena.pointee.state = unsafe state
    if unsafe old != nil {
      // The old page stays mapped: a handler may be about to count in it, and is looked for with each request.
      unsafe arena.pointee.retired = unsafe old
      unsafe arena.pointee.retired_count = accepted
    }
    return 0
  }

  @_noLocks
  private func describe(_ shadow: UnsafeMutablePointer<dc_state_file>) {
    let magic: StaticString = "DCSTATE\u{1}"
    unsafe dc_move(dc_state_file_magic(shadow), magic.utf8Start, 8)
    unsafe shadow.pointee.size = UInt32(truncatingIfNeeded: Self.size)
    unsafe shadow.pointee.pid = unsafe UInt32(bitPattern: arena.pointee.pid)
    let record = unsafe ProcessRecord(
      home: home,
      arena: arena,
      scratch: scratch + 8192,
      scratchSize: 4096
    )
    unsafe shadow.pointee.start_time = record.startTicks()
    unsafe shadow.pointee.dump_signal = unsafe UInt32(bitPattern: home.pointee.settings.dump_signal)
    unsafe shadow.pointee.thread_signal = unsafe UInt32(
      bitPattern: home.pointee.settings.thread_signal
    )
    unsafe put(dc_version(), into: dc_state_file_version(shadow), 64)
  }

  @_noLocks
  private func appendName(to text: inout TextBuilder) {
    text.append(".dumpcollect.")
    unsafe text.append(decimal: arena.pointee.pid)
    text.append(".state")
  }

  @_noLocks
  private func put(
    _ text: UnsafePointer<CChar>,
    into field: UnsafeMutablePointer<CChar>,
    _ capacity: Int
  ) {
    var builder = unsafe TextBuilder(field, capacity: capacity)
    unsafe builder.append(cString: text)
    _ = unsafe builder.terminated()
  }

  /// Shows who is armed and whether something is missing.
  @_noLocks
  func publishFlags() {
    let shadow = unsafe dc_arena_shadow(arena)
    var flags: UInt32 = 0
    if unsafe home.pointee.armed != 0 { flags |= Flag.armed }
    if unsafe home.pointee.crash_armed != 0 { flags |= Flag.crashes }
    if unsafe TaskPart.canDecode(home) { flags |= Flag.tasks }
    if unsafe arena.pointee.is_degraded != 0 { flags |= Flag.degraded }
    unsafe shadow.pointee.flags = flags
    storeWords(from: 24, to: 32)
  }

  /// Notes the end of a capture and wakes who waits for it.
  @_noLocks
  func publishEnd(_ failure: Int32, _ accepted: UInt64, duration: Int64) {
    let shadow = unsafe dc_arena_shadow(arena)
    unsafe shadow.pointee.last_duration = UInt64(truncatingIfNeeded: duration)
    if failure == 0 {
      unsafe shadow.pointee.published &+= 1
      unsafe shadow.pointee.served = accepted
      unsafe put(dc_arena_last_capture(arena), into: dc_state_file_last_capture(shadow), 1024)
    } else {
      unsafe shadow.pointee.failed &+= 1
      unsafe shadow.pointee.last_errno = UInt32(bitPattern: failure)
      unsafe describeFailure(failure, in: dc_state_file_last_failure(shadow))
    }
    unsafe shadow.pointee.changed &+= 1
    // The texts first: who sees the numbers change reads them.
    storeTexts()
    storeWords(from: 48, to: 88)
    wake()
  }

  @_noLocks
  private func describeFailure(_ failure: Int32, in field: UnsafeMutablePointer<CChar>) {
    var text = unsafe TextBuilder(field, capacity: 256)
    text.append("capture into ")
    unsafe text.append(cString: dc_directory(home, arena.pointee.directory_index))
    text.append(" failed with errno ")
    text.append(decimal: failure)
    _ = unsafe text.terminated()
  }

  /// Takes the file away at the end; the mapping stays for handlers that are still on their way.
  @_noLocks
  func remove() {
    let shadow = unsafe dc_arena_shadow(arena)
    unsafe shadow.pointee.flags = 0
    unsafe shadow.pointee.changed &+= 1
    storeWords(from: 24, to: 32)
    storeWords(from: 72, to: 80)
    wake()
    guard unsafe arena.pointee.directory_descriptor >= 0 else { return }
    var name = unsafe TextBuilder(scratch, capacity: 64)
    appendName(to: &name)
    // Containers that share a directory may share process ids too: only our own file goes.
    var opened = dc_file_status()
    var named = dc_file_status()
    var empty: CChar = 0
    let directory = unsafe arena.pointee.directory_descriptor
    if unsafe dc_status_at(arena.pointee.state_descriptor, &empty, &opened) == 0,
      unsafe dc_status_at(directory, name.terminated(), &named) == 0,
      opened.inode == named.inode, opened.device == named.device
    {
      unsafe dc_unlink_at(directory, name.terminated())
    }
  }

  /// Puts bytes of the shadow into the file by whole words, of which readers see each whole.
  @_noLocks
  private func storeWords(from start: Int, to end: Int) {
    guard let state = unsafe arena.pointee.state else { return }
    let from = unsafe UnsafeMutableRawPointer(dc_arena_shadow(arena))
    let into = UnsafeMutableRawPointer(state)
    var offset = start
    while offset < end {
      let word = unsafe (into + offset).assumingMemoryBound(to: UInt64.self)
      let value = unsafe (from + offset).load(as: UInt64.self)
      guard unsafe dc_store64_in_file(word, value) != 0 else { return }
      offset &+= 8
    }
  }

  @_noLocks
  private func storeTexts() {
    guard let state = unsafe arena.pointee.state else { return }
    let from = unsafe UnsafeRawPointer(dc_arena_shadow(arena))
    _ = unsafe dc_copy(UnsafeMutableRawPointer(state) + 1344, from + 1344, 1280)
  }

  @_noLocks
  private func wake() {
    guard let state = unsafe arena.pointee.state else { return }
    unsafe dc_futex_wake(dc_state_file_changed(state))
  }
}
