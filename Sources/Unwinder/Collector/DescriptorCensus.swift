import CUnwind

/// Kinds of descriptors, as in capture.proto.
enum DescriptorKind {
  static var other: UInt32 { @_noLocks @inline(__always) get { 0 } }
  static var socket: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var pipe: UInt32 { @_noLocks @inline(__always) get { 2 } }
  static var file: UInt32 { @_noLocks @inline(__always) get { 3 } }
  static var directory: UInt32 { @_noLocks @inline(__always) get { 4 } }
  static var device: UInt32 { @_noLocks @inline(__always) get { 5 } }
  static var eventCounter: UInt32 { @_noLocks @inline(__always) get { 6 } }
  static var poll: UInt32 { @_noLocks @inline(__always) get { 7 } }
  static var notification: UInt32 { @_noLocks @inline(__always) get { 8 } }
  static var timer: UInt32 { @_noLocks @inline(__always) get { 9 } }
  static var signal: UInt32 { @_noLocks @inline(__always) get { 10 } }
  static var memory: UInt32 { @_noLocks @inline(__always) get { 11 } }
  static var deletedFile: UInt32 { @_noLocks @inline(__always) get { 12 } }
  static var anonymous: UInt32 { @_noLocks @inline(__always) get { 13 } }
  static var count: UInt32 { @_noLocks @inline(__always) get { 14 } }
  /// Closed since it was listed: counted nowhere else, and not written.
  static var closed: UInt32 { @_noLocks @inline(__always) get { 15 } }
}

/// Counts the service's open descriptors by kind.
///
/// The kind comes from the text of /proc/PID/fd/N (proc(5)) and never from the file itself: one of a file
/// server that does not answer would hold the collector. The only file that text does not tell from a
/// directory is asked for by its flags, in /proc/PID/fdinfo: a directory opened without O_DIRECTORY counts
/// as a file.
@safe struct DescriptorCensus {
  let census: UnsafeMutablePointer<dc_census>
  private let scratch: UnsafeMutablePointer<UInt8>
  private let names: UnsafeMutablePointer<UInt8>
  private let namesSize: Int
  private let deadline: Int64
  /// Those that threads wait for.
  private let awaited: AwaitedDescriptors?

  /// Descriptors looked at; of those beyond only the number is known.
  private static var limit: UInt32 { @_noLocks @inline(__always) get { 65_536 } }
  /// Descriptors of files whose flags are read, which takes three calls each.
  private static var flagLimit: UInt32 { @_noLocks @inline(__always) get { 8192 } }
  private static var linkSize: Int { @_noLocks @inline(__always) get { 4096 } }

  @_noLocks
  init(
    census: UnsafeMutablePointer<dc_census>,
    scratch: UnsafeMutablePointer<UInt8>,
    scratchSize: Int,
    deadline: Int64,
    awaited: AwaitedDescriptors?
  ) {
    unsafe self.census = unsafe census
    unsafe self.scratch = unsafe scratch
    unsafe names = unsafe scratch + 3 &* Self.linkSize
    namesSize = scratchSize &- 3 &* Self.linkSize
    self.deadline = deadline
    self.awaited = awaited
  }

  /// Counts anew.
  ///
  /// The collector's own table is another one, and that of a main thread that ended is gone: the table is
  /// asked of the first thread that has one.
  @_noLocks
  func take(_ arena: Arena) {
    clear()
    guard let threads = unsafe arena.pointee.threads else { return }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count), index < 64 {
      if unsafe countAll(of: (threads + index).pointee.tid) { return }
      index &+= 1
    }
  }

  @_noLocks
  private func clear() {
    var kind: UInt32 = 0
    while kind < UInt32(truncatingIfNeeded: dc_census_kinds) {
      unsafe dc_census_kind(census, kind).pointee = 0
      kind &+= 1
    }
    unsafe census.pointee.skipped = 0
    unsafe census.pointee.inode_count = 0
    unsafe census.pointee.connection_count = 0
    unsafe census.pointee.port_count = 0
    unsafe census.pointee.socket_count = 0
    unsafe census.pointee.tcp_count = 0
    unsafe census.pointee.udp_count = 0
    unsafe census.pointee.unix_count = 0
    unsafe census.pointee.is_cut = 0
    unsafe census.pointee.looked_at = 0
    unsafe census.pointee.path_count = 0
  }

  /// False when the thread has no descriptors, or is gone.
  @_noLocks
  private func countAll(of tid: Int32) -> Bool {
    let links = open(tid, ByteText("/fd"))
    guard links >= 0 else { return false }
    let flags = open(tid, ByteText("/fdinfo"))
    unsafe forEachEntry(of: links, scratch: names, scratchSize: namesSize) { name, length in
      guard unsafe name[0] >= 0x30, unsafe name[0] <= 0x39 else { return }
      if unsafe census.pointee.looked_at >= Self.limit
        || census.pointee.looked_at & 63 == 63 && dc_clock(1) > deadline
      {
        unsafe census.pointee.skipped &+= 1
        return
      }
      unsafe census.pointee.looked_at &+= 1
      let count = unsafe dc_read_link_at(links, name, scratch, Self.linkSize)
      let kind = unsafe self.kind(of: name, linkCount: count, flags)
      unsafe dc_census_kind(census, kind).pointee &+= 1
      unsafe awaited?.note(name, kind: kind, scratch, count: count)
    }
    dc_close(links)
    if flags >= 0 { dc_close(flags) }
    return unsafe census.pointee.looked_at > 0
  }

  @_noLocks
  private func open(_ tid: Int32, _ directory: ByteText) -> Int32 {
    var path = unsafe TextBuilder(scratch, capacity: 64)
    path.append("/proc/self/task/")
    path.append(decimal: tid)
    unsafe path.append(directory.start, count: directory.count)
    return unsafe Int32(
      truncatingIfNeeded: dc_open_at(
        dc_no_directory(),
        path.terminated(),
        dc_flags_directory,
        0
      )
    )
  }

  @_noLocks
  private func kind(
    of name: UnsafePointer<CChar>,
    linkCount count: Int,
    _ flags: Int32
  ) -> UInt32 {
    guard count > 0 else { return DescriptorKind.closed }
    if unsafe scratch[0] != 0x2f { return kindWithoutPath(count) }
    let isDeleted = hasSuffix(ByteText(" (deleted)"), count)
    if begins(ByteText("/memfd:"), count), isDeleted { return DescriptorKind.memory }
    if isDeleted { return DescriptorKind.deletedFile }
    let isDevice =
      begins(ByteText("/dev/"), count) && !begins(ByteText("/dev/shm/"), count)
      && !begins(ByteText("/dev/mqueue/"), count)
    if unsafe !isDirectory(name, flags) {
      return isDevice ? DescriptorKind.device : DescriptorKind.file
    }
    return DescriptorKind.directory
  }

  /// `socket:[INODE]`, `pipe:[INODE]`, `anon_inode:…`.
  @_noLocks
  private func kindWithoutPath(_ count: Int) -> UInt32 {
    if begins(ByteText("socket:["), count) {
      var fields = unsafe FieldReader(scratch, from: 8, to: count)
      note(inode: fields.nextDecimal())
      return DescriptorKind.socket
    }
    if begins(ByteText("pipe:["), count) { return DescriptorKind.pipe }
    guard begins(ByteText("anon_inode:"), count) else { return DescriptorKind.other }
    if begins(ByteText("anon_inode:[eventfd"), count) { return DescriptorKind.eventCounter }
    if begins(ByteText("anon_inode:[eventpoll"), count) { return DescriptorKind.poll }
    if begins(ByteText("anon_inode:inotify"), count) { return DescriptorKind.notification }
    if begins(ByteText("anon_inode:[timerfd"), count) { return DescriptorKind.timer }
    if begins(ByteText("anon_inode:[signalfd"), count) { return DescriptorKind.signal }
    return DescriptorKind.anonymous
  }

  @_noLocks
  private func note(inode: UInt64) {
    let next = unsafe census.pointee.inode_count
    guard next < UInt32(truncatingIfNeeded: dc_census_sockets), inode != 0 else { return }
    unsafe dc_census_inodes(census)[Int(truncatingIfNeeded: next)] = inode
    unsafe census.pointee.inode_count = next &+ 1
  }

  /// Line `flags:` of fdinfo, octal, with the bit of O_DIRECTORY.
  @_noLocks
  private func isDirectory(_ name: UnsafePointer<CChar>, _ flags: Int32) -> Bool {
    guard flags >= 0, unsafe census.pointee.path_count < Self.flagLimit else { return false }
    unsafe census.pointee.path_count &+= 1
    let descriptor = unsafe Int32(
      truncatingIfNeeded: dc_open_at(flags, name, dc_flags_read, 0)
    )
    let buffer = unsafe scratch + 2 &* Self.linkSize
    let text = unsafe ProcText(descriptor: descriptor, into: buffer, capacity: Self.linkSize)
    guard var index = text.place(after: ByteText("flags:")) else { return false }
    var value: UInt64 = 0
    while index < text.count, unsafe buffer[index] != 0x0a {
      if unsafe buffer[index] >= 0x30, unsafe buffer[index] <= 0x37 {
        value = unsafe value &<< 3 | UInt64(buffer[index] & 7)
      }
      index &+= 1
    }
    return value & UInt64(truncatingIfNeeded: dc_flag_directory) != 0
  }

  @_noLocks
  private func begins(_ text: ByteText, _ count: Int) -> Bool {
    unsafe text.isPrefix(of: scratch, at: 0, end: count)
  }

  @_noLocks
  private func hasSuffix(_ text: ByteText, _ count: Int) -> Bool {
    unsafe count >= text.count && text.isPrefix(of: scratch, at: count &- text.count, end: count)
  }
}
