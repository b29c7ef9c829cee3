package import Report
import SafeText

/// A watch as JSON lines (docs/watch.schema.json): an object a capture, and one a process at the end.
package enum JSONWatch {
  /// The line of the latest capture.
  package static func line(_ capture: WatchedCapture, _ history: GrowthHistory) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("schema", 1)
      json.field("kind", "capture")
      json.field("time", history.latest.time.flatMap { Timestamp.text($0, fractionDigits: 6) })
      json.field("pid", capture.processID)
      json.field("name", capture.name)
      json.field("number", history.captureCount)
      json.field("elapsed_ms", history.times.last.map { Int64($0 * 1000) })
      write(history, &json)
      json.field("capture", capture.path)
      json.field("notable", capture.isNotable)
      if let top = history.topGroup {
        json.key("top_group")
        json.object { json in write(top, history, &json) }
      }
      if !capture.newFindings.isEmpty {
        json.key("findings")
        json.array(capture.newFindings) { json, finding in
          json.object { json in
            json.field("kind", finding.kind)
            json.field("text", finding.text)
          }
        }
      }
      if !history.latest.isComplete { json.field("complete", false) }
    }
    json.endDocument()
    return json.bytes
  }

  private static func write(_ history: GrowthHistory, _ json: inout JSONWriter) {
    json.field("threads", history.last(of: .threads))
    if !history.values(of: .tasks).isEmpty { json.field("tasks", history.last(of: .tasks)) }
    json.field("descriptors", history.last(of: .descriptors))
    json.field("connections", history.last(of: .connections))
    if !history.values(of: .memory).isEmpty {
      json.field("resident_bytes", history.last(of: .memory))
    }
  }

  /// What became of a process.
  package static func summary(_ summary: WatchSummary, _ history: GrowthHistory) -> [UInt8] {
    let report = JSONReport(history.latest)
    var json = JSONWriter()
    json.object { json in
      json.field("schema", 1)
      json.field("kind", "summary")
      json.field("pid", summary.processID)
      json.field("name", summary.name)
      json.field("end", summary.end.rawValue)
      json.field("captures", history.captureCount)
      json.field("failed", summary.failureCount)
      json.field("elapsed_ms", history.times.last.map { Int64($0 * 1000) })
      json.field("own_cpu_ms", report.milliseconds(summary.ownProcessorTime))
      json.key("kept")
      json.array(summary.keptPaths) { $0.string($1) }
      json.key("crossed")
      json.array(summary.crossed) { json, subject in
        json.object { json in write(subject, history, &json) }
      }
      json.key("suspects")
      json.array(history.suspects()) { json, suspect in
        json.object { json in
          write(suspect.subject, history, &json)
          json.field("slope_per_hour", rounded: suspect.trend.slope * 3600)
          json.field("slope_low", rounded: suspect.trend.slopeRange.lowerBound * 3600)
          json.field("slope_high", rounded: suspect.trend.slopeRange.upperBound * 3600)
          json.field("chance", rounded: suspect.trend.chance)
          switch history.members(of: suspect.subject) {
          case .threads(let group):
            if let creator = group.createdBy?.stack {
              report.writeFrames(&json, ofStack: creator, key: "created_by")
            }
            report.writeFrames(&json, ofStack: group.stack)
          case .tasks(let group): report.writeFrames(&json, ofStack: group.stack)
          case nil: break
          }
        }
      }
    }
    json.endDocument()
    return json.bytes
  }

  private static func write(
    _ subject: GrowthHistory.Subject,
    _ history: GrowthHistory,
    _ json: inout JSONWriter
  ) {
    switch subject {
    case .threads, .tasks, .descriptors, .connections: json.field("subject", "\(subject)")
    case .memory: json.field("subject", "resident_bytes")
    case .descriptorKind(let kind):
      json.field("subject", "descriptor")
      json.field("descriptor", kind)
    case .connectionEnds(let ends):
      json.field("subject", "connection")
      json.field("state", ends.state)
      json.field("local", ends.local)
      json.field("peer", ends.peer)
    case .group(let fingerprint, let isOfTasks):
      json.field("subject", "group")
      json.field("members", isOfTasks ? "tasks" : "threads")
      json.field("fingerprint", fingerprint.text)
      let frame = history.ownFrame(of: subject)
      json.field("function", frame?.function)
      json.field("file", frame?.file)
      json.field("line", frame?.line)
    }
    json.field("first", history.first(of: subject))
    json.field("last", history.last(of: subject))
  }
}

extension JSONWriter {
  /// A number with six digits behind the point; what JSON has no word for is left out.
  fileprivate mutating func field(_ name: String, rounded value: Double) {
    // Beyond that an integer of a millionth would overflow.
    guard value.isFinite, abs(value) < 1e12 else { return }
    key(name)
    // Below a millionth nothing is worth a digit, and none would be written as `1e-07`.
    let scaled = Int64((abs(value) * 1_000_000).rounded())
    let digits = String(scaled % 1_000_000)
    let fraction = String(repeating: "0", count: 6 - digits.count) + digits
    raw(Array("\(value < 0 && scaled > 0 ? "-" : "")\(scaled / 1_000_000).\(fraction)".utf8))
  }
}
