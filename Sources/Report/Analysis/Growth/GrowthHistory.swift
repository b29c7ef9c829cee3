/// What a process had in each of several captures, and what of it grows.
///
/// Takes one report after the other and keeps counts, with the latest report for the frames. Groups are those of
/// `ReportComparison`: stacks of the same functions. After 240 captures every second one is forgotten, and so are groups that
/// have not been seen for long, so that memory and time stay within bounds however long a process is watched.
public struct GrowthHistory: Sendable {
  /// What is counted.
  public enum Subject: Sendable, Hashable {
    /// All threads, all tasks.
    case threads, tasks
    /// Open descriptors, TCP connections, bytes of resident memory.
    case descriptors, connections, memory
    /// Threads or tasks whose stacks have the same functions.
    case group(StackFingerprint, ofTasks: Bool)
    /// Descriptors of a kind, connections with these ends.
    case descriptorKind(String)
    case connectionEnds(ConnectionEnds)
  }

  /// Captures that are remembered at most.
  static let capacity = 240

  /// Captures that a suspect takes.
  package static let leastCaptureCount = LeakTest.leastCount

  /// Captures taken so far.
  public private(set) var captureCount = 0
  /// The latest report.
  public private(set) var latest = DumpReport()
  /// Who wrote the latest report's code.
  private var roles = FrameRoles(DumpReport())
  /// Seconds from the first capture to each that is remembered.
  public private(set) var times: [Double] = []
  private var series: [Subject: [Int]] = [:]
  /// In the first capture.
  private var firstValues: [Subject: Int] = [:]
  /// What the last capture that was worth keeping had.
  private var notedValues: [Subject: Int] = [:]
  /// How many of one kind and subject there ever were at once.
  private var notedFindings: [[String]: Int] = [:]
  /// Groups of the latest report.
  private var members: [StackFingerprint: GroupChange.Members] = [:]
  private var taskMembers: [StackFingerprint: GroupChange.Members] = [:]

  /// A history of nothing.
  public init() {}

  /// Takes the report of a capture made so many seconds after the first.
  public mutating func add(_ report: DumpReport, at time: Double) {
    if times.count == Self.capacity { forgetEverySecond() }
    latest = report
    roles = FrameRoles(report)
    members = [:]
    taskMembers = [:]
    var values: [Subject: Int] = [
      .threads: report.threads.count, .descriptors: report.descriptorCount,
      .connections: report.connectionCount,
    ]
    let hasTasks = report.taskSummary.map { $0.runtime != .none } ?? !report.tasks.isEmpty
    if hasTasks { values[.tasks] = report.tasks.count }
    if let bytes = report.process.vitals?.residentBytes { values[.memory] = Int(clamping: bytes) }
    for (fingerprint, group) in report.threadsByFingerprint().groups {
      values[.group(fingerprint, ofTasks: false)] = group.threads.count
      members[fingerprint] = .threads(group)
    }
    for (fingerprint, group) in report.tasksByFingerprint().groups {
      values[.group(fingerprint, ofTasks: true)] = group.tasks.count
      taskMembers[fingerprint] = .tasks(group)
    }
    for kind in report.descriptors {
      let subject = Subject.descriptorKind(kind.kind)
      values[subject] = clampedSum(values[subject] ?? 0, kind.count)
    }
    for connection in report.connections where connection.state != "LISTEN" {
      let subject = Subject.connectionEnds(ConnectionEnds(connection))
      values[subject] = clampedSum(values[subject] ?? 0, connection.count)
    }
    append(values, at: max(time, times.last ?? 0))
  }

  private mutating func append(_ values: [Subject: Int], at time: Double) {
    for subject in series.keys where values[subject] == nil { series[subject]?.append(0) }
    for (subject, value) in values {
      series[subject, default: Array(repeating: 0, count: times.count)].append(value)
    }
    times.append(time)
    if captureCount == 0 { firstValues = values }
    captureCount += 1
    if captureCount % Self.longestAbsence == 0 { forgetAbsent() }
  }

  /// Captures without a group or a peer after which it is forgotten, but for those of the first capture.
  private static let longestAbsence = 16

  /// Threads at work are on another stack in each capture, and clients come from anywhere: most come once and never again.
  private mutating func forgetAbsent() {
    series = series.filter { subject, values in
      subject.kind == .total || firstValues[subject] != nil
        || values.suffix(Self.longestAbsence).contains { $0 != 0 }
    }
    // Fewer than `leastNews` are no news again.
    notedValues = notedValues.filter { series[$0] != nil || $1 >= Self.leastNews }
  }

  /// So many more of something are news, of memory so many bytes.
  private static let leastNews = 5
  private static let leastMemoryNews = 16 << 20

  private mutating func forgetEverySecond() {
    // Groups that no remembered capture has go with it, but for those of the first.
    let kept = times.indices.filter { $0 % 2 == 0 }
    times = kept.map { times[$0] }
    series = series.mapValues { values in kept.map { values[$0] } }
      .filter { subject, values in values.contains { $0 != 0 } || firstValues[subject] != nil }
  }

  // MARK: What there was

  /// A value of each remembered capture; 0 where there was none, empty for what no capture had.
  public func values(of subject: Subject) -> [Int] { series[subject] ?? [] }

  /// In the first capture.
  public func first(of subject: Subject) -> Int { firstValues[subject] ?? 0 }

  /// In the latest capture.
  public func last(of subject: Subject) -> Int { series[subject]?.last ?? 0 }

  /// How many more there are than in the first capture.
  public func growth(of subject: Subject) -> Int {
    let (growth, overflow) = last(of: subject).subtractingReportingOverflow(first(of: subject))
    return overflow ? .max : growth
  }

  /// The members of a group in the latest report.
  public func members(of subject: Subject) -> GroupChange.Members? {
    guard case .group(let fingerprint, let isOfTasks) = subject else { return nil }
    return isOfTasks ? taskMembers[fingerprint] : members[fingerprint]
  }

  /// The frame that tells most of a group's stack; nil where it has none.
  public func ownFrame(of subject: Subject) -> Frame? {
    members(of: subject)?.stack.flatMap { roles.ownFrame(ofStack: $0) }.map { latest.frames[$0] }
  }

  /// The group that grew most since the first capture; nil when none grew.
  public var topGroup: Subject? {
    groupSubjects.filter { growth(of: $0) > 0 }.max {
      // Of equal ones the larger, then any, but always the same.
      (growth(of: $0), last(of: $0), $0.order) < (growth(of: $1), last(of: $1), $1.order)
    }
  }

  /// Groups of the latest report, in no order.
  var groupSubjects: [Subject] {
    members.keys.map { .group($0, ofTasks: false) }
      + taskMembers.keys.map { .group($0, ofTasks: true) }
  }

  // MARK: What grows

  /// What grows without an end, as far as the captures tell: groups first, the steepest first.
  ///
  /// All threads, tasks, descriptors or connections are named only where no part of them is.
  public func suspects() -> [GrowthSuspect] {
    let found = series.keys.compactMap(suspect)
    let groups = found.filter { $0.subject.kind == .group }
    let parts = found.filter { $0.subject.kind == .part }
    let totals = found.filter { total in
      switch total.subject {
      case .threads: !groups.contains { $0.subject.isGroup(ofTasks: false) }
      case .tasks: !groups.contains { $0.subject.isGroup(ofTasks: true) }
      case .descriptors:
        !parts.contains { if case .descriptorKind = $0.subject { true } else { false } }
      case .connections:
        !parts.contains { if case .connectionEnds = $0.subject { true } else { false } }
      case .memory: true
      default: false
      }
    }
    return [groups, parts, totals].flatMap { suspects in
      suspects.sorted {
        ($1.trend.slope, $0.subject.order) < ($0.trend.slope, $1.subject.order)
      }
    }
  }

  private func suspect(_ subject: Subject) -> GrowthSuspect? {
    let values = values(of: subject)
    guard let start = values.first, let end = values.last else { return nil }
    // Memory of a process that works moves by itself.
    let least = subject == .memory ? max(1_048_576, Double(start) / 20) : 3
    guard let trend = LeakTest.trend(times: times, values: values, least: least) else { return nil }
    return GrowthSuspect(subject: subject, first: start, last: end, trend: trend)
  }

  // MARK: What is worth keeping

  /// Whether the latest capture shows something that those kept before do not: more of something by half, by five and by
  /// three times its usual movement at least, or another finding.
  ///
  /// It then is what the next ones are compared with.
  public mutating func takeNotable() -> Bool {
    var findings: [[String]: Int] = [:]
    for finding in latest.findings { findings[[finding.kind, finding.subject], default: 0] += 1 }
    let isFirst = captureCount == 1
    var isNotable = isFirst || findings.contains { $1 > notedFindings[$0, default: 0] }
    if !isNotable {
      isNotable = series.contains { subject, values in
        let noted = notedValues[subject] ?? 0
        guard let value = values.last, value > noted else { return false }
        let least = subject == .memory ? Self.leastMemoryNews : Self.leastNews
        return value - noted >= max(least, noted / 2, Self.movement(of: values.dropLast()) * 3)
      }
    }
    guard isNotable else { return false }
    notedFindings.merge(findings, uniquingKeysWith: max)
    for (subject, values) in series {
      notedValues[subject] = max(notedValues[subject] ?? 0, values.last ?? 0)
    }
    return true
  }

  /// The median of the steps between values that follow one another; of steps up and down alike.
  private static func movement(of values: ArraySlice<Int>) -> Int {
    let steps = zip(values, values.dropFirst()).map {
      abs($1.subtractingReportingOverflow($0).partialValue)
    }
    .sorted()
    return steps.count < 3 ? 0 : min(steps[steps.count / 2], Int.max / 4)
  }
}

/// Something that grows without an end, as far as the captures tell.
public struct GrowthSuspect: Sendable, Equatable {
  /// What grows.
  public var subject: GrowthHistory.Subject
  /// In the first capture.
  public var first: Int
  /// In the last capture.
  public var last: Int
  /// How fast, and how certain that is.
  public var trend: Trend
}

extension GrowthHistory.Subject {
  enum Kind {
    case total, group, part
  }

  var kind: Kind {
    switch self {
    case .threads, .tasks, .descriptors, .connections, .memory: .total
    case .group: .group
    case .descriptorKind, .connectionEnds: .part
    }
  }

  func isGroup(ofTasks wanted: Bool) -> Bool {
    if case .group(_, let isOfTasks) = self { isOfTasks == wanted } else { false }
  }

  /// An order that is the same in each run.
  var order: String {
    switch self {
    case .threads, .tasks, .descriptors, .connections, .memory: "\(self)"
    case .group(let fingerprint, let isOfTasks): "\(isOfTasks) \(fingerprint.text)"
    case .descriptorKind(let kind): kind
    case .connectionEnds(let ends): "\(ends.state) \(ends.peer ?? "") \(ends.local ?? "")"
    }
  }
}
