import Report

/// Every thread with its own stack, in the order of the capture.
struct FullReport {
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
      let tasks = TaskDetails(report)
      let waits = WaitWords(report)
      var counts = [count(report.threads.count, "thread")]
      if !report.tasks.isEmpty { counts.insert(count(report.tasks.count, "task"), at: 0) }
      try heading.write(to: &text, contents: counts.joined(separator: ", "))
      try tasks.write(lines, to: &text)
      for thread in report.threads {
        try text.endLine()
        try write(thread, tasks, waits, lines, to: &text)
      }
      try ProcessSummary(report).writeNotes(to: &text)
      try heading.writeModules(to: &text)
      try text.flush()
    }
  }

  private func write(
    _ thread: ReportThread,
    _ tasks: TaskDetails,
    _ waits: WaitWords,
    _ lines: FrameLines,
    to text: inout TextBuilder
  ) throws {
    text.add("thread \(thread.threadID)", .heading)
    if let name = thread.name { text.add("  \(quoted(name))", .heading) }
    text.add("  \(activityText(report.activity(of: thread)))")
    let times = [("user", thread.cpuUser), ("system", thread.cpuSystem)].compactMap { name, time in
      time.map { "\(hundredthsText($0)) \(name)" }
    }
    if !times.isEmpty { text.add("  cpu \(times.joined(separator: ", "))", .faint) }
    if let start = thread.startTime.flatMap({ Timestamp.text($0, fractionDigits: 2) }) {
      text.add("  since \(start)", .faint)
    }
    if let policy = thread.policy {
      text.add("  \(visible(policy))\(thread.realtimePriority.map { " \($0)" } ?? "")", .faint)
    }
    if let nice = thread.nice { text.add("  nice \(nice)", .faint) }
    if thread.threadID == report.crashedThreadID || thread.fatalSignal != nil {
      text.add("  crashed", .alarm)
      if let signal = thread.fatalSignal { text.add(": \(describe(signal))", .alarm) }
    }
    if let task = tasks.threadText(thread) { text.add("  \(task)") }
    try text.endLine()
    if let wait = waits.text(of: thread) { try text.line("    waits for \(wait)") }
    for (key, value) in thread.labels.sorted(by: { $0.key < $1.key }) {
      try text.line("    label \(visible(key)): \(visible(value))")
    }
    if thread.status == .quiet {
      let reason = thread.reason.map { ": \(visible($0))" } ?? ""
      try text.line("    read without a signal\(reason)", .doubt)
    }
    try writeRegisters(thread.registers, to: &text)
    guard let stack = thread.stack else {
      let reason = visible(thread.reason ?? "nothing was captured")
      try text.line("    no stack: \(reason)", .doubt)
      return try lines.write(creator: thread.createdBy, of: 1, to: &text)
    }
    try lines.write(stack: stack, truncated: thread.truncated, folded: false, to: &text)
    try lines.write(creator: thread.createdBy, of: 1, to: &text)
  }

  /// Four in a line, in columns.
  private func writeRegisters(_ registers: [ThreadRegister], to text: inout TextBuilder) throws {
    let width = registers.map(\.name.count).max() ?? 0
    for first in stride(from: 0, to: registers.count, by: 4) {
      let line = registers[first..<min(first + 4, registers.count)].map { register in
        let digits = String(register.value, radix: 16)
        let name = visible(register.name)
        return String(repeating: " ", count: max(0, width - name.count)) + name + " "
          + String(repeating: "0", count: 16 - digits.count) + digits
      }
      try text.line("    " + line.joined(separator: "  "), .faint)
    }
  }
}
