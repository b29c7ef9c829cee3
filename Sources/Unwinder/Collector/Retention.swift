import CUnwind

/// Keeps a capture directory within its limits: the oldest files go, live captures before crash captures.
///
/// Only regular files of this user with our suffixes are looked at, and nothing is followed.
@safe struct Retention {
  let home: Home
  let directory: Int32
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  @_noLocks
  init(home: Home, directory: Int32, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    unsafe self.home = unsafe home
    self.directory = directory
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  /// A file that would go next.
  private struct Candidate {
    var isCrash = false
    var modified: Int64 = 0
    var size: UInt64 = 0
    var inode: UInt64 = 0
    var nameLength = 0
    @_noLocks init() {}

    @_noLocks
    func goesBefore(_ other: Candidate) -> Bool {
      if other.nameLength == 0 { return true }
      if isCrash != other.isCrash { return !isCrash }
      return modified < other.modified
    }
  }

  /// Files removed after one capture, and nanoseconds spent on it, at most.
  private static var removals: Int { @_noLocks @inline(__always) get { 32 } }
  private static var longest: Int64 { @_noLocks @inline(__always) get { 500_000_000 } }
  private static var nameSize: Int { @_noLocks @inline(__always) get { 256 } }
  /// Files that refused to go are passed over, so many of them.
  private static var refusalLimit: Int { @_noLocks @inline(__always) get { 32 } }
  private static var reservedSize: Int {
    @_noLocks @inline(__always) get { nameSize &+ refusalLimit &* 8 }
  }

  /// Removes files until both limits hold; never the one just published.
  @_noLocks
  func enforce(keeping newest: UnsafePointer<CChar>) {
    let settings = unsafe home.pointee.settings
    guard settings.max_captures >= 0 || settings.max_total_bytes >= 0 else { return }
    sweepStateFiles()
    // Each pass finds one file to remove: directories hold few more than the limit. In one that holds thousands,
    // the rest waits for the next captures: nobody is served meanwhile.
    let deadline = dc_clock(1) &+ Self.longest
    var passes = 0
    var refusals = 0
    while passes < Self.removals, dc_clock(1) < deadline {
      passes &+= 1
      var files: Int64 = 1
      var bytes: Int64 = unsafe sizeOf(newest)
      let oldest = unsafe survey(newest, &files, &bytes, refusals)
      let isOver =
        (settings.max_captures >= 0 && files > max(settings.max_captures, 1))
        || (settings.max_total_bytes >= 0 && bytes > settings.max_total_bytes)
      guard isOver, oldest.nameLength > 0 else { return }
      guard unsafe dc_unlink_at(directory, nameMemory) != 0 else { continue }
      // Immutable, or mounted over: the next oldest goes in its place.
      unsafe refused[refusals] = oldest.inode
      refusals &+= 1
    }
  }

  /// The name of the oldest file lies in the last bytes of the scratch memory.
  private var nameMemory: UnsafeMutablePointer<CChar> {
    @_noLocks get {
      unsafe UnsafeMutableRawPointer(scratch + (scratchSize &- Self.nameSize))
        .assumingMemoryBound(to: CChar.self)
    }
  }

  /// Inodes of files that refused to go, before the name.
  private var refused: UnsafeMutablePointer<UInt64> {
    @_noLocks get {
      unsafe UnsafeMutableRawPointer(scratch + (scratchSize &- Self.reservedSize))
        .assumingMemoryBound(to: UInt64.self)
    }
  }

  @_noLocks
  private func hasRefused(_ inode: UInt64, _ refusals: Int) -> Bool {
    var index = 0
    while index < refusals {
      if unsafe refused[index] == inode { return true }
      index &+= 1
    }
    return false
  }

  @_noLocks
  private func sizeOf(_ name: UnsafePointer<CChar>) -> Int64 {
    var status = dc_file_status()
    guard unsafe dc_status_at(directory, name, &status) == 0 else { return 0 }
    return Int64(truncatingIfNeeded: status.size)
  }

  /// Counts files and bytes, and returns the one to go first.
  @_noLocks
  private func survey(
    _ newest: UnsafePointer<CChar>,
    _ files: inout Int64,
    _ bytes: inout Int64,
    _ refusals: Int
  ) -> Candidate {
    var oldest = Candidate()
    var fileCount = files
    var byteCount = bytes
    let now = dc_clock(0)
    dc_rewind(directory)
    unsafe forEachEntry(
      of: directory,
      scratch: scratch,
      scratchSize: scratchSize &- Self.reservedSize
    ) {
      name,
      length in
      guard let candidate = unsafe look(at: name, length, newest, now) else { return }
      fileCount &+= 1
      byteCount &+= Int64(truncatingIfNeeded: candidate.size)
      if candidate.goesBefore(oldest), !hasRefused(candidate.inode, refusals) {
        oldest = candidate
        unsafe dc_move(nameMemory, name, length &+ 1)
      }
    }
    files = fileCount
    bytes = byteCount
    return oldest
  }

  @_noLocks
  private func look(
    at name: UnsafePointer<CChar>,
    _ length: Int,
    _ newest: UnsafePointer<CChar>,
    _ now: Int64
  ) -> Candidate? {
    let isPartial = unsafe ends(name, length, with: ".dcap.partial", 13)
    guard length < Self.nameSize, unsafe isPartial || ends(name, length, with: ".dcap", 5),
      unsafe !isEqual(name, newest, length)
    else { return nil }
    var status = dc_file_status()
    guard unsafe dc_status_at(directory, name, &status) == 0, status.mode & 0o170000 == 0o100000,
      status.owner == dc_effective_user()
    else { return nil }
    // A partial file may be in the making by another process.
    if isPartial, now &- status.modified_ns < 60_000_000_000 { return nil }
    var candidate = Candidate()
    candidate.isCrash = unsafe isCrash(name)
    candidate.modified = status.modified_ns
    candidate.size = status.size
    candidate.inode = status.inode
    candidate.nameLength = length
    return candidate
  }

  /// The first field of the first record is the capture's kind.
  @_noLocks
  private func isCrash(_ name: UnsafePointer<CChar>) -> Bool {
    let descriptor = unsafe Int32(
      truncatingIfNeeded: dc_open_at(directory, name, dc_flags_read | dc_flag_nofollow, 0)
    )
    guard descriptor >= 0 else { return false }
    var bytes: UInt64 = 0
    let count = unsafe dc_read_at(descriptor, &bytes, 2, 32)
    dc_close(descriptor)
    return count == 2 && bytes & 0xffff == 0x0108
  }

  @_noLocks @inline(__always)
  private func ends(
    _ name: UnsafePointer<CChar>,
    _ length: Int,
    with suffix: StaticString,
    _ count: Int
  ) -> Bool {
    unsafe length > count && isEqual(name + (length &- count), suffix.utf8Start, count)
  }

  @_noLocks
  private func isEqual(_ name: UnsafePointer<CChar>, _ text: UnsafePointer<UInt8>, _ count: Int)
    -> Bool
  {
    var index = 0
    while index < count {
      if unsafe UInt8(bitPattern: name[index]) != text[index] { return false }
      index &+= 1
    }
    return true
  }

  @_noLocks
  private func isEqual(_ name: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>, _ length: Int)
    -> Bool
  {
    unsafe isEqual(name, other.asBytes, length) && other[length] == 0
  }

  /// Removes the state files of processes that are gone, finished or not: their locks can be had.
  @_noLocks
  private func sweepStateFiles() {
    dc_rewind(directory)
    let now = dc_clock(0)
    unsafe forEachEntry(
      of: directory,
      scratch: scratch,
      scratchSize: scratchSize &- Self.reservedSize
    ) {
      name,
      length in
      let prefix: StaticString = ".dumpcollect."
      guard length > 19, unsafe isEqual(name, prefix.utf8Start, 13),
        unsafe ends(name, length, with: ".state", 6) || ends(name, length, with: ".state.new", 10)
      else { return }
      let descriptor = unsafe Int32(
        truncatingIfNeeded: dc_open_at(directory, name, dc_flags_read | dc_flag_nofollow, 0)
      )
      guard descriptor >= 0 else { return }
      var status = dc_file_status()
      var empty: CChar = 0
      if dc_lock_file(descriptor) == 0, unsafe dc_status_at(descriptor, &empty, &status) == 0,
        status.owner == dc_effective_user(), status.mode & 0o170000 == 0o100000,
        unsafe isStateFile(name, length, descriptor, status, now), unsafe isNamed(name, status)
      {
        unsafe dc_unlink_at(directory, name)
      }
      dc_close(descriptor)
    }
  }

  /// By its contents; one that its process did not finish has none yet, and is left to it for a minute.
  @_noLocks
  private func isStateFile(
    _ name: UnsafePointer<CChar>,
    _ length: Int,
    _ descriptor: Int32,
    _ status: dc_file_status,
    _ now: Int64
  ) -> Bool {
    if status.size == 4096, hasStateMagic(descriptor) { return true }
    guard unsafe ends(name, length, with: ".state.new", 10),
      now &- status.modified_ns > 60_000_000_000
    else { return false }
    // Nobody else's file: our name has a number between.
    return unsafe decimal(name.asBytes + 13, count: length &- 23) != nil && status.size <= 4096
  }

  @_noLocks
  private func hasStateMagic(_ descriptor: Int32) -> Bool {
    var bytes: UInt64 = 0
    // DCSTATE and a 1.
    return unsafe dc_read_at(descriptor, &bytes, 8, 0) == 8 && bytes == 0x0145_5441_5453_4344
  }

  /// Whether the name is still that of the file looked at: a new process with the same id may have taken it.
  @_noLocks
  private func isNamed(_ name: UnsafePointer<CChar>, _ opened: dc_file_status) -> Bool {
    var named = dc_file_status()
    return unsafe dc_status_at(directory, name, &named) == 0 && named.inode == opened.inode
      && named.device == opened.device
  }
}
