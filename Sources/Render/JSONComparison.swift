import Report

/// A comparison as JSON of docs/diff.schema.json: one document, a group, a stuck thread or task a line.
struct JSONComparison {
  private let comparison: ReportComparison
  private let names: [String]
  private let reports: [JSONReport]
  private let roles: [FrameRoles]

  /// `names`: those of the files, one a report.
  init(_ comparison: ReportComparison, names: [String]) {
    self.comparison = comparison
    self.names = names
    reports = comparison.reports.map { JSONReport($0) }
    roles = comparison.reports.map { FrameRoles($0) }
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    var json = JSONWriter()
    try json.object { json in
      writeHeads(&json)
      try list("groups", comparison.groups, &json, sink, group)
      json.field("unchanged_groups", comparison.unchangedGroupCount)
      if comparison.passingGroupCount > 0 {
        json.field("passing_groups", comparison.passingGroupCount)
      }
      try writeStandstill(&json, sink)
      try list("cpu", comparison.processorUse, &json, sink, use)
      writeTasks(&json)
      try writeResources(&json, sink)
      try list("modules", comparison.modules, &json, sink, module)
      try list("findings", comparison.findings, &json, sink, finding)
      try list("notes", comparison.notes, &json, sink, reports[0].note)
    }
    json.endDocument()
    try sink(json.takeBytes())
  }

  private func list<Values: Sequence>(
    _ name: String,
    _ values: Values,
    _ json: inout JSONWriter,
    _ sink: ([UInt8]) throws -> Void,
    _ value: (inout JSONWriter, Values.Element) -> Void
  ) throws {
    try reports[0].writeList(name, values, &json, sink, value)
  }

  // MARK: Whose reports

  private func writeHeads(_ json: inout JSONWriter) {
    let last = comparison.reports.count - 1
    json.field("schema", 1)
    json.field("different", comparison.hasDifferences)
    json.field("relation", comparison.relation.rawValue)
    json.field("elapsed_ms", comparison.elapsed.map(reports[0].milliseconds))
    json.newLine()
    json.key("old")
    write(headOf: 0, &json)
    if last > 1 {
      json.newLine()
      json.key("between")
      json.array(1..<last) { write(headOf: $1, &$0) }
    }
    json.newLine()
    json.key("new")
    write(headOf: last, &json)
  }

  private func write(headOf index: Int, _ json: inout JSONWriter) {
    let report = comparison.reports[index]
    json.object { json in
      json.field("file", names.indices.contains(index) ? names[index] : nil)
      json.field("kind", report.kind.rawValue)
      json.field("reason", report.reason)
      json.field("time", report.time.flatMap { Timestamp.text($0, fractionDigits: 6) })
      json.field("complete", report.isComplete)
      json.field("pid", report.process.processID)
      json.field("name", report.process.name)
      json.field("executable", report.process.executable)
      json.field("host", report.process.host)
      json.field(
        "start_time",
        report.process.startTime.flatMap { Timestamp.text($0, fractionDigits: 6) }
      )
      json.field("threads", comparison.threadCounts[index])
      json.field("tasks", comparison.taskCounts[index])
      json.field("descriptors", comparison.descriptorCounts[index])
      json.field("connections", comparison.connectionCounts[index])
    }
  }

  // MARK: Groups

  private func group(_ json: inout JSONWriter, _ change: GroupChange) {
    let report = comparison.reports[change.report]
    json.object { json in
      json.field("fingerprint", change.fingerprint.text)
      json.field("change", change.kind.rawValue)
      json.field("members", change.isOfTasks ? "tasks" : "threads")
      write(change.counts, &json)
      switch change.members {
      case .threads(let group):
        json.key("tids")
        json.array(group.threads) { $0.number(report.threads[$1].threadID) }
      case .tasks(let group):
        json.key("task_ids")
        json.array(group.tasks) { $0.number(report.tasks[$1].id) }
      }
      if let turnover = change.turnover { write(turnover, isOfTasks: change.isOfTasks, &json) }
      if case .threads(let group) = change.members, let stack = group.createdBy?.stack {
        reports[change.report].writeFrames(&json, ofStack: stack, key: "created_by")
      }
      json.field(
        "own_frame",
        change.stack.flatMap { roles[change.report].ownPosition(inStack: $0) }
      )
      reports[change.report].writeFrames(&json, ofStack: change.stack)
    }
  }

  private func write(_ counts: [Int], _ json: inout JSONWriter) {
    json.field("old_count", counts.first)
    json.field("new_count", counts.last)
    guard counts.count > 2 else { return }
    json.key("counts")
    json.array(counts) { $0.number($1) }
  }

  private func write(_ turnover: GroupTurnover, isOfTasks: Bool, _ json: inout JSONWriter) {
    json.key("turnover")
    json.object { json in
      json.key(isOfTasks ? "stayed_task_ids" : "stayed_tids")
      json.array(turnover.stayed) { $0.number($1) }
      json.field("created", turnover.created)
      json.field("arrived", turnover.arrived)
      json.field("left", turnover.left)
      json.field("ended", turnover.ended)
    }
  }

  // MARK: What stands still

  /// One thread or task each, as the contract has it; idle ones are counted.
  private func writeStandstill(
    _ json: inout JSONWriter,
    _ sink: ([UInt8]) throws -> Void
  ) throws {
    let members = (comparison.standstill?.groups ?? []).lazy.flatMap { group in
      switch group.members {
      case .threads(let threads):
        threads.threads.map { Stuck(kind: group.kind, thread: $0, task: nil) }
      case .tasks(let tasks):
        tasks.tasks.map { Stuck(kind: group.kind, thread: nil, task: $0) }
      }
    }
    let waits = TaskWaits(comparison.new)
    try list("stuck", members, &json, sink) { json, member in
      json.object { json in
        if let thread = member.thread.map({ comparison.new.threads[$0] }) {
          write(thread, &json)
        }
        if let task = member.task.map({ comparison.new.tasks[$0] }) {
          write(task, waits[task], &json)
        }
        json.field("class", member.kind.rawValue)
        let stack =
          member.thread.map { comparison.new.threads[$0].stack }
          ?? member.task.map { comparison.new.tasks[$0].stack }
        reports[reports.count - 1].writeFrames(&json, ofStack: stack ?? nil)
      }
    }
    guard let standstill = comparison.standstill else { return }
    json.newLine()
    json.key("idle")
    json.object { json in
      json.field("threads", standstill.idleThreadCount)
      json.field("tasks", standstill.idleTaskCount)
    }
  }

  private struct Stuck {
    var kind: Standstill.Kind
    var thread: Int?
    var task: Int?
  }

  private func write(_ thread: ReportThread, _ json: inout JSONWriter) {
    json.field("tid", thread.threadID)
    json.field("name", thread.name)
    json.field("state", thread.state?.rawValue)
    reports[reports.count - 1].writeWait(&json, of: thread)
  }

  private func write(_ task: ReportTask, _ wait: TaskWait?, _ json: inout JSONWriter) {
    json.field("task_id", task.id)
    json.field("name", task.name)
    json.field("state", task.state.rawValue)
    guard let wait else { return }
    json.key("wait")
    json.object { json in
      json.field("kind", wait.kind.rawValue)
      json.field("detail", wait.detail)
      json.field("target_task", task.awaitedTask)
      json.field("target_group", address: task.awaitedGroup)
    }
  }

  // MARK: What the process used

  private func use(_ json: inout JSONWriter, _ use: ProcessorUse) {
    let thread = comparison.new.threads[use.thread]
    json.object { json in
      json.field("tid", thread.threadID)
      json.field("name", thread.name)
      json.field("ms", reports[0].milliseconds(use.time))
    }
  }

  private func writeTasks(_ json: inout JSONWriter) {
    guard let tasks = comparison.tasks else { return }
    json.newLine()
    json.key("tasks")
    json.object { json in
      json.key("in_both")
      json.array(tasks.inBoth) { $0.number($1) }
      json.field("started", tasks.startedCount)
      json.field("ended", tasks.endedCount)
    }
  }

  private func writeResources(_ json: inout JSONWriter, _ sink: ([UInt8]) throws -> Void) throws {
    for (name, changes) in [
      ("descriptors", comparison.descriptors), ("sockets", comparison.sockets),
      ("memory", comparison.memory),
    ] {
      try list(name, changes, &json, sink) { json, change in
        json.object { json in
          json.field("kind", change.subject)
          write(change.counts, &json)
        }
      }
    }
    try list("connections", comparison.connections, &json, sink) { json, change in
      json.object { json in
        json.field("state", change.subject.state)
        json.field("local", change.subject.local)
        json.field("peer", change.subject.peer)
        write(change.counts, &json)
      }
    }
  }

  private func module(_ json: inout JSONWriter, _ change: ModuleChange) {
    json.object { json in
      json.field("path", change.path)
      json.field("change", change.kind.rawValue)
      json.field("old_path", change.oldPath)
      json.field("old_build_id", change.oldBuildID)
      json.field("new_build_id", change.newBuildID)
    }
  }

  private func finding(_ json: inout JSONWriter, _ change: FindingChange) {
    json.object { json in
      json.field("change", change.kind.rawValue)
      json.field("kind", change.finding.kind)
      json.field("text", change.finding.text)
      json.key("tids")
      json.array(change.finding.threadIDs) { $0.number($1) }
      if !change.finding.taskIDs.isEmpty {
        json.key("task_ids")
        json.array(change.finding.taskIDs) { $0.number($1) }
      }
    }
  }
}
