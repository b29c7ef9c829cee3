import CUnwind

/// The file of a capture from its creation under a partial name to its publication.
@safe struct CaptureOutput {
  let home: Home
  let arena: Arena
  private let name: CaptureName
  private let scratch: UnsafeMutablePointer<UInt8>
  private let directory: Int32
  private let prunes: Bool
  private(set) var descriptor: Int32 = -1
  /// 0 or an errno.
  private(set) var failure: Int32 = 0

  private static var suffix: StaticString { @_noLocks @inline(__always) get { ".partial" } }
  private static var attempts: Int { @_noLocks @inline(__always) get { 1000 } }

  @_noLocks
  init(home: Home, arena: Arena, time: Int64, scratch: UnsafeMutablePointer<UInt8>) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe arena.pointee.names ?? scratch
    directory = unsafe arena.pointee.directory_descriptor
    prunes = true
    name = unsafe CaptureName(time: time, pid: arena.pointee.pid)
  }

  /// For a file that another thread than the collector writes: in a directory that it has opened itself, with
  /// 512 bytes of its own for the names.
  @_noLocks
  init(home: Home, arena: Arena, time: Int64, names: UnsafeMutablePointer<UInt8>, directory: Int32)
  {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe scratch = unsafe names
    self.directory = directory
    prunes = false
    name = unsafe CaptureName(time: time, pid: arena.pointee.pid)
  }

  /// Two names in the memory given: the partial one and the final one.
  @_noLocks
  private func makeName(_ index: Int, isPartial: Bool) -> UnsafePointer<CChar> {
    var text = unsafe TextBuilder(scratch + index &* 256, capacity: 256)
    unsafe name.append(to: &text, sequence: arena.pointee.sequence)
    if isPartial { text.append(Self.suffix) }
    return unsafe text.terminated()
  }

  /// Creates the file; processes of several containers may share directory and pid.
  @_noLocks
  mutating func open() -> Bool {
    var attempt = 0
    while attempt < Self.attempts {
      unsafe arena.pointee.sequence &+= 1
      attempt &+= 1
      let result = unsafe dc_open_at(
        directory,
        makeName(0, isPartial: true),
        dc_flags_create,
        0o600
      )
      descriptor = Int32(truncatingIfNeeded: result)
      if result >= 0 { return true }
      failure = 0 &- descriptor
      if failure != ErrorNumber.exists { return false }
    }
    return false
  }

  /// Takes the file away: another capture takes the place of this one.
  @_noLocks
  mutating func discard() -> Int32 {
    dc_close(descriptor)
    unsafe dc_unlink_at(directory, dcText(0))
    return ErrorNumber.cancelled
  }

  /// Gives the file its name once its last byte is written; 0 or an errno.
  ///
  /// `keepsPartial`: a file that could not be written to its end stays, under its partial name.
  @_noLocks
  mutating func publish(_ writeFailure: Int32, keepsPartial: Bool) -> Int32 {
    dc_close(descriptor)
    let partial = unsafe dcText(0)
    guard writeFailure == 0 else {
      // A live capture can be asked for again: half a file would only fill the disk further.
      if !keepsPartial { unsafe dc_unlink_at(directory, partial) }
      return writeFailure
    }
    var attempt = 0
    while attempt < Self.attempts {
      let final = unsafe makeName(1, isPartial: false)
      let result = unsafe give(partial, final, directory)
      if result == 0 {
        unsafe notePublished(final)
        // Where it is not the collector that writes, pruning waits for the next capture.
        guard prunes else { return 0 }
        unsafe Retention(
          home: home,
          directory: directory,
          scratch: arena.pointee.scratch ?? scratch,
          scratchSize: Int(truncatingIfNeeded: arena.pointee.scratch_size)
        ).enforce(keeping: final)
        return 0
      }
      guard result == -Int(ErrorNumber.exists) else {
        unsafe dc_unlink_at(directory, partial)
        return Int32(truncatingIfNeeded: 0 &- result)
      }
      unsafe arena.pointee.sequence &+= 1
      attempt &+= 1
    }
    unsafe dc_unlink_at(directory, partial)
    return ErrorNumber.exists
  }

  @_noLocks
  private func dcText(_ index: Int) -> UnsafePointer<CChar> {
    unsafe UnsafeRawPointer(scratch + index &* 256).assumingMemoryBound(to: CChar.self)
  }

  /// Renames without replacing; where the file system cannot, by a second link.
  @_noLocks
  private func give(
    _ partial: UnsafePointer<CChar>,
    _ final: UnsafePointer<CChar>,
    _ directory: Int32
  ) -> Int {
    let result = unsafe dc_rename_at(directory, partial, final, 1)
    guard result == -Int(ErrorNumber.invalid) else { return result }
    let linked = unsafe dc_link_at(directory, partial, final)
    if linked == 0 { unsafe dc_unlink_at(directory, partial) }
    return linked
  }

  @_noLocks
  private func notePublished(_ final: UnsafePointer<CChar>) {
    let capacity = dc_path_size
    let version = unsafe dc_arena_last_capture_version(arena)
    unsafe dc_add32(version, 1)
    var path = unsafe TextBuilder(dc_arena_last_capture(arena), capacity: capacity)
    unsafe path.append(cString: dc_directory(home, arena.pointee.directory_index))
    path.append(byte: 0x2f)
    unsafe path.append(cString: final)
    _ = unsafe path.terminated()
    unsafe dc_add32(version, 1)
  }
}
