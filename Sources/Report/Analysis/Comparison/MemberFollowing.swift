import FoundationEssentials

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
      threads[thread.threadID].flatMap { index in
        old.hasSame(old.threads[index], thread, in: new) ? index : nil
      }
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
}

extension DumpReport {
  /// Whether a thread of this report and one of a later report of the process are one.
  ///
  /// An id is given away anew. Start times are compared as distances from the process's own, which a change of the host's clock
  /// moves with them; where they are not known, processor time tells: a new thread's begins at zero.
  func hasSame(_ thread: ReportThread, _ later: ReportThread, in other: DumpReport) -> Bool {
    guard thread.threadID == later.threadID, thread.status != .exited else { return false }
    if let start = delay(of: thread), let laterStart = other.delay(of: later),
      abs(start - laterStart) > 0.05
    {
      return false
    }
    guard let before = thread.processorTime, let after = later.processorTime else { return true }
    return after >= before
  }

  /// Seconds from the start of the process to that of the thread.
  private func delay(of thread: ReportThread) -> Double? {
    thread.startTime.flatMap { start in
      process.startTime.map { start.timeIntervalSince($0) }
    }
  }
}
