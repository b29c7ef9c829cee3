import GRDB

extension ArchiveWriter {
  /// The tasks, what they wait for, and how they were looked for.
  func writeTasks(_ database: Database) throws {
    try database.insertAll(
      "executors",
      report.executors.enumerated().lazy.map { id, executor in
        [
          id, signed(executor.address), executor.kind.rawValue, executor.type,
          executor.holderTask.map(signed), executor.holderThreadID, executor.unknown,
        ]
      }
    )
    let waits = TaskWaits(report)
    try database.insertAll(
      "tasks",
      report.tasks.enumerated().lazy.map { id, task in
        [
          id, signed(task.id), signed(task.address), task.name, task.state.rawValue,
          task.kind.rawValue, task.priority, task.basePriority, task.isCancelled,
          task.parent.map(signed), task.group.map(signed), waits[task]?.kind.rawValue,
          task.dependency?.rawValue, task.awaitedTask.map(signed), task.awaitedGroup.map(signed),
          task.awaitedAddress.map(signed), task.executor, task.stack, task.truncated,
          task.threadID, task.doubt,
        ]
      }
    )
    guard let summary = report.taskSummary else { return }
    try database.insert(
      "task_summary",
      [
        0, summary.runtime.rawValue, summary.isDecoded, summary.reason, summary.layoutVersion,
        summary.taskCount, summary.skippedTaskCount, summary.candidateCount,
        signed(summary.scannedByteCount), summary.scanTime.map(nanoseconds),
        summary.walkTime.map(nanoseconds), summary.notesThreads,
      ]
    )
    try database.insertAll(
      "task_skipped_memory",
      summary.skipped.enumerated().lazy.map { [$0, $1.reason, signed($1.byteCount)] }
    )
  }
}
