import Report

/// The report as a file of speedscope: a profile of the threads, and one of the tasks where there are any.
///
/// The format is that of speedscope.app/file-format-schema.json: sampled profiles without a unit, in which a stack weighs as much
/// as there are threads or tasks that have it.
struct SpeedscopeReport {
  private let stacks: ProfileStacks

  /// Frames are the same when speedscope shows them so.
  private struct Shown: Hashable {
    var name: String
    var file: String?
    var line: UInt32
    var column: UInt32
  }

  init(_ report: DumpReport) {
    stacks = ProfileStacks(report)
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    let report = stacks.report
    var frames = CountedValues<Shown>()
    let numbers = stacks.frames.map {
      frames.add(Shown(name: $0.name, file: $0.file, line: $0.line, column: $0.column))
    }
    var json = JSONWriter()
    try json.object { json in
      json.field("$schema", "https://www.speedscope.app/file-format-schema.json")
      json.field("exporter", "dumpcollect")
      json.field("name", ReportHeading(report).process)
      json.field("activeProfileIndex", 0)
      json.newLine()
      json.key("shared")
      try json.object { json in
        json.key("frames")
        try json.array(frames.values, onLines: true) { json, entry in
          write(entry.value, &json)
          if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
        }
      }
      json.newLine()
      json.key("profiles")
      try json.array(report.tasks.isEmpty ? ["threads"] : ["threads", "tasks"], onLines: true) {
        json,
        name in
        let all =
          name == "threads"
          ? report.threads.map { stacks.stack(of: $0) } : report.tasks.map { stacks.stack(of: $0) }
        try write(all, named: name, numbers, &json, sink)
      }
    }
    json.endDocument()
    try sink(json.takeBytes())
  }

  private func write(_ frame: Shown, _ json: inout JSONWriter) {
    json.object { json in
      json.field("name", frame.name)
      guard let file = frame.file else { return }
      json.field("file", file)
      guard frame.line > 0 else { return }
      json.field("line", frame.line)
      if frame.column > 0 { json.field("col", frame.column) }
    }
  }

  private func write(
    _ all: [[Int]],
    named name: String,
    _ numbers: [Int],
    _ json: inout JSONWriter,
    _ sink: ([UInt8]) throws -> Void
  ) throws {
    var distinct = CountedValues<[Int]>()
    for stack in all { distinct.add(stack.map { numbers[$0] }) }
    // Swift's sort is stable: stacks of equal weight stay in the order of the threads.
    let samples = distinct.values.sorted { $0.count > $1.count }
    try json.object { json in
      json.field("type", "sampled")
      json.field("name", name)
      json.field("unit", "none")
      json.field("startValue", 0)
      json.field("endValue", all.count)
      json.key("samples")
      try json.array(samples, onLines: true) { json, sample in
        json.array(sample.value.reversed()) { $0.number($1) }
        if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
      }
      json.key("weights")
      json.array(samples) { $0.number($1.count) }
    }
  }
}
