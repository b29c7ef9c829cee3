import Report

/// What stands above the threads, and below them, in both forms of text.
struct ReportHeading {
  private let report: DumpReport

  init(_ report: DumpReport) {
    self.report = report
  }

  /// Whose dump this is, why it was made, what is missing.
  ///
  /// `contents`: how many threads and tasks there are.
  func write(to text: inout TextBuilder, contents: String) throws {
    try text.line(process, .heading)
    try text.line("\(cause): \(contents)")
    if let crash { try text.line(crash, .alarm) }
    if let message = report.message {
      for line in message.split(separator: "\n") {
        try text.line("message: \(visible(String(line)))", .alarm)
      }
    }
    if !report.isComplete && report.problems.isEmpty {
      try text.line("incomplete: parts of this capture are missing", .doubt)
    }
    for problem in report.problems {
      try text.paragraph("incomplete: \(visible(problem))", indent: 4, .doubt)
    }
    if let tasks { try text.paragraph(tasks, indent: 4, .doubt) }
    try ProcessSummary(report).write(to: &text)
    let waits = WaitWords(report)
    for finding in report.findings {
      var line = visible(finding.text)
      if !finding.threadIDs.isEmpty { line += " (\(threadIDsText(finding.threadIDs)))" }
      try text.paragraph("\(visible(finding.kind)):", .alarm, line, indent: 4)
      for line in waits.stackLines(of: finding) { try text.paragraph("    \(line)", indent: 8) }
    }
  }

  /// What kept tasks from being told in full.
  var tasks: String? {
    guard let summary = report.taskSummary, summary.runtime != .none else { return nil }
    guard summary.isDecoded else {
      return "tasks not decoded: \(summary.reason.map(visible) ?? "the capture does not say why")"
    }
    return summary.reason.map { "tasks may be missing: \(visible($0))" }
  }

  /// The modules that frames lie in and that have no line numbers, and why.
  func writeModules(to text: inout TextBuilder) throws {
    let used = Set(report.frames.lazy.compactMap(\.module))
    let lacking = report.modules.indices.filter {
      used.contains($0) && report.modules[$0].status != .debugInfo
    }
    guard !lacking.isEmpty else { return }
    try text.endLine()
    try text.line("Modules without line numbers:", .heading)
    for index in lacking {
      let module = report.modules[index]
      var line = "    \(visible(module.path))  "
      line += module.status == .symbols ? "function names only" : "no names"
      if let reason = module.reason { line += ": \(visible(reason))" }
      try text.paragraph(line, indent: 8)
    }
    // The kernel's own code (`[vdso]`) has no file, and nobody has more of it.
    let files = lacking.map { report.modules[$0].path }.filter { $0.hasPrefix("/") }
    if !files.isEmpty { try writeAdvice(files, to: &text) }
  }

  /// What to do to see more next time.
  private func writeAdvice(_ files: [String], to text: inout TextBuilder) throws {
    let isOfLibc = files.map { isPartOfGlibc(fileName(of: $0)) }
    if isOfLibc.contains(true) {
      try text.line("  on Debian, libc6-dbg has the C library's: apt-get install libc6-dbg", .faint)
    }
    if isOfLibc.contains(false) {
      try text.line(
        "  debug files elsewhere: dumpcollect symbolize CAPTURE --debug-dir DIR",
        .faint
      )
      try text.line(
        "  which package has a library's: find-dbgsym-packages LIBRARY (debian-goodies)",
        .faint
      )
    }
  }

  /// The files of Debian's libc6 that threads are often seen in.
  private func isPartOfGlibc(_ name: Substring) -> Bool {
    ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libresolv.so.2"]
      .contains(String(name)) || name.hasPrefix("ld-linux")
  }

  /// `shop (pid 4711) on shop-01, 2026-03-01 09:05:00 UTC`.
  var process: String {
    let process = report.process
    let executable = process.executable.map { String(fileName(of: $0)) }
    var line = visible(process.name ?? executable ?? "unnamed process")
    if let id = process.processID { line += " (pid \(id))" }
    if let host = process.host { line += " on \(visible(host))" }
    if let time = report.time.flatMap({ Timestamp.text($0, fractionDigits: 0) }) {
      line += ", \(time.dropLast().replacing("T", with: " ")) UTC"
    }
    return line
  }

  /// `live capture, SIGQUIT from pid 88`.
  var cause: String {
    var line = "\(report.kind.rawValue) \(report.kind == .core ? "file" : "capture")"
    if report.kind != .crash, let signal = report.signal {
      line += ", \(signalText(signal))"
      if let sender = signal.senderProcessID, sender != 0 { line += " from pid \(sender)" }
    }
    if let reason = report.reason, reason != "signal" { line += ", \(visible(reason))" }
    return line
  }

  /// `crashed: SIGSEGV (SEGV_MAPERR) at 0x0 in thread 4716 "worker-12"`.
  var crash: String? {
    guard report.kind == .crash || report.crashedThreadID != nil else { return nil }
    var line = "crashed"
    if let signal = report.signal {
      line += ": \(describe(signal))"
      if let sender = signal.senderProcessID, sender != report.process.processID {
        line += " from pid \(sender)"
      }
    }
    guard let id = report.crashedThreadID else { return line }
    let name = report.threads.first { $0.threadID == id }?.name
    return line + " in thread \(id)" + (name.map { " \(quoted($0))" } ?? "")
  }

}

/// `SIGSEGV`, or `signal 99`.
func signalText(_ signal: ReportSignal) -> String {
  signal.name ?? "signal \(signal.number)"
}

/// `SIGSEGV (SEGV_MAPERR) at 0x8`.
func describe(_ signal: ReportSignal) -> String {
  var text = signalText(signal)
  if let code = signal.codeName { text += " (\(code))" }
  if let address = signal.address { text += " at 0x\(String(address, radix: 16))" }
  return text
}
