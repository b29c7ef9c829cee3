/// Why threads are idle: they wait for work, and for nothing else.
public struct IdlePool: Sendable, Hashable {
  /// What they are when they have work.
  public enum Kind: String, Sendable, CaseIterable {
    /// Takes jobs of a pool.
    case worker
    /// Waits for events, and handles them.
    case eventLoop = "event-loop"
    /// Serves a library or runtime, which has nothing for it to do.
    case service
  }

  /// What they are when they have work.
  public var kind: Kind
  /// In words: "libdispatch worker".
  public var text: String

  /// A reason to be idle.
  public init(_ kind: Kind, _ text: String) {
    self.kind = kind
    self.text = text
  }
}

/// Finds the idle among groups of threads.
///
/// Certain ones alone: the thread sleeps in the call that its pool or loop waits for work in, every frame from there to
/// the pool's own loop is the pool's, and no work of that pool stands further out. Threads that crashed, and those that a
/// finding is about, are never idle.
struct IdlePools {
  private let report: DumpReport
  private let roles: FrameRoles
  private let ownPools: OwnPools
  private let excluded: Set<Int32>

  init(_ report: DumpReport) {
    self.report = report
    roles = FrameRoles(report)
    ownPools = OwnPools(report, roles)
    var excluded = Set(report.findings.lazy.flatMap(\.threadIDs))
    if let crashed = report.crashedThreadID { excluded.insert(crashed) }
    self.excluded = excluded
  }

  func idlePool(of group: StackGroup) -> IdlePool? {
    guard !group.variants.isEmpty, group.activities.allSatisfy({ Self.mayBeIdle($0.activity) }),
      group.threads.allSatisfy({ isOrdinary(report.threads[$0]) })
    else { return nil }
    let waits = Set(group.activities.compactMap(\.activity.wait))
    guard !waits.isEmpty, group.activities.allSatisfy({ $0.activity.wait != nil }) else {
      return nil
    }
    // A name says more than "a pool".
    let reasons = Set(group.variants.map { idlePool(ofStack: $0, waits) })
    if reasons.count == 1, let reason = reasons.first.flatMap({ $0 }) { return reason }
    return ownPools.idlePool(of: group)
  }

  private static func mayBeIdle(_ activity: ThreadActivity) -> Bool {
    activity.state == .sleeping && (activity.status == .captured || activity.status == .quiet)
  }

  private func isOrdinary(_ thread: ReportThread) -> Bool {
    thread.fatalSignal == nil && thread.task == nil && thread.truncated == nil
      && !excluded.contains(thread.threadID)
  }

  private func idlePool(ofStack stack: Int, _ waits: Set<ThreadWait.Kind>) -> IdlePool? {
    let frames = report.stacks[stack]
    // What waits is the C library's, and what a language's library puts around it.
    let start = frames.firstIndex { !roles.isNeutral($0) } ?? frames.endIndex
    let caller = frames[start...]
    return IdleRule.all.first {
      waits.isSubset(of: $0.waits) && $0.matches(caller, of: report, roles)
    }?.idle
  }
}
