import Report

extension PageData {
  mutating func writeTasks(_ json: inout JSONWriter) {
    let tasks = report.tasks
    guard !tasks.isEmpty else { return }
    let waits = TaskWaits(report)
    var indexOfID: [UInt64: Int] = [:]
    indexOfID.reserveCapacity(tasks.count)
    for (index, task) in tasks.enumerated() { indexOfID[task.id] = index }
    json.key("tasks")
    json.object { json in
      json.field("count", tasks.count)
      json.wideColumn("id", tasks.map(\.id))
      json.wideColumn("address", tasks.map(\.address))
      json.column("name", tasks.map { strings.number($0.name) })
      json.column("state", tasks.map { strings.number($0.state.rawValue) })
      json.column("kind", tasks.map { strings.number(TaskWords.kindText($0.kind)) })
      json.column("priority", tasks.map { strings.number($0.priority.map(priorityName)) })
      json.column("base", tasks.map { strings.number($0.basePriority.map(priorityName)) })
      json.column("cancelled", tasks.map { $0.isCancelled ? 1 : 0 }, absent: 0)
      json.column("parent", tasks.map { $0.parent.flatMap { indexOfID[$0] } ?? StringTable.none })
      json.column("wait", tasks.map { strings.number(waits[$0]?.kind.rawValue) })
      json.column("detail", tasks.map { strings.number(waits[$0]?.detail) })
      json.column(
        "awaited",
        tasks.map { $0.awaitedTask.flatMap { indexOfID[$0] } ?? StringTable.none }
      )
      json.column("executor", tasks.map { $0.executor ?? StringTable.none })
      json.column("stack", tasks.map { $0.stack ?? StringTable.none })
      json.column("truncated", tasks.map { strings.number($0.truncated) })
      json.column("tid", tasks.map { $0.threadID.map(Int.init) ?? StringTable.none })
      json.column("doubt", tasks.map { strings.number($0.doubt) })
      writeUnmatched(&json, indexOfID)
    }
    writeTaskGroups(&json)
  }

  /// Parents, tasks and groups that are waited for and that are not of the capture's tasks.
  private mutating func writeUnmatched(_ json: inout JSONWriter, _ indexOfID: [UInt64: Int]) {
    json.sparse("foreignParent", report.tasks) { json, task in
      guard let parent = task.parent, indexOfID[parent] == nil else { return false }
      json.string(String(parent))
      return true
    }
    json.sparse("foreignAwaited", report.tasks) { json, task in
      guard let awaited = task.awaitedTask, indexOfID[awaited] == nil else { return false }
      json.string(String(awaited))
      return true
    }
  }

  /// Actors and executors, and who holds them.
  mutating func writeExecutors(_ json: inout JSONWriter) {
    guard !report.executors.isEmpty else { return }
    let words = TaskWords(report)
    json.key("executors")
    json.array(report.executors) { json, executor in
      json.object { json in
        json.field("text", words.text(of: executor))
        json.field("address", address: executor.address)
        json.field("kind", executor.kind.rawValue)
        json.field("task", executor.holderTask.map { String($0) })
        json.field("tid", executor.holderThreadID)
        json.field("unknown", executor.unknown.map(visible))
      }
    }
  }
}
