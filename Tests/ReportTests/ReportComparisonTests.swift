import Foundation
import Report
import TestSupport
import Testing

struct ReportComparisonTests {
  private func groups(_ comparison: ReportComparison, _ kind: GroupChange.Kind) -> [[Int]] {
    comparison.groups.filter { $0.kind == kind }.map(\.counts)
  }

  @Test func equalReportsDifferInNothing() {
    let report = SampleReport.server()
    let comparison = ReportComparison(old: report, new: report)
    #expect(!comparison.hasDifferences)
    #expect(comparison.groups.isEmpty)
    // Of six groups one has no stack, and two threads have no name for it.
    #expect(comparison.unchangedGroupCount == 4)
    #expect(comparison.relation == .sameProcess)
    #expect(comparison.elapsed == .zero)
  }

  @Test func groupsAreNewGoneGrownAndShrunkWhatGrewMostFirst() throws {
    let comparison = ReportComparison(old: SampleReport.server(), new: SampleReport.laterServer())
    #expect(comparison.hasDifferences)
    #expect(groups(comparison, .grown) == [[4, 6]])
    #expect(groups(comparison, .new) == [[0, 1]])
    #expect(groups(comparison, .gone) == [[1, 0]])
    #expect(comparison.groups.map(\.difference) == [2, 1, -1])
    let grown = try #require(comparison.groups.first?.turnover)
    #expect(grown.stayed == [4712, 4713, 4714])
    #expect((grown.created, grown.arrived, grown.left, grown.ended) == (3, 0, 0, 1))
    let new = try #require(comparison.groups[1].turnover)
    #expect((new.created, new.arrived) == (0, 1))
    let gone = try #require(comparison.groups[2].turnover)
    #expect((gone.left, gone.ended) == (1, 0))
    #expect(comparison.groups[2].report == 0)
  }

  @Test func stacksThatDifferInTheirLinesAloneAreOneGroup() {
    var old = SampleReport.server()
    // The busy thread has company on another line of its function.
    var other = old.frames[11]
    other.line = 99
    old.frames.append(other)
    old.stacks.append([old.frames.count - 1, 2, 3, 4])
    var thread = old.threads[5]
    thread.threadID = 4999
    thread.stack = old.stacks.count - 1
    old.threads.append(thread)
    var new = old
    // Both on the first line: the count of the functions is the same.
    new.threads[new.threads.count - 1].stack = new.threads[5].stack
    #expect(old.groups().count == new.groups().count + 1)
    #expect(ReportComparison(old: old, new: new).groups.isEmpty)
    // And a third one is growth of one group from two to three.
    thread.threadID = 5000
    new.threads.append(thread)
    #expect(ReportComparison(old: old, new: new).groups.map(\.counts) == [[2, 3]])
  }

  @Test func groupsAreMatchedOverBuildsAndHosts() {
    let old = SampleReport.server()
    var new = old
    new.process.host = "elsewhere"
    new.process.processID = 9
    for index in new.frames.indices {
      new.frames[index].address += 0x10_0000
      new.frames[index].offset = new.frames[index].offset.map { $0 + 64 }
      new.frames[index].line = new.frames[index].line.map { $0 + 7 }
    }
    for index in new.modules.indices { new.modules[index].buildID = "0\(index)" }
    new.threads.append(new.threads[1])
    let comparison = ReportComparison(old: old, new: new)
    #expect(comparison.relation == .sameProgram)
    #expect(comparison.groups.map(\.counts) == [[4, 5]])
    #expect(comparison.groups[0].turnover == nil)
    #expect(comparison.standstill == nil)
    #expect(comparison.processorUse.isEmpty)
    #expect(comparison.modules.map(\.kind) == [.replaced, .replaced, .replaced])
  }

  @Test func anotherProgramIsSaid() {
    var other = SampleReport.server()
    other.process.executable = "/usr/bin/other"
    other.process.processID = 1
    #expect(
      ReportComparison(old: SampleReport.server(), new: other).relation == .otherProgram
    )
  }

  @Test func aProcessThatGotTheSameIDLaterIsAnotherOne() {
    let old = SampleReport.server()
    var new = old
    new.time = old.time.map { $0 + 3600 }
    #expect(ReportComparison(old: old, new: new).relation == .sameProcess)
    // The host's clock was set meanwhile.
    new.process.startTime = old.process.startTime.map { $0 + 1.5 }
    #expect(ReportComparison(old: old, new: new).relation == .sameProcess)
    // In whichever order they are given.
    #expect(ReportComparison(old: new, new: old).relation == .sameProcess)
    // Restarted after the first report was made.
    new.process.startTime = old.time.map { $0 + 1 }
    #expect(ReportComparison(old: old, new: new).relation == .sameProgram)
    #expect(ReportComparison(old: new, new: old).relation == .sameProgram)
    new.process.startTime = nil
    #expect(ReportComparison(old: old, new: new).relation == .sameProgram)
  }

  @Test func aRestartedContainerIsAnotherProcessHoweverYoungItWas() {
    var old = SampleReport.server()
    old.process.processID = 1
    old.process.startTime = old.time.map { $0 - 0.5 }
    var new = old
    new.time = old.time.map { $0 + 1 }
    #expect(ReportComparison(old: old, new: new).relation == .sameProcess)
    new.process.startTime = old.time.map { $0 + 0.2 }
    #expect(ReportComparison(old: old, new: new).relation == .sameProgram)
  }

  // MARK: What stands still

  /// Ids of the threads that stand still, by kind.
  private func still(_ comparison: ReportComparison, _ kind: Standstill.Kind) -> [Int32] {
    (comparison.standstill?.groups ?? []).filter { $0.kind == kind }.flatMap { group in
      guard case .threads(let threads) = group.members else { return [Int32]() }
      return threads.threads.map { comparison.new.threads[$0].threadID }
    }
  }

  @Test func threadsInTheSameFramesWithoutProcessorTimeStandStill() {
    let old = SampleReport.laterServer()
    var new = old
    new.time = old.time.map { $0 + 60 }
    var comparison = ReportComparison(old: old, new: new)
    #expect(still(comparison, .lock) == [4716])
    #expect(still(comparison, .wait) == [4712, 4713, 4714, 4801, 4802, 4803])
    // The acceptor waits for work; what has no time counted, or no stack, proves nothing.
    #expect(comparison.standstill?.idleThreadCount == 1)
    #expect(comparison.standstill?.threadCount == 7)
    #expect(comparison.standstill?.groups.first?.kind == .lock)
    // A tick of the clock is enough.
    new.threads[1].cpuSystem = .milliseconds(30)
    // Another address of the same line, as well.
    new.frames.append(new.frames[0])
    new.frames[new.frames.count - 1].address += 1
    new.stacks.append([new.frames.count - 1, 1, 2, 3, 4])
    new.threads[2].stack = new.stacks.count - 1
    comparison = ReportComparison(old: old, new: new)
    #expect(still(comparison, .wait) == [4714, 4801, 4802, 4803])
    #expect(comparison.processorUse.map(\.thread) == [1])
    #expect(comparison.processorUse.first?.time == .milliseconds(10))
  }

  @Test func whoMovedInBetweenDidNotStandStill() {
    let old = SampleReport.laterServer()
    var middle = old
    let blocked = middle.threads.firstIndex { $0.threadID == 4716 } ?? 0
    middle.threads[blocked].stack = 0
    #expect(still(ReportComparison(old: old, new: old), .lock) == [4716])
    #expect(still(ReportComparison(old: old, between: [middle], new: old), .lock) == [])
  }

  @Test func aThreadWithAnotherThreadsOldIDIsNew() {
    let old = SampleReport.server()
    var new = old
    // Less time than before: the id was given away.
    new.threads[1].cpuUser = .zero
    new.threads[1].stack = 3
    let comparison = ReportComparison(old: old, new: new)
    let grown = comparison.groups.first { $0.kind == .grown }?.turnover
    #expect((grown?.created, grown?.arrived) == (1, 0))
    #expect(comparison.groups.last?.turnover?.ended == 1)
    // Or started later, in whatever frames it is.
    var restarted = old
    restarted.threads[1].startTime = old.time
    #expect(ReportComparison(old: old, new: restarted).standstill?.threadCount == 3)
    #expect(ReportComparison(old: old, new: old).standstill?.threadCount == 4)
    // A clock that was set moves all start times alike.
    var shifted = old
    shifted.process.startTime = old.process.startTime.map { $0 + 1 }
    for index in shifted.threads.indices {
      shifted.threads[index].startTime = shifted.threads[index].startTime.map { $0 + 1 }
    }
    #expect(ReportComparison(old: old, new: shifted).standstill?.threadCount == 4)
  }

  // MARK: Tasks

  @Test func tasksAreFollowedByTheirIDs() throws {
    let (old, new) = SampleReport.laterTasks()
    let comparison = ReportComparison(old: old, new: new)
    #expect(comparison.taskCounts == [old.tasks.count, old.tasks.count + 30])
    #expect(comparison.tasks?.startedCount == 40)
    #expect(comparison.tasks?.endedCount == 10)
    #expect(comparison.tasks?.inBoth.count == old.tasks.count - 10)
    #expect(comparison.groups.map(\.counts) == [[40, 70]])
    let grown = try #require(comparison.groups.first)
    #expect(grown.isOfTasks)
    // The oldest: those that were there before.
    #expect(grown.turnover?.stayed.first == 100)
    #expect(grown.turnover?.stayed.last == 139)
    #expect(grown.turnover?.stayed.count == 30)
    #expect((grown.turnover?.created, grown.turnover?.ended) == (40, 10))
  }

  @Test func tasksInTheSamePlaceStandStillAndSleepersAreIdle() {
    let (old, new) = SampleReport.laterTasks()
    let comparison = ReportComparison(old: old, new: new)
    let kinds = comparison.standstill?.groups.map(\.kind) ?? []
    #expect(kinds == kinds.sorted())
    let ids = (comparison.standstill?.groups ?? []).flatMap { group in
      guard case .tasks(let tasks) = group.members else { return [UInt64]() }
      return tasks.tasks.map { comparison.new.tasks[$0].id }
    }
    // One changed while it was read, one ran, one slept, one has no stack; those that are new have no past.
    #expect(!ids.contains(103) && !ids.contains(9) && !ids.contains(2) && !ids.contains(26))
    #expect(!ids.contains(200))
    #expect(ids.contains(5) && ids.contains(100) && ids.contains(20))
    #expect(comparison.standstill?.idleTaskCount == 1)
  }

  // MARK: Several reports

  @Test func aSeriesCountsEachReport() {
    let old = SampleReport.server()
    var middle = SampleReport.laterServer()
    middle.threads.append(middle.threads[1])
    // Only there: a stack of another function.
    middle.frames.append(middle.frames[2])
    middle.frames[middle.frames.count - 1].function = "Shop.passing()"
    middle.stacks.append([middle.frames.count - 1])
    middle.threads[0].stack = middle.stacks.count - 1
    let comparison = ReportComparison(
      old: old,
      between: [middle],
      new: SampleReport.laterServer()
    )
    #expect(groups(comparison, .grown) == [[4, 7, 6]])
    #expect(comparison.passingGroupCount == 1)
    #expect(comparison.threadCounts == [9, 12, 11])
    #expect(comparison.descriptors.first?.counts == [1180, 1580, 1580])
  }

  // MARK: What the process has

  @Test func descriptorsAndConnectionsAreComparedByKindAndEnds() {
    let comparison = ReportComparison(old: SampleReport.server(), new: SampleReport.laterServer())
    #expect(comparison.descriptors.map(\.subject) == ["socket", "deleted-file", "directory"])
    #expect(comparison.descriptors.map(\.difference) == [400, 1, -1])
    #expect(comparison.connections.map(\.subject.state) == ["ESTABLISHED", "CLOSE_WAIT"])
    #expect(comparison.connections.map(\.counts) == [[1170, 1570], [1, 0]])
    // Sockets that listen are no connections.
    #expect(comparison.connectionCounts == [1171, 1570])
    #expect(comparison.descriptorCounts == [1198, 1598])
    #expect(comparison.memory.first?.difference == 68 << 20)
    #expect(comparison.sockets.map(\.counts) == [[1172, 1572]])
  }

  @Test func countsOfHostileFilesDoNotOverflow() {
    var old = SampleReport.server()
    old.descriptors = [
      DescriptorCount(kind: "file", count: .max), DescriptorCount(kind: "file", count: .max),
    ]
    var new = old
    new.descriptors = [DescriptorCount(kind: "file", count: .min)]
    let comparison = ReportComparison(old: old, new: new)
    #expect(comparison.descriptors.first?.difference == .min)
    #expect(comparison.descriptorCounts.first == .max)
  }

  @Test func modulesAreComparedByPathAndBuild() {
    func module(_ path: String, _ buildID: String?, size: UInt64 = 0x1000) -> ReportModule {
      ReportModule(path: path, buildID: buildID, base: 0x1000, end: 0x1000 + size)
    }
    var old = DumpReport()
    old.modules = [
      module("/a", "01"), module("/b", "02"), module("/c", nil), module("/d", nil),
      module("/v1/e.so", "05"), module("/x/f.so", "06"), module("/gone", "07"),
      module("/twice", "08"), module("/twice", "09"),
    ]
    var new = old
    new.modules = [
      module("/a", "01"), module("/b", "22"), module("/c", nil), module("/d", nil, size: 0x2000),
      module("/v2/e.so", "55"), module("/y/f.so", "06"), module("/fresh", "77"),
      module("/twice", "09"),
    ]
    let changes = ReportComparison(old: old, new: new).modules
    #expect(
      changes.map { "\($0.kind.rawValue) \($0.oldPath ?? "-") \($0.path)" } == [
        "replaced - /b", "replaced - /d", "replaced /v1/e.so /v2/e.so", "loaded - /fresh",
        "unloaded - /gone",
      ]
    )
    #expect(changes.first?.oldBuildID == "02")
    #expect(changes.first?.newBuildID == "22")
  }

  @Test func findingsAreNewStillThereOrGone() {
    var old = SampleReport.crash()
    old.findings.append(Finding(kind: "leak-suspect", text: "gone soon"))
    var new = old
    new.findings = [Finding(kind: "pool-exhausted", text: "all"), old.findings[0]]
    let changes = ReportComparison(old: old, new: new).findings
    #expect(changes.map(\.kind) == [.new, .still, .gone])
    #expect(ReportComparison(old: old, new: new).hasDifferences)
    #expect(!ReportComparison(old: old, new: old).hasDifferences)
  }

  private func leak(_ count: Int, _ ago: String, in place: String = "keepAlive() (client.c:41)")
    -> Finding
  {
    Finding(
      kind: "leak-suspect",
      text:
        "\(count) threads in \(place), created one after another since 12:03:1\(count % 10) UTC (over 5 s, "
        + "the last \(ago)); about as many descriptors: \(count) of kind socket"
    )
  }

  @Test func aFindingThatSaysOtherNumbersIsStillThere() {
    var old = SampleReport.server()
    var new = old
    old.findings = [
      leak(12, "less than a second ago"),
      Finding(
        kind: "lock-contention",
        text: "9 threads wait for mutex 0x55d2 (g), held by thread 7, which runs"
      ),
      Finding(
        kind: "deadlock",
        text: "2 threads wait for each other: thread 1 for mutex 0xa1. All of them slept"
      ),
    ]
    new.findings = [
      leak(30, "3 s ago"),
      Finding(
        kind: "lock-contention",
        text: "31 threads wait for mutex 0x7f00 (g); who holds it is not known"
      ),
      Finding(
        kind: "deadlock",
        text:
          "2 threads wait for each other: thread 1 for mutex 0xa1. 1 more thread waits behind them. All"
      ),
    ]
    let changes = ReportComparison(old: old, new: new).findings
    #expect(changes.map(\.kind) == [.still, .still, .still])
    // As it is now.
    #expect(changes[0].finding.text.hasPrefix("30 threads"))
  }

  @Test func oneMoreFindingOfTheSameWordsIsNew() {
    var old = SampleReport.server()
    old.findings = [leak(12, "3 s ago")]
    var new = old
    new.findings = [
      leak(40, "1 s ago"), leak(13, "3 s ago"), leak(10, "1 s ago", in: "poll() (x.c:3)"),
    ]
    let changes = ReportComparison(old: old, new: new).findings
    #expect(changes.map(\.kind) == [.new, .new, .still])
    #expect(ReportComparison(old: new, new: old).findings.map(\.kind) == [.still, .gone, .gone])
  }

  @Test func threadsWithoutAStackThatAreGoneAreADifference() {
    var old = SampleReport.server()
    var silent = ReportThread(threadID: 9999)
    silent.status = .noAnswer
    old.threads.append(silent)
    let comparison = ReportComparison(old: old, new: SampleReport.server())
    #expect(comparison.groups.isEmpty && comparison.hasDifferences)
  }

  @Test func onlyLinesGivenSinceAreNew() {
    let comparison = ReportComparison(old: SampleReport.server(), new: SampleReport.laterServer())
    #expect(comparison.notes.map(\.text) == ["pool is full \u{1b}[31m"])
  }

  @Test func emptyReportsCanBeCompared() {
    let comparison = ReportComparison(old: DumpReport(), new: DumpReport())
    #expect(!comparison.hasDifferences)
    #expect(comparison.relation == .sameProgram)
    #expect(comparison.elapsed == nil)
  }
}
