import Report

/// The part of the grouped report that tells of Swift tasks: stacks once, the largest group first.
struct TaskSection {
  private let report: DumpReport
  private let words: TaskWords
  private let groups: [TaskGroup]

  init(_ report: DumpReport, _ likeness: StackLikeness) {
    self.report = report
    words = TaskWords(report)
    groups = report.taskGroups(likeness)
  }

  /// `5,020 tasks in 4 groups`; empty where there is nothing to say.
  var summary: String {
    guard !groups.isEmpty else { return "" }
    return "\(count(report.tasks.count, "task")) in \(count(groups.count, "group"))"
  }

  func write(_ lines: FrameLines, to text: inout TextBuilder) throws {
    guard !groups.isEmpty else { return }
    for group in groups {
      try text.endLine()
      try writeHeading(of: group, to: &text)
      try writeStack(of: group, lines, to: &text)
    }
  }

  private func writeHeading(of group: TaskGroup, to text: inout TextBuilder) throws {
    let tasks = group.tasks.lazy.map { report.tasks[$0] }
    let place = words.place(ofStack: group.stack)
    let states = stateCounts(group)
    let isUniform = states.count == 1
    let first =
      isUniform
      ? "\(grouped(group.tasks.count)) × \(states[0].state.rawValue)\(place.function)"
      : "\(count(group.tasks.count, "task"))\(place.function)"
    let wait = countedTexts(tasks, { words.waitText($0) ?? "" }, otherwise: words.waitKindText)
    let threads = tasks.compactMap(\.threadID)
    let cancelled = tasks.count { $0.isCancelled }
    try text.line(ofParts: [
      (first, .heading),
      (place.line, .plain), (variantsText(group.variants), .plain),
      (isUniform ? "" : statesText(states), .plain),
      (wait.isEmpty ? "" : "waits: \(wait)", .plain),
      (namesText(group.names), .heading),
      (countedTexts(tasks, words.originText, otherwise: words.kindText), .plain),
      (countedTexts(tasks, TaskWords.priorityText), .plain),
      (
        cancelled == 0
          ? "" : cancelled == group.tasks.count ? "cancelled" : "\(grouped(cancelled)) cancelled",
        .plain
      ),
      (threads.isEmpty ? "" : "on \(threadIDsText(Array(threads)))", .faint),
      (idsText(tasks.map(\.id), "task", "tasks"), .faint),
    ])
  }

  private func writeStack(
    of group: TaskGroup,
    _ lines: FrameLines,
    to text: inout TextBuilder
  ) throws {
    let doubtful = group.tasks.lazy.map { report.tasks[$0] }.filter { $0.doubt != nil }
    if let example = doubtful.first?.doubt {
      let number = group.tasks.count == 1 ? "" : "\(grouped(doubtful.count)) "
      try text.paragraph("    \(number)doubtful: \(visible(example))", indent: 8, .doubt)
    }
    guard let stack = group.stack else {
      let reason = group.truncated.map(visible) ?? "nothing was captured"
      return try text.paragraph("    no stack: \(reason)", indent: 8, .doubt)
    }
    try lines.write(
      stack: stack,
      variants: group.variants,
      truncated: group.truncated,
      folded: true,
      hidesRuntime: true,
      to: &text
    )
  }

  private func stateCounts(_ group: TaskGroup) -> [(state: ReportTask.State, count: Int)] {
    var counts: [(state: ReportTask.State, count: Int)] = []
    for (activity, count) in group.activities {
      if let known = counts.firstIndex(where: { $0.state == activity.state }) {
        counts[known].count += count
      } else {
        counts.append((activity.state, count))
      }
    }
    return counts
  }

  private func statesText(_ states: [(state: ReportTask.State, count: Int)]) -> String {
    states.map { "\(grouped($0.count)) \($0.state.rawValue)" }.joined(separator: ", ")
  }
}
