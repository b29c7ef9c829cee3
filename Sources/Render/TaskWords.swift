import Report

/// The words for tasks, and what they need of the report, worked out once.
struct TaskWords {
  let report: DumpReport
  let waits: TaskWaits
  private let roles: FrameRoles
  private let indexOfID: [UInt64: Int]

  init(_ report: DumpReport) {
    self.report = report
    waits = TaskWaits(report)
    roles = FrameRoles(report)
    var indexOfID: [UInt64: Int] = [:]
    indexOfID.reserveCapacity(report.tasks.count)
    for (index, task) in report.tasks.enumerated() { indexOfID[task.id] = index }
    self.indexOfID = indexOfID
  }

  /// `task 7 "transfer"`.
  func name(ofTask id: UInt64) -> String {
    let name = indexOfID[id].flatMap { report.tasks[$0].name }
    return "task \(id)" + (name.map { " \(quoted($0))" } ?? "")
  }

  /// `in Client.keepAlive()` and `client.swift:41`: where the service's own code waits.
  func place(ofStack stack: Int?) -> (function: String, line: String) {
    guard let own = stack.flatMap({ roles.ownFrame(ofStack: $0) }) else { return ("", "") }
    let frame = report.frames[own]
    var name = report.name(of: frame)[...]
    // A task that has not begun stands before the thunk that begins it.
    for prefix in ["partial apply for ", "specialized "] where name.hasPrefix(prefix) {
      name = name.dropFirst(prefix.count)
    }
    let function = " in \(visible(String(name)))"
    guard let file = frame.file, let line = frame.line else { return (function, "") }
    return (function, "\(visible(String(fileName(of: file)))):\(line)")
  }

  /// `continuation (AsyncStream.Iterator.next())`, `task 9 "b"`, `actor Bank, held by task 9`; nil for what runs.
  func waitText(_ task: ReportTask) -> String? {
    guard let wait = waits[task] else { return task.state == .enqueued ? "a thread" : nil }
    switch wait.kind {
    case .continuation, .sleep:
      return wait.kind.rawValue + (wait.detail.map { " (\(visible($0)))" } ?? "")
    case .task: return task.awaitedTask.map(name(ofTask:)) ?? "another task"
    case .group: return "its task group"
    case .mainActor, .actor:
      guard let executor = task.executor.map({ report.executors[$0] }) else { return "an actor" }
      return text(of: executor) + holderText(executor)
    case .unknown: return "unknown"
    }
  }

  /// The kind of wait without its object, for tasks that wait for many.
  func waitKindText(_ task: ReportTask) -> String {
    guard let wait = waits[task] else { return task.state == .enqueued ? "a thread" : "" }
    switch wait.kind {
    case .task: return "other tasks"
    case .actor: return "actors"
    default: return waitText(task) ?? ""
    }
  }

  /// `actor Bank`, `main actor`, `executor Loop`.
  func text(of executor: ReportExecutor) -> String {
    let name = executor.type.map(shortType) ?? "at 0x" + String(executor.address, radix: 16)
    switch executor.kind {
    case .mainActor: return "main actor"
    case .actor: return "actor \(name)"
    case .custom: return "executor \(name)"
    }
  }

  /// `, held by task 9 on thread 4711`.
  func holderText(_ executor: ReportExecutor) -> String {
    guard executor.holderTask != nil || executor.holderThreadID != nil else { return "" }
    let task = executor.holderTask.map(name(ofTask:))
    let thread = executor.holderThreadID.map { "thread \($0)" }
    return ", held by " + [task, thread].compactMap(\.self).joined(separator: " on ")
  }

  /// `group child of task 3 "main"`; empty for tasks without a parent.
  func originText(_ task: ReportTask) -> String {
    let word = Self.kindText(task.kind)
    guard let parent = task.parent else { return task.kind == .task ? "" : word }
    return "\(word) of \(name(ofTask: parent))"
  }

  func kindText(_ task: ReportTask) -> String {
    task.parent == nil && task.kind == .task ? "" : Self.kindText(task.kind)
  }

  static func kindText(_ kind: ReportTask.Kind) -> String {
    switch kind {
    case .task: "task"
    case .groupChild: "group child"
    case .asyncLet: "async let"
    case .child: "child"
    }
  }

  /// `priority high`; empty for the usual one.
  static func priorityText(_ task: ReportTask) -> String {
    var text = ""
    if let priority = task.priority, priority != 21 { text = "priority \(priorityName(priority))" }
    guard let base = task.basePriority else { return text }
    return (text.isEmpty ? "priority medium" : text) + ", created with \(priorityName(base))"
  }

  /// Types are shown without their modules, as functions are.
  private func shortType(_ type: String) -> String {
    let name = type.utf8.contains(UInt8(ascii: "<")) ? type[...] : fileNameOfType(type)
    return visible(String(name))
  }

  private func fileNameOfType(_ type: String) -> Substring {
    type.split(separator: ".", maxSplits: 1).last ?? type[...]
  }
}

/// Swift's word for a priority (`TaskPriority`), or its number.
func priorityName(_ priority: UInt8) -> String {
  switch priority {
  case 33: "user-interactive"
  case 25: "high"
  case 21: "medium"
  case 17: "low"
  case 9: "background"
  default: String(priority)
  }
}

/// What a group's tasks have: the text that all have, else each text with how many have it, the most frequent first.
///
/// `otherwise`: what is said of each where more than three texts differ.
func countedTexts(
  _ tasks: some Sequence<ReportTask>,
  _ text: (ReportTask) -> String,
  otherwise: ((ReportTask) -> String)? = nil
) -> String {
  var counts: [String: (count: Int, first: Int)] = [:]
  for (position, task) in tasks.enumerated() {
    counts[text(task), default: (0, position)].count += 1
  }
  guard counts.count > 1 else { return counts.keys.first ?? "" }
  if counts.count > 3, let otherwise { return countedTexts(tasks, otherwise) }
  let ordered = counts.sorted {
    ($1.value.count, $0.value.first) < ($0.value.count, $1.value.first)
  }
  let shown = ordered.prefix(3).filter { !$0.key.isEmpty }
    .map { "\(grouped($0.value.count)) × \($0.key)" }
  let more = ordered.count > 3 ? [count(ordered.count - 3, "other")] : []
  return (shown + more).joined(separator: ", ")
}
