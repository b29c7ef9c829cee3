/// Threads whose stacks read the same.
public struct StackGroup: Sendable, Equatable {
  /// The stack's name over builds and hosts; nil when the threads have no frames.
  public var fingerprint: StackFingerprint?
  /// Indices into `DumpReport.threads`, ascending.
  public var threads: [Int]
  /// Index into `DumpReport.stacks`: the first thread's stack, which stands for all.
  public var stack: Int?
  /// How many threads are in which state, the most frequent first.
  public var activities: [(activity: ThreadActivity, count: Int)]
  /// Who created the first of them, where all were created by stacks that read the same.
  public var createdBy: ThreadCreator?

  /// Compares everything.
  public static func == (a: StackGroup, b: StackGroup) -> Bool {
    a.fingerprint == b.fingerprint && a.threads == b.threads && a.stack == b.stack
      && a.createdBy == b.createdBy && a.activities.elementsEqual(b.activities) { $0 == $1 }
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
  /// The threads by identical stack: the largest group first, then in the order of their first thread.
  ///
  /// Stacks are identical when every frame shows the same: function, module, file and line, or, where
  /// there is no function, the same place of the module. So two threads of one loop are one group even
  /// when they were caught a few instructions apart. Threads without frames are together when their status
  /// and its reason are the same.
  public func groups() -> [StackGroup] {
    var keys = StackKeys(self)
    var indexOfKey: [GroupKey: Int] = [:]
    var members: [[Int]] = []
    for (index, thread) in threads.enumerated() {
      let key: GroupKey =
        thread.stack.map { .stack(keys.key(ofStack: $0), truncated: thread.truncated) }
        ?? .none(thread.status, thread.reason)
      if let group = indexOfKey[key] {
        members[group].append(index)
      } else {
        indexOfKey[key] = members.count
        members.append([index])
      }
    }
    var fingerprinter = StackFingerprinter(self)
    let groups = members.map { threads in
      let stack = self.threads[threads[0]].stack
      return StackGroup(
        fingerprint: stack.map { fingerprinter.fingerprint(ofStack: $0) },
        threads: threads,
        stack: stack,
        activities: activities(of: threads),
        createdBy: commonCreator(of: threads, &keys)
      )
    }
    return groups.sorted {
      ($1.threads.count, $0.threads[0]) < ($0.threads.count, $1.threads[0])
    }
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

/// Small numbers for stacks, equal when the stacks read the same.
struct StackKeys {
  private let report: DumpReport
  private let frameKeys: [Int]
  private var keys: [[Int]: Int] = [:]
  /// By index of the stack: thousands of threads share a stack, which is looked at once.
  private var known: [Int: Int] = [:]

  init(_ report: DumpReport) {
    self.report = report
    var numbers: [ShownFrame: Int] = [:]
    frameKeys = report.frames.map { frame in
      let shown = ShownFrame(frame)
      if let number = numbers[shown] { return number }
      numbers[shown] = numbers.count
      return numbers.count - 1
    }
  }

  mutating func key(ofStack stack: Int) -> Int {
    if let key = known[stack] { return key }
    let frames = report.stacks[stack].map { frameKeys[$0] }
    let key = keys[frames] ?? keys.count
    keys[frames] = key
    known[stack] = key
    return key
  }
}

/// What a reader sees of a frame.
private struct ShownFrame: Hashable {
  private let function: String?
  private let module: Int?
  private let file: String?
  private let line: UInt32?
  private let isInlined: Bool
  private let isSignalFrame: Bool
  private let place: UInt64?

  init(_ frame: Frame) {
    function = frame.function
    module = frame.module
    file = frame.file
    line = frame.line
    isInlined = frame.isInlined
    isSignalFrame = frame.isSignalFrame
    place = frame.function == nil ? frame.offset ?? frame.address : nil
  }
}
