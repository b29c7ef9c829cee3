import CUnwind

/// Layout version 1 of the Swift concurrency runtime, 64 bits: where what lies (docs/swift-tasks.md).
///
/// Offsets into a task object, in bytes, unless it is said otherwise.
enum TaskLayout {
  static var version: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var size: UInt64 { @_noLocks @inline(__always) get { 208 } }

  static var references: UInt64 { @_noLocks @inline(__always) get { 8 } }
  static var flags: UInt64 { @_noLocks @inline(__always) get { 32 } }
  static var lowID: UInt64 { @_noLocks @inline(__always) get { 36 } }
  static var highID: UInt64 { @_noLocks @inline(__always) get { 144 } }
  static var resumeFunction: UInt64 { @_noLocks @inline(__always) get { 56 } }
  static var resumeContext: UInt64 { @_noLocks @inline(__always) get { 64 } }
  static var status: UInt64 { @_noLocks @inline(__always) get { 96 } }
  static var innermostRecord: UInt64 { @_noLocks @inline(__always) get { 104 } }
  static var lastAllocation: UInt64 { @_noLocks @inline(__always) get { 112 } }
  static var firstSlab: UInt64 { @_noLocks @inline(__always) get { 120 } }
  /// Of children: behind the fields that every task has.
  static var parent: UInt64 { @_noLocks @inline(__always) get { 208 } }
  static var group: UInt64 { @_noLocks @inline(__always) get { 224 } }
  /// The outermost context lies within so many bytes behind the object's beginning.
  static var reach: UInt64 { @_noLocks @inline(__always) get { 1024 } }
  /// Of an allocation: the one before it, its slab, and then what was allocated.
  static var allocationHead: UInt64 { @_noLocks @inline(__always) get { 16 } }
}

/// Bits of a task's flags, which do not change while it lives.
enum TaskFlag {
  static var child: UInt32 { @_noLocks @inline(__always) get { 1 &<< 24 } }
  static var groupChild: UInt32 { @_noLocks @inline(__always) get { 1 &<< 26 } }
  static var asyncLet: UInt32 { @_noLocks @inline(__always) get { 1 &<< 28 } }
  /// The kind of job, 0 for a task, and bits that nobody uses.
  static var kindAndUnused: UInt32 { @_noLocks @inline(__always) get { 0x00ff_00ff } }
}

/// Bits of a task's status.
enum TaskStatus {
  static var cancelled: UInt64 { @_noLocks @inline(__always) get { 0x100 } }
  static var running: UInt64 { @_noLocks @inline(__always) get { 0x800 } }
  static var enqueued: UInt64 { @_noLocks @inline(__always) get { 0x1000 } }
  static var complete: UInt64 { @_noLocks @inline(__always) get { 0x2000 } }
  static var hasDependency: UInt64 { @_noLocks @inline(__always) get { 0x4000 } }
  static var unknown: UInt64 { @_noLocks @inline(__always) get { ~0x7fff } }
}

/// Kinds of the records that hang on a task's status: kind at 0, the next outer one at 8.
enum StatusRecord {
  static var dependency: UInt64 { @_noLocks @inline(__always) get { 0 } }
  static var name: UInt64 { @_noLocks @inline(__always) get { 6 } }
  static var payload: UInt64 { @_noLocks @inline(__always) get { 16 } }
  /// Of a dependency: what it waits for is the payload.
  static var implementation: UInt64 { @_noLocks @inline(__always) get { 24 } }
  static var dependencyKind: UInt64 { @_noLocks @inline(__always) get { 32 } }
  static var waitingTask: UInt64 { @_noLocks @inline(__always) get { 40 } }
}

/// Why tasks were not decoded, or not all of them.
enum TaskReason {
  static var none: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var switchedOff: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var unknownVersion: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var unknownSize: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var priorityEscalation: UInt8 { @_noLocks @inline(__always) get { 4 } }
  static var missingVariable: UInt8 { @_noLocks @inline(__always) get { 5 } }
  static var contradiction: UInt8 { @_noLocks @inline(__always) get { 6 } }
  static var noMemory: UInt8 { @_noLocks @inline(__always) get { 7 } }
  static var noMaps: UInt8 { @_noLocks @inline(__always) get { 8 } }
  static var fault: UInt8 { @_noLocks @inline(__always) get { 9 } }
  static var outOfTime: UInt8 { @_noLocks @inline(__always) get { 10 } }

  @_noLocks
  static func write(_ reason: UInt8, _ field: Int, _ record: inout ProtobufWriter) {
    if reason == switchedOff { record.field(field, text: "tasks not decoded: switched off") }
    if reason == unknownVersion {
      record.field(field, text: "tasks not decoded: the runtime's layout version is not known")
    }
    if reason == unknownSize {
      record.field(field, text: "tasks not decoded: the runtime's tasks are of another size")
    }
    if reason == priorityEscalation {
      record.field(field, text: "tasks not decoded: the runtime escalates priorities of threads")
    }
    if reason == missingVariable {
      record.field(field, text: "tasks not decoded: the runtime lacks a variable for debuggers")
    }
    if reason == contradiction {
      record.field(field, text: "tasks not decoded: what should be tasks has not the known layout")
    }
    if reason == noMemory { record.field(field, text: "tasks not decoded: no memory for it") }
    if reason == noMaps { record.field(field, text: "tasks not decoded: no list of mappings") }
    if reason == fault { record.field(field, text: "reading tasks ended with a fault") }
    if reason == outOfTime {
      record.field(field, text: "reading tasks took all the time there was")
    }
  }
}

/// The runtime as it is now, if tasks of it can be decoded.
struct TaskRuntime {
  private(set) var reason = TaskReason.none
  private(set) var version: UInt32 = 0
  /// The first word of every task, and that of every slab.
  private(set) var taskMetadata: UInt64 = 0
  private(set) var slabMetadata: UInt64 = 0
  private var futureAdapter: UInt64 = 0
  private var otherAdapter: UInt64 = 0

  @_noLocks
  init(_ home: Home) {
    let runtime = unsafe home.pointee.tasks
    guard runtime.slab_metadata != 0, runtime.task_size != 0, runtime.layout_version != 0,
      runtime.priority_escalation != 0, runtime.future_adapter != 0,
      runtime.non_future_adapter != 0
    else {
      reason = TaskReason.missingVariable
      return
    }
    taskMetadata = Self.word(at: runtime.task_metadata)
    slabMetadata = Self.word(at: runtime.slab_metadata)
    futureAdapter = Self.word(at: runtime.future_adapter)
    otherAdapter = Self.word(at: runtime.non_future_adapter)
    version = UInt32(truncatingIfNeeded: Self.word(at: runtime.layout_version)) & 0xff_ffff
    if version != TaskLayout.version {
      reason = TaskReason.unknownVersion
    } else if Self.word(at: runtime.task_size) != TaskLayout.size {
      reason = TaskReason.unknownSize
    } else if Self.byte(at: runtime.priority_escalation) != 0 {
      reason = TaskReason.priorityEscalation
    } else if taskMetadata == 0 || slabMetadata == 0 || futureAdapter == 0 {
      reason = TaskReason.missingVariable
    }
  }

  /// Whether a task that goes on there was never started.
  @_noLocks @inline(__always)
  func isUnstarted(_ function: UInt64) -> Bool {
    function == futureAdapter || function == otherAdapter
  }

  @_noLocks
  private static func word(at address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    return unsafe dc_read_memory(address, &value, 8) == 8 ? value : 0
  }

  @_noLocks
  private static func byte(at address: UInt64) -> UInt8 {
    var value: UInt8 = 1
    return unsafe dc_read_memory(address, &value, 1) == 1 ? value : 1
  }
}
