import Report

/// The report people read first: identical stacks grouped, the largest group first.
///
/// The group of a crashed thread comes before all others.
struct TextReport {
  private let report: DumpReport
  private let style: TextStyle

  init(_ report: DumpReport, style: TextStyle) {
    self.report = report
    self.style = style
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    try withoutActuallyEscaping(sink) { sink in
      var text = TextBuilder(style: style, sink: sink)
      let heading = ReportHeading(report)
      let lines = FrameLines(report)
      let waits = WaitWords(report)
      let groups = ordered(report.groups())
      let tasks = TaskSection(report)
      let counts = [tasks.summary, summary(of: groups)].filter { !$0.isEmpty }
      try heading.write(to: &text, contents: counts.joined(separator: ", "))
      // A crash comes first; of what else there is, tasks tell more than the few threads that run them.
      let crashed = groups.prefix { hasCrashed($0) }
      try write(crashed, waits, lines, to: &text)
      try tasks.write(lines, to: &text)
      let others = groups[crashed.count...]
      if !report.tasks.isEmpty, !others.isEmpty {
        try text.endLine()
        try text.line("Threads:", .heading)
      }
      try write(others, waits, lines, to: &text)
      try ProcessSummary(report).writeNotes(to: &text)
      try heading.writeModules(to: &text)
      try text.flush()
    }
  }

  private func write(
    _ groups: ArraySlice<StackGroup>,
    _ waits: WaitWords,
    _ lines: FrameLines,
    to text: inout TextBuilder
  ) throws {
    for group in groups {
      try text.endLine()
      try writeHeading(of: group, to: &text)
      for line in waits.lines(of: group.threads.map({ report.threads[$0] })) {
        try text.paragraph("    \(line)", indent: 8)
      }
      try writeStack(of: group, lines, to: &text)
    }
  }

  private func ordered(_ groups: [StackGroup]) -> [StackGroup] {
    let first = groups.filter(hasFirstCrash)
    let later = groups.filter { hasCrashed($0) && !hasFirstCrash($0) }
    return first + later + groups.filter { !hasCrashed($0) }
  }

  /// The thread whose signal the capture is of.
  private func hasFirstCrash(_ group: StackGroup) -> Bool {
    report.crashedThreadID.map { id in
      group.threads.contains { report.threads[$0].threadID == id }
    } ?? false
  }

  private func hasCrashed(_ group: StackGroup) -> Bool {
    hasFirstCrash(group) || group.threads.contains { report.threads[$0].fatalSignal != nil }
  }

  private func crashText(_ group: StackGroup) -> String {
    let crashed = group.threads.count {
      report.threads[$0].fatalSignal != nil || report.threads[$0].threadID == report.crashedThreadID
    }
    return crashed == 0 ? "" : crashed == group.threads.count ? "crashed" : "\(crashed) crashed"
  }

  private func summary(of groups: [StackGroup]) -> String {
    let silent = report.threads.count { $0.stack == nil }
    let text = "\(count(report.threads.count, "thread")) in \(count(groups.count, "group"))"
    return silent == 0 ? text : text + ", \(silent) without a stack"
  }

  private func writeHeading(of group: StackGroup, to text: inout TextBuilder) throws {
    let threads = group.threads.map { report.threads[$0] }
    let names = threads.compactMap(\.name)
    let tasks = threads.compactMap(\.task)
    try text.line(ofParts: [
      (count(threads.count, "thread"), .heading), (activitiesText(group), .plain),
      (names.isEmpty ? "" : namesText(names), .heading),
      (threadIDsText(threads.map(\.threadID)), .faint),
      (idsText(tasks, "runs task", "run tasks"), .plain),
      (crashText(group), .alarm),
    ])
  }

  private func writeStack(
    of group: StackGroup,
    _ lines: FrameLines,
    to text: inout TextBuilder
  ) throws {
    let first = report.threads[group.threads[0]]
    guard let stack = group.stack else {
      try text.paragraph(
        "    no stack: \(visible(first.reason ?? "nothing was captured"))",
        indent: 8,
        .doubt
      )
      return try lines.write(creator: group.createdBy, of: group.threads.count, to: &text)
    }
    let quiet = group.threads.lazy.map { report.threads[$0] }.filter { $0.status == .quiet }
    if let example = quiet.first {
      let reason = example.reason.map { ": \(visible($0))" } ?? ""
      try text.paragraph(
        "    \(quiet.count == 1 ? "" : "\(quiet.count) ")read without a signal\(reason)",
        indent: 8,
        .doubt
      )
    }
    try lines.write(stack: stack, truncated: first.truncated, folded: true, to: &text)
    try lines.write(creator: group.createdBy, of: group.threads.count, to: &text)
  }
}
