import CUnwind

/// Asks the kernel for the peers of unix sockets, whose names /proc does not tell (sock_diag(7)).
///
/// A socket that was connected has no name of its own: what it waits for is named by its peer, or by nothing. Where the
/// kernel or a filter refuses the question there are no peers.
@safe struct UnixPeers {
  private let socket: Int32
  /// At least 8 KiB: the question and its answer.
  private let memory: UnsafeMutablePointer<UInt8>

  private static var answerSize: Int { @_noLocks @inline(__always) get { 4096 } }
  private static var requestSize: Int { @_noLocks @inline(__always) get { 40 } }
  /// Of `struct nlmsghdr` and `struct unix_diag_msg`.
  private static var headSize: Int { @_noLocks @inline(__always) get { 32 } }

  @_noLocks
  init?(_ memory: UnsafeMutablePointer<UInt8>) {
    // AF_NETLINK, SOCK_RAW with SOCK_CLOEXEC and SOCK_NONBLOCK, NETLINK_SOCK_DIAG.
    let descriptor = dc_open_socket(16, 3 | 0o2000000 | 0o4000, 4)
    guard descriptor >= 0 else { return nil }
    socket = Int32(truncatingIfNeeded: descriptor)
    unsafe self.memory = unsafe memory
  }

  @_noLocks
  func close() { dc_close(socket) }

  /// Inode of the socket that this one is connected with; 0 for none.
  @_noLocks
  func peer(of inode: UInt64) -> UInt64 {
    var result: UInt64 = 0
    // UDIAG_SHOW_PEER; UNIX_DIAG_PEER.
    unsafe ask(inode, show: 4, attribute: 2) { bytes, count in
      if count == 4 { result = unsafe UInt64(word(bytes)) }
    }
    return result
  }

  /// Hands the name of a socket to `body`, as /proc/net/unix shows it; not called for one without a name.
  @_noLocks
  func withName(of inode: UInt64, _ body: (UnsafePointer<UInt8>, Int) -> Void) {
    // UDIAG_SHOW_NAME; UNIX_DIAG_NAME.
    unsafe ask(inode, show: 1, attribute: 0) { bytes, count in
      var length = count
      while length > 1, unsafe bytes[length &- 1] == 0 { length &-= 1 }
      guard length > 0 else { return }
      // The abstract namespace.
      if unsafe bytes[0] == 0 { unsafe bytes[0] = 0x40 }
      unsafe body(bytes, length)
    }
  }

  @_noLocks
  private func ask(
    _ inode: UInt64,
    show: UInt32,
    attribute wanted: UInt32,
    _ body: (UnsafeMutablePointer<UInt8>, Int) -> Void
  ) {
    let request = unsafe UnsafeMutableRawPointer(memory).assumingMemoryBound(to: UInt32.self)
    unsafe request[0] = UInt32(truncatingIfNeeded: Self.requestSize)
    // SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST.
    unsafe request[1] = 20 | 1 &<< 16
    unsafe request[2] = 1
    unsafe request[3] = 0
    // struct unix_diag_req: AF_UNIX, all states, the inode, what to show, any cookie.
    unsafe request[4] = 1
    unsafe request[5] = ~0
    unsafe request[6] = UInt32(truncatingIfNeeded: inode)
    unsafe request[7] = show
    unsafe request[8] = ~0
    unsafe request[9] = ~0
    guard unsafe dc_write(socket, memory, Self.requestSize) == Self.requestSize else { return }
    let answer = unsafe memory + Self.answerSize
    let count = unsafe dc_read(socket, answer, Self.answerSize)
    guard count > Self.headSize, unsafe word(answer + 4) & 0xffff == 20 else { return }
    var offset = Self.headSize
    while offset &+ 4 <= count {
      let head = unsafe word(answer + offset)
      let length = Int(head & 0xffff)
      guard length >= 4, offset &+ length <= count else { return }
      if head &>> 16 == wanted { return unsafe body(answer + (offset &+ 4), length &- 4) }
      offset &+= (length &+ 3) & ~3
    }
  }

  @_noLocks
  private func word(_ bytes: UnsafePointer<UInt8>) -> UInt32 {
    unsafe UInt32(bytes[0]) | UInt32(bytes[1]) &<< 8 | UInt32(bytes[2]) &<< 16
      | UInt32(bytes[3]) &<< 24
  }
}
