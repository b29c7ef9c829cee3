package import Report
import SafeText

/// A watch as people read it: a line a capture, and a summary.
package struct TextWatch: Sendable {
  private let style: TextStyle
  private let sparkline: Sparkline?
  /// Lines name their process, where several are watched.
  private let namesProcess: Bool

  /// `sparkline`: nil away from terminals.
  package init(style: TextStyle, sparkline: Sparkline?, namesProcess: Bool) {
    self.style = style
    self.sparkline = sparkline
    self.namesProcess = namesProcess
  }

  // MARK: A capture

  /// The line of the latest capture.
  package func line(_ capture: WatchedCapture, _ history: GrowthHistory) throws -> [UInt8] {
    try bytes { text in
      let time = history.latest.time.flatMap { Timestamp.text($0, fractionDigits: 0) }
      var parts: [(text: String, look: TextBuilder.Look)] = [
        (time.map { String($0.drop { $0 != "T" }.dropFirst()) } ?? "", .faint),
        (namesProcess ? "pid \(capture.processID)" : "", .plain),
        (amount("threads", .threads, history), .plain),
        (history.values(of: .tasks).isEmpty ? "" : amount("tasks", .tasks, history), .plain),
        (amount("fds", .descriptors, history), .plain),
        (amount("connections", .connections, history), .plain),
        (amount("RSS", .memory, history) { bytesText(UInt64(max($0, 0))) }, .plain),
      ]
      if let top = history.topGroup {
        parts.append(
          (
            "+\(grouped(history.growth(of: top))) \(GrowthWords.name(of: top, in: history))",
            .heading
          )
        )
      }
      try text.line(ofParts: parts)
      for finding in capture.newFindings {
        try text.paragraph(
          "  \(visible(finding.kind)):",
          .alarm,
          visible(finding.text),
          indent: 4
        )
      }
    }
  }

  /// `threads  112 ▁▂▄▆█`.
  private func amount(
    _ name: String,
    _ subject: GrowthHistory.Subject,
    _ history: GrowthHistory,
    _ text: (Int) -> String = { grouped($0) }
  ) -> String {
    let values = history.values(of: subject)
    guard let last = values.last else { return "" }
    let number = text(last)
    let padding = String(repeating: " ", count: max(0, 4 - number.count))
    guard let sparkline else { return "\(name) \(padding)\(number)" }
    let width = (style.width ?? 80) >= 120 ? 12 : 6
    return "\(name) \(padding)\(number) \(sparkline.text(values, width: width))"
  }

  // MARK: The summary

  /// What became of the process, and what of it is suspect.
  package func summary(_ summary: WatchSummary, _ history: GrowthHistory) throws -> [UInt8] {
    try bytes { text in
      try text.endLine()
      try text.paragraph(
        "\(visible(summary.name)) (pid \(summary.processID)):",
        .heading,
        sentence(summary, history),
        indent: 4
      )
      try text.paragraph(totals(history), indent: 4)
      for subject in summary.crossed {
        try text.paragraph(
          "over the limit:",
          .alarm,
          "\(GrowthWords.name(of: subject, in: history)), "
            + GrowthWords.change(subject, history.first(of: subject), history.last(of: subject)),
          indent: 4
        )
      }
      if !summary.keptPaths.isEmpty {
        try text.line("captures kept:")
        for path in summary.keptPaths { try text.line("    \(visible(path))") }
      }
      try write(history.suspects(), history, to: &text)
    }
  }

  private func sentence(_ summary: WatchSummary, _ history: GrowthHistory) -> String {
    var line = count(history.captureCount, "capture")
    if let time = history.times.last { line += " in \(durationText(.seconds(time)))" }
    if summary.failureCount > 0 { line += ", \(grouped(summary.failureCount)) failed" }
    switch summary.end {
    case .count, .signal, .other: break
    case .limit: line += "; it grew beyond the limit"
    case .processEnded: line += "; then the process ended"
    }
    let own = summary.ownProcessorTime.components
    return line
      + "; the watch itself used \(own.seconds).\(own.attoseconds / 100_000_000_000_000_000) s"
      + " of processor time"
  }

  private func totals(_ history: GrowthHistory) -> String {
    let totals: [GrowthHistory.Subject] = [.tasks, .threads, .descriptors, .connections, .memory]
    return totals.filter { !history.values(of: $0).isEmpty }.map { subject in
      let name = GrowthWords.name(of: subject, in: history)
      return
        "\(name) \(GrowthWords.change(subject, history.first(of: subject), history.last(of: subject)))"
    }.joined(separator: " · ")
  }

  private func write(
    _ suspects: [GrowthSuspect],
    _ history: GrowthHistory,
    to text: inout TextBuilder
  ) throws {
    guard !suspects.isEmpty else {
      let least = GrowthHistory.leastCaptureCount
      return try text.line(
        history.captureCount < least
          ? "no leak suspects: a trend takes \(least) captures" : "no leak suspects"
      )
    }
    let lines = FrameLines(history.latest)
    for suspect in suspects {
      try text.endLine()
      try text.line(ofParts: [
        ("leak suspect:", .alarm),
        (GrowthWords.name(of: suspect.subject, in: history), .heading),
        (GrowthWords.change(suspect.subject, suspect.first, suspect.last), .plain),
        (GrowthWords.pace(suspect), .plain),
      ])
      try write(history.members(of: suspect.subject), lines, history.latest, to: &text)
    }
  }

  private func write(
    _ members: GroupChange.Members?,
    _ lines: FrameLines,
    _ report: DumpReport,
    to text: inout TextBuilder
  ) throws {
    switch members {
    case .threads(let group):
      guard let stack = group.stack, let first = group.threads.first else { return }
      try lines.write(
        stack: stack,
        truncated: report.threads[first].truncated,
        folded: true,
        to: &text
      )
      try lines.write(creator: group.createdBy, of: group.threads.count, to: &text)
    case .tasks(let group):
      guard let stack = group.stack else { return }
      try lines.write(
        stack: stack,
        truncated: group.truncated,
        folded: true,
        hidesRuntime: true,
        to: &text
      )
    case nil: break
    }
  }

  private func bytes(_ write: (inout TextBuilder) throws -> Void) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try withoutActuallyEscaping({ bytes += $0 }) { sink in
      var text = TextBuilder(style: style, sink: sink)
      try write(&text)
      try text.flush()
    }
    return bytes
  }
}

/// The words for what grows.
enum GrowthWords {
  /// `threads in Client.keepAlive() Client.swift:22`, `sockets`, `ESTABLISHED to 127.0.0.1:8081`, `memory`.
  static func name(of subject: GrowthHistory.Subject, in history: GrowthHistory) -> String {
    switch subject {
    case .threads: return "threads"
    case .tasks: return "tasks"
    case .descriptors: return "descriptors"
    case .connections: return "connections"
    case .memory: return "memory"
    case .descriptorKind(let kind): return descriptorNoun(kind).many
    case .connectionEnds(let ends): return "connections \(endsText(ends))"
    case .group(_, let isOfTasks):
      let noun = isOfTasks ? "tasks" : "threads"
      guard let frame = history.ownFrame(of: subject) else { return "\(noun) of one stack" }
      var name = visible(history.latest.name(of: frame))
      if let file = frame.file, let line = frame.line {
        name += " \(visible(String(fileName(of: file)))):\(line)"
      }
      return "\(noun) in \(name)"
    }
  }

  /// `10 → 52`.
  static func change(_ subject: GrowthHistory.Subject, _ first: Int, _ last: Int) -> String {
    func text(_ value: Int) -> String {
      subject == .memory ? bytesText(UInt64(max(value, 0))) : grouped(value)
    }
    return first == last ? text(last) : "\(text(first)) → \(text(last))"
  }

  /// `+84 an hour (80 to 88)`.
  static func pace(_ suspect: GrowthSuspect) -> String {
    func text(_ slope: Double) -> String {
      let hourly = min(max(slope * 3600, 0), 1e15)
      if suspect.subject == .memory { return bytesText(UInt64(hourly)) }
      return hourly < 10 ? "\((hourly * 10).rounded() / 10)" : grouped(Int(hourly.rounded()))
    }
    let range = suspect.trend.slopeRange
    return
      "+\(text(suspect.trend.slope)) an hour (\(text(range.lowerBound)) to \(text(range.upperBound)))"
  }
}
