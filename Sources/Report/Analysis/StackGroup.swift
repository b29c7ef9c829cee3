public import FoundationEssentials

/// Threads whose stacks are alike.
public struct StackGroup: Sendable, Equatable {
  /// The stack's name over builds and hosts; nil when the threads have no frames.
  public var fingerprint: StackFingerprint?
  /// Indices into `DumpReport.threads`, ascending.
  public var threads: [Int]
  /// Index into `DumpReport.stacks`, which stands for all: the first thread's stack, of similar stacks the most frequent.
  public var stack: Int?
  /// Indices into `DumpReport.stacks`: one for each of the different stacks in the group, the most frequent first.
  ///
  /// A single one where stacks are identical.
  public var variants: [Int] = []
  /// How many threads are in which state, the most frequent first.
  public var activities: [(activity: ThreadActivity, count: Int)]
  /// Who created the first of them, where all were created by stacks that read the same.
  public var createdBy: ThreadCreator?
  /// What the threads' names have in common, the most frequent first.
  public var names: [NamePattern] = []
  /// CPU time of all of them, in user space and in the kernel; nil where no thread's is known.
  public var cpuTime: Duration?
  /// Share of that of the CPU time of all threads, 0 to 1; nil where they had none.
  public var cpuShare: Double?
  /// When the first of them was created; nil unless all their start times are known.
  public var oldestStart: Date?
  /// When the last of them was created; nil unless all their start times are known.
  public var newestStart: Date?
  /// Why they are idle, where it is certain that they wait for work and for nothing else.
  public var idle: IdlePool?

  /// How many threads wait for what, the most frequent first; those that run are in none.
  public var waits: [(kind: ThreadWait.Kind, count: Int)] {
    var counts: [(kind: ThreadWait.Kind, count: Int)] = []
    for (activity, count) in activities {
      guard let kind = activity.wait else { continue }
      if let known = counts.firstIndex(where: { $0.kind == kind }) {
        counts[known].count += count
      } else {
        counts.append((kind, count))
      }
    }
    return counts.sorted { $0.count > $1.count }
  }

  /// Compares everything.
  public static func == (a: StackGroup, b: StackGroup) -> Bool {
    a.fingerprint == b.fingerprint && a.threads == b.threads && a.stack == b.stack
      && a.variants == b.variants && a.createdBy == b.createdBy && a.names == b.names
      && a.cpuTime == b.cpuTime && a.cpuShare == b.cpuShare && a.idle == b.idle
      && a.oldestStart == b.oldestStart && a.newestStart == b.newestStart
      && a.activities.elementsEqual(b.activities) { $0 == $1 }
  }
}

/// What a thread was doing: the part of it that groups count.
public struct ThreadActivity: Sendable, Hashable {
  /// Scheduler state.
  public var state: ReportThread.State?
  /// How its stack was read.
  public var status: ReportThread.Status
  /// The system call, of threads that are not running.
  public var systemCall: String?
  /// What it waits for, as far as it is certain.
  public var wait: ThreadWait.Kind?
}

extension DumpReport {
  /// The threads by stack: the largest group first, then in the order of their first thread.
  ///
  /// Stacks are identical when every frame shows the same: function, module, file and line, or, where
  /// there is no function, the same place of the module. So two threads of one loop are one group even
  /// when they were caught a few instructions apart. Similar stacks are those of one fingerprint, as far as their
  /// functions are known. Threads without frames are together when their status and its reason are the same.
  public func groups(_ likeness: StackLikeness = .identical) -> [StackGroup] {
    var keys = StackKeys(self, likeness)
    var variants = StackVariants(self, likeness)
    var indexOfKey: [GroupKey: Int] = [:]
    var members: [[Int]] = []
    for (index, thread) in threads.enumerated() {
      let key: GroupKey =
        thread.stack.map {
          .stack(keys.key(ofStack: $0), truncated: likeness.key(ofTruncation: thread.truncated))
        } ?? .none(thread.status, thread.reason)
      if let group = indexOfKey[key] {
        members[group].append(index)
      } else {
        indexOfKey[key] = members.count
        members.append([index])
      }
    }
    var fingerprinter = StackFingerprinter(self)
    let total = threads.reduce(Duration.zero) { $0 + ($1.cpuTime ?? .zero) }
    var groups = members.map { threads in
      let variants = variants.variants(of: threads.lazy.compactMap { self.threads[$0].stack })
      var group = StackGroup(
        fingerprint: variants.first.map { fingerprinter.fingerprint(ofStack: $0) },
        threads: threads,
        stack: variants.first,
        variants: variants,
        activities: activities(of: threads),
        createdBy: commonCreator(of: threads, &keys)
      )
      addFigures(to: &group, total: total)
      return group
    }
    groups.sort { ($1.threads.count, $0.threads[0]) < ($0.threads.count, $1.threads[0]) }
    let pools = IdlePools(self)
    for index in groups.indices { groups[index].idle = pools.idlePool(of: groups[index]) }
    return groups
  }

  /// The threads by similar stack: the same functions, on other lines or at other addresses.
  public func similarGroups() -> [StackGroup] { groups(.similar) }

  private func addFigures(to group: inout StackGroup, total: Duration) {
    let members = group.threads.lazy.map { threads[$0] }
    group.names = NamePattern.patterns(of: members.compactMap(\.name))
    let starts = members.compactMap(\.startTime)
    if starts.count == group.threads.count {
      (group.oldestStart, group.newestStart) = (starts.min(), starts.max())
    }
    let times = members.compactMap(\.cpuTime)
    guard !times.isEmpty else { return }
    let time = times.reduce(Duration.zero, +)
    group.cpuTime = time
    if total > .zero { group.cpuShare = time / total }
  }

  /// The creator of the first, unless another was created elsewhere or it is not known where.
  private func commonCreator(of members: [Int], _ keys: inout StackKeys) -> ThreadCreator? {
    guard let first = threads[members[0]].createdBy, let stack = first.stack else { return nil }
    let key = keys.key(ofStack: stack)
    for member in members.dropFirst() {
      guard let other = threads[member].createdBy?.stack, keys.key(ofStack: other) == key else {
        return nil
      }
    }
    return first
  }

  /// What the thread was doing.
  public func activity(of thread: ReportThread) -> ThreadActivity {
    ThreadActivity(
      state: thread.state,
      status: thread.status,
      systemCall: thread.state == .running ? nil : thread.systemCall,
      wait: wait(of: thread)?.kind
    )
  }

  /// How many of these threads are in which state, the most frequent first.
  func activities(
    of members: [Int]
  ) -> [(activity: ThreadActivity, count: Int)] {
    var order: [ThreadActivity] = []
    var counts: [ThreadActivity: Int] = [:]
    for member in members {
      let activity = activity(of: threads[member])
      if counts.updateValue(counts[activity, default: 0] + 1, forKey: activity) == nil {
        order.append(activity)
      }
    }
    // Swift's sort is stable: equal counts stay in the order of the threads.
    return order.map { ($0, counts[$0, default: 0]) }.sorted { $0.1 > $1.1 }
  }
}

private enum GroupKey: Hashable {
  case stack(Int, truncated: String?)
  case none(ReportThread.Status, String?)
}
