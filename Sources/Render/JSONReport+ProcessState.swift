import Report

extension JSONReport {
  func writeVitals(_ json: inout JSONWriter) {
    guard let vitals = report.process.vitals else { return }
    json.key("vitals")
    json.object { json in
      json.field("resident_bytes", vitals.residentBytes)
      json.field("peak_resident_bytes", vitals.peakResidentBytes)
      json.field("virtual_bytes", vitals.virtualBytes)
      json.field("peak_virtual_bytes", vitals.peakVirtualBytes)
      json.field("anonymous_bytes", vitals.anonymousBytes)
      json.field("file_bytes", vitals.fileBytes)
      json.field("shared_bytes", vitals.sharedBytes)
      json.field("swap_bytes", vitals.swapBytes)
      json.field("proportional_bytes", vitals.proportionalBytes)
      json.field("private_bytes", vitals.privateBytes)
      json.field("threads", vitals.threadCount)
      json.field("uptime_ms", vitals.uptime.map(milliseconds))
      json.field("oom_score", vitals.outOfMemoryScore)
      json.field("oom_score_adj", vitals.outOfMemoryAdjustment)
      if !vitals.limits.isEmpty {
        json.key("limits")
        json.object { json in
          for limit in vitals.limits {
            json.key(limit.name)
            json.object { json in
              json.field("soft", limit.soft)
              json.field("hard", limit.hard)
            }
          }
        }
      }
      if let group = vitals.controlGroup { write(group, &json) }
    }
  }

  private func write(_ group: ReportControlGroup, _ json: inout JSONWriter) {
    json.key("cgroup")
    json.object { json in
      json.field("version", group.version)
      json.field("memory_bytes", group.memoryBytes)
      json.field("memory_limit_bytes", group.memoryLimitBytes)
      json.field("memory_high_bytes", group.memoryHighBytes)
      json.field("memory_kills", group.memoryKills)
      json.field("tasks", group.taskCount)
      json.field("task_limit", group.taskLimit)
      json.field("cpu_limit_thousandths", group.processorThousandths)
      json.field("throttled_periods", group.throttledPeriods)
      json.field("throttled_ms", group.throttledTime.map(milliseconds))
      guard !group.pressures.isEmpty else { return }
      json.key("pressure")
      json.array(group.pressures) { json, pressure in
        json.object { json in
          json.field("resource", pressure.resource.rawValue)
          json.field("full", pressure.isFull)
          json.key("avg10")
          json.raw(percent(pressure.average10))
          json.key("avg60")
          json.raw(percent(pressure.average60))
          json.key("avg300")
          json.raw(percent(pressure.average300))
          json.field("total_ms", milliseconds(pressure.total))
        }
      }
    }
  }

  func writeEnvironment(_ json: inout JSONWriter) {
    guard !report.environment.isEmpty else { return }
    json.key("environment")
    json.array(report.environment) { json, variable in
      json.object { json in
        json.field("name", variable.name)
        json.field("value", variable.value)
      }
    }
  }

  func writeDescriptors(_ json: inout JSONWriter) {
    json.newLine()
    json.key("descriptors")
    json.array(report.descriptors) { json, entry in
      json.object { json in
        json.field("kind", entry.kind)
        json.field("count", entry.count)
      }
    }
    if report.uncountedDescriptors > 0 {
      json.field("uncounted_descriptors", report.uncountedDescriptors)
    }
    guard let sockets = report.sockets else { return }
    json.key("sockets")
    json.object { json in
      json.field("tcp", sockets.tcp)
      json.field("udp", sockets.udp)
      json.field("unix", sockets.unix)
      json.field("other", sockets.other)
      if sockets.isCut { json.field("cut", true) }
    }
  }

  func connection(_ json: inout JSONWriter, _ connection: ReportConnection) {
    json.object { json in
      json.field("state", connection.state)
      json.field("local", connection.local)
      json.field("peer", connection.peer)
      json.field("count", connection.count)
    }
  }

  func note(_ json: inout JSONWriter, _ note: ReportNote) {
    json.object { json in
      json.field("time", note.time.flatMap { Timestamp.text($0, fractionDigits: 6) })
      json.field("tid", note.threadID)
      json.field("text", note.text)
    }
  }

  /// Lines of source around a frame's line.
  func snippet(_ json: inout JSONWriter, _ snippet: SourceSnippet) {
    json.object { json in
      json.field("file", snippet.file)
      json.field("line", snippet.line)
      json.field("first_line", snippet.firstLine)
      json.key("lines")
      json.array(snippet.lines) { $0.string($1) }
      json.field("origin", snippet.origin.rawValue)
      if snippet.isNewer { json.field("newer", true) }
    }
  }

  /// `12.34` of hundredths.
  private func percent(_ hundredths: UInt32) -> [UInt8] {
    let rest = hundredths % 100
    return Array("\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)".utf8)
  }
}
