import GRDB

extension ArchiveReader {
  /// What the process was besides its threads.
  func readProcessState(_ database: Database, into report: inout DumpReport) throws {
    report.process.vitals = try vitals(database)
    report.descriptors = try all("descriptors", database) { (row) throws(ArchiveDamage) in
      DescriptorCount(kind: try row.text(1), count: try row.integer(2))
    }
    if let row = try atMostOne("sockets", database) {
      report.sockets = SocketCounts(
        tcp: try row.integer(1),
        udp: try row.integer(2),
        unix: try row.integer(3),
        other: try row.integer(4),
        isCut: try row.flag(5)
      )
      report.uncountedDescriptors = try row.integer(6)
    }
    report.connections = try all("connections", database) { (row) throws(ArchiveDamage) in
      var connection = ReportConnection(state: try row.text(1), count: try row.integer(4))
      connection.local = try row.optionalText(2)
      connection.peer = try row.optionalText(3)
      return connection
    }
    report.environment = try all("environment", database) { (row) throws(ArchiveDamage) in
      EnvironmentVariable(name: try row.text(1), value: try row.optionalText(2))
    }
    report.snippets = Set(
      try all("snippets", database) { (row) throws(ArchiveDamage) in
        SourceSnippet(
          file: try row.text(1),
          line: try row.integer(2),
          firstLine: try row.integer(3),
          lines: try row.text(4).split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init),
          origin: try row.word(5),
          isNewer: try row.flag(6)
        )
      }
    )
    report.notes = try all("notes", database) { (row) throws(ArchiveDamage) in
      var note = ReportNote(text: try row.text(3))
      note.time = try date(row, 1)
      note.threadID = try row.optionalInteger(2)
      return note
    }
    if let row = try atMostOne("note_counts", database) {
      report.olderNotes = try row.integer(1)
      report.lostNotes = try row.integer(2)
    }
  }

  private func vitals(_ database: Database) throws -> ReportVitals? {
    guard let row = try atMostOne("vitals", database) else { return nil }
    var vitals = ReportVitals()
    vitals.residentBytes = try row.optionalInteger(1)
    vitals.peakResidentBytes = try row.optionalInteger(2)
    vitals.virtualBytes = try row.optionalInteger(3)
    vitals.peakVirtualBytes = try row.optionalInteger(4)
    vitals.anonymousBytes = try row.optionalInteger(5)
    vitals.fileBytes = try row.optionalInteger(6)
    vitals.sharedBytes = try row.optionalInteger(7)
    vitals.swapBytes = try row.optionalInteger(8)
    vitals.proportionalBytes = try row.optionalInteger(9)
    vitals.privateBytes = try row.optionalInteger(10)
    vitals.threadCount = try row.optionalInteger(11)
    vitals.uptime = try row.optionalInteger(12, as: Int64.self).map { .nanoseconds($0) }
    vitals.outOfMemoryScore = try row.optionalInteger(13)
    vitals.outOfMemoryAdjustment = try row.optionalInteger(14)
    vitals.limits = try all("limits", database) { (row) throws(ArchiveDamage) in
      ResourceLimit(
        name: try row.text(1),
        soft: try row.optionalInteger(2),
        hard: try row.optionalInteger(3)
      )
    }
    vitals.controlGroup = try controlGroup(database)
    return vitals
  }

  private func controlGroup(_ database: Database) throws -> ReportControlGroup? {
    guard let row = try atMostOne("control_group", database) else { return nil }
    var group = ReportControlGroup()
    group.version = try row.optionalInteger(1)
    group.memoryBytes = try row.optionalInteger(2)
    group.memoryLimitBytes = try row.optionalInteger(3)
    group.memoryHighBytes = try row.optionalInteger(4)
    group.memoryKills = try row.optionalInteger(5)
    group.taskCount = try row.optionalInteger(6)
    group.taskLimit = try row.optionalInteger(7)
    group.processorThousandths = try row.optionalInteger(8)
    group.throttledPeriods = try row.optionalInteger(9)
    group.throttledTime = try row.optionalInteger(10, as: Int64.self).map { .nanoseconds($0) }
    group.pressures = try all("pressures", database) { (row) throws(ArchiveDamage) in
      var pressure = Pressure(try row.word(1), isFull: try row.flag(2))
      pressure.average10 = try row.integer(3)
      pressure.average60 = try row.integer(4)
      pressure.average300 = try row.integer(5)
      pressure.total = .nanoseconds(try row.integer(6, as: Int64.self))
      return pressure
    }
    return group
  }
}
