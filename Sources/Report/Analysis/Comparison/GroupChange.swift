/// A group of threads or of tasks that has another count in the last report than in the first.
public struct GroupChange: Sendable, Equatable {
  /// What became of it.
  public enum Kind: String, Sendable, CaseIterable {
    case new, gone, grown, shrunk
  }

  /// The members, in the last report that has any.
  ///
  /// What stacks with the same functions and other lines tell apart is one group here; its stack is that of the largest of these.
  public enum Members: Sendable, Equatable {
    case threads(StackGroup)
    case tasks(TaskGroup)

    /// Index into `stacks` of their report.
    public var stack: Int? {
      switch self {
      case .threads(let group): group.stack
      case .tasks(let group): group.stack
      }
    }
  }

  /// What became of it.
  public var kind: Kind
  /// The stack's name over builds, hosts and runs.
  public var fingerprint: StackFingerprint
  /// Members in each of the reports.
  public var counts: [Int]
  /// Who they are.
  public var members: Members
  /// The report that has these members: an index into `ReportComparison.reports`.
  public var report: Int
  /// Where members came from and went; nil unless all reports are of one process.
  public var turnover: GroupTurnover?

  /// In the first report.
  public var old: Int { counts.first ?? 0 }
  /// In the last report.
  public var new: Int { counts.last ?? 0 }
  /// How many more there are at the end; negative where there are fewer.
  public var difference: Int { new - old }

  /// Index into `stacks` of its report.
  public var stack: Int? { members.stack }

  /// It is a group of Swift tasks.
  public var isOfTasks: Bool {
    if case .tasks = members { true } else { false }
  }
}

/// Where the members of a group were in the first report, and where those that it lost are in the last one.
public struct GroupTurnover: Sendable, Equatable {
  /// Threads or tasks that are in this group in both, ascending: of a group that grows, the oldest.
  public var stayed: [UInt64] = []
  /// Of the last report's members, those that were elsewhere.
  public var arrived = 0
  /// Of the last report's members, those that are new to the process.
  public var created = 0
  /// Of the first report's members, those that are elsewhere.
  public var left = 0
  /// Of the first report's members, those that have ended.
  public var ended = 0

  /// A group that nobody came to and nobody left.
  public init() {}
}

/// Groups of several reports, matched.
struct GroupComparison {
  private(set) var changes: [GroupChange] = []
  private(set) var unchangedCount = 0
  private(set) var passingCount = 0

  init(_ reports: [DumpReport], following: MemberFollowing?) {
    compare(reports.map { $0.threadsByFingerprint() }) { old, new in
      following?.turnover(ofThreads: old?.threads ?? [], new?.threads ?? [])
    }
    compare(reports.map { $0.tasksByFingerprint() }) { old, new in
      following?.turnover(ofTasks: old?.tasks ?? [], new?.tasks ?? [])
    }
    changes.sort { ($0.difference, $0.new) > ($1.difference, $1.new) }
  }

  private mutating func compare<Group: FingerprintGroup>(
    _ groups: [MatchedGroups<Group>],
    turnover: (_ old: Group?, _ new: Group?) -> GroupTurnover?
  ) {
    var seen: Set<StackFingerprint> = []
    // The last report's order first.
    for fingerprint in groups.reversed().flatMap(\.order) where seen.insert(fingerprint).inserted {
      let counts = groups.map { $0.groups[fingerprint]?.memberCount ?? 0 }
      guard let old = counts.first, let new = counts.last,
        let report = groups.lastIndex(where: { $0.groups[fingerprint] != nil }),
        let sample = groups[report].groups[fingerprint]
      else { continue }
      if old == new {
        if old == 0 { passingCount += 1 } else { unchangedCount += 1 }
        continue
      }
      changes.append(
        GroupChange(
          kind: old == 0 ? .new : new == 0 ? .gone : new > old ? .grown : .shrunk,
          fingerprint: fingerprint,
          counts: counts,
          members: sample.asMembers,
          report: report,
          turnover: turnover(groups.first?.groups[fingerprint], groups.last?.groups[fingerprint])
        )
      )
    }
  }
}

/// What groups of threads and of tasks have in common.
protocol FingerprintGroup {
  var fingerprint: StackFingerprint? { get }
  var memberCount: Int { get }
  var asMembers: GroupChange.Members { get }
  /// Takes in smaller groups with the same functions.
  mutating func add(_ others: [Self])
}

/// The groups of a report by fingerprint, and the order of these.
struct MatchedGroups<Group: FingerprintGroup> {
  private(set) var order: [StackFingerprint] = []
  private(set) var groups: [StackFingerprint: Group] = [:]

  /// Groups without frames have no name to be found by.
  init(_ all: [Group]) {
    var others: [StackFingerprint: [Group]] = [:]
    for group in all {
      guard let fingerprint = group.fingerprint else { continue }
      if groups[fingerprint] == nil {
        order.append(fingerprint)
        groups[fingerprint] = group
      } else {
        others[fingerprint, default: []].append(group)
      }
    }
    // At once: code without symbols has thousands of stacks with one fingerprint.
    for (fingerprint, others) in others { groups[fingerprint]?.add(others) }
  }
}

extension DumpReport {
  func threadsByFingerprint() -> MatchedGroups<StackGroup> { MatchedGroups(groups()) }
  func tasksByFingerprint() -> MatchedGroups<TaskGroup> { MatchedGroups(taskGroups()) }
}

extension StackGroup: FingerprintGroup {
  var memberCount: Int { threads.count }
  var asMembers: GroupChange.Members { .threads(self) }

  mutating func add(_ others: [StackGroup]) {
    threads = (threads + others.flatMap(\.threads)).sorted()
    activities = summed(activities + others.flatMap(\.activities))
  }
}

extension TaskGroup: FingerprintGroup {
  var memberCount: Int { tasks.count }
  var asMembers: GroupChange.Members { .tasks(self) }

  mutating func add(_ others: [TaskGroup]) {
    tasks = (tasks + others.flatMap(\.tasks)).sorted()
    activities = summed(activities + others.flatMap(\.activities))
  }
}

/// Each activity once, the most frequent first.
private func summed<Activity: Hashable>(
  _ counts: [(activity: Activity, count: Int)]
) -> [(activity: Activity, count: Int)] {
  var indices: [Activity: Int] = [:]
  var sums: [(activity: Activity, count: Int)] = []
  for (activity, count) in counts {
    if let index = indices[activity] {
      sums[index].count += count
    } else {
      indices[activity] = sums.count
      sums.append((activity, count))
    }
  }
  // Swift's sort is stable.
  return sums.sorted { $0.count > $1.count }
}
