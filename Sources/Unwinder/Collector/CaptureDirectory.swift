import CUnwind

/// Finds the directory that captures go to: the first of the settings' candidates that can be written.
///
/// Asked at each capture while the first candidate is not the one in use, so that a directory that
/// appears later (a volume mounted after the start) is taken then.
@safe struct CaptureDirectory {
  let home: Home
  let arena: Arena
  let scratch: UnsafeMutablePointer<UInt8>

  @_noLocks
  init(home: Home, arena: Arena, scratch: UnsafeMutablePointer<UInt8>) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
  }

  /// Opens a directory and the state file in it; false when no candidate can be written.
  @_noLocks
  func open() -> Bool {
    let count = unsafe home.pointee.settings.directory_count
    var index: UInt32 = 0
    while index < count {
      let isOpen = unsafe arena.pointee.directory_descriptor >= 0 && arena.pointee.state != nil
      if isOpen, unsafe index == arena.pointee.directory_index, isUsable() { return true }
      let descriptor = openCandidate(index)
      if descriptor >= 0 {
        if adopt(descriptor, index) { return true }
        dc_close(descriptor)
      } else if unsafe index == 0 || arena.pointee.last_errno == 0 {
        unsafe arena.pointee.last_errno = 0 &- descriptor
      }
      index &+= 1
    }
    return false
  }

  /// Whether the path still leads to the open directory: one that was removed cannot be written.
  ///
  /// The path is opened, not looked at: its last part may be a symbolic link that has changed.
  @_noLocks
  private func isUsable() -> Bool {
    let path = unsafe dc_directory(home, arena.pointee.directory_index)
    let flags = dc_flags_directory
    let descriptor = unsafe Int32(truncatingIfNeeded: dc_open_at(dc_no_directory(), path, flags, 0))
    guard descriptor >= 0 else { return false }
    defer { dc_close(descriptor) }
    var opened = dc_file_status()
    var named = dc_file_status()
    var empty: CChar = 0
    return unsafe dc_status_at(arena.pointee.directory_descriptor, &empty, &opened) == 0
      && dc_status_at(descriptor, &empty, &named) == 0
      && opened.inode == named.inode && opened.device == named.device
  }

  @_noLocks
  private func adopt(_ descriptor: Int32, _ index: UInt32) -> Bool {
    let file = unsafe StateFile(home: home, arena: arena, scratch: scratch)
    let result = file.create(in: descriptor, index)
    guard result == 0 else {
      if unsafe index == 0 || arena.pointee.last_errno == 0 {
        unsafe arena.pointee.last_errno = 0 &- result
      }
      return false
    }
    if unsafe arena.pointee.directory_descriptor >= 0 {
      unsafe dc_close(arena.pointee.directory_descriptor)
    }
    unsafe arena.pointee.directory_descriptor = descriptor
    unsafe arena.pointee.directory_index = index
    return true
  }

  /// The last candidate lies in a directory that everybody may write: it must be ours alone.
  @_noLocks
  private func openCandidate(_ index: UInt32) -> Int32 {
    let path = unsafe dc_directory(home, index)
    let kind = unsafe dc_creates_parents(home, index).pointee
    unsafe create(path, withParents: kind != DirectoryKind.given)
    let isShared = kind == DirectoryKind.shared
    let flags = dc_flags_directory | (isShared ? dc_flag_nofollow : 0)
    let descriptor = unsafe Int32(truncatingIfNeeded: dc_open_at(dc_no_directory(), path, flags, 0))
    guard descriptor >= 0, isShared else { return descriptor }
    var status = dc_file_status()
    var empty: CChar = 0
    if unsafe dc_status_at(descriptor, &empty, &status) == 0, status.owner == dc_effective_user(),
      status.mode & 0o077 == 0
    {
      return descriptor
    }
    dc_close(descriptor)
    return 0 &- ErrorNumber.permission
  }

  /// A directory that was named is made where its parent exists; our own with all parents.
  @_noLocks
  private func create(_ path: UnsafeMutablePointer<CChar>, withParents: Bool) {
    if withParents {
      var index = 1
      while index < dc_path_size, unsafe path[index] != 0 {
        if unsafe path[index] == 0x2f {
          var text = unsafe TextBuilder(scratch, capacity: dc_path_size)
          unsafe text.append(path.asBytes, count: index)
          unsafe dc_make_directory(text.terminated(), 0o700)
        }
        index &+= 1
      }
    }
    unsafe dc_make_directory(path, 0o700)
  }
}

/// How a candidate directory may be made and opened.
enum DirectoryKind {
  /// Named by option, variable or service manager.
  static var given: UInt8 { @_noLocks @inline(__always) get { 0 } }
  /// Below the user's own state directory.
  static var own: UInt8 { @_noLocks @inline(__always) get { 1 } }
  /// Below a directory that everybody may write.
  static var shared: UInt8 { @_noLocks @inline(__always) get { 2 } }
}
