package import Report
// Who adds to a report's text or JSON writes both as it does.
@_exported import SafeText

/// The report as JSON of docs/report.schema.json: one document, a thread, module or group a line.
struct JSONReport {
  /// How the parts follow one another.
  enum Layout {
    /// One object, in which the lists are fields.
    case document
    /// An object a line: the head, and then each member of the lists, with its `type`.
    case lines
  }

  let report: DumpReport
  let view: ReportView
  let layout: Layout
  /// Each frame as JSON, once, however many stacks hold it.
  private let frames: [[UInt8]]

  init(_ report: DumpReport, _ view: ReportView = ReportView(), _ layout: Layout = .document) {
    self.report = report
    self.view = view
    self.layout = layout
    frames = report.frames.map { frame in
      var json = JSONWriter()
      json.frame(frame, module: frame.module.map { report.modules[$0].path })
      return json.bytes
    }
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    var json = JSONWriter(isOneLine: layout == .lines)
    switch layout {
    case .document:
      try json.object { json in
        writeHead(&json)
        try writeLists(&json, sink)
      }
      json.endDocument()
    case .lines:
      json.beginNextObject(withType: "report")
      json.object { json in
        writeHead(&json)
        writeTaskSearch(&json)
        writeGrouping(&json)
        writeDescriptors(&json)
        writeNoteCounts(&json)
      }
      json.endDocument()
      try writeLists(&json, sink)
    }
    try sink(json.takeBytes())
  }

  private func writeHead(_ json: inout JSONWriter) {
    writeCapture(&json)
    writeProcess(&json)
    writeSignal(&json)
  }

  /// The lists, and in a document beside each what belongs to it.
  private func writeLists(
    _ json: inout JSONWriter,
    _ sink: ([UInt8]) throws -> Void
  ) throws {
    let isDocument = layout == .document
    try writeList("modules", report.modules.enumerated(), &json, sink, module)
    try writeList("threads", report.threads, &json, sink, thread)
    try writeTasks(&json, sink)
    if isDocument { writeTaskSearch(&json) }
    if isDocument { writeGrouping(&json) }
    try writeGroups(&json, sink)
    let locks = report.locks()
    if !locks.isEmpty { try writeList("locks", locks, &json, sink, lock) }
    if isDocument { writeDescriptors(&json) }
    try writeList("connections", report.connections, &json, sink, connection)
    try writeList("notes", report.notes, &json, sink, note)
    if isDocument { writeNoteCounts(&json) }
    try writeList("sources", SnippetTable.sorted(report.snippets), &json, sink, snippet)
    try writeList("findings", report.findings, &json, sink, finding)
  }

  private func writeNoteCounts(_ json: inout JSONWriter) {
    if report.olderNotes > 0 { json.field("notes_older", report.olderNotes) }
    if report.lostNotes > 0 { json.field("notes_lost", report.lostNotes) }
  }

  private func writeCapture(_ json: inout JSONWriter) {
    json.field("schema", 1)
    json.field("kind", report.kind.rawValue)
    json.field("reason", report.reason)
    json.field("time", report.time.flatMap { Timestamp.text($0, fractionDigits: 6) })
    json.field("complete", report.isComplete)
    if !report.problems.isEmpty {
      json.key("problems")
      json.array(report.problems) { $0.string($1) }
    }
    json.field("capture_file", report.captureFile)
    json.field("message", report.message)
    json.field("crashed_tid", report.crashedThreadID)
  }

  private func writeProcess(_ json: inout JSONWriter) {
    let process = report.process
    json.newLine()
    json.key("process")
    json.object { json in
      json.field("pid", process.processID)
      json.field("name", process.name)
      json.field("executable", process.executable)
      if !process.arguments.isEmpty {
        json.key("arguments")
        json.array(process.arguments) { $0.string($1) }
      }
      json.field("uid", process.userID)
      json.field(
        "start_time",
        process.startTime.flatMap { Timestamp.text($0, fractionDigits: 6) }
      )
      json.field("host", process.host)
      json.field("cgroup", process.cgroup)
      json.field("kernel", process.kernel)
      json.field("thread_count", process.threadCount)
      writeVitals(&json)
      writeEnvironment(&json)
    }
  }

  private func writeSignal(_ json: inout JSONWriter) {
    guard let signal = report.signal else { return }
    json.newLine()
    json.key("signal")
    write(signal, &json)
  }

  private func write(_ signal: ReportSignal, _ json: inout JSONWriter) {
    json.object { json in
      json.field("number", signal.number)
      json.field("name", signal.name)
      json.field("code", signal.code)
      json.field("code_name", signal.codeName)
      json.field("address", address: signal.address)
      json.field("sender_pid", signal.senderProcessID)
    }
  }

  /// What only threads that crashed have.
  private func writeCrash(_ json: inout JSONWriter, _ thread: ReportThread) {
    if let signal = thread.fatalSignal {
      json.key("fatal_signal")
      write(signal, &json)
    }
    guard !thread.registers.isEmpty else { return }
    json.key("registers")
    json.object { json in
      for register in thread.registers { json.field(register.name, address: register.value) }
    }
  }

  /// Writes a list: a field of the document, or a line for each member, whose type is the list's name without its s.
  func writeList<Values: Sequence>(
    _ name: String,
    _ values: Values,
    _ json: inout JSONWriter,
    _ sink: ([UInt8]) throws -> Void,
    _ value: (inout JSONWriter, Values.Element) -> Void
  ) throws {
    switch layout {
    case .document:
      json.newLine()
      json.key(name)
      try json.array(values, onLines: true) { json, element in
        value(&json, element)
        if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
      }
    case .lines:
      for element in values {
        json.beginNextObject(withType: String(name.dropLast()))
        value(&json, element)
        json.endDocument()
        if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
      }
    }
  }

  private func module(_ json: inout JSONWriter, _ entry: (offset: Int, element: ReportModule)) {
    let module = entry.element
    json.object { json in
      json.field("id", entry.offset)
      json.field("path", module.path)
      json.field("build_id", module.buildID)
      json.field("base", address: module.base)
      json.field("end", address: module.end)
      json.field("status", module.status.rawValue)
      json.field("debug_file", module.debugFile)
      json.field("reason", module.reason)
    }
  }

  private func thread(_ json: inout JSONWriter, _ thread: ReportThread) {
    json.object { json in
      json.field("tid", thread.threadID)
      json.field("name", thread.name)
      json.field("state", thread.state?.rawValue)
      writeWait(&json, of: thread)
      json.field("start_time", thread.startTime.flatMap { Timestamp.text($0, fractionDigits: 6) })
      json.field("cpu_user_ms", thread.cpuUser.map(milliseconds))
      json.field("cpu_system_ms", thread.cpuSystem.map(milliseconds))
      json.field("syscall", thread.systemCall)
      json.field("wait_channel", thread.waitChannel)
      json.field("policy", thread.policy)
      json.field("realtime_priority", thread.realtimePriority)
      json.field("nice", thread.nice)
      if !thread.labels.isEmpty {
        json.key("labels")
        json.object { json in
          for (key, value) in thread.labels.sorted(by: { $0.key < $1.key }) {
            json.field(key, value)
          }
        }
      }
      json.field("status", thread.status.rawValue)
      json.field("reason", thread.reason)
      json.field("task", thread.task)
      json.field("truncated", thread.truncated)
      writeCrash(&json, thread)
      writeCreator(thread.createdBy, &json)
      writeFrames(&json, ofStack: thread.stack)
    }
  }

  private func finding(_ json: inout JSONWriter, _ finding: Finding) {
    json.object { json in
      json.field("kind", finding.kind)
      json.field("text", finding.text)
      json.key("tids")
      json.array(finding.threadIDs) { $0.number($1) }
      if !finding.taskIDs.isEmpty {
        json.key("task_ids")
        json.array(finding.taskIDs) { $0.number($1) }
      }
    }
  }

  private func writeCreator(_ creator: ThreadCreator?, _ json: inout JSONWriter) {
    guard let creator else { return }
    json.field("creator_tid", creator.threadID)
    json.field("creator_name", creator.name)
    if creator.stack != nil { writeCreationStack(creator, &json) }
  }

  func writeCreationStack(_ creator: ThreadCreator, _ json: inout JSONWriter) {
    writeFrames(&json, ofStack: creator.stack, key: "created_by")
  }

  func writeFrames(_ json: inout JSONWriter, ofStack stack: Int?, key: String = "frames") {
    json.key(key)
    json.array(stack.map { report.stacks[$0] } ?? []) { $0.raw(frames[$1]) }
  }

  func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    return overflow ? .max : whole &+ attoseconds / 1_000_000_000_000_000
  }
}

extension JSONWriter {
  /// One FRAME of the report format; `module` is the path of the file that it lies in.
  package mutating func frame(_ frame: Frame, module: String?) {
    object { json in
      json.field("address", address: frame.address)
      json.field("module", module)
      json.field("offset", address: frame.offset)
      json.field("function", frame.function)
      json.field("linkage", frame.linkage ?? frame.function)
      if !frame.aliases.isEmpty {
        json.key("aliases")
        json.array(frame.aliases) { $0.string($1) }
      }
      json.field("file", frame.file)
      json.field("line", frame.line)
      json.field("column", frame.column)
      json.field("inlined", frame.isInlined)
      if frame.isSignalFrame { json.field("signal_frame", true) }
      if frame.isAsync { json.field("async", true) }
      if frame.isRuntime { json.field("runtime", true) }
      json.field("found_by", frame.origin?.rawValue)
      json.field("unknown", frame.unknown)
    }
  }
}
