import Report
import TestSupport
import Testing

/// What is concluded from locks and their owners, on reports made by hand.
struct LockAnalysisTests {
  /// Each pair: a thread and the owner of the lock that it waits for; its lock's address is the owner's number.
  private func report(_ waits: [(Int32, Int32)], steady: Bool = true, idle: [Int32] = [])
    -> DumpReport
  {
    var report = DumpReport()
    report.threads = waits.map { id, owner in
      var thread = ReportThread(threadID: id)
      thread.name = "t\(id)"
      thread.state = .sleeping
      thread.systemCall = "futex"
      thread.waitsFor = WaitTarget()
      thread.waitsFor?.kind = .mutex
      thread.waitsFor?.lock = UInt64(owner)
      thread.waitsFor?.ownerThreadID = owner
      thread.waitsFor?.isSteady = steady
      return thread
    }
    report.threads += idle.map { id in
      var thread = ReportThread(threadID: id)
      thread.state = .running
      return thread
    }
    return report
  }

  private func kinds(_ report: DumpReport) -> [String] { report.lockFindings().map(\.kind) }

  @Test func aCircleIsFoundWhereverTheSearchBegins() {
    for start in 0..<4 {
      var waits: [(Int32, Int32)] = [(1, 2), (2, 3), (3, 1), (4, 1)]
      waits = Array(waits[start...] + waits[..<start])
      let findings = report(waits).lockFindings()
      #expect(findings.map(\.kind) == ["deadlock"])
      #expect(Set(findings[0].threadIDs) == [1, 2, 3])
      #expect(findings[0].text.contains("1 more thread waits behind them"))
    }
  }

  @Test func aChainThatEndsInARunningThreadIsNone() {
    #expect(kinds(report([(1, 2), (2, 3)], idle: [3])) == [])
  }

  @Test func whatIsNotOfOneMomentProvesNoCircle() {
    #expect(kinds(report([(1, 2), (2, 1)], steady: false)) == [])
    var half = report([(1, 2), (2, 1)])
    half.threads[1].waitsFor?.isSteady = false
    #expect(kinds(half) == [])
  }

  @Test(arguments: [("process-shared", true), ("robust", true), ("normal", false)])
  func aCircleOfALockThatProcessesShareIsSaidToBeOne(_ type: String, _ isSaid: Bool) {
    var report = report([(1, 1)])
    report.threads[0].waitsFor?.lockType = type
    let findings = report.lockFindings()
    #expect(findings.map(\.kind) == ["deadlock"])
    #expect(findings[0].text.contains("several PID namespaces") == isSaid)
  }

  @Test func twoCirclesAreTwoFindings() {
    let findings = report([(1, 2), (2, 1), (3, 4), (4, 3), (5, 5)]).lockFindings()
    #expect(findings.map { Set($0.threadIDs) } == [[1, 2], [3, 4], [5]])
    #expect(findings[2].text.contains("thread 5 “t5” waits for itself"))
  }

  @Test func threadsBehindThreadsBehindACircleCount() {
    let findings = report([(1, 2), (2, 1), (3, 1), (4, 3), (5, 4)]).lockFindings()
    #expect(findings[0].text.contains("3 more threads wait behind them"))
  }

  @Test func anEndedThreadIsInNoCircleAndItsLockIsAbandoned() {
    var report = report([(1, 2), (2, 1)])
    report.threads[1].status = .exited
    let findings = report.lockFindings()
    #expect(findings.map(\.kind) == ["lock-abandoned"])
    #expect(findings[0].threadIDs == [1])
    report.threads[0].waitsFor?.lockType = "process-shared"
    #expect(report.lockFindings().isEmpty)
  }

  @Test func anOwnerWhoseRecordIsLostHasNotEnded() {
    var report = report([(1, 99)])
    report.isComplete = false
    // How many threads there were is not known, or more than there are.
    #expect(kinds(report) == [])
    report.process.threadCount = 2
    #expect(kinds(report) == [])
    // What else is missing says nothing about threads.
    report.process.threadCount = 1
    #expect(kinds(report) == ["lock-abandoned"])
  }

  @Test func sevenWaitAtAnyLockAndEightAreACrowd() {
    let seven = (10..<17).map { (Int32($0), Int32(1)) }
    #expect(kinds(report(seven, idle: [1])) == [])
    let eight = report(seven + [(17, 1)], idle: [1]).lockFindings()
    #expect(eight.map(\.kind) == ["lock-contention"])
    #expect(eight[0].text.contains("8 threads wait for mutex 0x1, held by thread 1, which runs"))
    #expect(eight[0].threadIDs.count == 8)
  }

  @Test func aCrowdThatWaitsForAConditionIsAPool() {
    var pool = report((10..<40).map { (Int32($0), Int32(1)) }, idle: [1])
    for index in 0..<30 {
      pool.threads[index].waitsFor?.kind = .condition
      pool.threads[index].waitsFor?.ownerThreadID = nil
    }
    #expect(kinds(pool) == [])
  }

  @Test func aCrowdBehindACircleIsPartOfTheDeadlock() {
    let crowd = (10..<30).map { (Int32($0), Int32(1)) }
    let findings = report([(1, 2), (2, 1)] + crowd).lockFindings()
    #expect(findings.map(\.kind) == ["deadlock"])
    #expect(findings[0].text.contains("20 more threads wait behind them"))
  }

  @Test func aCrowdAtALockWithoutAnOwnerIsOneToo() {
    var report = report((10..<20).map { (Int32($0), Int32(1)) })
    for index in report.threads.indices { report.threads[index].waitsFor?.ownerThreadID = nil }
    let findings = report.lockFindings()
    #expect(findings.map(\.kind) == ["lock-contention"])
    #expect(findings[0].text.contains("who holds it is not known"))
  }

  @Test func whatTheOwnerDoesIsSaid() {
    let crowd = (10..<20).map { (Int32($0), Int32(1)) }
    let findings = report(crowd + [(1, 2)], idle: [2]).lockFindings()
    #expect(
      findings[0].text.contains(
        "held by thread 1 “t1”, which waits for mutex 0x2, held by thread 2"
      )
    )
  }

  @Test func manyCirclesAreCountedBeyondTheFirst() {
    let waits = (0..<20).flatMap { pair -> [(Int32, Int32)] in
      let first = Int32(100 + pair * 2)
      return [(first, first + 1), (first + 1, first)]
    }
    let findings = report(waits).lockFindings()
    #expect(findings.count == 9)
    #expect(findings[8].text.contains("12 more groups") && findings[8].threadIDs.count == 24)
  }

  @Test func aCircleOfTwentyThousandThreadsIsFoundAtOnce() {
    let count: Int32 = 20_000
    let findings = report((0..<count).map { ($0 + 1, ($0 + 1) % count + 1) }).lockFindings()
    #expect(findings.map(\.kind) == ["deadlock"] && findings[0].threadIDs.count == Int(count))
    #expect(findings[0].text.contains("; and 19994 more"))
  }

  @Test func locksAreGroupedByAddress() {
    var report = report([(1, 9), (2, 9), (3, 8)], idle: [8, 9])
    report.threads[1].waitsFor?.ownerThreadID = 8
    let locks = report.locks()
    #expect(locks.map(\.address) == [9, 8])
    // The two readings of the first do not agree.
    #expect(locks[0].ownerThreadID == nil && locks[0].waiterThreadIDs == [1, 2])
    #expect(locks[1].ownerThreadID == 8)
  }
}
