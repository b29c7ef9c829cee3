import CaptureFormat
import Report

extension DumpReport {
  /// The tasks as captured, with the stacks that were given names.
  ///
  /// `stacks`: by the id of a task's stack in the capture.
  mutating func takeTasks(_ capture: Capture, stacks: [UInt32: Int]) {
    var executorOfID: [UInt32: Int] = [:]
    for (index, executor) in capture.executors.enumerated() { executorOfID[executor.id] = index }
    var truncations: [UInt32: String] = [:]
    for stack in capture.taskStacks where !stack.truncated.isEmpty {
      truncations[stack.id] = stack.truncated
    }
    tasks = capture.tasks.map { wire in
      var task = ReportTask(wire)
      task.executor = executorOfID[wire.executor]
      task.stack = stacks[wire.stack]
      task.truncated = truncations[wire.stack]
      return task
    }
    if let summary = capture.taskSummary {
      taskSummary = ReportTaskSummary(summary)
      noteMissingTasks(summary)
    }
    spliceRunningTasks()
    findings += taskFindings()
  }

  private mutating func noteMissingTasks(_ summary: WireTaskSummary) {
    let count = problems.count
    let expected = Int(clamping: summary.tasks)
    if expected > tasks.count {
      problems.append(
        "\(counted(expected - tasks.count, "task")) of \(expected) missing from the capture"
      )
    }
    if summary.skippedTasks > 0 {
      problems.append(
        "\(counted(Int(clamping: summary.skippedTasks), "more task")) found and not written: a limit"
      )
    }
    let bytes = summary.skipped.reduce(UInt64(0)) { $0 &+ $1.bytes }
    if bytes > 0 {
      let reasons = Set(summary.skipped.compactMap(\.reason.nonEmpty)).sorted()
      problems.append(
        "\((bytes >> 10)) KiB of memory not searched for tasks"
          + (reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))")
      )
    }
    if problems.count > count { isComplete = false }
  }
}

extension ReportTask {
  /// A task as captured; its stack is still without names.
  init(_ task: WireTask) {
    let state: State =
      switch task.state {
      case .running: .running
      case .enqueued: .enqueued
      case .suspended, .UNRECOGNIZED: .suspended
      }
    self.init(id: task.id, address: task.address, state: state)
    name = task.name.nonEmpty
    kind =
      switch task.kind {
      case .task, .UNRECOGNIZED: .task
      case .groupChild: .groupChild
      case .asyncLet: .asyncLet
      case .child: .child
      }
    priority = task.priority == 0 ? nil : UInt8(clamping: task.priority)
    basePriority = task.basePriority == 0 ? nil : UInt8(clamping: task.basePriority)
    isCancelled = task.cancelled
    parent = task.parent == 0 ? nil : task.parent
    group = task.group == 0 ? nil : task.group
    dependency =
      switch task.wait {
      case .continuation: .continuation
      case .anotherTask: .task
      case .group: .group
      case .executor: .executor
      case .unknown, .UNRECOGNIZED: nil
      }
    awaitedTask = task.waitTask == 0 ? nil : task.waitTask
    awaitedGroup = task.waitGroup == 0 ? nil : task.waitGroup
    awaitedAddress = task.waitAddress == 0 ? nil : task.waitAddress
    threadID = task.tid == 0 ? nil : task.tid
    doubt = task.doubt.nonEmpty
  }
}

extension ReportTaskSummary {
  /// A summary as captured.
  init(_ summary: WireTaskSummary) {
    let runtime: Runtime =
      switch summary.runtime {
      case .none, .UNRECOGNIZED: .none
      case .shared: .shared
      case .static: .static
      }
    self.init(runtime: runtime, isDecoded: summary.decoded)
    reason = summary.reason.nonEmpty
    layoutVersion = summary.layoutVersion == 0 ? nil : summary.layoutVersion
    taskCount = Int(clamping: summary.tasks)
    skippedTaskCount = Int(clamping: summary.skippedTasks)
    candidateCount = Int(clamping: summary.candidates)
    scannedByteCount = summary.scannedBytes
    skipped = summary.skipped.map { SkippedMemory(reason: $0.reason, byteCount: $0.bytes) }
    scanTime = .nanoseconds(Int64(clamping: summary.scanNs))
    walkTime = .nanoseconds(Int64(clamping: summary.walkNs))
    notesThreads = summary.notesThreads
  }
}
