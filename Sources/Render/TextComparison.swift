import Report

/// A comparison as people read it: one line that sums it up, how the process changed, then the groups, what grew most first.
struct TextComparison {
  private let comparison: ReportComparison
  private let style: TextStyle
  private let lines: [FrameLines]
  private let words: [TaskWords]
  private let waits: [WaitWords]

  init(_ comparison: ReportComparison, style: TextStyle) {
    self.comparison = comparison
    self.style = style
    lines = comparison.reports.map { FrameLines($0) }
    words = comparison.reports.map { TaskWords($0) }
    waits = comparison.reports.map { WaitWords($0) }
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    try withoutActuallyEscaping(sink) { sink in
      var text = TextBuilder(style: style, sink: sink)
      try ComparisonHeading(comparison).write(to: &text)
      for change in comparison.groups { try write(change, to: &text) }
      if let standstill = comparison.standstill { try write(standstill, to: &text) }
      try ComparisonDetails(comparison).write(to: &text)
      try text.flush()
    }
  }

  private func write(_ change: GroupChange, to text: inout TextBuilder) throws {
    let heading = GroupChangeHeading(change, words[change.report])
    try text.endLine()
    try text.line(ofParts: heading.parts)
    switch change.members {
    case .threads(let group):
      try writeWaits(of: group, in: change.report, to: &text)
      try writeStack(of: group, in: change.report, to: &text)
    case .tasks(let group):
      try writeStack(of: group, in: change.report, to: &text)
    }
  }

  private func writeWaits(
    of group: StackGroup,
    in report: Int,
    to text: inout TextBuilder
  ) throws {
    let threads = group.threads.map { comparison.reports[report].threads[$0] }
    for line in waits[report].lines(of: threads) { try text.paragraph("    \(line)", indent: 8) }
  }

  private func writeStack(
    of group: StackGroup,
    in report: Int,
    to text: inout TextBuilder
  ) throws {
    guard let stack = group.stack, let first = group.threads.first else { return }
    try lines[report].write(
      stack: stack,
      truncated: comparison.reports[report].threads[first].truncated,
      folded: true,
      to: &text
    )
    try lines[report].write(creator: group.createdBy, of: group.threads.count, to: &text)
  }

  private func writeStack(of group: TaskGroup, in report: Int, to text: inout TextBuilder) throws {
    guard let stack = group.stack else { return }
    try lines[report].write(
      stack: stack,
      truncated: group.truncated,
      folded: true,
      hidesRuntime: true,
      to: &text
    )
  }

  // MARK: What stands still

  private func write(_ standstill: Standstill, to text: inout TextBuilder) throws {
    guard !standstill.groups.isEmpty else { return }
    let last = comparison.reports.count - 1
    let time = comparison.distance.map { " for \($0)" } ?? ""
    try text.endLine()
    try text.paragraph(
      "In the same frames\(time), threads without using processor time:",
      indent: 4,
      .heading
    )
    let shown = Set(comparison.groups.filter { $0.report == last }.map(\.fingerprint))
    for group in standstill.groups {
      try text.endLine()
      switch group.members {
      case .threads(let members):
        try writeHeading(of: members, kind: group.kind, to: &text)
        try writeWaits(of: members, in: last, to: &text)
        if wasShown(members.fingerprint, shown) {
          try text.line("    stack as above", .faint)
        } else {
          try writeStack(of: members, in: last, to: &text)
        }
      case .tasks(let members):
        try writeHeading(of: members, kind: group.kind, to: &text)
        if wasShown(members.fingerprint, shown) {
          try text.line("    stack as above", .faint)
        } else {
          try writeStack(of: members, in: last, to: &text)
        }
      }
    }
  }

  private func wasShown(
    _ fingerprint: StackFingerprint?,
    _ shown: Set<StackFingerprint>
  ) -> Bool {
    fingerprint.map(shown.contains) ?? false
  }

  private func writeHeading(
    of group: StackGroup,
    kind: Standstill.Kind,
    to text: inout TextBuilder
  ) throws {
    let threads = group.threads.map { comparison.new.threads[$0] }
    let names = threads.compactMap(\.name)
    try text.line(ofParts: [
      (count(threads.count, "thread"), kind == .lock ? .alarm : .heading),
      (activitiesText(group), .plain),
      (names.isEmpty ? "" : namesText(names), .heading),
      (threadIDsText(threads.map(\.threadID)), .faint),
    ])
  }

  private func writeHeading(
    of group: TaskGroup,
    kind: Standstill.Kind,
    to text: inout TextBuilder
  ) throws {
    let words = words[words.count - 1]
    let tasks = group.tasks.map { comparison.new.tasks[$0] }
    let place = words.place(ofStack: group.stack)
    let wait = countedTexts(tasks, { words.waitText($0) ?? "" }, otherwise: words.waitKindText)
    let names = tasks.compactMap(\.name)
    try text.line(ofParts: [
      (count(tasks.count, "task") + place.function, kind == .lock ? .alarm : .heading),
      (place.line, .plain),
      (wait.isEmpty ? "" : "waits: \(wait)", .plain),
      (names.isEmpty ? "" : namesText(names), .heading),
      (idsText(tasks.map(\.id), "task", "tasks"), .faint),
    ])
  }
}

/// The line above a group that changed.
struct GroupChangeHeading {
  /// Its parts, as `TextBuilder.line(ofParts:)` takes them.
  let parts: [(text: String, look: TextBuilder.Look)]

  init(_ change: GroupChange, _ words: TaskWords) {
    let noun = change.isOfTasks ? "task" : "thread"
    let moved = abs(change.difference)
    let sign = change.difference > 0 ? "+" : "−"
    let series = seriesText(change.counts)
    let first =
      switch change.kind {
      case .new: "new: \(count(moved, noun))"
      case .gone: "gone: \(count(moved, noun))"
      case .grown, .shrunk: "\(sign)\(count(moved, noun)) (\(series))"
      }
    let isLess = change.difference < 0
    var parts: [(text: String, look: TextBuilder.Look)] = []
    switch change.members {
    case .threads(let group):
      let threads = group.threads.map { words.report.threads[$0] }
      let names = threads.compactMap(\.name)
      parts = [
        (first, isLess ? .plain : .heading), (activitiesText(group), .plain),
        (names.isEmpty ? "" : namesText(names), .heading),
        (threadIDsText(threads.map(\.threadID)), .faint),
      ]
    case .tasks(let group):
      let tasks = group.tasks.map { words.report.tasks[$0] }
      let place = words.place(ofStack: group.stack)
      let wait = countedTexts(tasks, { words.waitText($0) ?? "" }, otherwise: words.waitKindText)
      let names = tasks.compactMap(\.name)
      parts = [
        (first + place.function, isLess ? .plain : .heading), (place.line, .plain),
        (wait.isEmpty ? "" : "waits: \(wait)", .plain),
        (names.isEmpty ? "" : namesText(names), .heading),
        (idsText(tasks.map(\.id), "task", "tasks"), .faint),
      ]
    }
    if change.counts.count > 2, change.kind == .new || change.kind == .gone {
      parts.insert(("(\(series))", .plain), at: 1)
    }
    if let turnover = change.turnover {
      parts.append((Self.text(turnover, isOfTasks: change.isOfTasks), .plain))
    }
    self.parts = parts
  }

  /// `40 created since, 10 were there before (tasks 1-10)`.
  private static func text(_ turnover: GroupTurnover, isOfTasks: Bool) -> String {
    var parts: [String] = []
    if turnover.created > 0 { parts.append("\(grouped(turnover.created)) created since") }
    if turnover.arrived > 0 { parts.append("\(grouped(turnover.arrived)) came from elsewhere") }
    if !turnover.stayed.isEmpty, turnover.created + turnover.arrived > 0 {
      let ids =
        isOfTasks
        ? idsText(turnover.stayed, "task", "tasks") : idsText(turnover.stayed, "tid", "tids")
      parts.append("the oldest \(grouped(turnover.stayed.count)) were there before (\(ids))")
    }
    if turnover.ended > 0 { parts.append("\(grouped(turnover.ended)) ended") }
    if turnover.left > 0 { parts.append("\(grouped(turnover.left)) went on elsewhere") }
    return parts.joined(separator: ", ")
  }
}

/// `10 → 20 → 50`; of a long series its beginning and its end.
func seriesText(_ counts: [Int], _ text: (Int) -> String = { grouped($0) }) -> String {
  let shown = counts.map(text)
  guard shown.count > 8 else { return shown.joined(separator: " → ") }
  return (shown.prefix(4) + ["…"] + shown.suffix(3)).joined(separator: " → ")
}
