import CUnwind

/// The descriptors that threads wait for, each once: gathered from the threads' calls, filled in while the
/// census looks at all descriptors and sockets anyway, written as one record.
@safe struct AwaitedDescriptors {
  let waits: UnsafeMutablePointer<dc_waits>
  private let arena: Arena

  /// Descriptors of which it is asked whether a thread still waits for them.
  private static var askedLimit: UInt32 { @_noLocks @inline(__always) get { 1024 } }
  static var notLookedAt: UInt8 { @_noLocks @inline(__always) get { 255 } }

  @_noLocks
  init?(_ arena: Arena) {
    guard let waits = unsafe arena.pointee.waits else { return nil }
    unsafe self.waits = unsafe waits
    unsafe self.arena = unsafe arena
  }

  /// Takes the descriptors of all threads, and those that their epolls watch.
  @_noLocks
  func gather(_ scratch: UnsafeMutablePointer<UInt8>, deadline: Int64) {
    unsafe dc_fill(dc_waits_by_number(waits), 0, Int(dc_waits_table) &* 4)
    unsafe dc_fill(dc_waits_by_inode(waits), 0, Int(dc_waits_table) &* 4)
    unsafe waits.pointee.awaited_count = 0
    guard let threads = unsafe arena.pointee.threads else { return }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count) {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.in_syscall == SyscallSample.blocked else { continue }
      let position = UInt32(truncatingIfNeeded: index)
      let call = unsafe thread.pointee.wait_call
      if dc_waits_for_descriptor(call) != 0 {
        let number = unsafe Int32(truncatingIfNeeded: thread.pointee.wait_argument)
        let isEpoll =
          call == Int64(dc_number_epoll_wait) || call == Int64(dc_number_epoll_pwait)
          || call == Int64(dc_number_epoll_pwait2)
        if let added = unsafe add(number, thread: position), isEpoll, dc_clock(1) < deadline {
          unsafe readWatched(of: added, thread.pointee.tid, scratch)
        }
      }
      var next: UInt32 = 0
      while unsafe next < thread.pointee.polled_count {
        _ = unsafe add(
          dc_waits_number(waits, thread.pointee.polled &+ next).pointee,
          thread: position
        )
        next &+= 1
      }
    }
  }

  /// The entry of a number that had none; nil where there is one, or no room.
  @_noLocks
  private func add(_ number: Int32, thread: UInt32) -> UnsafeMutablePointer<dc_awaited>? {
    guard number >= 0 else { return nil }
    let place = unsafe dc_waits_by_number(waits) + slot(of: number)
    if unsafe place.pointee != 0 {
      let known = unsafe dc_waits_descriptor(waits, place.pointee &- 1)
      if unsafe known.pointee.thread == 0 { unsafe known.pointee.thread = thread }
      return nil
    }
    let next = unsafe waits.pointee.awaited_count
    guard next < UInt32(truncatingIfNeeded: dc_waits_descriptors) else {
      unsafe waits.pointee.skipped &+= 1
      return nil
    }
    let entry = unsafe dc_waits_descriptor(waits, next)
    unsafe dc_fill(entry, 0, MemoryLayout<dc_awaited>.size)
    unsafe entry.pointee.number = number
    unsafe entry.pointee.thread = thread
    unsafe entry.pointee.kind = Self.notLookedAt
    unsafe waits.pointee.awaited_count = next &+ 1
    unsafe place.pointee = next &+ 1
    return unsafe entry
  }

  /// Where the number stands, or would: the table is never more than half full.
  @_noLocks
  private func slot(of number: Int32) -> Int {
    let table = unsafe dc_waits_by_number(waits)
    let mask = Int(dc_waits_table &- 1)
    var place = (Int(number) &* 0x9e37_79b1) &>> 7 & mask
    while unsafe table[place] != 0,
      unsafe dc_waits_descriptor(waits, table[place] &- 1).pointee.number != number
    {
      place = (place &+ 1) & mask
    }
    return place
  }

  /// Lines `tfd: NUMBER …` of /proc/PID/fdinfo/NUMBER, proc(5).
  @_noLocks
  private func readWatched(
    of entry: UnsafeMutablePointer<dc_awaited>,
    _ tid: Int32,
    _ scratch: UnsafeMutablePointer<UInt8>
  ) {
    let size = 65_536
    var path = unsafe TextBuilder(scratch, capacity: 96)
    path.append("/proc/self/task/")
    path.append(decimal: tid)
    path.append("/fdinfo/")
    unsafe path.append(decimal: entry.pointee.number)
    let descriptor = unsafe Int32(
      truncatingIfNeeded: dc_open_at(dc_no_directory(), path.terminated(), dc_flags_read, 0)
    )
    guard descriptor >= 0 else { return }
    var lines = unsafe ProcLines(descriptor: descriptor, into: scratch, capacity: size)
    unsafe entry.pointee.watched = waits.pointee.number_count
    while let (start, end) = lines.nextLine() {
      guard unsafe ByteText("tfd:").isPrefix(of: scratch, at: start, end: end) else { continue }
      var fields = unsafe FieldReader(scratch, from: start &+ 4, to: end)
      unsafe noteWatched(Int32(truncatingIfNeeded: fields.nextDecimal()), by: entry)
    }
    dc_close(descriptor)
    var index: UInt32 = 0
    while unsafe index < UInt32(entry.pointee.watched_count) {
      _ = unsafe add(dc_waits_number(waits, entry.pointee.watched &+ index).pointee, thread: 0)
      index &+= 1
    }
  }

  @_noLocks
  private func noteWatched(_ number: Int32, by entry: UnsafeMutablePointer<dc_awaited>) {
    if unsafe addDescriptorNumber(number, to: waits, behind: UInt32(entry.pointee.watched_count)) {
      unsafe entry.pointee.watched_count &+= 1
    } else {
      unsafe entry.pointee.watched_more &+= 1
    }
  }
}

// MARK: - What the census finds

extension AwaitedDescriptors {
  /// Notes the kind of a descriptor that is awaited, and the text of its link.
  @_noLocks
  func note(
    _ name: UnsafePointer<CChar>,
    kind: UInt32,
    _ link: UnsafePointer<UInt8>,
    count: Int
  ) {
    guard unsafe waits.pointee.awaited_count > 0,
      let number = unsafe decimal(name.asBytes, count: textLength(name, limit: 16))
    else { return }
    let place = unsafe dc_waits_by_number(waits)[slot(of: Int32(truncatingIfNeeded: number))]
    guard place != 0, kind != DescriptorKind.closed else { return }
    let entry = unsafe dc_waits_descriptor(waits, place &- 1)
    unsafe entry.pointee.kind = UInt8(truncatingIfNeeded: kind)
    if unsafe link[0] == 0x2f {
      let kept = unsafe keep(link, count)
      unsafe entry.pointee.path = kept.offset
      unsafe entry.pointee.path_count = UInt16(truncatingIfNeeded: kept.count)
      return
    }
    // `socket:[INODE]`, `pipe:[INODE]`.
    var index = 0
    while index < count, unsafe link[index] != 0x5b { index &+= 1 }
    guard kind == DescriptorKind.socket || kind == DescriptorKind.pipe, index < count else {
      return
    }
    guard let inode = unsafe decimal(link + (index &+ 1), count: max(count &- index &- 2, 0)) else {
      return
    }
    unsafe entry.pointee.inode = inode
    guard kind == DescriptorKind.socket else { return }
    let first = unsafe dc_waits_by_inode(waits) + inodeSlot(of: inode)
    unsafe entry.pointee.next = unsafe first.pointee
    unsafe first.pointee = place
  }

  /// Keeps a path, cut after 1,024 bytes; nothing of it where there is no room.
  @_noLocks
  private func keep(_ path: UnsafePointer<UInt8>, _ count: Int) -> (offset: UInt32, count: UInt32) {
    let used = unsafe waits.pointee.text_count
    let length = UInt32(truncatingIfNeeded: min(count, 1024))
    guard used &+ length < UInt32(truncatingIfNeeded: dc_waits_text) else { return (0, 0) }
    unsafe dc_move(dc_waits_path(waits, used), path, Int(length))
    unsafe waits.pointee.text_count = used &+ length
    return (used, length)
  }

  @_noLocks
  private func inodeSlot(of inode: UInt64) -> Int {
    let table = unsafe dc_waits_by_inode(waits)
    let mask = Int(dc_waits_table &- 1)
    var place = Int(truncatingIfNeeded: (inode &* 0x9e37_79b9_7f4a_7c15) &>> 40) & mask
    while unsafe table[place] != 0,
      unsafe dc_waits_descriptor(waits, table[place] &- 1).pointee.inode != inode
    {
      place = (place &+ 1) & mask
    }
    return place
  }

  /// Hands each awaited descriptor of a socket to `body`.
  @_noLocks
  func forEach(ofInode inode: UInt64, _ body: (UnsafeMutablePointer<dc_awaited>) -> Void) {
    guard unsafe waits.pointee.awaited_count > 0, inode != 0 else { return }
    var next = unsafe dc_waits_by_inode(waits)[inodeSlot(of: inode)]
    while next != 0 {
      let entry = unsafe dc_waits_descriptor(waits, next &- 1)
      unsafe body(entry)
      next = unsafe entry.pointee.next
    }
  }

  /// Keeps the path of a unix socket: the rest of its line in /proc/net/unix.
  @_noLocks
  func keepSocketPath(
    of entry: UnsafeMutablePointer<dc_awaited>,
    _ path: UnsafePointer<UInt8>,
    count: Int
  ) {
    unsafe entry.pointee.protocol = 3
    guard count > 0 else { return }
    let kept = unsafe keep(path, count)
    unsafe entry.pointee.path = kept.offset
    unsafe entry.pointee.path_count = UInt16(truncatingIfNeeded: kept.count)
  }

  /// Names the peers of unix sockets, until the deadline.
  @_noLocks
  func findUnixPeers(_ scratch: UnsafeMutablePointer<UInt8>, deadline: Int64) {
    var peers: UnixPeers?
    var index: UInt32 = 0
    while unsafe index < waits.pointee.awaited_count {
      let entry = unsafe dc_waits_descriptor(waits, index)
      index &+= 1
      guard unsafe entry.pointee.protocol == 3 else { continue }
      if peers == nil { peers = unsafe UnixPeers(scratch) }
      guard let peers, dc_clock(1) < deadline else { break }
      let peer = unsafe peers.peer(of: entry.pointee.inode)
      guard peer != 0 else { continue }
      unsafe peers.withName(of: peer) { name, count in
        let kept = unsafe keep(name, count)
        unsafe entry.pointee.peer_path = kept.offset
        unsafe entry.pointee.peer_path_count = kept.count
      }
    }
    peers?.close()
  }
}

// MARK: - The record

extension AwaitedDescriptors {
  /// `isHeld`: the threads stand still in their handlers, so none has gone on, whatever its call is now.
  @_noLocks
  func write(to file: inout CaptureFile, _ files: ThreadFiles, isHeld: Bool) {
    let count = unsafe waits.pointee.awaited_count
    guard count > 0 else { return }
    // Several records' worth of descriptors is one record: what does not fit is counted.
    var record = file.beginRecord(room: 262_144)
    var index: UInt32 = 0
    var skipped = unsafe waits.pointee.skipped
    while index < count {
      let entry = unsafe dc_waits_descriptor(waits, index)
      // More than one with paths of a thousand bytes, three for each that is no UTF-8, and all that it watches.
      if record.capacity &- record.count < 8192 {
        skipped &+= 1
      } else {
        let isAsked = !isHeld && index < Self.askedLimit
        unsafe write(entry, hasMoved: isAsked && hasMoved(entry, files), to: &record)
      }
      index &+= 1
    }
    record.field(2, varint: UInt64(skipped))
    file.endRecord(RecordKind.awaitedDescriptors, record)
  }

  /// Whether the thread is in another call by now: then the number may be another file's.
  @_noLocks
  private func hasMoved(_ entry: UnsafeMutablePointer<dc_awaited>, _ files: ThreadFiles) -> Bool {
    guard unsafe entry.pointee.thread > 0, let threads = unsafe arena.pointee.threads else {
      return false
    }
    return unsafe !files.isInCall(threads + Int(entry.pointee.thread &- 1))
  }

  @_noLocks
  private func write(
    _ entry: UnsafeMutablePointer<dc_awaited>,
    hasMoved: Bool,
    to record: inout ProtobufWriter
  ) {
    let message = record.beginMessage(1)
    let kind = unsafe entry.pointee.kind
    unsafe record.field(1, varint: UInt64(UInt32(bitPattern: entry.pointee.number)))
    if kind != Self.notLookedAt { record.field(2, varint: UInt64(kind)) }
    let path = unsafe dc_waits_path(waits, entry.pointee.path)
    let isSocket = kind == UInt8(truncatingIfNeeded: DescriptorKind.socket)
    unsafe record.field(isSocket ? 10 : 3, text: path, count: Int(entry.pointee.path_count))
    unsafe record.field(4, varint: entry.pointee.inode)
    unsafe record.field(5, varint: UInt64(entry.pointee.state))
    unsafe write(6, dc_awaited_local(entry), entry.pointee.local_port, entry, to: &record)
    if unsafe entry.pointee.peer_port != 0 {
      unsafe write(8, dc_awaited_peer(entry), entry.pointee.peer_port, entry, to: &record)
    }
    let peerPath = unsafe dc_waits_path(waits, entry.pointee.peer_path)
    unsafe record.field(11, text: peerPath, count: Int(entry.pointee.peer_path_count))
    unsafe record.field(12, varint: UInt64(entry.pointee.protocol))
    var index: UInt32 = 0
    while unsafe index < UInt32(entry.pointee.watched_count) {
      let number = unsafe dc_waits_number(waits, entry.pointee.watched &+ index).pointee
      record.field(13, varint: UInt64(UInt32(bitPattern: number)), keepsZero: true)
      index &+= 1
    }
    unsafe record.field(14, varint: UInt64(entry.pointee.watched_more))
    record.field(15, varint: hasMoved ? 1 : 0)
    // Nobody looked at it: 0 is a kind.
    record.field(16, varint: kind == Self.notLookedAt ? 1 : 0)
    record.endMessage(message)
  }

  @_noLocks
  private func write(
    _ field: Int,
    _ address: UnsafeMutablePointer<UInt32>,
    _ port: UInt16,
    _ entry: UnsafeMutablePointer<dc_awaited>,
    to record: inout ProtobufWriter
  ) {
    let bytes = unsafe UnsafeMutableRawPointer(address).assumingMemoryBound(to: UInt8.self)
    unsafe record.field(field, bytes: bytes, count: Int(entry.pointee.address_size))
    record.field(field &+ 1, varint: UInt64(port))
  }
}
