import Report

extension JSONReport {
  private enum Group {
    case threads(StackGroup)
    case tasks(TaskGroup)

    var count: Int {
      switch self {
      case .threads(let group): group.threads.count
      case .tasks(let group): group.tasks.count
      }
    }
  }

  /// Which stacks are one group, where that is not as usual.
  func writeGrouping(_ json: inout JSONWriter) {
    if view.likeness != .identical { json.field("grouping", view.likeness.rawValue) }
  }

  /// Groups of threads and of tasks, the largest first.
  func writeGroups(_ json: inout JSONWriter, _ sink: ([UInt8]) throws -> Void) throws {
    let threads = report.groups(view.likeness).filter { view.idle != .hide || $0.idle == nil }
    let tasks = report.taskGroups(view.likeness)
    let roles = FrameRoles(report)
    // Swift's sort is stable: of groups of one size those of tasks come first, as text has it.
    let groups = (tasks.map { Group.tasks($0) } + threads.map { Group.threads($0) })
      .sorted { $0.count > $1.count }
    try writeList("groups", groups, &json, sink) { json, group in
      switch group {
      case .threads(let group): write(group, roles, &json)
      case .tasks(let group): write(group, roles, &json)
      }
    }
  }

  private func write(_ group: StackGroup, _ roles: FrameRoles, _ json: inout JSONWriter) {
    json.object { json in
      json.field("count", group.threads.count)
      json.field("fingerprint", group.fingerprint?.text)
      json.key("tids")
      json.array(group.threads) { $0.number(report.threads[$1].threadID) }
      write(group.names, &json)
      write(group.waits.map { ($0.kind.rawValue, $0.count) }, &json)
      json.field("cpu_ms", group.cpuTime.map(milliseconds))
      json.field(
        "oldest_start",
        group.oldestStart.flatMap { Timestamp.text($0, fractionDigits: 6) }
      )
      json.field(
        "newest_start",
        group.newestStart.flatMap { Timestamp.text($0, fractionDigits: 6) }
      )
      if let idle = group.idle {
        json.key("idle")
        json.object { json in
          json.field("kind", idle.kind.rawValue)
          json.field("text", idle.text)
        }
      }
      writeVariants(group.variants, &json)
      if let creator = group.createdBy { writeCreationStack(creator, &json) }
      writeOwnFrame(ofStack: group.stack, roles, &json)
      writeFrames(&json, ofStack: group.stack)
    }
  }

  private func write(_ group: TaskGroup, _ roles: FrameRoles, _ json: inout JSONWriter) {
    json.object { json in
      json.field("count", group.tasks.count)
      json.field("fingerprint", group.fingerprint?.text)
      json.key("tids")
      json.array([Int32]()) { $0.number($1) }
      json.key("task_ids")
      json.array(group.tasks) { $0.number(report.tasks[$1].id) }
      write(group.names, &json)
      write(group.waits.map { ($0.kind.rawValue, $0.count) }, &json)
      json.field("truncated", group.truncated)
      writeVariants(group.variants, &json)
      writeOwnFrame(ofStack: group.stack, roles, &json)
      writeFrames(&json, ofStack: group.stack)
    }
  }

  private func write(_ names: [NamePattern], _ json: inout JSONWriter) {
    guard !names.isEmpty else { return }
    json.key("names")
    json.array(names) { json, pattern in
      json.object { json in
        json.field("first", pattern.first)
        if pattern.last != pattern.first { json.field("last", pattern.last) }
        json.field("count", pattern.count)
      }
    }
  }

  private func write(_ waits: [(kind: String, count: Int)], _ json: inout JSONWriter) {
    guard !waits.isEmpty else { return }
    json.key("waits")
    json.array(waits) { json, wait in
      json.object { json in
        json.field("kind", wait.kind)
        json.field("count", wait.count)
      }
    }
  }

  /// How many different stacks similar ones are.
  private func writeVariants(_ variants: [Int], _ json: inout JSONWriter) {
    if variants.count > 1 { json.field("variants", variants.count) }
  }

  /// Which of the frames that follow tells where the service is.
  private func writeOwnFrame(
    ofStack stack: Int?,
    _ roles: FrameRoles,
    _ json: inout JSONWriter
  ) {
    json.field("own_frame", stack.flatMap { roles.ownPosition(inStack: $0) })
  }
}
