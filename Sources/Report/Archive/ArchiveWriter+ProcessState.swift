import GRDB

extension ArchiveWriter {
  /// What the process was besides its threads.
  ///
  /// A table of one row is empty where nothing is known.
  func writeProcessState(_ database: Database) throws {
    if let vitals = report.process.vitals { try write(vitals, database) }
    try database.insertAll(
      "descriptors",
      report.descriptors.enumerated().lazy.map { [$0, $1.kind, $1.count] }
    )
    if let sockets = report.sockets {
      try database.insert(
        "sockets",
        [
          0, sockets.tcp, sockets.udp, sockets.unix, sockets.other, sockets.isCut,
          report.uncountedDescriptors,
        ]
      )
    }
    try database.insertAll(
      "connections",
      report.connections.enumerated().lazy.map { [$0, $1.state, $1.local, $1.peer, $1.count] }
    )
    try database.insertAll(
      "environment",
      report.environment.enumerated().lazy.map { [$0, $1.name, $1.value] }
    )
    let snippets = report.snippets.sorted { ($0.file, $0.line) < ($1.file, $1.line) }
    try database.insertAll(
      "snippets",
      snippets.enumerated().lazy.map {
        [
          $0, $1.file, $1.line, $1.firstLine, $1.lines.joined(separator: "\n"),
          $1.origin.rawValue, $1.isNewer,
        ]
      }
    )
    try database.insertAll(
      "notes",
      report.notes.enumerated().lazy.map { [$0, $1.time.flatMap(archived), $1.threadID, $1.text] }
    )
    if report.olderNotes > 0 || report.lostNotes > 0 {
      try database.insert("note_counts", [0, report.olderNotes, report.lostNotes])
    }
  }

  private func write(_ vitals: ReportVitals, _ database: Database) throws {
    try database.insert(
      "vitals",
      [
        0, integer(vitals.residentBytes), integer(vitals.peakResidentBytes),
        integer(vitals.virtualBytes), integer(vitals.peakVirtualBytes),
        integer(vitals.anonymousBytes), integer(vitals.fileBytes), integer(vitals.sharedBytes),
        integer(vitals.swapBytes), integer(vitals.proportionalBytes),
        integer(vitals.privateBytes), vitals.threadCount, vitals.uptime.map(nanoseconds),
        vitals.outOfMemoryScore, vitals.outOfMemoryAdjustment,
      ]
    )
    try database.insertAll(
      "limits",
      vitals.limits.enumerated().lazy.map { [$0, $1.name, integer($1.soft), integer($1.hard)] }
    )
    guard let group = vitals.controlGroup else { return }
    try database.insert(
      "control_group",
      [
        0, group.version, integer(group.memoryBytes), integer(group.memoryLimitBytes),
        integer(group.memoryHighBytes), integer(group.memoryKills), integer(group.taskCount),
        integer(group.taskLimit), integer(group.processorThousandths),
        integer(group.throttledPeriods), group.throttledTime.map(nanoseconds),
      ]
    )
    try database.insertAll(
      "pressures",
      group.pressures.enumerated().lazy.map { id, pressure in
        [
          id, pressure.resource.rawValue, pressure.isFull, pressure.average10, pressure.average60,
          pressure.average300, nanoseconds(pressure.total),
        ]
      }
    )
  }
}

/// SQLite has no larger integers; no kernel counts that far.
private func integer(_ value: UInt64?) -> Int64? {
  value.map { Int64(clamping: $0) }
}
