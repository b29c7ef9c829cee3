import FoundationEssentials
import Report

/// The report as the page's script reads it: texts once and by number, threads, tasks and frames as columns.
///
/// The form is the page's own business and changes with it; programs read `--format json`.
struct PageData {
  let report: DumpReport
  /// What the report is compared with.
  private let comparison: PageComparison?
  private let roles: FrameRoles
  var strings = StringTable()

  init(_ report: DumpReport, comparison: PageComparison? = nil) {
    self.report = report
    self.comparison = comparison
    roles = FrameRoles(report)
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    var copy = self
    try copy.writeAll(to: sink)
  }

  private mutating func writeAll(to sink: ([UInt8]) throws -> Void) throws {
    var json = JSONWriter(escapesMarkup: true)
    try json.object { json in
      writeCapture(&json)
      try comparison?.write(&json, &strings)
      writeFindings(&json)
      writeProcess(&json)
      writeResources(&json)
      writeModules(&json)
      try sink(json.takeBytes())
      writeFrames(&json)
      json.key("stacks")
      json.array(report.stacks) { json, stack in json.array(stack) { $0.number($1) } }
      json.column(
        "own",
        report.stacks.indices.map { roles.ownPosition(inStack: $0) ?? StringTable.none }
      )
      writeSnippets(&json)
      try sink(json.takeBytes())
      writeThreads(&json)
      writeLocks(&json)
      writeGroups(&json)
      try sink(json.takeBytes())
      writeTasks(&json)
      writeExecutors(&json)
      try sink(json.takeBytes())
      json.key("strings")
      try json.array(strings.texts) { json, text in
        json.string(text)
        if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
      }
    }
    try sink(json.takeBytes())
  }

  private mutating func writeCapture(_ json: inout JSONWriter) {
    let heading = ReportHeading(report)
    json.key("capture")
    json.object { json in
      json.field("kind", report.kind.rawValue)
      json.field("title", heading.process)
      json.field("cause", heading.cause)
      json.field("crash", heading.crash)
      json.field("message", report.message.map(visibleLines))
      json.field("complete", report.isComplete)
      json.field("time", report.time.map { Int64(($0.timeIntervalSince1970 * 1000).rounded()) })
      json.field("tasks", heading.tasks)
      json.field("crashedTid", report.crashedThreadID)
      json.key("problems")
      json.array(report.problems) { $0.string(visible($1)) }
    }
  }

  private mutating func writeFindings(_ json: inout JSONWriter) {
    json.key("findings")
    json.array(report.findings) { json, finding in
      json.object { json in
        json.field("kind", visible(finding.kind))
        json.field("text", visible(finding.text))
        json.key("tids")
        json.array(finding.threadIDs) { $0.number($1) }
        json.key("tasks")
        json.array(finding.taskIDs) { $0.string(String($1)) }
      }
    }
  }

  private mutating func writeModules(_ json: inout JSONWriter) {
    let used = Set(report.frames.lazy.compactMap(\.module))
    json.key("modules")
    json.array(report.modules.enumerated()) { json, entry in
      let module = entry.element
      json.object { json in
        json.field("path", strings.number(module.path))
        json.field("build", module.buildID.map(visible))
        json.field("base", address: module.base)
        json.field("end", address: module.end)
        json.field("status", module.status.rawValue)
        json.field("debug", module.debugFile.map(visible))
        json.field("reason", module.reason.map(visible))
        if used.contains(entry.offset) { json.field("used", true) }
      }
    }
  }

  private mutating func writeFrames(_ json: inout JSONWriter) {
    let frames = report.frames
    let sources = snippetNumbers()
    json.key("frames")
    json.object { json in
      json.field("count", frames.count)
      json.column("name", frames.map { strings.number($0.shortFunction ?? $0.function) })
      json.column(
        "full",
        frames.map { strings.number($0.shortFunction == nil ? nil : $0.function) }
      )
      json.column("linkage", frames.map { strings.number($0.linkage) })
      json.column("file", frames.map { strings.number($0.file) })
      json.column("line", frames.map { $0.line.map(Int.init) ?? StringTable.none })
      json.column("col", frames.map { $0.column.map(Int.init) ?? StringTable.none })
      json.column("module", frames.map { $0.module ?? StringTable.none })
      json.wideColumn("offset", frames.map { $0.offset ?? 0 })
      json.wideColumn("address", frames.map(\.address))
      json.column("flags", frames.indices.map(flags), absent: 0)
      json.column("origin", frames.map { strings.number($0.origin?.rawValue) })
      json.column("unknown", frames.map { strings.number($0.unknown) })
      json.column("source", frames.map { frame in Self.number(of: frame, in: sources) })
      json.sparse("aliases", frames) { json, frame in
        guard !frame.aliases.isEmpty else { return false }
        json.array(frame.aliases) { $0.number(strings.number($1)) }
        return true
      }
    }
  }

  /// Bits: inlined, signal frame, asynchronous, of the runtime, has an offset, of the service.
  private func flags(_ index: Int) -> Int {
    let frame = report.frames[index]
    return [
      frame.isInlined, frame.isSignalFrame, frame.isAsync, frame.isRuntime, frame.offset != nil,
      roles.isOfService(index),
    ]
    .enumerated().reduce(0) { $0 | ($1.element ? 1 << $1.offset : 0) }
  }
}

// MARK: - Source

extension PageData {
  /// A place in the source as the key of a snippet.
  private struct Place: Hashable {
    var file: String
    var line: UInt32
  }

  private func snippetNumbers() -> [Place: Int] {
    var numbers: [Place: Int] = [:]
    for (number, snippet) in SnippetTable.sorted(report.snippets).enumerated() {
      let place = Place(file: snippet.file, line: snippet.line)
      if numbers[place] == nil { numbers[place] = number }
    }
    return numbers
  }

  private static func number(of frame: Frame, in sources: [Place: Int]) -> Int {
    guard let file = frame.file, let line = frame.line else { return StringTable.none }
    return sources[Place(file: file, line: line)] ?? StringTable.none
  }

  private mutating func writeSnippets(_ json: inout JSONWriter) {
    json.key("snippets")
    json.array(SnippetTable.sorted(report.snippets)) { json, snippet in
      json.object { json in
        json.field("first", snippet.firstLine)
        json.field("line", snippet.line)
        json.field("origin", snippet.origin.rawValue)
        if snippet.isNewer { json.field("newer", true) }
        json.key("lines")
        // Tabs would be shown as escapes.
        json.array(snippet.lines) { $0.string(visible($1.replacing("\t", with: "    "))) }
      }
    }
  }
}

/// Text of several lines, each safe to show.
private func visibleLines(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map { visible(String($0)) }
    .joined(separator: "\n")
}
