import Report

/// The part of the full report that tells of Swift tasks: who is whose child, the actors, each task with its stack.
struct TaskDetails {
  private let report: DumpReport
  private let words: TaskWords

  init(_ report: DumpReport) {
    self.report = report
    words = TaskWords(report)
  }

  func write(_ lines: FrameLines, to text: inout TextBuilder) throws {
    guard !report.tasks.isEmpty else { return }
    try writeTree(to: &text)
    try writeActors(to: &text)
    for task in report.tasks {
      try text.endLine()
      try write(task, lines, to: &text)
    }
  }

  /// The line of a thread: `runs task 7 "transfer" on actor Bank`; nil when it runs none.
  func threadText(_ thread: ReportThread) -> String? {
    guard let task = thread.task else { return nil }
    let executor = report.executors.first { $0.address == thread.executor }
    return "runs \(words.name(ofTask: task))" + (executor.map { " on \(words.text(of: $0))" } ?? "")
  }

  private func write(
    _ task: ReportTask,
    _ lines: FrameLines,
    to text: inout TextBuilder
  ) throws {
    let executor =
      task.state == .running ? task.executor.map { words.text(of: report.executors[$0]) } : nil
    try text.line(ofParts: [
      ("task \(task.id)", .heading), (task.name.map(quoted) ?? "", .heading),
      (task.state.rawValue, .plain),
      (words.waitText(task).map { "waits: \($0)" } ?? "", .plain),
      (executor.map { "on \($0)" } ?? "", .plain),
      (task.threadID.map { "on thread \($0)" } ?? "", .plain),
      (words.originText(task), .plain), (TaskWords.priorityText(task), .plain),
      (task.isCancelled ? "cancelled" : "", .plain),
      ("0x" + String(task.address, radix: 16), .faint),
    ])
    if let doubt = task.doubt {
      try text.paragraph("    doubtful: \(visible(doubt))", indent: 8, .doubt)
    }
    guard let stack = task.stack else {
      let reason = task.truncated.map(visible) ?? "nothing was captured"
      return try text.paragraph("    no stack: \(reason)", indent: 8, .doubt)
    }
    try lines.write(stack: stack, truncated: task.truncated, folded: false, to: &text)
  }

  private func writeActors(to text: inout TextBuilder) throws {
    guard !report.executors.isEmpty else { return }
    var waiters = [Int](repeating: 0, count: report.executors.count)
    for task in report.tasks where task.dependency == .executor && task.state != .running {
      if let executor = task.executor { waiters[executor] += 1 }
    }
    try text.endLine()
    try text.line("Actors:", .heading)
    for (executor, waiting) in zip(report.executors, waiters) {
      var line = "    \(words.text(of: executor))"
      if executor.type != nil { line += "  0x\(String(executor.address, radix: 16))" }
      line += words.holderText(executor)
      if waiting > 0 { line += ", \(count(waiting, "task waits", "tasks wait"))" }
      if let unknown = executor.unknown { line += "  (type unknown: \(visible(unknown)))" }
      try text.paragraph(line, indent: 8)
    }
  }
}

// MARK: - The tree

extension TaskDetails {
  /// Parents with their children; those that have neither are left out.
  private func writeTree(to text: inout TextBuilder) throws {
    let tree = TaskTree(report)
    guard !tree.roots.isEmpty else { return }
    try text.endLine()
    try text.line("Task tree:", .heading)
    for root in tree.roots { try write(root, of: tree, depth: 0, to: &text) }
  }

  private func write(
    _ root: Int,
    of tree: TaskTree,
    depth: Int,
    to text: inout TextBuilder
  ) throws {
    // Not recursive: children may be as deep as a damaged capture says.
    var open: [(tasks: [Int], depth: Int)] = [([root], depth)]
    while let (tasks, depth) = open.popLast() {
      try writeLine(of: tasks, depth: depth, to: &text)
      guard let only = tasks.first, tasks.count == 1 else { continue }
      open += tree.runs(ofChildrenOf: only, report, words).reversed().map { ($0, depth + 1) }
    }
  }

  private func writeLine(of tasks: [Int], depth: Int, to text: inout TextBuilder) throws {
    let first = report.tasks[tasks[0]]
    let place = words.place(ofStack: first.stack)
    let kind = first.parent == nil ? "" : TaskWords.kindText(first.kind)
    let indent = String(repeating: "    ", count: min(depth, 16) + 1)
    let who =
      tasks.count == 1
      ? words.name(ofTask: first.id) + (kind.isEmpty ? "" : " (\(kind))")
      : "\(grouped(tasks.count)) × \(kind)"
    text.add(indent)
    text.add(who, .heading)
    text.add("  \(first.state.rawValue)\(place.function)")
    if !place.line.isEmpty { text.add("  \(place.line)") }
    if let wait = words.waitText(first) { text.add("  waits: \(wait)") }
    if tasks.count > 1 {
      text.add("  " + idsText(tasks.map { report.tasks[$0].id }, "task", "tasks"), .faint)
    }
    try text.endLine()
  }
}

/// Which task is whose child.
private struct TaskTree {
  /// Tasks with children and without a parent that is known.
  private(set) var roots: [Int] = []
  private var children: [Int: [Int]] = [:]

  init(_ report: DumpReport) {
    var indexOfID: [UInt64: Int] = [:]
    for (index, task) in report.tasks.enumerated() where task.parent != nil {
      indexOfID[task.id] = index
    }
    guard !indexOfID.isEmpty else { return }
    for (index, task) in report.tasks.enumerated() where task.parent == nil {
      indexOfID[task.id] = index
    }
    var hasParent = [Bool](repeating: false, count: report.tasks.count)
    for (index, task) in report.tasks.enumerated() {
      guard let parent = task.parent.flatMap({ indexOfID[$0] }), parent != index else { continue }
      children[parent, default: []].append(index)
      hasParent[index] = true
    }
    roots = report.tasks.indices.filter { !hasParent[$0] && children[$0] != nil }
  }

  /// The children of a task; those that follow each other and read the same are together.
  func runs(ofChildrenOf task: Int, _ report: DumpReport, _ words: TaskWords) -> [[Int]] {
    var runs: [[Int]] = []
    for child in children[task] ?? [] {
      if let last = runs.last?.first, children[child] == nil, children[last] == nil,
        Self.readTheSame(report.tasks[child], report.tasks[last])
      {
        runs[runs.count - 1].append(child)
      } else {
        runs.append([child])
      }
    }
    return runs
  }

  private static func readTheSame(_ a: ReportTask, _ b: ReportTask) -> Bool {
    a.stack == b.stack && a.state == b.state && a.kind == b.kind && a.dependency == b.dependency
      && a.awaitedTask == b.awaitedTask && a.executor == b.executor && a.name == nil
      && b.name == nil
  }
}
