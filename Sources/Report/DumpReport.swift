public import FoundationEssentials

/// What one capture says once its addresses have names: the value that the archive stores and every format shows.
///
/// Stacks and frames are interned: `threads[i].stack` is an index into `stacks`, whose frames are indices
/// into `frames`, whose modules are indices into `modules`. Every field that a capture could not supply is
/// `nil` or empty; nothing is guessed.
public struct DumpReport: Sendable, Equatable {
  /// How the capture came about.
  public enum Kind: String, Sendable, CaseIterable {
    case live, crash, core, attach
  }

  public var kind: Kind = .live
  /// Why the capture was made: "signal", or the text given to `dumpcollect_capture`.
  public var reason: String?
  /// Wall clock time of the trigger.
  public var time: Date?
  /// False when records or threads are missing; `problems` says which.
  public var isComplete = true
  /// What is missing or damaged, one sentence each.
  public var problems: [String] = []
  /// The capture file this came from, as it was named.
  public var captureFile: String?
  public var process = ReportProcess()
  public var signal: ReportSignal?
  /// The abort or fatal error message of the service.
  public var message: String?
  public var crashedThreadID: Int32?
  public var modules: [ReportModule] = []
  /// Interned frames, without order.
  public var frames: [Frame] = []
  /// Interned stacks: indices into `frames`, innermost first.
  public var stacks: [[Int]] = []
  /// Threads in the order of the capture, which is the kernel's.
  public var threads: [ReportThread] = []
  public var findings: [Finding] = []

  public init() {}
}

/// The process that was captured.
public struct ReportProcess: Sendable, Equatable {
  /// The process id that the process itself sees.
  public var processID: Int32?
  /// comm, at most 15 bytes.
  public var name: String?
  public var executable: String?
  /// Only where the capture was allowed to keep arguments.
  public var arguments: [String] = []
  public var userID: UInt32?
  public var startTime: Date?
  public var host: String?
  public var cgroup: String?
  public var kernel: String?
  /// Threads listed when the capture began.
  public var threadCount: Int?

  public init() {}
}

/// The signal that triggered a capture; numbers as in signal(7) and sigaction(2).
public struct ReportSignal: Sendable, Equatable {
  public var number: Int32
  public var code: Int32
  /// Fault address, of fatal signals only.
  public var address: UInt64?
  public var senderProcessID: Int32?

  public init(number: Int32, code: Int32) {
    self.number = number
    self.code = code
  }
}

/// A mapped ELF file of the captured process.
public struct ReportModule: Sendable, Equatable {
  /// How much is known of the module's code.
  public enum Status: String, Sendable, CaseIterable {
    case debugInfo = "debug-info"
    case symbols
    case none
  }

  /// Path as the process saw it.
  public var path: String
  /// Lower-case hexadecimal build ID, or nil when the module has none.
  public var buildID: String?
  /// Lowest mapped address.
  public var base: UInt64
  /// One past the highest mapped address.
  public var end: UInt64
  public var status: Status = .none
  /// The separate debug file that was used.
  public var debugFile: String?
  /// Why there is not more: no such file, wrong build ID, stripped, and the file refused, if one was.
  public var reason: String?

  public init(path: String, buildID: String?, base: UInt64, end: UInt64) {
    self.path = path
    self.buildID = buildID
    self.base = base
    self.end = end
  }
}

/// One thread when the capture was made.
public struct ReportThread: Sendable, Equatable {
  /// Scheduler state, sampled before the thread was disturbed.
  public enum State: String, Sendable, CaseIterable {
    case running, sleeping, disk, stopped, zombie
  }

  /// How the thread's stack was read.
  public enum Status: String, Sendable, CaseIterable {
    case captured
    case quiet
    case noAnswer = "no-answer"
    case exited
  }

  public var threadID: Int32
  public var name: String?
  public var state: State?
  public var status: Status = .captured
  /// Why it was not captured, or what is doubtful.
  public var reason: String?
  public var cpuUser: Duration?
  public var cpuSystem: Duration?
  /// Name of the system call the thread was in ("futex"), or its number in decimal when the name is unknown.
  public var systemCall: String?
  /// Kernel function the thread slept in.
  public var waitChannel: String?
  public var labels: [String: String] = [:]
  /// Why the walk ended before the outermost frame.
  public var truncated: String?
  /// Index into `DumpReport.stacks`, or nil when the thread has no frame.
  public var stack: Int?

  public init(threadID: Int32) {
    self.threadID = threadID
  }
}

/// One frame of a stack; an inlined frame is a frame of its own, before the one it was inlined into.
public struct Frame: Sendable, Hashable {
  /// How the unwinder came to this frame.
  public enum Origin: String, Sendable, CaseIterable {
    case cfi
    case context
    case framePointer = "frame-pointer"
    case scan
    case callSite = "call-site"
  }

  /// Address as captured, in the process; of return addresses not yet reduced by one.
  public var address: UInt64
  /// Index into `DumpReport.modules`.
  public var module: Int?
  /// Address in the module's ELF file (address − load bias), as `resolve` takes it.
  public var offset: UInt64?
  /// Demangled in full, with parameters.
  public var function: String?
  /// As in the symbol table or `DW_AT_linkage_name`; nil when it equals `function`.
  public var linkage: String?
  /// Swift simplified; nil when it equals `function`.
  public var shortFunction: String?
  /// Source file, absolute where the debug information says so.
  public var file: String?
  public var line: UInt32?
  public var column: UInt32?
  public var isInlined = false
  /// The kernel's signal trampoline; the frame after it is the interrupted one.
  public var isSignalFrame = false
  public var origin: Origin?
  /// Why there is no function or no line.
  public var unknown: String?

  public init(address: UInt64) {
    self.address = address
  }
}

/// Something about the whole process that a reader should see first.
public struct Finding: Sendable, Equatable {
  /// "deadlock", "leak-suspect", …: the kinds are listed in docs/report-schema.md.
  public var kind: String
  public var text: String
  public var threadIDs: [Int32] = []

  public init(kind: String, text: String) {
    self.kind = kind
    self.text = text
  }
}
