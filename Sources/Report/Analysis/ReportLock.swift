/// A lock that threads wait for.
public struct ReportLock: Sendable, Equatable {
  /// Its address in the process.
  public var address: UInt64
  /// Name of a static lock.
  public var name: String?
  /// What it is.
  public var kind: ThreadWait.Kind?
  /// What it is in words, as `WaitTarget.lockType`.
  public var type: String?
  /// The thread that held it, where all who wait for it agree.
  public var ownerThreadID: Int32?
  /// Who waits for it, in the order of the report.
  public var waiterThreadIDs: [Int32]
}

extension DumpReport {
  /// The locks that threads wait for: the most waited for first, then by address.
  public func locks() -> [ReportLock] {
    var locks: [UInt64: ReportLock] = [:]
    for thread in threads {
      guard let wait = thread.waitsFor, let address = wait.lock else { continue }
      guard var lock = locks[address] else {
        locks[address] = ReportLock(
          address: address,
          name: wait.lockName,
          kind: self.wait(of: thread)?.kind,
          type: wait.lockType,
          ownerThreadID: wait.ownerThreadID,
          waiterThreadIDs: [thread.threadID]
        )
        continue
      }
      if lock.ownerThreadID != wait.ownerThreadID { lock.ownerThreadID = nil }
      lock.waiterThreadIDs.append(thread.threadID)
      locks[address] = lock
    }
    return locks.values.sorted {
      ($1.waiterThreadIDs.count, $0.address) < ($0.waiterThreadIDs.count, $1.address)
    }
  }
}
