/// One Swift task that had not completed when the capture was made.
public struct ReportTask: Sendable, Equatable {
  /// Whether it ran.
  public enum State: String, Sendable, CaseIterable {
    /// On no thread and in no queue: it waits for something.
    case suspended
    /// It could run, and waits for a thread or for its actor.
    case enqueued
    /// On a thread.
    case running
  }

  /// How it was made.
  public enum Kind: String, Sendable, CaseIterable {
    /// `Task { }`, `Task.detached { }`, the main task: the runtime makes no difference between them.
    case task
    case groupChild = "group-child"
    case asyncLet = "async-let"
    /// A child of another kind.
    case child
  }

  /// What the runtime noted as waited for.
  public enum Dependency: String, Sendable, CaseIterable {
    case continuation, task, group, executor
  }

  /// Unique in the process as long as the task lives.
  public var id: UInt64
  /// Of the task object.
  public var address: UInt64
  /// The name that the service gave it.
  public var name: String?
  /// Whether it ran.
  public var state: State
  /// How it was made.
  public var kind: Kind = .task
  /// As it runs: `TaskPriority.rawValue`, raised by those who wait for it.
  public var priority: UInt8?
  /// As it was created, where that differs.
  public var basePriority: UInt8?
  /// It was asked to end.
  public var isCancelled = false
  /// The task that it is a child of.
  public var parent: UInt64?
  /// Address of the task group that it is a child of.
  public var group: UInt64?
  /// What it waits for, as the runtime noted it; nil where it noted nothing.
  public var dependency: Dependency?
  /// The task that it waits for.
  public var awaitedTask: UInt64?
  /// Address of the task group that it waits for.
  public var awaitedGroup: UInt64?
  /// Address of what it waits for, where that is neither a task nor a group nor an executor.
  public var awaitedAddress: UInt64?
  /// Index into `DumpReport.executors`: what it waits for or runs on.
  public var executor: Int?
  /// Index into `DumpReport.stacks`: where it goes on; of a running task first its thread's own frames.
  public var stack: Int?
  /// Why the walk ended before the task's outermost frame.
  public var truncated: String?
  /// The thread that ran it.
  public var threadID: Int32?
  /// Why what stands here may not belong together.
  public var doubt: String?

  /// A task of which only its identity is known.
  public init(id: UInt64, address: UInt64, state: State) {
    self.id = id
    self.address = address
    self.state = state
  }
}

/// An actor, or another executor, that tasks wait for or that threads ran on.
public struct ReportExecutor: Sendable, Equatable {
  /// What it is.
  public enum Kind: String, Sendable, CaseIterable {
    /// An actor with the default executor.
    case actor
    case mainActor = "main-actor"
    /// An executor of the service's own.
    case custom
  }

  /// Of the actor or executor object.
  public var address: UInt64
  /// Its type, demangled in full; nil where no symbol tells.
  public var type: String?
  /// What it is.
  public var kind: Kind
  /// The task that ran on it.
  public var holderTask: UInt64?
  /// The thread that ran on it.
  public var holderThreadID: Int32?
  /// Why the type is not known.
  public var unknown: String?

  /// An executor that nobody ran on.
  public init(address: UInt64, kind: Kind) {
    self.address = address
    self.kind = kind
  }
}

/// Whether Swift tasks were looked for, and how.
public struct ReportTaskSummary: Sendable, Equatable {
  /// Where the process had its Swift runtime.
  public enum Runtime: String, Sendable, CaseIterable {
    /// No Swift concurrency in the process.
    case none
    /// In a library of its own.
    case shared
    /// In the program.
    case `static`
  }

  /// Memory that may hold tasks and was not looked at.
  public struct SkippedMemory: Sendable, Equatable {
    /// Why it was not.
    public var reason: String
    /// How much.
    public var byteCount: UInt64

    /// Memory that was skipped.
    public init(reason: String, byteCount: UInt64) {
      self.reason = reason
      self.byteCount = byteCount
    }
  }

  /// Where the runtime was.
  public var runtime: Runtime
  /// Tasks were looked for; else `reason` says why not.
  public var isDecoded: Bool
  /// Why not, or why some may be missing.
  public var reason: String?
  /// Of the runtime's own description of its objects.
  public var layoutVersion: UInt32?
  /// Tasks in the capture, whether or not they could be read back.
  public var taskCount = 0
  /// Tasks that were found and not written.
  public var skippedTaskCount = 0
  /// Places that begin as a task does; remains of completed ones among them.
  public var candidateCount = 0
  /// Bytes that were looked at.
  public var scannedByteCount: UInt64 = 0
  /// What was not.
  public var skipped: [SkippedMemory] = []
  /// Time that looking for tasks took.
  public var scanTime: Duration?
  /// Time that walking their stacks took.
  public var walkTime: Duration?
  /// Threads could note the task that they ran.
  public var notesThreads = false

  /// A search that found nothing.
  public init(runtime: Runtime, isDecoded: Bool) {
    self.runtime = runtime
    self.isDecoded = isDecoded
  }
}
