/// Threads and tasks that are in the same frames in all reports of a process.
///
/// Of threads it is certain that they did not run: the processor time that the kernel counted is the same in all reports (a clock
/// tick, 10 ms mostly, is the least it counts), and so is every address of the stack. The kernel counts no time of tasks: one may
/// have gone on in between and have come back.
public struct Standstill: Sendable, Equatable {
  /// How much it says that somebody stands still, the most telling first.
  public enum Kind: String, Sendable, CaseIterable, Comparable {
    /// Waits for a lock, or for another task or an actor: somebody else has to let go.
    case lock
    /// Waits for something else: an answer, a child, a condition.
    case wait
    /// Waits for work or for a time, as threads of pools and timers do.
    case idle

    /// Compares how telling they are.
    public static func < (a: Kind, b: Kind) -> Bool { a.rank < b.rank }

    private var rank: Int { Kind.allCases.firstIndex(of: self) ?? 0 }
  }

  /// Members of one group that stand still; what they are is that of the last report.
  public struct Group: Sendable, Equatable {
    /// Of its most telling member.
    public var kind: Kind
    /// The group with only those members that stand still.
    public var members: GroupChange.Members
  }

  /// Those that wait for a lock first, then the largest; without idle ones.
  public private(set) var groups: [Group] = []
  /// Idle threads that did not run.
  public private(set) var idleThreadCount = 0
  /// Idle tasks in the same frames.
  public private(set) var idleTaskCount = 0

  /// Threads that did not run, without idle ones.
  public var threadCount: Int {
    groups.reduce(0) {
      if case .threads(let group) = $1.members { $0 + group.threads.count } else { $0 }
    }
  }

  /// Tasks in the same frames, without idle ones.
  public var taskCount: Int {
    groups.reduce(0) {
      if case .tasks(let group) = $1.members { $0 + group.tasks.count } else { $0 }
    }
  }

  /// Looks for them in reports of one process.
  init(_ reports: [DumpReport]) {
    guard let last = reports.last else { return }
    var stacks = StackAddresses()
    let earlier = reports.dropLast().map { Earlier($0, &stacks) }
    let keys = stacks.keys(of: last)
    addThreads(of: last, keys, earlier)
    addTasks(of: last, keys, earlier)
    groups.sort { ($0.kind, $1.memberCount) < ($1.kind, $0.memberCount) }
  }

  private mutating func addThreads(of report: DumpReport, _ keys: [Int], _ earlier: [Earlier]) {
    for var group in report.groups() {
      group.threads = group.threads.filter { index in
        earlier.allSatisfy { $0.hasStill(report.threads[index], of: report, keys) }
      }
      guard !group.threads.isEmpty else { continue }
      let kind =
        group.idle != nil
        ? .idle : group.threads.map { Self.kind(of: report.threads[$0], in: report) }.min() ?? .wait
      guard kind != .idle else {
        idleThreadCount += group.threads.count
        continue
      }
      group.activities = report.activities(of: group.threads)
      groups.append(Group(kind: kind, members: .threads(group)))
    }
  }

  private mutating func addTasks(of report: DumpReport, _ keys: [Int], _ earlier: [Earlier]) {
    guard !report.tasks.isEmpty else { return }
    let waits = TaskWaits(report)
    for var group in report.taskGroups() {
      group.tasks = group.tasks.filter { index in
        earlier.allSatisfy { $0.hasStill(report.tasks[index], keys) }
      }
      guard !group.tasks.isEmpty else { continue }
      let members = group.tasks.map { report.tasks[$0] }
      let kind = members.map { Self.kind(of: waits[$0]) }.min() ?? .wait
      guard kind != .idle else {
        idleTaskCount += group.tasks.count
        continue
      }
      var counts: [TaskActivity: Int] = [:]
      for task in members {
        counts[TaskActivity(state: task.state, wait: waits[task]), default: 0] += 1
      }
      group.activities = group.activities.compactMap { known in
        counts[known.activity].map { (known.activity, $0) }
      }
      .sorted { $0.count > $1.count }
      groups.append(Group(kind: kind, members: .tasks(group)))
    }
  }

  private static func kind(of thread: ReportThread, in report: DumpReport) -> Kind {
    switch report.wait(of: thread)?.kind {
    case .mutex, .rwlock, .once, .queue, .fileLock: .lock
    case .poll, .accept, .sleep, .signal, .pause: .idle
    case .condition, .semaphore, .futex, .join, .read, .write, .connect, .recv, .send, .child,
      .other, nil:
      .wait
    }
  }

  private static func kind(of wait: TaskWait?) -> Kind {
    switch wait?.kind {
    case .task, .group, .actor, .mainActor: .lock
    case .sleep: .idle
    case .continuation, .unknown, nil: .wait
    }
  }

  /// An earlier report, ready to be asked.
  private struct Earlier {
    let report: DumpReport
    let threads: [Int32: ReportThread]
    let tasks: [UInt64: ReportTask]
    /// By index of the stack.
    let keys: [Int]

    init(_ report: DumpReport, _ stacks: inout StackAddresses) {
      self.report = report
      threads = Dictionary(report.threads.map { ($0.threadID, $0) }) { first, _ in first }
      tasks = Dictionary(report.tasks.map { ($0.id, $0) }) { first, _ in first }
      keys = stacks.keys(of: report)
    }

    func hasStill(_ thread: ReportThread, of last: DumpReport, _ newKeys: [Int]) -> Bool {
      guard let before = threads[thread.threadID], report.hasSame(before, thread, in: last),
        let time = thread.processorTime, time == before.processorTime,
        let stack = thread.stack, let oldStack = before.stack
      else { return false }
      return newKeys[stack] == keys[oldStack]
    }

    func hasStill(_ task: ReportTask, _ newKeys: [Int]) -> Bool {
      // One that runs is seen as its thread; one that changed while it was read proves nothing.
      guard task.state != .running, task.doubt == nil, let before = tasks[task.id],
        before.state == task.state, before.address == task.address, before.doubt == nil,
        let stack = task.stack, let oldStack = before.stack
      else { return false }
      return newKeys[stack] == keys[oldStack]
    }
  }
}

extension Standstill.Group {
  /// How many there are.
  public var memberCount: Int {
    switch members {
    case .threads(let group): group.threads.count
    case .tasks(let group): group.tasks.count
    }
  }
}

/// Small numbers for stacks, equal in all reports of a process when the addresses of all frames are.
private struct StackAddresses {
  private var keyByAddresses: [[UInt64]: Int] = [:]

  mutating func keys(of report: DumpReport) -> [Int] {
    report.stacks.map { stack in
      let addresses = stack.map { report.frames[$0].address }
      if let key = keyByAddresses[addresses] { return key }
      keyByAddresses[addresses] = keyByAddresses.count
      return keyByAddresses.count - 1
    }
  }
}
