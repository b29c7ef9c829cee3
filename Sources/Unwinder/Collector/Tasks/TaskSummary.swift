import CUnwind

/// What was looked for, found and left out: the record behind the tasks.
struct TaskSummary {
  var reason: UInt8
  private let hasRuntime: Bool
  private let isStatic: Bool
  private let notesThreads: Bool
  private let version: UInt32
  private(set) var tasks: UInt64 = 0
  private var suspended: UInt64 = 0
  private var enqueued: UInt64 = 0
  private var running: UInt64 = 0
  var candidates: UInt64 = 0
  var completed: UInt64 = 0
  var rejected: UInt64 = 0
  var partialStacks: UInt64 = 0
  var doubtful: UInt64 = 0
  /// Not looked at when the time was over.
  var lateBytes: UInt64 = 0
  var scanTime: Int64 = 0
  var walkTime: Int64 = 0
  private var stacks: UInt32 = 0
  private var executors = 0
  private var scannedBytes: UInt64 = 0
  private var absentBytes: UInt64 = 0
  private var unreadableBytes: UInt64 = 0
  private var unlistedBytes: UInt64 = 0

  @_noLocks
  init(_ home: Home, _ runtime: TaskRuntime) {
    reason = runtime.reason
    hasRuntime = unsafe home.pointee.tasks.task_metadata != 0
    isStatic = unsafe home.pointee.tasks.is_static != 0
    notesThreads = unsafe home.pointee.tasks.notes_tasks != 0
    version = runtime.version
  }

  @_noLocks
  mutating func count(_ task: TaskObject) {
    tasks &+= 1
    if task.isRunning {
      running &+= 1
    } else if task.isEnqueued {
      enqueued &+= 1
    } else {
      suspended &+= 1
    }
  }

  @_noLocks
  mutating func take(_ map: MemoryMap, _ scan: TaskScan, stacks: UInt32, executors: Int) {
    self.stacks = stacks
    self.executors = executors
    scannedBytes = scan.scannedBytes
    absentBytes = scan.absentBytes
    unreadableBytes = scan.unreadableBytes
    unlistedBytes = map.skippedBytes
    if lateBytes > 0 { reason = TaskReason.outOfTime }
    // Tasks that are over have the layout too. Where nothing has it, it is not the one we know.
    if tasks == 0, completed == 0, rejected > 0 { reason = TaskReason.contradiction }
  }

  @_noLocks
  func write(to file: inout CaptureFile) {
    var record = file.beginRecord(room: 4096)
    let wasDecoded =
      reason == TaskReason.none || reason == TaskReason.outOfTime || reason == TaskReason.fault
    record.field(1, varint: hasRuntime ? (isStatic ? 2 : 1) : 0)
    if hasRuntime {
      record.field(2, varint: wasDecoded ? 1 : 0)
      TaskReason.write(reason, 3, &record)
      record.field(4, varint: UInt64(version))
    }
    record.field(5, varint: tasks)
    record.field(6, varint: suspended)
    record.field(7, varint: enqueued)
    record.field(8, varint: running)
    record.field(9, varint: UInt64(stacks))
    record.field(10, varint: UInt64(truncatingIfNeeded: executors))
    record.field(11, varint: partialStacks)
    record.field(12, varint: doubtful)
    record.field(13, varint: candidates)
    record.field(14, varint: completed)
    record.field(15, varint: rejected)
    record.field(16, varint: scannedBytes)
    record.field(17, varint: absentBytes)
    writeSkipped("no time left", lateBytes, &record)
    writeSkipped("could not be read", unreadableBytes, &record)
    writeSkipped("more mappings than can be noted", unlistedBytes, &record)
    record.field(20, varint: UInt64(truncatingIfNeeded: scanTime))
    record.field(21, varint: UInt64(truncatingIfNeeded: walkTime))
    record.field(22, varint: notesThreads ? 1 : 0)
    file.endRecord(RecordKind.taskSummary, record)
  }

  @_noLocks @inline(__always)
  private func writeSkipped(_ reason: StaticString, _ bytes: UInt64, _ record: inout ProtobufWriter)
  {
    guard bytes > 0 else { return }
    let message = record.beginMessage(18)
    record.field(1, text: reason)
    record.field(2, varint: bytes)
    record.endMessage(message)
  }
}
