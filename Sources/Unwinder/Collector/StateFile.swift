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
    let page = unsafe scratch + 4096
    unsafe dc_fill(page, 0, Self.size)
    let written = unsafe dc_write(descriptor, page, Self.size)
    guard written == Self.size else {
      return written < 0 ? Int32(truncatingIfNeeded: written) : 0 &- ErrorNumber.noSpace
    }
    guard let memory = unsafe dc_map_file(descriptor, UInt64(Self.size)) else {
      return 0 &- ErrorNumber.noMemory
    }
    let state = unsafe memory.assumingMemoryBound(to: dc_state_file.self)
    let old = unsafe arena.pointee.state
    if let old = unsafe old {
      unsafe state.pointee = unsafe old.pointee
    } else {
      unsafe describe(state)
    }
    unsafe put(dc_directory(home, index), into: dc_state_file_directory(state), 1024)
    unsafe arena.pointee.state = unsafe state
    if let old = unsafe old { unsafe moveRequests(from: old, to: state) }
    return 0
  }

  /// Requests counted in the old page while the new one was filled.
  @_noLocks
  private func moveRequests(
    from old: UnsafeMutablePointer<dc_state_file>,
    to state: UnsafeMutablePointer<dc_state_file>
  ) {
    let late =
      unsafe dc_load64(dc_state_file_accepted(old)) &- dc_load64(dc_state_file_accepted(state))
    if late < 1_000_000 { unsafe dc_add64(dc_state_file_accepted(state), late) }
    // The old page stays mapped: a handler may be about to count in it.
  }

  @_noLocks
  private func describe(_ state: UnsafeMutablePointer<dc_state_file>) {
    let magic: StaticString = "DCSTATE\u{1}"
    unsafe dc_move(dc_state_file_magic(state), magic.utf8Start, 8)
    unsafe state.pointee.size = UInt32(truncatingIfNeeded: Self.size)
    unsafe state.pointee.pid = unsafe UInt32(bitPattern: arena.pointee.pid)
    let record = unsafe ProcessRecord(
      home: home,
      arena: arena,
      scratch: scratch + 8192,
      scratchSize: 4096
    )
    unsafe state.pointee.start_time = record.startTicks()
    unsafe state.pointee.dump_signal = unsafe UInt32(bitPattern: home.pointee.settings.dump_signal)
    unsafe state.pointee.thread_signal = unsafe UInt32(
      bitPattern: home.pointee.settings.thread_signal
    )
    unsafe dc_store64(dc_state_file_served(state), arena.pointee.served_here)
    unsafe put(dc_version(), into: dc_state_file_version(state), 64)
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
    guard let state = unsafe arena.pointee.state else { return }
    var flags: UInt32 = 0
    if unsafe home.pointee.armed != 0 { flags |= Flag.armed }
    if unsafe arena.pointee.is_degraded != 0 { flags |= Flag.degraded }
    unsafe dc_store32(dc_state_file_flags(state), flags)
  }

  /// Notes the end of a capture and wakes who waits for it.
  @_noLocks
  func publishEnd(_ failure: Int32, _ accepted: UInt64, duration: Int64) {
    guard let state = unsafe arena.pointee.state else { return }
    unsafe state.pointee.last_duration = UInt64(truncatingIfNeeded: duration)
    if failure == 0 {
      unsafe state.pointee.published &+= 1
      unsafe dc_store64(dc_state_file_served(state), accepted)
    } else {
      unsafe state.pointee.failed &+= 1
      unsafe state.pointee.last_errno = UInt32(bitPattern: failure)
      var text = unsafe TextBuilder(dc_state_file_last_failure(state), capacity: 256)
      text.append("capture into ")
      unsafe text.append(cString: dc_directory(home, arena.pointee.directory_index))
      text.append(" failed with errno ")
      text.append(decimal: failure)
      _ = unsafe text.terminated()
    }
    unsafe FutexWord(dc_state_file_changed(state)).bump()
  }

  /// Takes the file away at the end; the mapping stays for handlers that are still on their way.
  @_noLocks
  func remove() {
    guard let state = unsafe arena.pointee.state else { return }
    unsafe dc_store32(dc_state_file_flags(state), 0)
    if unsafe arena.pointee.directory_descriptor >= 0 {
      var name = unsafe TextBuilder(scratch, capacity: 64)
      appendName(to: &name)
      unsafe dc_unlink_at(arena.pointee.directory_descriptor, name.terminated())
    }
    unsafe FutexWord(dc_state_file_changed(state)).bump()
  }
}
