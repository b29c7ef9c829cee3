import FoundationEssentials
import Report

/// The report people read first: stacks grouped, the largest group first.
///
/// The group of a crashed thread comes before all others, those of idle threads behind them.
struct TextReport {
  private let report: DumpReport
  private let style: TextStyle
  private let view: ReportView

  init(_ report: DumpReport, style: TextStyle, view: ReportView = ReportView()) {
    self.report = report
    self.style = style
    self.view = view
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    try withoutActuallyEscaping(sink) { sink in
      var text = TextBuilder(style: style, sink: sink)
      let heading = ReportHeading(report)
      let lines = FrameLines(report)
      let waits = WaitWords(report)
      let groups = ordered(report.groups(view.likeness))
      let tasks = TaskSection(report, view.likeness)
      let counts = [tasks.summary, summary(of: groups)].filter { !$0.isEmpty }
      try heading.write(to: &text, contents: counts.joined(separator: ", "))
      // A crash comes first; of what else there is, tasks tell more than the few threads that run them.
      let crashed = groups.prefix { hasCrashed($0) }
      try write(crashed, waits, lines, to: &text)
      try tasks.write(lines, to: &text)
      let idle = view.idle == .show ? [] : groups.filter { $0.idle != nil }
      let others = groups[crashed.count...].filter { view.idle == .show || $0.idle == nil }
      if !report.tasks.isEmpty, !others.isEmpty {
        try text.endLine()
        try text.line("Threads:", .heading)
      }
      try write(others[...], waits, lines, to: &text)
      try IdleSection(report, idle).write(isHidden: view.idle == .hide, to: &text)
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
    let tasks = threads.compactMap(\.task)
    try text.line(ofParts: [
      (count(threads.count, "thread"), .heading), (activitiesText(group), .plain),
      (group.idle.map { "idle: \($0.text)" } ?? "", .plain),
      (variantsText(group.variants), .plain), (namesText(group.names), .heading),
      (threadIDsText(threads.map(\.threadID)), .faint), (cpuText(group), .plain),
      (creationText(group), .plain),
      (idsText(tasks, "runs task", "run tasks"), .plain),
      (crashText(group), .alarm),
    ])
  }

  /// `created 12:03:11 to 14:13:08`; empty where they were created together.
  private func creationText(_ group: StackGroup) -> String {
    guard let oldest = group.oldestStart, let newest = group.newestStart,
      newest.timeIntervalSince(oldest) >= 1,
      let first = Timestamp.text(oldest, fractionDigits: 0)?.dropLast(),
      let last = Timestamp.text(newest, fractionDigits: 0)?.dropLast()
    else { return "" }
    let today = report.time.flatMap { Timestamp.text($0, fractionDigits: 0) }?.prefix(10)
    func text(_ time: Substring, after day: Substring?) -> String {
      String(time.prefix(10) == day ? time.dropFirst(11) : time.replacing("T", with: " ")[...])
    }
    return "created \(text(first, after: today)) to \(text(last, after: first.prefix(10)))"
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
    try lines.write(
      stack: stack,
      variants: group.variants,
      truncated: first.truncated,
      folded: true,
      to: &text
    )
    try lines.write(creator: group.createdBy, of: group.threads.count, to: &text)
  }
}
