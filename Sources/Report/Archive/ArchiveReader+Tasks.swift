import GRDB

extension ArchiveReader {
  /// The tasks, what they wait for, and how they were looked for.
  func readTasks(_ database: Database, into report: inout DumpReport) throws {
    report.executors = try all("executors", database) { (row) throws(ArchiveDamage) in
      var executor = ReportExecutor(address: try row.address(1), kind: try row.word(2))
      executor.type = try row.optionalText(3)
      executor.holderTask = try row.optionalAddress(4)
      executor.holderThreadID = try row.optionalInteger(5)
      executor.unknown = try row.optionalText(6)
      return executor
    }
    let (executorCount, stackCount) = (report.executors.count, report.stacks.count)
    report.tasks = try all("tasks", database) { (row) throws(ArchiveDamage) in
      try task(row, executorCount: executorCount, stackCount: stackCount)
    }
    guard let row = try atMostOne("task_summary", database) else { return }
    var summary = ReportTaskSummary(runtime: try row.word(1), isDecoded: try row.flag(2))
    summary.reason = try row.optionalText(3)
    summary.layoutVersion = try row.optionalInteger(4)
    summary.taskCount = try row.integer(5)
    summary.skippedTaskCount = try row.integer(6)
    summary.candidateCount = try row.integer(7)
    summary.scannedByteCount = try row.address(8)
    summary.scanTime = try row.optionalInteger(9, as: Int64.self).map { .nanoseconds($0) }
    summary.walkTime = try row.optionalInteger(10, as: Int64.self).map { .nanoseconds($0) }
    summary.notesThreads = try row.flag(11)
    summary.skipped = try all("task_skipped_memory", database) { (row) throws(ArchiveDamage) in
      ReportTaskSummary.SkippedMemory(reason: try row.text(1), byteCount: try row.address(2))
    }
    report.taskSummary = summary
  }

  private func task(
    _ row: ArchiveRow,
    executorCount: Int,
    stackCount: Int
  ) throws(ArchiveDamage) -> ReportTask {
    var task = ReportTask(
      id: try row.address(1),
      address: try row.address(2),
      state: try row.word(4)
    )
    task.name = try row.optionalText(3)
    task.kind = try row.word(5)
    task.priority = try row.optionalInteger(6)
    task.basePriority = try row.optionalInteger(7)
    task.isCancelled = try row.flag(8)
    task.parent = try row.optionalAddress(9)
    task.group = try row.optionalAddress(10)
    // Column 11, the kind of wait, is for people: it follows from the rest.
    task.dependency = try row.optionalWord(12)
    task.awaitedTask = try row.optionalAddress(13)
    task.awaitedGroup = try row.optionalAddress(14)
    task.awaitedAddress = try row.optionalAddress(15)
    task.executor = try row.optionalIndex(16, below: executorCount)
    task.stack = try row.optionalIndex(17, below: stackCount)
    task.truncated = try row.optionalText(18)
    task.threadID = try row.optionalInteger(19)
    task.doubt = try row.optionalText(20)
    return task
  }
}
