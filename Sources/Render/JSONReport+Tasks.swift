import Report

extension JSONReport {
  /// The tasks.
  func writeTasks(_ json: inout JSONWriter, _ sink: ([UInt8]) throws -> Void) throws {
    let waits = TaskWaits(report)
    if report.taskSummary != nil || !report.tasks.isEmpty {
      try writeList("tasks", report.tasks, &json, sink) { json, task in
        write(task, waits[task], &json)
      }
    }
  }

  /// How tasks were looked for.
  func writeTaskSearch(_ json: inout JSONWriter) {
    guard let summary = report.taskSummary else { return }
    json.newLine()
    json.key("task_search")
    json.object { json in
      json.field("runtime", summary.runtime.rawValue)
      json.field("decoded", summary.isDecoded)
      json.field("reason", summary.reason)
      json.field("layout_version", summary.layoutVersion)
      json.field("tasks", summary.taskCount)
      json.field("skipped_tasks", summary.skippedTaskCount)
      json.field("scanned_bytes", summary.scannedByteCount)
      if !summary.skipped.isEmpty {
        json.key("skipped")
        json.array(summary.skipped) { json, memory in
          json.object { json in
            json.field("reason", memory.reason)
            json.field("bytes", memory.byteCount)
          }
        }
      }
    }
  }

  private func write(_ task: ReportTask, _ wait: TaskWait?, _ json: inout JSONWriter) {
    json.object { json in
      json.field("id", task.id)
      json.field("name", task.name)
      json.field("state", task.state.rawValue)
      json.field("priority", task.priority)
      json.field("priority_name", task.priority.map(priorityName))
      json.field("base_priority", task.basePriority)
      json.field("cancelled", task.isCancelled)
      json.field("parent", task.parent)
      json.field("group", address: task.group)
      json.field("kind", task.kind.rawValue)
      let executor = task.executor.map { report.executors[$0] }
      let isAwaited = wait?.kind == .actor || wait?.kind == .mainActor
      if let wait {
        json.key("wait")
        json.object { json in
          json.field("kind", wait.kind.rawValue)
          json.field("detail", wait.detail)
          json.field("target_task", task.awaitedTask)
          json.field("target_group", address: task.awaitedGroup)
          if isAwaited { write(executor, &json) }
        }
      }
      write(executor, &json)
      json.field("tid", task.threadID)
      json.field("truncated", task.truncated)
      json.field("doubt", task.doubt)
      writeFrames(&json, ofStack: task.stack)
    }
  }

  private func write(_ executor: ReportExecutor?, _ json: inout JSONWriter) {
    guard let executor else { return }
    json.key("executor")
    json.object { json in
      json.field("address", address: executor.address)
      json.field("type", executor.type)
      json.field("kind", executor.kind.rawValue)
      json.field("holder_task", executor.holderTask)
      json.field("holder_tid", executor.holderThreadID)
      json.field("unknown", executor.unknown)
    }
  }
}
