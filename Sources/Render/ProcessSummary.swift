import Report

/// The lines above the threads that tell how the process stands: memory, descriptors, connections.
struct ProcessSummary {
  private let report: DumpReport
  /// Kinds and peers that are named; of the others only how many there are.
  private static let named = 6

  init(_ report: DumpReport) {
    self.report = report
  }

  func write(to text: inout TextBuilder) throws {
    if let memory { try text.paragraph(memory, indent: 4) }
    if let pressure { try text.line(pressure, .doubt) }
    if let descriptors { try text.paragraph(descriptors, indent: 4) }
    if let connections { try text.paragraph(connections, indent: 4) }
  }

  /// The last lines that the service gave, with their times.
  func writeNotes(to text: inout TextBuilder) throws {
    guard !report.notes.isEmpty || report.lostNotes > 0 else { return }
    try text.endLine()
    let missing = missingNotes.map { " (\($0))" } ?? ""
    try text.paragraph("The service's last lines\(missing):", indent: 4, .heading)
    try Self.write(report.notes, to: &text)
  }

  /// Lines of the service, one or more of text each.
  static func write(_ notes: [ReportNote], to text: inout TextBuilder) throws {
    for note in notes {
      let time = note.time.flatMap { Timestamp.text($0, fractionDigits: 3) }
      var line = "    "
      if let time { line += "\(time.dropLast().drop { $0 != "T" }.dropFirst())  " }
      if let id = note.threadID { line += "thread \(id)  " }
      try text.paragraph(line + visible(note.text), indent: 8)
    }
  }

  private var missingNotes: String? {
    var parts: [String] = []
    if report.olderNotes > 0 {
      parts.append("\(grouped(report.olderNotes)) older ones are not kept")
    }
    if report.lostNotes > 0 { parts.append("\(grouped(report.lostNotes)) lost while others wrote") }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  private var memory: String? {
    guard let vitals = report.process.vitals else { return nil }
    var parts: [String] = []
    if let resident = vitals.residentBytes {
      var part = "memory \(bytesText(resident))"
      if let peak = vitals.peakResidentBytes, peak > resident + resident / 10 {
        part += " (peak \(bytesText(peak)))"
      }
      if let swap = vitals.swapBytes, swap > 0 { part += " and \(bytesText(swap)) swapped out" }
      parts.append(part)
    }
    if let group = vitals.controlGroup {
      if let limit = group.memoryLimitBytes {
        let used = group.memoryBytes.map { "\(bytesText($0)) of " } ?? "at most "
        parts.append("control group \(used)\(bytesText(limit))")
      }
      if let kills = group.memoryKills, kills > 0 {
        parts.append("\(count(Int(clamping: kills), "process", "processes")) killed for memory")
      }
      if let processors = group.processorThousandths {
        parts.append("at most \(decimal(processors, 1000)) processors")
      }
    }
    if let uptime = vitals.uptime { parts.append("up \(durationText(uptime))") }
    return parts.isEmpty ? nil : parts.joined(separator: " · ")
  }

  /// Only what is worth a look: above one percent of the last minute.
  private var pressure: String? {
    let pressures = report.process.vitals?.controlGroup?.pressures ?? []
    let high = pressures.filter { !$0.isFull && $0.average60 >= 100 }
    guard !high.isEmpty else { return nil }
    let parts = high.map {
      "\(decimal(UInt64($0.average60), 100)) % of the last minute for \($0.resource.rawValue)"
    }
    return "waited \(parts.joined(separator: ", "))"
  }

  private var descriptors: String? {
    let kinds = report.descriptors
    let total = kinds.reduce(report.uncountedDescriptors) { $0.addingClamped($1.count) }
    guard total > 0 else { return nil }
    var line = count(total, "descriptor")
    if let limit = report.process.vitals?.limits.first(where: { $0.name == "nofile" })?.soft {
      line += " of \(grouped(Int(clamping: limit)))"
    }
    var parts = kinds.prefix(Self.named).map { kind in
      let noun = descriptorNoun(kind.kind)
      return count(kind.count, noun.one, noun.many)
    }
    let rest = kinds.dropFirst(Self.named).reduce(0) { $0.addingClamped($1.count) }
    if rest > 0 { parts.append("\(grouped(rest)) more") }
    if report.uncountedDescriptors > 0 {
      parts.append("\(grouped(report.uncountedDescriptors)) not looked at")
    }
    return "\(line): \(parts.joined(separator: ", "))"
  }

  private var connections: String? {
    guard !report.connections.isEmpty else { return nil }
    var parts = report.connections.prefix(Self.named).map { connection in
      "\(grouped(connection.count)) \(endsText(ConnectionEnds(connection)))"
    }
    let rest = report.connections.dropFirst(Self.named).reduce(0) { $0.addingClamped($1.count) }
    if rest > 0 { parts.append("\(grouped(rest)) more") }
    return "connections: \(parts.joined(separator: ", "))"
  }
}

extension Int {
  /// Counts of a file may be anything.
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}

/// `ESTABLISHED to 127.0.0.1:8081`.
func endsText(_ ends: ConnectionEnds) -> String {
  let place =
    switch (ends.local.map(visible), ends.peer.map(visible)) {
    case (let local?, let peer?): " from \(peer) on \(local)"
    case (let local?, nil): " on \(local)"
    case (nil, let peer?): " to \(peer)"
    case (nil, nil): ""
    }
  return visible(ends.state) + place
}

/// What descriptors of a kind are called, one and several.
func descriptorNoun(_ kind: String) -> (one: String, many: String) {
  descriptorNouns[kind] ?? (visible(kind), "\(visible(kind))s")
}

private let descriptorNouns: [String: (one: String, many: String)] = [
  "directory": ("directory", "directories"), "inotify": ("inotify", "inotify"),
  "deleted-file": ("deleted file", "deleted files"),
  "anonymous": ("anonymous inode", "anonymous inodes"), "other": ("other", "others"),
]

/// `142 MiB`, `1.4 GiB`: two digits at least, binary units.
func bytesText(_ bytes: UInt64) -> String {
  let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
  var unit = 0
  var divisor: UInt64 = 1
  while unit < units.count - 1, bytes / divisor >= 1024 {
    divisor *= 1024
    unit += 1
  }
  let whole = bytes / divisor
  guard unit > 0, whole < 10 else { return "\(whole) \(units[unit])" }
  return "\(whole).\((bytes % divisor) * 10 / divisor) \(units[unit])"
}

/// `1.5` of 1,500 thousandths, `2` of 2,000.
private func decimal(_ value: UInt64, _ scale: UInt64) -> String {
  let tenths = value % scale * 10 / scale
  return tenths == 0 ? "\(value / scale)" : "\(value / scale).\(tenths)"
}
