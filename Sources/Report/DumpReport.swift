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

  /// How it came about.
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
  /// The process that was captured.
  public var process = ReportProcess()
  /// The signal that triggered the capture.
  public var signal: ReportSignal?
  /// The abort or fatal error message of the service.
  public var message: String?
  /// The thread that crashed.
  public var crashedThreadID: Int32?
  /// Mapped ELF files, in the order of the capture.
  public var modules: [ReportModule] = []
  /// Interned frames, without order.
  public var frames: [Frame] = []
  /// Interned stacks: indices into `frames`, innermost first.
  public var stacks: [[Int]] = []
  /// Threads in the order of the capture, which is the kernel's.
  public var threads: [ReportThread] = []
  /// Swift tasks that had not completed, in no order.
  public var tasks: [ReportTask] = []
  /// Actors and executors that tasks wait for or that threads ran on.
  public var executors: [ReportExecutor] = []
  /// Whether tasks were looked for; nil where the handler knew none.
  public var taskSummary: ReportTaskSummary?
  /// Open descriptors by kind, the most frequent first.
  public var descriptors: [DescriptorCount] = []
  /// Open descriptors that were not looked at.
  public var uncountedDescriptors = 0
  /// Sockets by family.
  public var sockets: SocketCounts?
  /// TCP connections, the most frequent first.
  public var connections: [ReportConnection] = []
  /// What the process was started with, in its order.
  public var environment: [EnvironmentVariable] = []
  /// The last lines that the service gave, the oldest first.
  public var notes: [ReportNote] = []
  /// Lines given before these.
  public var olderNotes = 0
  /// Lines that were not kept because a slower thread was writing in their place.
  public var lostNotes = 0
  /// Lines of source around the lines of frames, where they were asked for.
  public var snippets: Set<SourceSnippet> = []
  /// What a reader should see first.
  public var findings: [Finding] = []

  /// A report of nothing.
  public init() {}
}

/// The process that was captured.
public struct ReportProcess: Sendable, Equatable {
  /// The process id that the process itself sees.
  public var processID: Int32?
  /// comm, at most 15 bytes.
  public var name: String?
  /// Path of the executable.
  public var executable: String?
  /// Only where the capture was allowed to keep arguments.
  public var arguments: [String] = []
  /// The user it ran as.
  public var userID: UInt32?
  /// When it was started.
  public var startTime: Date?
  /// Host name.
  public var host: String?
  /// Control group.
  public var cgroup: String?
  /// Kernel release.
  public var kernel: String?
  /// Threads listed when the capture began.
  public var threadCount: Int?
  /// Memory, age, limits, control group.
  public var vitals: ReportVitals?

  /// A process of which nothing is known.
  public init() {}
}

/// The signal that triggered a capture; numbers as in signal(7) and sigaction(2).
public struct ReportSignal: Sendable, Equatable {
  /// Number of the signal.
  public var number: Int32
  /// `si_code`: who sent it, or what fault it was.
  public var code: Int32
  /// Fault address, of fatal signals only.
  public var address: UInt64?
  /// Who sent it, where a process did.
  public var senderProcessID: Int32?

  /// A signal without further facts.
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
  /// How much is known of its code.
  public var status: Status = .none
  /// The separate debug file that was used.
  public var debugFile: String?
  /// Why there is not more: no such file, wrong build ID, stripped, and the file refused, if one was.
  public var reason: String?

  /// A module of which only its place is known.
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

  /// The id that the process itself sees.
  public var threadID: Int32
  /// The name of the thread, at most 15 bytes.
  public var name: String?
  /// What the scheduler said of it.
  public var state: State?
  /// How its stack was read.
  public var status: Status = .captured
  /// Why it was not captured, or what is doubtful.
  public var reason: String?
  /// When it was created, at the kernel's clock tick.
  public var startTime: Date?
  /// Time in user space so far.
  public var cpuUser: Duration?
  /// Time in the kernel so far.
  public var cpuSystem: Duration?
  /// Name of the system call the thread was in ("futex"), or its number in decimal when the name is unknown.
  public var systemCall: String?
  /// What it waits for, where more is known than the call: a lock and its owner, descriptors.
  public var waitsFor: WaitTarget?
  /// Kernel function the thread slept in.
  public var waitChannel: String?
  /// How the scheduler treats it, where that is not SCHED_OTHER: "fifo", "rr", "batch", "idle", "deadline".
  public var policy: String?
  /// 1 to 99, of real-time policies.
  public var realtimePriority: UInt32?
  /// nice(1), where it is not 0.
  public var nice: Int32?
  /// Labels that the service gave it.
  public var labels: [String: String] = [:]
  /// Why the walk ended before the outermost frame.
  public var truncated: String?
  /// Index into `DumpReport.stacks`, or nil when the thread has no frame.
  public var stack: Int?
  /// The fatal signal of a thread that crashed; several may have at once.
  public var fatalSignal: ReportSignal?
  /// General registers in the processor's order, of threads that crashed or whose stack bytes were asked for.
  public var registers: [ThreadRegister] = []
  /// Where it was created, where the service was asked to keep that.
  public var createdBy: ThreadCreator?
  /// The Swift task that it ran.
  public var task: UInt64?
  /// Address of the actor or executor that it ran on.
  public var executor: UInt64?

  /// A captured thread of which only its id is known.
  public init(threadID: Int32) {
    self.threadID = threadID
  }

  /// Time in user space and in the kernel so far; nil where neither is known.
  public var cpuTime: Duration? {
    guard cpuUser != nil || cpuSystem != nil else { return nil }
    return (cpuUser ?? .zero) + (cpuSystem ?? .zero)
  }
}

/// A register of a thread when it was captured.
public struct ThreadRegister: Sendable, Equatable {
  /// As the processor's manual calls it, in lower case.
  public var name: String
  /// Its bits.
  public var value: UInt64

  /// A register and its value.
  public init(name: String, value: UInt64) {
    self.name = name
    self.value = value
  }
}

/// Who created a thread, and where.
public struct ThreadCreator: Sendable, Equatable {
  /// The thread that did; it may have ended, and its id may be another thread's by now.
  public var threadID: Int32
  /// Its name then.
  public var name: String?
  /// Index into `DumpReport.stacks`: from the caller of pthread_create outwards.
  public var stack: Int?

  /// A creator of which only its id is known.
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
  /// Other names of the same code (aliases, functions folded into one), demangled in full.
  public var aliases: [String] = []
  /// Swift simplified; nil when it equals `function`.
  public var shortFunction: String?
  /// Source file, absolute where the debug information says so.
  public var file: String?
  /// Line in the file.
  public var line: UInt32?
  /// Column in the line.
  public var column: UInt32?
  /// The frame exists in the source only; the frame it was inlined into follows.
  public var isInlined = false
  /// The kernel's signal trampoline; the frame after it is the interrupted one.
  public var isSignalFrame = false
  /// The entry of an asynchronous function's part, where a task goes on.
  public var isAsync = false
  /// Code of Swift's runtime and library, or made by the compiler: no line that somebody wrote in the service.
  public var isRuntime = false
  /// How the unwinder came to it; nil for frames of tasks.
  public var origin: Origin?
  /// Why there is no function or no line.
  public var unknown: String?

  /// A frame of which only its address is known.
  public init(address: UInt64) {
    self.address = address
  }
}

/// Something about the whole process that a reader should see first.
public struct Finding: Sendable, Equatable {
  /// "deadlock", "leak-suspect", …: the kinds are listed in docs/report-schema.md.
  public var kind: String
  /// One sentence.
  public var text: String
  /// The threads it is about.
  public var threadIDs: [Int32] = []
  /// The tasks it is about.
  public var taskIDs: [UInt64] = []

  /// A finding about no thread in particular.
  public init(kind: String, text: String) {
    self.kind = kind
    self.text = text
  }
}
