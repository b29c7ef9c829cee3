import Report

extension PageData {
  /// Facts of the process as pairs of a word and a text.
  mutating func writeProcess(_ json: inout JSONWriter) {
    let process = report.process
    func time(_ text: String?) -> String? { text.map { String($0.dropLast()) + " UTC" } }
    let started = process.startTime.flatMap { Timestamp.text($0, fractionDigits: 0) }
    let captured = report.time.flatMap { Timestamp.text($0, fractionDigits: 3) }
    let vitals = process.vitals
    let memory = [
      vitals?.residentBytes.map { "\(bytesText($0)) resident" },
      vitals?.peakResidentBytes.map { "peak \(bytesText($0))" },
      vitals?.privateBytes.map { "\(bytesText($0)) private" },
      vitals?.swapBytes.flatMap { $0 > 0 ? "\(bytesText($0)) swapped out" : nil },
      vitals?.virtualBytes.map { "\(bytesText($0)) of address space" },
    ].compactMap(\.self)
    let killing = vitals?.outOfMemoryScore.map { score in
      "\(score) of 1,000"
        + (vitals?.outOfMemoryAdjustment.map { $0 == 0 ? "" : ", adjusted by \($0)" } ?? "")
    }
    let facts: [(String, String?)] = [
      ("Process", process.processID.map { "\($0)" }),
      ("Executable", process.executable.map(visible)),
      (
        "Arguments",
        process.arguments.isEmpty ? nil : process.arguments.map(quoted).joined(separator: " ")
      ),
      ("User", process.userID.map { "\($0)" }),
      ("Host", process.host.map(visible)),
      ("Kernel", process.kernel.map(visible)),
      ("Control group", process.cgroup.map(visible)),
      ("Captured", time(captured)),
      ("Started", time(started)),
      ("Up", vitals?.uptime.map(durationText)),
      ("Memory", memory.isEmpty ? nil : memory.joined(separator: ", ")),
      ("Likely to be killed for memory", killing),
      ("Capture file", report.captureFile.map(visible)),
    ]
    write("facts", facts, &json)
    write("control", vitals?.controlGroup.map(Self.facts) ?? [], &json)
  }

  private mutating func write(
    _ name: String,
    _ facts: [(String, String?)],
    _ json: inout JSONWriter
  ) {
    json.key(name)
    json.array(facts.filter { $0.1 != nil }) { json, fact in
      json.array([fact.0, fact.1 ?? ""]) { $0.string($1) }
    }
  }

  private static func facts(of group: ReportControlGroup) -> [(String, String?)] {
    let memory = group.memoryBytes.map { bytesText($0) }
    let limit = group.memoryLimitBytes.map { "of \(bytesText($0))" }
    let tasks = group.taskCount.map { grouped(Int(clamping: $0)) }
    let taskLimit = group.taskLimit.map { "of \(grouped(Int(clamping: $0)))" }
    func joined(_ parts: [String?]) -> String? {
      let parts = parts.compactMap(\.self)
      return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
    func percent(_ hundredths: UInt32) -> String {
      "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) %"
    }
    let pressures = group.pressures.map { pressure in
      (
        "\(pressure.isFull ? "All" : "Some") waited for \(pressure.resource.rawValue)",
        Optional(
          "\(percent(pressure.average10)) of 10 s, \(percent(pressure.average60)) of 1 min, "
            + "\(percent(pressure.average300)) of 5 min"
        )
      )
    }
    return [
      ("Memory", joined([memory, limit])),
      (
        "Killed for memory",
        group.memoryKills.map { count(Int(clamping: $0), "process", "processes") }
      ),
      ("Processes and threads", joined([tasks, taskLimit])),
      (
        "Processors",
        group.processorThousandths.map { "at most \($0 / 1000).\($0 % 1000 / 100)" }
      ),
      (
        "Throttled",
        group.throttledPeriods.map { "in \(grouped(Int(clamping: $0))) periods" }
      ),
    ] + pressures
  }

  /// Descriptors, sockets, connections, limits, environment and notes.
  mutating func writeResources(_ json: inout JSONWriter) {
    json.key("descriptors")
    json.array(report.descriptors) { json, entry in
      json.string(visible(entry.kind))
      json.number(entry.count)
    }
    if report.uncountedDescriptors > 0 { json.field("uncounted", report.uncountedDescriptors) }
    if let sockets = report.sockets {
      json.key("sockets")
      json.array([sockets.tcp, sockets.udp, sockets.unix, sockets.other, sockets.isCut ? 1 : 0]) {
        $0.number($1)
      }
    }
    json.key("connections")
    json.array(report.connections) { json, connection in
      json.object { json in
        json.field("state", visible(connection.state))
        json.field("local", connection.local.map(visible))
        json.field("peer", connection.peer.map(visible))
        json.field("count", connection.count)
      }
    }
    json.key("limits")
    json.array(report.process.vitals?.limits ?? []) { json, limit in
      json.object { json in
        json.field("name", visible(limit.name))
        json.field("soft", limit.soft.map { String($0) })
        json.field("hard", limit.hard.map { String($0) })
      }
    }
    json.key("environment")
    json.array(report.environment) { json, variable in
      json.object { json in
        json.field("name", visible(variable.name))
        json.field("value", variable.value.map(visible))
      }
    }
    json.key("notes")
    json.array(report.notes) { json, note in
      json.object { json in
        json.field("time", note.time.flatMap { Timestamp.text($0, fractionDigits: 3) })
        json.field("tid", note.threadID)
        json.field("text", visible(note.text))
      }
    }
    if report.olderNotes > 0 { json.field("olderNotes", report.olderNotes) }
    if report.lostNotes > 0 { json.field("lostNotes", report.lostNotes) }
  }
}
