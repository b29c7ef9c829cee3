/// How many there are of something in each of several reports.
public struct CountChange<Subject: Hashable & Sendable>: Sendable, Equatable {
  /// What is counted.
  public var subject: Subject
  /// How many, one a report, in the order of the reports.
  public var counts: [Int]

  /// A series of counts.
  public init(_ subject: Subject, counts: [Int]) {
    self.subject = subject
    self.counts = counts
  }

  /// In the first report.
  public var old: Int { counts.first ?? 0 }
  /// In the last report.
  public var new: Int { counts.last ?? 0 }
  /// How many more there are at the end; negative where there are fewer.
  public var difference: Int {
    let (difference, overflow) = new.subtractingReportingOverflow(old)
    return overflow ? (new > old ? .max : .min) : difference
  }
}

/// The two ends of connections that are counted together.
public struct ConnectionEnds: Sendable, Hashable {
  /// "ESTABLISHED", "CLOSE_WAIT", "LISTEN".
  public var state: String
  /// As `ReportConnection.local`.
  public var local: String?
  /// As `ReportConnection.peer`.
  public var peer: String?

  /// The ends of a report's connections.
  public init(_ connection: ReportConnection) {
    state = connection.state
    local = connection.local
    peer = connection.peer
  }
}

extension ReportComparison {
  /// The counts that differ between the first report and the last: what grew most first, then as the reports have it.
  static func changes<Subject: Hashable & Sendable>(
    _ reports: [DumpReport],
    of counts: (DumpReport) -> [(Subject, Int)]
  ) -> [CountChange<Subject>] {
    var order: [Subject] = []
    var series: [Subject: [Int]] = [:]
    for (index, report) in reports.enumerated() {
      for (subject, count) in counts(report) {
        if series[subject] == nil { order.append(subject) }
        var known = series[subject] ?? Array(repeating: 0, count: reports.count)
        known[index] = clampedSum(known[index], count)
        series[subject] = known
      }
    }
    return order.map { CountChange($0, counts: series[$0] ?? []) }
      .filter { $0.old != $0.new }
      // Swift's sort is stable.
      .sorted { $0.difference > $1.difference }
  }

  /// Bytes in use, of each kind that all reports have.
  static func memory(_ reports: [DumpReport]) -> [CountChange<String>] {
    let kinds: [(String, (ReportVitals) -> UInt64?)] = [
      ("resident", \.residentBytes), ("anonymous", \.anonymousBytes), ("swap", \.swapBytes),
    ]
    return kinds.compactMap { name, bytes in
      let counts = reports.compactMap { $0.process.vitals.flatMap(bytes).map { Int(clamping: $0) } }
      return counts.count == reports.count ? CountChange(name, counts: counts) : nil
    }
  }
}
