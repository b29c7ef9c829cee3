import FoundationEssentials

/// What changed from one report to another, or over a series of them, and what stood still.
///
/// Groups are matched by fingerprint, so reports of other builds and hosts can be compared too: stacks that differ in their lines
/// alone are counted together. Threads and tasks are followed one by one only where all reports are of one process. The cost is that
/// of grouping each report, and a few look-ups a thread and task.
public struct ReportComparison: Sendable {
  /// How the processes of the first and the last report belong together.
  public enum Relation: String, Sendable, CaseIterable {
    /// One process: the same id, host and start time, in each of the reports.
    case sameProcess = "same-process"
    /// The same name or executable: it was restarted, updated, or runs elsewhere.
    case sameProgram = "same-program"
    /// Another program.
    case otherProgram = "other-program"
  }

  /// What is compared, in the order given; at least two.
  public let reports: [DumpReport]
  /// How the processes belong together.
  public let relation: Relation
  /// From the first trigger to the last; negative where the first report is the later one, nil where a time is missing.
  public let elapsed: Duration?
  /// Threads of each report.
  public let threadCounts: [Int]
  /// Swift tasks of each report.
  public let taskCounts: [Int]
  /// Groups whose counts differ between the first report and the last; what grew most first, what shrank most last.
  public let groups: [GroupChange]
  /// Groups of threads and of tasks that are in the first and the last report with one count.
  public let unchangedGroupCount: Int
  /// Groups that are only in reports in between.
  public let passingGroupCount: Int
  /// What stood still in all reports; nil unless they are of one process.
  public let standstill: Standstill?
  /// Threads that used processor time in between, the busiest first; empty unless all reports are of one process.
  public let processorUse: [ProcessorUse]
  /// What became of the tasks; nil unless all reports are of one process that has tasks.
  public let tasks: TaskTurnover?
  /// Kinds of open descriptors whose counts differ, what grew most first.
  public let descriptors: [CountChange<String>]
  /// Open descriptors of each report, with those that were not looked at.
  public let descriptorCounts: [Int]
  /// Families of sockets whose counts differ: "tcp", "udp", "unix", "other".
  public let sockets: [CountChange<String>]
  /// Connections whose counts differ, what grew most first.
  public let connections: [CountChange<ConnectionEnds>]
  /// Connections of each report, without those that listen.
  public let connectionCounts: [Int]
  /// Bytes in use by kind, "resident", "anonymous", "swap", as far as all reports have them; whether or not they differ.
  public let memory: [CountChange<String>]
  /// Modules that were replaced, loaded, unloaded.
  public let modules: [ModuleChange]
  /// Findings of the first and the last report.
  public let findings: [FindingChange]
  /// Lines that the service gave in between, as far as they were kept; empty unless all reports are of one process.
  public let notes: [ReportNote]

  /// The first report.
  public var old: DumpReport { reports[0] }
  /// The last report.
  public var new: DumpReport { reports[reports.count - 1] }

  /// Whether anything differs that is worth an answer: groups, modules, descriptors, connections, findings.
  ///
  /// Memory, processor time and tasks that came and went without a change of any group's count differ between any two reports and
  /// do not count.
  public var hasDifferences: Bool {
    !groups.isEmpty || !modules.isEmpty || !descriptors.isEmpty || !connections.isEmpty
      || findings.contains { $0.kind != .still }
      // Threads without a stack are in no group, and descriptors that were not looked at of no kind.
      || [threadCounts, taskCounts, descriptorCounts].contains { $0.first != $0.last }
  }

  /// Compares two reports, or more.
  public init(old: DumpReport, between: [DumpReport] = [], new: DumpReport) {
    reports = [old] + between + [new]
    let isOneProcess = Self.areOfOneProcess(reports)
    relation =
      isOneProcess ? .sameProcess : old.isOfSameProgram(as: new) ? .sameProgram : .otherProgram
    elapsed = old.time.flatMap { first in
      new.time.map { .seconds($0.timeIntervalSince(first)) }
    }
    threadCounts = reports.map(\.threads.count)
    taskCounts = reports.map(\.tasks.count)
    let following = isOneProcess ? MemberFollowing(old: old, new: new) : nil
    let comparison = GroupComparison(reports, following: following)
    groups = comparison.changes
    unchangedGroupCount = comparison.unchangedCount
    passingGroupCount = comparison.passingCount
    standstill = isOneProcess ? Standstill(reports) : nil
    processorUse = following?.processorUse() ?? []
    tasks = following?.taskTurnover()
    descriptors = Self.changes(reports) { report in
      report.descriptors.map { ($0.kind, $0.count) }
    }
    descriptorCounts = reports.map(\.descriptorCount)
    sockets = Self.changes(reports) { $0.sockets?.byFamily ?? [] }
    connections = Self.changes(reports) { report in
      report.connections.map { (ConnectionEnds($0), $0.count) }
    }
    connectionCounts = reports.map(\.connectionCount)
    memory = Self.memory(reports)
    modules = ModuleChange.changes(from: old.modules, to: new.modules)
    findings = FindingChange.changes(from: old.findings, to: new.findings)
    notes = isOneProcess ? Self.newNotes(old, new) : []
  }

  private static func areOfOneProcess(_ reports: [DumpReport]) -> Bool {
    zip(reports, reports.dropFirst()).allSatisfy { $0.isOfSameProcess(as: $1) }
  }

  private static func newNotes(_ old: DumpReport, _ new: DumpReport) -> [ReportNote] {
    guard let last = old.notes.compactMap(\.time).max() else {
      return new.notes.filter { !old.notes.contains($0) }
    }
    return new.notes.filter { $0.time.map { $0 > last } ?? !old.notes.contains($0) }
  }
}

extension DumpReport {
  /// Whether both reports are of one process.
  ///
  /// Its id may have been given to another process meanwhile, in containers it mostly is (1); but that one was started after the
  /// earlier of the two reports was made. The start time itself moves when the host's clock is set.
  func isOfSameProcess(as other: DumpReport) -> Bool {
    guard let id = process.processID, id == other.process.processID,
      process.host == other.process.host,
      let start = process.startTime, let otherStart = other.process.startTime,
      let time, let otherTime = other.time
    else { return false }
    let isEarlier = time <= otherTime
    let distance = abs(otherTime.timeIntervalSince(time))
    return (isEarlier ? otherStart < time : start < otherTime)
      && abs(otherStart.timeIntervalSince(start)) <= max(2, distance / 100)
  }

  /// Whether both reports are of programs of one name.
  func isOfSameProgram(as other: DumpReport) -> Bool {
    if let mine = process.executable, let theirs = other.process.executable {
      return fileName(of: mine) == fileName(of: theirs)
    }
    return process.name == other.process.name
  }

  /// Open descriptors, with those that were not looked at.
  var descriptorCount: Int {
    descriptors.reduce(uncountedDescriptors) { clampedSum($0, $1.count) }
  }

  /// TCP connections, without sockets that listen.
  var connectionCount: Int {
    connections.reduce(0) { $1.state == "LISTEN" ? $0 : clampedSum($0, $1.count) }
  }
}

extension SocketCounts {
  fileprivate var byFamily: [(String, Int)] {
    [("tcp", tcp), ("udp", udp), ("unix", unix), ("other", other)]
  }
}

/// Counts of a file may be anything.
func clampedSum(_ a: Int, _ b: Int) -> Int {
  let (sum, overflow) = a.addingReportingOverflow(b)
  return overflow ? .max : sum
}
