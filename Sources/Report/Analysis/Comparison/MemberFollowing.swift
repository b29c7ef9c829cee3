/// The threads and tasks of one process in two reports of it: which are the same.
struct MemberFollowing {
  private let old: DumpReport
  private let new: DumpReport
  /// Indices into the old report's threads, by index of the new one's; nil for threads that are new.
  private let oldThread: [Int?]
  /// The same of tasks.
  private let oldTask: [Int?]

  init(old: DumpReport, new: DumpReport) {
    self.old = old
    self.new = new
    let threads = Self.indices(of: old.threads.lazy.map(\.threadID))
    oldThread = new.threads.map { thread in
      threads[thread.threadID].flatMap { old.threads[$0].isSame(as: thread) ? $0 : nil }
    }
    let tasks = Self.indices(of: old.tasks.lazy.map(\.id))
    oldTask = new.tasks.map { tasks[$0.id] }
  }

  private static func indices<ID: Hashable>(of ids: some Sequence<ID>) -> [ID: Int] {
    Dictionary(ids.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The members are indices into the threads of the reports.
  func turnover(ofThreads before: [Int], _ after: [Int]) -> GroupTurnover {
    turnover(before, after, oldThread) { UInt64(clamping: new.threads[$0].threadID) }
  }

  /// The members are indices into the tasks of the reports.
  func turnover(ofTasks before: [Int], _ after: [Int]) -> GroupTurnover {
    turnover(before, after, oldTask) { new.tasks[$0].id }
  }

  private func turnover(
    _ before: [Int],
    _ after: [Int],
    _ oldMember: [Int?],
    id: (Int) -> UInt64
  ) -> GroupTurnover {
    var turnover = GroupTurnover()
    let before = Set(before)
    for member in after {
      guard let known = oldMember[member] else {
        turnover.created += 1
        continue
      }
      if before.contains(known) {
        turnover.stayed.append(id(member))
      } else {
        turnover.arrived += 1
      }
    }
    let alive = Set(oldMember.lazy.compactMap(\.self))
    let lost = before.count - turnover.stayed.count
    turnover.ended = before.count { !alive.contains($0) }
    turnover.left = lost - turnover.ended
    turnover.stayed.sort()
    return turnover
  }

  /// Threads that are in both reports and used processor time in between, the busiest first.
  func processorUse() -> [ProcessorUse] {
    new.threads.indices.compactMap { index -> ProcessorUse? in
      guard let before = oldThread[index].flatMap({ old.threads[$0].processorTime }),
        let after = new.threads[index].processorTime, after > before
      else { return nil }
      return ProcessorUse(thread: index, time: after - before)
    }
    .sorted { ($1.time, $0.thread) < ($0.time, $1.thread) }
  }

  /// What became of the tasks; nil where there are none.
  func taskTurnover() -> TaskTurnover? {
    guard !old.tasks.isEmpty || !new.tasks.isEmpty else { return nil }
    let inBoth = new.tasks.indices.filter { oldTask[$0] != nil }.map { new.tasks[$0].id }.sorted()
    return TaskTurnover(
      inBoth: inBoth,
      startedCount: new.tasks.count - inBoth.count,
      endedCount: old.tasks.count - inBoth.count
    )
  }
}

/// Processor time that a thread used between two reports.
public struct ProcessorUse: Sendable, Equatable {
  /// Index into the new report's threads.
  public var thread: Int
  /// In user space and in the kernel, at the kernel's clock tick.
  public var time: Duration
}

/// What became of a process's tasks between two reports.
public struct TaskTurnover: Sendable, Equatable {
  /// Ids of tasks that are in both, ascending.
  public var inBoth: [UInt64]
  /// Tasks that are only in the new report.
  public var startedCount: Int
  /// Tasks that are only in the old report.
  public var endedCount: Int
}

extension ReportThread {
  /// In user space and in the kernel; nil where the capture does not say.
  var processorTime: Duration? {
    cpuUser.flatMap { user in cpuSystem.map { user + $0 } }
  }

  /// Whether this and a later thread with its id are one: an id is given away anew, and a new thread's time begins at zero.
  func isSame(as later: ReportThread) -> Bool {
    guard threadID == later.threadID, status != .exited else { return false }
    guard let before = processorTime, let after = later.processorTime else { return true }
    return after >= before
  }
}
