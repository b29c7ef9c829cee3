import Report

/// What stands above the groups of a comparison: the sum of it, whose reports these are, how the process changed.
struct ComparisonHeading {
  private let comparison: ReportComparison
  /// Kinds and ends that are named; of the others only how many there are.
  private static let named = 6

  init(_ comparison: ReportComparison) {
    self.comparison = comparison
  }

  func write(to text: inout TextBuilder) throws {
    try text.paragraph(title, .heading, summary, indent: 4)
    try text.paragraph(times, indent: 4)
    for line in doubts { try text.paragraph(line, indent: 4, .doubt) }
    if let memory { try text.paragraph(memory, indent: 4) }
    if let descriptors { try text.paragraph(descriptors, indent: 4) }
    if let connections { try text.paragraph(connections, indent: 4) }
    if let processor { try text.paragraph(processor, indent: 4) }
    if let tasks { try text.paragraph(tasks, indent: 4) }
    for change in comparison.findings { try write(change, to: &text) }
  }

  private func write(_ change: FindingChange, to text: inout TextBuilder) throws {
    let title =
      switch change.kind {
      case .new: "new \(change.finding.kind):"
      case .still: "still \(change.finding.kind):"
      case .gone: "no more \(change.finding.kind):"
      }
    var line = visible(change.finding.text)
    if !change.finding.threadIDs.isEmpty { line += " (\(threadIDsText(change.finding.threadIDs)))" }
    try text.paragraph(
      visible(title),
      change.kind == .gone ? .plain : .alarm,
      line,
      indent: 4
    )
  }

  // MARK: The sum

  private var title: String {
    let isBackwards = comparison.elapsed.map { $0 < .zero } ?? false
    let time = comparison.distance.map { isBackwards ? " \($0) before" : " after \($0)" } ?? ""
    return "\(processName(comparison.new))\(time):"
  }

  private var summary: String {
    let totals = totalTexts
    let changes = changeTexts
    guard comparison.hasDifferences || !totals.isEmpty else {
      return "no difference, \(contents)\(stillText.map { "; \($0)" } ?? "")"
    }
    let parts = [totals.joined(separator: ", "), changes.joined(separator: ", ")]
      .filter { !$0.isEmpty }
    return (parts + [stillText].compactMap(\.self)).joined(separator: "; ")
  }

  private var contents: String {
    let tasks = comparison.new.tasks.isEmpty ? "" : "\(count(comparison.new.tasks.count, "task")), "
    return
      "\(tasks)\(count(comparison.new.threads.count, "thread")) in \(count(comparison.unchangedGroupCount, "group"))"
  }

  /// `+40 threads (10 → 50)`, for each total that differs.
  private var totalTexts: [String] {
    [
      (comparison.taskCounts, "task"), (comparison.threadCounts, "thread"),
      (comparison.descriptorCounts, "descriptor"), (comparison.connectionCounts, "connection"),
    ].compactMap { counts, noun in
      let change = CountChange(noun, counts: counts)
      guard change.difference != 0 else { return nil }
      return "\(differenceText(change, noun)) (\(seriesText(counts)))"
    }
  }

  private var changeTexts: [String] {
    var parts = GroupChange.Kind.allCases.compactMap { kind -> String? in
      let number = comparison.groups.count { $0.kind == kind }
      return number == 0 ? nil : "\(grouped(number)) \(kind.rawValue)"
    }
    if !parts.isEmpty {
      parts[0] = "groups: " + parts[0]
      parts.append("\(grouped(comparison.unchangedGroupCount)) unchanged")
    }
    let modules = comparison.modules.count { $0.kind == .replaced }
    if modules > 0 { parts.append("\(count(modules, "module")) replaced") }
    let findings = comparison.findings.count { $0.kind == .new }
    if findings > 0 { parts.append(count(findings, "new finding")) }
    return parts
  }

  /// `3 threads stuck`.
  private var stillText: String? {
    guard let standstill = comparison.standstill else { return nil }
    var parts: [String] = []
    let locked = standstill.groups.filter { $0.kind == .lock }
    let behindLocks = locked.reduce(0) { $0 + $1.memberCount }
    if standstill.threadCount > 0 { parts.append(count(standstill.threadCount, "thread")) }
    if standstill.taskCount > 0 { parts.append(count(standstill.taskCount, "task")) }
    guard !parts.isEmpty else { return nil }
    let what = standstill.taskCount == 0 ? "locks" : "locks, actors or other tasks"
    let blocked = behindLocks == 0 ? "" : " (\(grouped(behindLocks)) behind \(what))"
    return "\(parts.joined(separator: " and ")) stuck\(blocked)"
  }

  // MARK: Whose reports

  private var times: String {
    let texts = comparison.reports.map { report in
      report.time.flatMap { Timestamp.text($0, fractionDigits: 0) }
        .map { "\($0.dropLast().replacing("T", with: " ")) UTC" } ?? "time unknown"
    }
    // Of a long series, as of counts, its beginning and its end.
    let shown = texts.count > 8 ? texts.prefix(4) + ["…"] + texts.suffix(3) : texts[...]
    return shown.joined(separator: " → ")
  }

  /// What keeps the comparison from being certain.
  private var doubts: [String] {
    var lines: [String] = []
    if let elapsed = comparison.elapsed, elapsed < .zero {
      lines.append("the first report is the later one: what is called new was there before")
    }
    switch comparison.relation {
    case .sameProcess: break
    case .sameProgram:
      lines.append("two processes: \(identity(comparison.old)), then \(identity(comparison.new))")
    case .otherProgram:
      lines.append("two programs: \(identity(comparison.old)), then \(identity(comparison.new))")
    }
    for (position, report) in comparison.reports.enumerated()
    where !report.isComplete || !report.problems.isEmpty {
      let which =
        position == 0 ? "the first" : position == comparison.reports.count - 1 ? "the last" : "one"
      let why = report.problems.first.map { ": \(visible($0))" } ?? ""
      lines.append("\(which) report is incomplete: what is missing there counts as gone\(why)")
    }
    return lines
  }

  private func identity(_ report: DumpReport) -> String {
    var text = processName(report)
    if let host = report.process.host { text += " on \(visible(host))" }
    if let start = report.process.startTime.flatMap({ Timestamp.text($0, fractionDigits: 0) }) {
      text += ", started \(start.dropLast().replacing("T", with: " ")) UTC"
    }
    return text
  }

  private func processName(_ report: DumpReport) -> String {
    let executable = report.process.executable.map { String(fileName(of: $0)) }
    let name = visible(report.process.name ?? executable ?? "unnamed process")
    return name + (report.process.processID.map { " (pid \($0))" } ?? "")
  }

  // MARK: How the process changed

  private var memory: String? {
    let parts = comparison.memory.compactMap { change -> String? in
      guard change.subject != "anonymous", change.new != 0 || change.old != 0 else { return nil }
      let sign = change.difference < 0 ? "−" : "+"
      let difference =
        change.difference == 0 ? "" : ", \(sign)\(bytesText(UInt64(change.difference.magnitude)))"
      let series = seriesText(change.counts) { bytesText(UInt64(max($0, 0))) }
      return "\(change.subject == "resident" ? "" : "\(change.subject) ")\(series)\(difference)"
    }
    return parts.isEmpty ? nil : "memory \(parts.joined(separator: " · "))"
  }

  private var descriptors: String? {
    let total = CountChange("", counts: comparison.descriptorCounts)
    let kinds = comparison.descriptors
    guard total.difference != 0 || !kinds.isEmpty else { return nil }
    let parts = named(kinds) { kind in
      "\(differenceText(kind, descriptorNoun(kind.subject))) (\(seriesText(kind.counts)))"
    }
    return "descriptors \(seriesText(total.counts)): \(parts)"
  }

  private var connections: String? {
    guard !comparison.connections.isEmpty else { return nil }
    let parts = named(comparison.connections) { change in
      let sign = change.difference < 0 ? "−" : "+"
      let number = Int(clamping: change.difference.magnitude)
      return "\(sign)\(grouped(number)) \(endsText(change.subject))"
        + " (\(seriesText(change.counts)))"
    }
    return "connections: \(parts)"
  }

  /// The first few by their text, the others by their number.
  private func named<Subject>(
    _ changes: [CountChange<Subject>],
    _ text: (CountChange<Subject>) -> String
  ) -> String {
    // What shrank is at the end; the largest changes are named, whatever their direction.
    let largest = changes.enumerated().sorted {
      ($1.element.difference.magnitude, $0.offset) < ($0.element.difference.magnitude, $1.offset)
    }
    var parts = largest.prefix(Self.named).map { text($0.element) }
    if largest.count > Self.named { parts.append("\(grouped(largest.count - Self.named)) more") }
    return parts.joined(separator: ", ")
  }

  private var processor: String? {
    guard !comparison.processorUse.isEmpty else { return nil }
    let all = comparison.processorUse.reduce(Duration.zero) { $0 + $1.time }
    let parts = comparison.processorUse.prefix(3).map { use in
      let thread = comparison.new.threads[use.thread]
      let name = thread.name.map { " \(quoted($0))" } ?? ""
      return "thread \(thread.threadID)\(name) \(secondsText(use.time))"
    }
    let rest = comparison.processorUse.count - parts.count
    let more = rest > 0 ? ", \(count(rest, "other"))" : ""
    return "processor time \(secondsText(all)): \(parts.joined(separator: ", "))\(more)"
  }

  private var tasks: String? {
    guard let tasks = comparison.tasks else { return nil }
    let ids = tasks.inBoth.isEmpty ? "" : " (\(idsText(tasks.inBoth, "task", "tasks")))"
    return "tasks: \(grouped(tasks.inBoth.count)) in both\(ids), "
      + "\(grouped(tasks.startedCount)) started since, \(grouped(tasks.endedCount)) ended"
  }

}

/// `1.5 s`, to the tenth below.
private func secondsText(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  return "\(seconds).\(attoseconds / 100_000_000_000_000_000) s"
}

extension ReportComparison {
  /// `10 min`: the time between the first report and the last, whichever came first.
  var distance: String? {
    elapsed.map { elapsed in
      let time = elapsed < .zero ? .zero - elapsed : elapsed
      return time < .seconds(10) ? secondsText(time) : durationText(time)
    }
  }
}

/// `+40 threads`, `−1 thread`.
private func differenceText<Subject>(_ change: CountChange<Subject>, _ noun: String) -> String {
  differenceText(change, (noun, "\(noun)s"))
}

private func differenceText<Subject>(
  _ change: CountChange<Subject>,
  _ noun: (one: String, many: String)
) -> String {
  let sign = change.difference < 0 ? "−" : "+"
  return "\(sign)\(count(Int(clamping: change.difference.magnitude), noun.one, noun.many))"
}
