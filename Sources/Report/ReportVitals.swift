public import FoundationEssentials

/// The process as the kernel counted it when the capture was made; bytes unless said otherwise.
public struct ReportVitals: Sendable, Equatable {
  /// Memory in use.
  public var residentBytes: UInt64?
  /// The most it ever was.
  public var peakResidentBytes: UInt64?
  /// Address space.
  public var virtualBytes: UInt64?
  /// The most it ever was.
  public var peakVirtualBytes: UInt64?
  /// Resident memory that belongs to no file: heap and stacks.
  public var anonymousBytes: UInt64?
  /// Resident memory of mapped files.
  public var fileBytes: UInt64?
  /// Resident memory that is shared.
  public var sharedBytes: UInt64?
  /// Memory that was swapped out.
  public var swapBytes: UInt64?
  /// Resident memory with shared pages divided among those who share them.
  public var proportionalBytes: UInt64?
  /// Resident memory of this process alone.
  public var privateBytes: UInt64?
  /// Threads, with the handler's own.
  public var threadCount: UInt32?
  /// Time since the process was started.
  public var uptime: Duration?
  /// How likely it is to be killed for want of memory, of 1,000.
  public var outOfMemoryScore: UInt32?
  /// What was added to that by the administrator.
  public var outOfMemoryAdjustment: Int32?
  /// Resource limits, in the order of their numbers.
  public var limits: [ResourceLimit] = []
  /// The control group's usage and limits.
  public var controlGroup: ReportControlGroup?

  /// Vitals of which nothing is known.
  public init() {}
}

/// One limit of getrlimit(2).
public struct ResourceLimit: Sendable, Equatable {
  /// As in getrlimit(2), in lower case: "nofile", "as".
  public var name: String
  /// Nil: none.
  public var soft: UInt64?
  /// Nil: none.
  public var hard: UInt64?

  /// A limit.
  public init(name: String, soft: UInt64?, hard: UInt64?) {
    self.name = name
    self.soft = soft
    self.hard = hard
  }
}

/// Usage and limits of a control group; a limit is nil where there is none.
public struct ReportControlGroup: Sendable, Equatable {
  /// 1 or 2.
  public var version: UInt32?
  /// Memory in use, with the page cache.
  public var memoryBytes: UInt64?
  /// Memory it may use.
  public var memoryLimitBytes: UInt64?
  /// Above it the group is slowed down.
  public var memoryHighBytes: UInt64?
  /// Processes killed for want of memory.
  public var memoryKills: UInt64?
  /// Processes and threads.
  public var taskCount: UInt64?
  /// Processes and threads it may have.
  public var taskLimit: UInt64?
  /// Thousandths of processors it may use.
  public var processorThousandths: UInt64?
  /// Periods in which the group had to wait for its next share.
  public var throttledPeriods: UInt64?
  /// For how long.
  public var throttledTime: Duration?
  /// Shares of time that tasks waited for something.
  public var pressures: [Pressure] = []

  /// A group of which nothing is known.
  public init() {}
}

/// Share of time that tasks of the group waited for a resource.
public struct Pressure: Sendable, Equatable {
  /// What they waited for.
  public enum Resource: String, Sendable, CaseIterable {
    case cpu, memory, io
  }

  /// What they waited for.
  public var resource: Resource
  /// All of them at once; else some.
  public var isFull: Bool
  /// Hundredths of a percent, over 10 seconds.
  public var average10: UInt32
  /// Hundredths of a percent, over one minute.
  public var average60: UInt32
  /// Hundredths of a percent, over five minutes.
  public var average300: UInt32
  /// All of it so far.
  public var total: Duration

  /// A pressure of nothing.
  public init(_ resource: Resource, isFull: Bool) {
    self.resource = resource
    self.isFull = isFull
    (average10, average60, average300, total) = (0, 0, 0, .zero)
  }
}

/// Open descriptors of one kind.
public struct DescriptorCount: Sendable, Equatable {
  /// "socket", "pipe", "file", …: docs/report-schema.md lists them.
  public var kind: String
  /// How many there are.
  public var count: Int

  /// Descriptors of a kind.
  public init(kind: String, count: Int) {
    self.kind = kind
    self.count = count
  }
}

/// Sockets by family, each once.
public struct SocketCounts: Sendable, Equatable {
  /// TCP over IPv4 and IPv6.
  public var tcp: Int
  /// UDP over IPv4 and IPv6.
  public var udp: Int
  /// Unix domain sockets.
  public var unix: Int
  /// Others, and TCP sockets that are neither bound nor connected.
  public var other: Int
  /// The lists of sockets were not read to their end.
  public var isCut: Bool

  /// Counts of all families.
  public init(tcp: Int, udp: Int, unix: Int, other: Int, isCut: Bool) {
    self.tcp = tcp
    self.udp = udp
    self.unix = unix
    self.other = other
    self.isCut = isCut
  }
}

/// TCP connections of one state to the same peer.
public struct ReportConnection: Sendable, Equatable {
  /// As ss(8) and netstat(8) write it: "ESTABLISHED", "CLOSE_WAIT", "LISTEN".
  public var state: String
  /// Address and port of a listening socket; the port alone, as ":8080", of connections accepted there.
  public var local: String?
  /// Address and port; without a port for connections accepted from there.
  ///
  /// Nil when there were too many peers.
  public var peer: String?
  /// How many there are.
  public var count: Int

  /// Connections of which only their state is known.
  public init(state: String, count: Int) {
    self.state = state
    self.count = count
  }
}

/// A variable of the environment that the process was started with.
public struct EnvironmentVariable: Sendable, Equatable {
  /// Its name.
  public var name: String
  /// Only where the capture was allowed to keep values.
  public var value: String?

  /// A variable.
  public init(name: String, value: String?) {
    self.name = name
    self.value = value
  }
}

/// A line that the service gave.
public struct ReportNote: Sendable, Equatable {
  /// When it was given.
  public var time: Date?
  /// By which thread.
  public var threadID: Int32?
  /// The line.
  public var text: String

  /// A line.
  public init(text: String) {
    self.text = text
  }
}
