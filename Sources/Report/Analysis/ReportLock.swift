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
    var indices: [UInt64: Int] = [:]
    var locks: [ReportLock] = []
    for thread in threads {
      guard let wait = thread.waitsFor, let address = wait.lock else { continue }
      if let index = indices[address] {
        // In its place: a copy of all who wait for each one more is quadratic.
        if locks[index].ownerThreadID != wait.ownerThreadID { locks[index].ownerThreadID = nil }
        locks[index].waiterThreadIDs.append(thread.threadID)
        continue
      }
      indices[address] = locks.count
      locks.append(
        ReportLock(
          address: address,
          name: wait.lockName,
          kind: self.wait(of: thread)?.kind,
          type: wait.lockType,
          ownerThreadID: wait.ownerThreadID,
          waiterThreadIDs: [thread.threadID]
        )
      )
    }
    return locks.sorted {
      ($1.waiterThreadIDs.count, $0.address) < ($0.waiterThreadIDs.count, $1.address)
    }
  }
}
