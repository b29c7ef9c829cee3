/// What a waiting thread waits for, as far as more than its system call is known: a lock and who holds it, a thread,
/// a process, descriptors.
public struct WaitTarget: Sendable, Equatable {
  /// What the lock is, where the words in it and the thread's stack say more than the stack alone.
  public var kind: ThreadWait.Kind?
  /// Address of the lock (of the mutex, not of a word in it); of what is no lock that is known, the word waited on.
  public var lock: UInt64?
  /// Name of a static lock: the symbol it lies in, and how far behind its start.
  public var lockName: String?
  /// What the lock is in words: "normal", "recursive", "priority-inheriting", …; docs/report-schema.md lists them.
  public var lockType: String?
  /// The thread that held the lock, or that is joined; it may be none of the report's when it ended while it held it.
  ///
  /// Only where two readings agreed.
  public var ownerThreadID: Int32?
  /// The thread slept in this call all the time between two looks at the lock, and these times overlap for all
  /// threads of the report that say so; and it waits for ever.
  ///
  /// A circle of such threads waits for each other for certain.
  public var isSteady = false
  /// Threads that hold a lock for reading.
  public var readerCount: Int?
  /// Why there is no owner, or what is doubtful.
  public var note: String?
  /// The process whose end is waited for; nil for any child.
  public var childProcessID: Int32?
  /// How long the call was to wait at most.
  public var timeout: Duration?
  /// The descriptors waited for, in the order of the call; of epoll, its own first and then those that it watches.
  public var descriptors: [WaitDescriptor] = []
  /// Descriptors beyond these.
  public var moreDescriptors = 0

  /// A wait of which nothing is known.
  public init() {}
}

/// A descriptor that a thread waits for.
public struct WaitDescriptor: Sendable, Equatable {
  /// Its number in the process.
  public var number: Int32
  /// What it was open for, by the kinds of `descriptors`, of sockets with the protocol: "tcp", "udp", "unix"; nil
  /// where it could not be looked at.
  public var kind: String?
  /// Address and port of a socket, path of a unix socket.
  public var local: String?
  /// Address and port of its peer, path of a unix socket's.
  public var peer: String?
  /// Path of a file, device, or FIFO.
  public var path: String?

  /// A descriptor of which only its number is known.
  public init(number: Int32) {
    self.number = number
  }
}
