import FoundationEssentials

/// Pools and loops of the service's own making, which no name tells: by what their threads wait for.
///
/// A leak looks much like them: many threads with one stack, asleep. So more is asked than that.
struct OwnPools {
  private let report: DumpReport
  private let roles: FrameRoles

  init(_ report: DumpReport, _ roles: FrameRoles) {
    self.report = report
    self.roles = roles
  }

  /// Why a group of sleeping threads is idle, where that is certain.
  func idlePool(of group: StackGroup) -> IdlePool? {
    guard group.variants.count == 1, let stack = group.stack else { return nil }
    let depth = report.stacks[stack].count { roles.isOwn($0) }
    let threads = group.threads.map { report.threads[$0] }
    let kinds = Set(group.waits.map(\.kind))
    if kinds == [.condition] || kinds == [.semaphore] {
      guard (1...Self.mostPoolFrames).contains(depth), threads.count > 1,
        group.wasCreatedTogether(), waitForOneLock(threads)
      else { return nil }
      let lock = kinds == [.condition] ? "condition" : "semaphore"
      return IdlePool(.worker, "pool that waits for one \(lock)")
    }
    guard kinds == [.poll], (1...Self.mostLoopFrames).contains(depth),
      threads.count == 1 || group.wasCreatedTogether(), threads.allSatisfy(isInEventLoop)
    else { return nil }
    return IdlePool(.eventLoop, "epoll loop")
  }

  /// Functions of the service between where a thread begins and where it waits, inlined ones and closures counted: a
  /// worker takes its job, or a loop its events, near there; who waits in the middle of a request is deeper down.
  private static let mostPoolFrames = 4
  private static let mostLoopFrames = 3

  /// An epoll set with something in it that only loops have: what wakes them, a timer, a listening socket.
  ///
  /// The one connection that an answer comes from is none.
  private func isInEventLoop(_ thread: ReportThread) -> Bool {
    guard thread.systemCall?.hasPrefix("epoll_") == true,
      let watched = thread.waitsFor?.descriptors.dropFirst()
    else { return false }
    return watched.contains { descriptor in
      switch descriptor.kind {
      case "eventfd", "timerfd", "signalfd", "inotify", "pipe": true
      case "tcp", "unix": descriptor.peer == nil && descriptor.local != nil
      default: false
      }
    }
  }

  private func waitForOneLock(_ threads: [ReportThread]) -> Bool {
    let locks = threads.compactMap { $0.waitsFor?.lock }
    return locks.count == threads.count && areOneLock(locks)
  }
}

/// Whether these are words of one lock: of a condition either of two may be waited on.
///
/// The size of `pthread_cond_t` and `sem_t` is below 48 bytes.
func areOneLock(_ addresses: some Collection<UInt64>) -> Bool {
  guard let first = addresses.min(), let last = addresses.max() else { return false }
  return last - first < 48
}

extension StackGroup {
  /// All within a second, as a loop that starts a pool does it.
  func wasCreatedTogether() -> Bool {
    guard let oldestStart, let newestStart else { return false }
    return newestStart.timeIntervalSince(oldestStart) <= 1
  }
}
