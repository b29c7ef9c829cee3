import CUnwind

/// Finds the process's own sockets in the lists of its network namespace: /proc/PID/net/{tcp,tcp6,udp,udp6,unix}
/// (proc(5)), by the inode numbers that its descriptors name.
///
/// Connections of which a reader would say the same are counted together: listening sockets by their
/// address and port, accepted connections by the port they were accepted on and the peer's address, the others
/// by the peer's address and port.
@safe struct ConnectionCensus {
  let census: UnsafeMutablePointer<dc_census>
  private let scratch: UnsafeMutablePointer<UInt8>
  private let scratchSize: Int
  private let deadline: Int64
  /// Sockets that threads wait for.
  private let awaited: AwaitedDescriptors?

  /// The corresponding C constant is TCP_LISTEN.
  private static var listening: UInt8 { @_noLocks @inline(__always) get { 10 } }

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
    self.scratchSize = scratchSize
    self.deadline = deadline
    self.awaited = awaited
  }

  @_noLocks
  func take() {
    guard unsafe census.pointee.inode_count > 0 else { return }
    unsafe InodeSet(census).build()
    // Of the collector's own task: those of a main thread that ended are empty.
    unsafe census.pointee.tcp_count &+= readConnections(openText("/proc/thread-self/net/tcp"), 4)
    unsafe census.pointee.tcp_count &+= readConnections(openText("/proc/thread-self/net/tcp6"), 16)
    unsafe census.pointee.udp_count &+= readDatagrams(openText("/proc/thread-self/net/udp"), 4)
    unsafe census.pointee.udp_count &+= readDatagrams(openText("/proc/thread-self/net/udp6"), 16)
    unsafe census.pointee.unix_count = readUnix(openText("/proc/thread-self/net/unix"))
  }

  /// The same lines as those of connections.
  @_noLocks
  private func readDatagrams(_ descriptor: Int32, _ addressSize: UInt8) -> UInt32 {
    forEachOwnLine(descriptor, 9) { start, end, inode in
      var line = unsafe SocketLine(scratch, from: start, to: end)
      line.skipField()
      note(&line, of: inode, addressSize, protocol: 2)
    }
  }

  /// Lines `num refcount protocol flags type state inode path`.
  @_noLocks
  private func readUnix(_ descriptor: Int32) -> UInt32 {
    forEachOwnLine(descriptor, 6) { start, end, inode in
      var line = unsafe SocketLine(scratch, from: start, to: end)
      var field = 0
      while field < 7 {
        line.skipField()
        field &+= 1
      }
      let path = min(line.index &+ 1, end)
      unsafe awaited?.forEach(ofInode: inode) { entry in
        unsafe awaited?.keepSocketPath(of: entry, scratch + path, count: end &- path)
      }
    }
  }

  /// Notes addresses and state of an awaited socket; the line stands behind its number.
  @_noLocks
  private func note(
    _ line: inout SocketLine,
    of inode: UInt64,
    _ addressSize: UInt8,
    protocol kind: UInt8
  ) {
    unsafe awaited?.forEach(ofInode: inode) { entry in
      var fields = line
      unsafe entry.pointee.protocol = kind
      unsafe entry.pointee.address_size = addressSize
      unsafe entry.pointee.local_port = fields.readAddress(dc_awaited_local(entry), addressSize)
      unsafe entry.pointee.peer_port = fields.readAddress(dc_awaited_peer(entry), addressSize)
      let state = UInt8(truncatingIfNeeded: fields.nextHexadecimal())
      if kind == 1 { unsafe entry.pointee.state = state }
    }
  }

  /// Lines `sl local remote st tx:rx tr:when retransmits uid timeout inode …`.
  @_noLocks
  private func readConnections(_ descriptor: Int32, _ addressSize: UInt8) -> UInt32 {
    forEachOwnLine(descriptor, 9) { start, end, inode in
      var line = unsafe SocketLine(scratch, from: start, to: end)
      var connection = dc_connection()
      line.skipField()
      note(&line, of: inode, addressSize, protocol: 1)
      var local = dc_connection()
      unsafe local.local_port = line.readAddress(dc_connection_address(&local), addressSize)
      unsafe connection.peer_port = line.readAddress(
        dc_connection_address(&connection),
        addressSize
      )
      connection.state = UInt8(truncatingIfNeeded: line.nextHexadecimal())
      connection.address_size = addressSize
      if connection.state == Self.listening {
        connection.address = local.address
        connection.local_port = local.local_port
        connection.peer_port = 0
        note(port: local.local_port)
      } else if isListening(local.local_port) {
        connection.local_port = local.local_port
        connection.peer_port = 0
      }
      count(&connection)
    }
  }

  /// Hands each line of an own socket to `body`, and returns how many there are.
  @_noLocks
  private func forEachOwnLine(
    _ descriptor: Int32,
    _ fieldsBefore: Int,
    _ body: (Int, Int, UInt64) -> Void
  ) -> UInt32 {
    guard descriptor >= 0 else { return 0 }
    defer { dc_close(descriptor) }
    var lines = unsafe ProcLines(descriptor: descriptor, into: scratch, capacity: scratchSize)
    let sockets = unsafe InodeSet(census)
    var number: UInt32 = 0
    var own: UInt32 = 0
    while let (start, end) = lines.nextLine() {
      number &+= 1
      if number & 127 == 0, dc_clock(1) > deadline {
        unsafe census.pointee.is_cut = 1
        return own
      }
      var fields = unsafe FieldReader(scratch, from: start, to: end)
      fields.skip(fieldsBefore)
      let inode = fields.nextDecimal()
      guard sockets.contains(inode) else { continue }
      own &+= 1
      body(start, end, inode)
    }
    return own
  }

  @_noLocks
  private func note(port: UInt16) {
    let next = unsafe census.pointee.port_count
    guard !isListening(port), next < UInt32(truncatingIfNeeded: dc_census_ports) else { return }
    unsafe dc_census_port(census, next).pointee = port
    unsafe census.pointee.port_count = next &+ 1
  }

  /// The kernel lists listening sockets before all others.
  @_noLocks
  private func isListening(_ port: UInt16) -> Bool {
    var index: UInt32 = 0
    while unsafe index < census.pointee.port_count {
      if unsafe dc_census_port(census, index).pointee == port { return true }
      index &+= 1
    }
    return false
  }

  /// Adds to the entry that says the same; beyond the last one, to that of the state without an address.
  @_noLocks
  private func count(_ connection: inout dc_connection) {
    connection.count = 1
    if add(connection, upTo: UInt32(truncatingIfNeeded: dc_census_connections) &- 16) {
      return
    }
    connection.address = (0, 0, 0, 0)
    connection.local_port = 0
    connection.peer_port = 0
    connection.address_size = 0
    _ = add(connection, upTo: UInt32(truncatingIfNeeded: dc_census_connections))
  }

  /// A search from the front: what is frequent is found early, and there are 1,024 at most.
  @_noLocks
  private func add(_ connection: dc_connection, upTo limit: UInt32) -> Bool {
    var index: UInt32 = 0
    while unsafe index < census.pointee.connection_count {
      let entry = unsafe dc_census_connection(census, index)
      if unsafe isSame(entry.pointee, connection) {
        unsafe entry.pointee.count &+= 1
        return true
      }
      index &+= 1
    }
    guard index < limit else { return false }
    unsafe dc_census_connection(census, index).pointee = connection
    unsafe census.pointee.connection_count = index &+ 1
    return true
  }

  @_noLocks
  private func isSame(_ one: dc_connection, _ other: dc_connection) -> Bool {
    one.state == other.state && one.local_port == other.local_port
      && one.peer_port == other.peer_port && one.address_size == other.address_size
      && one.address.0 == other.address.0 && one.address.1 == other.address.1
      && one.address.2 == other.address.2 && one.address.3 == other.address.3
  }
}

/// The inode numbers of the process's sockets: a hash table with linear probing, at most half full.
@safe struct InodeSet {
  private let census: UnsafeMutablePointer<dc_census>

  @_noLocks
  init(_ census: UnsafeMutablePointer<dc_census>) { unsafe self.census = unsafe census }

  @_noLocks
  func build() {
    let count = unsafe census.pointee.inode_count
    var size: UInt32 = 64
    while size < count &* 2 { size &*= 2 }
    unsafe census.pointee.table_mask = size &- 1
    unsafe dc_fill(dc_census_slots(census), 0, Int(truncatingIfNeeded: size) &* 8)
    var index = 0
    while index < Int(truncatingIfNeeded: count) {
      unsafe insert(dc_census_inodes(census)[index])
      index &+= 1
    }
  }

  @_noLocks
  private func insert(_ inode: UInt64) {
    let slots = unsafe dc_census_slots(census)
    var slot = place(inode)
    // A duplicated descriptor names the same socket.
    while unsafe slots[slot] != 0, unsafe slots[slot] != inode { slot = next(slot) }
    if unsafe slots[slot] == 0 { unsafe census.pointee.socket_count &+= 1 }
    unsafe slots[slot] = inode
  }

  @_noLocks
  func contains(_ inode: UInt64) -> Bool {
    guard inode != 0 else { return false }
    let slots = unsafe dc_census_slots(census)
    var slot = place(inode)
    while unsafe slots[slot] != 0 {
      if unsafe slots[slot] == inode { return true }
      slot = next(slot)
    }
    return false
  }

  @_noLocks
  private func place(_ inode: UInt64) -> Int {
    let hash = (inode &* 0x9e37_79b9_7f4a_7c15) &>> 40
    return unsafe Int(truncatingIfNeeded: hash & UInt64(census.pointee.table_mask))
  }

  @_noLocks
  private func next(_ slot: Int) -> Int {
    unsafe (slot &+ 1) & Int(truncatingIfNeeded: census.pointee.table_mask)
  }
}

/// Reads the fields of a line of /proc/net/tcp.
@safe private struct SocketLine {
  private let bytes: UnsafeMutablePointer<UInt8>
  private(set) var index: Int
  private let end: Int

  @_noLocks
  init(_ bytes: UnsafeMutablePointer<UInt8>, from start: Int, to end: Int) {
    unsafe self.bytes = unsafe bytes
    index = start
    self.end = end
  }

  @_noLocks
  mutating func skipField() {
    while index < end, unsafe bytes[index] == 0x20 { index &+= 1 }
    while index < end, unsafe bytes[index] != 0x20 { index &+= 1 }
  }

  /// Digits, upper case as the kernel prints them, at most so many.
  @_noLocks
  mutating func nextHexadecimal(_ limit: Int = 8) -> UInt32 {
    while index < end, unsafe bytes[index] == 0x20 { index &+= 1 }
    var value: UInt32 = 0
    var left = limit
    while index < end, left > 0 {
      let byte = unsafe bytes[index]
      let isLetter = byte >= 0x41 && byte <= 0x46
      guard isLetter || byte >= 0x30 && byte <= 0x39 else { break }
      value = value &<< 4 | UInt32(isLetter ? byte &- 0x37 : byte &- 0x30)
      index &+= 1
      left &-= 1
    }
    return value
  }

  /// `ADDRESS:PORT`: the address as words of this machine, each eight digits; returns the port.
  @_noLocks
  mutating func readAddress(
    _ words: UnsafeMutablePointer<UInt32>,
    _ size: UInt8
  ) -> UInt16 {
    unsafe words[0] = nextHexadecimal()
    if size == 16 {
      unsafe words[1] = nextHexadecimal()
      unsafe words[2] = nextHexadecimal()
      unsafe words[3] = nextHexadecimal()
    }
    if index < end, unsafe bytes[index] == 0x3a { index &+= 1 }
    return UInt16(truncatingIfNeeded: nextHexadecimal(4))
  }
}
