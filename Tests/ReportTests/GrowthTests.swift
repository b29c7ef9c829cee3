import Foundation
import Report
import TestSupport
import Testing

/// The same numbers in each run (SplitMix64).
private struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

struct TrendTests {
  private func trend(_ values: [Double]) throws -> Trend {
    try #require(Trend(times: values.indices.map { Double($0) * 2 }, values: values))
  }

  @Test func theSlopeIsThatOfMostPairs() throws {
    #expect(try trend([1, 3, 5, 7, 9]).slope == 1)
    // One wild value sways nothing.
    #expect(try trend([1, 3, 5, 7, 900, 11, 13]).slope == 1)
    #expect(try trend([9, 7, 5, 3]).slope == -1)
    #expect(try trend([4, 4, 4]).slope == 0)
  }

  @Test func theChanceIsThatOfMannAndKendall() throws {
    // All 15 pairs of six values rise: (15 - 1) / sqrt(6·5·17 / 18) = 2.6302.
    #expect(abs(try trend([1, 2, 3, 4, 5, 6]).chance - 0.004266) < 0.00001)
    // Two pairs of equal values: 13 pairs rise, the variance is less by 2·(2·1·9) / 18.
    #expect(abs(try trend([1, 1, 3, 4, 6, 6]).chance - 0.009683) < 0.00001)
    #expect(try trend([3, 3, 3, 3]).chance == 1)
    #expect(try trend([6, 5, 4, 3, 2, 1]).chance > 0.99)
  }

  @Test func theRangeHoldsTheSlope() throws {
    let trend = try trend([1, 4, 5, 9, 9, 13, 12, 17])
    #expect(trend.slopeRange.contains(trend.slope))
    #expect(trend.slopeRange.lowerBound < trend.slope)
    #expect(trend.slopeRange.upperBound > trend.slope)
  }

  @Test func tooFewValuesHaveNoTrend() {
    #expect(Trend(times: [0, 1], values: [0, 1]) == nil)
    #expect(Trend(times: [0, 1, 2], values: [0, 1]) == nil)
    #expect(Trend(times: [5, 5, 5], values: [0, 1, 2]) == nil)
  }
}

struct GrowthHistoryTests {
  /// A history of a process with these numbers of threads in one stack, beside its usual ones.
  private func history(_ counts: [Int], memory: [Int]? = nil) -> GrowthHistory {
    var history = GrowthHistory()
    for (index, count) in counts.enumerated() {
      var report = SampleReport.server()
      report.threads += (0..<count).map { number in
        var thread = report.threads[5]
        thread.threadID = Int32(10_000 + number)
        return thread
      }
      if let memory {
        report.process.vitals?.residentBytes = UInt64(memory[index])
      }
      history.add(report, at: Double(index) * 30)
    }
    return history
  }

  private func suspects(_ counts: [Int]) -> [GrowthHistory.Subject] {
    history(counts).suspects().map(\.subject)
  }

  private func isSuspect(_ counts: [Int]) -> Bool { !suspects(counts).isEmpty }

  @Test func aSteadyLeakIsOneSuspectWithItsGroup() throws {
    let history = history(Array(1...12))
    let suspects = history.suspects()
    // All threads grow with it: the group says it already.
    #expect(suspects.count == 1)
    let suspect = try #require(suspects.first)
    #expect((suspect.first, suspect.last) == (2, 13))
    #expect(abs(suspect.trend.slope * 3600 - 120) < 0.001)
    guard case .group(_, ofTasks: false) = suspect.subject,
      case .threads(let group) = history.members(of: suspect.subject)
    else {
      Issue.record("\(suspect.subject)")
      return
    }
    #expect(group.threads.count == 13)
    #expect(history.topGroup == suspect.subject)
    #expect(history.growth(of: suspect.subject) == 11)
  }

  @Test(arguments: [
    // Too few captures, too little growth, none.
    [1, 2, 3, 4, 5], [0, 0, 0, 1, 1, 1, 1, 2], [7, 7, 7, 7, 7, 7, 7, 7],
    // Up and down: a wave, an afternoon's load, a burst.
    [0, 4, 8, 4, 0, 4, 8, 4, 0, 4, 8], [0, 1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3],
    [2, 2, 2, 2, 40, 2, 2, 2, 2, 2, 2, 3],
    // A pool that fills up, and stays full.
    [1, 8, 16, 24, 28, 30, 31, 32, 32, 32, 32, 32], [0, 0, 9, 9, 9, 9, 9, 9, 9, 9],
    // Shrinks.
    [12, 11, 10, 9, 8, 7, 6, 5, 4, 3],
  ])
  func whatDoesNotGrowWithoutAnEndIsNotSuspected(_ counts: [Int]) {
    #expect(!isSuspect(counts), "\(counts)")
  }

  @Test(arguments: [
    [1, 2, 3, 4, 5, 6], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
    // A leak under a load that goes up and down.
    [0, 3, 5, 9, 10, 14, 13, 17, 20, 19, 24, 26, 29, 28, 33],
  ])
  func whatGrowsWithoutAnEndIsSuspected(_ counts: [Int]) {
    #expect(isSuspect(counts), "\(counts)")
  }

  @Test func servicesWithoutALeakAreSeldomSuspected() {
    var numbers = SeededNumbers(state: 4711)
    var wrong = 0
    for _ in 0..<60 {
      let noise = (0..<20).map { _ in Int.random(in: 0...12, using: &numbers) }
      let period = Double.random(in: 3...24, using: &numbers)
      let phase = Double.random(in: 0...1, using: &numbers)
      let wave = (0..<20).map { index in
        Int((10 + 8 * sin(2 * .pi * (Double(index) / period + phase))).rounded())
      }
      wrong += (isSuspect(noise) ? 1 : 0) + (isSuspect(wave) ? 1 : 0)
    }
    #expect(wrong <= 2, "of 120")
  }

  @Test func memoryIsSuspectedWhenItGrowsByMuch() {
    let steady = Array(repeating: 1, count: 10)
    func suspects(_ step: Int) -> [GrowthHistory.Subject] {
      history(steady, memory: steady.indices.map { (100 << 20) + $0 * step }).suspects()
        .map(\.subject)
    }
    #expect(suspects(4 << 20) == [.memory])
    // Less than a twentieth.
    #expect(suspects(100 << 10) == [])
  }

  @Test func descriptorsAndConnectionsAreSuspectedByKindAndEnds() {
    var history = GrowthHistory()
    for index in 0..<8 {
      var report = SampleReport.server()
      report.descriptors[0].count += index * 2
      report.connections[0].count += index * 2
      history.add(report, at: Double(index))
    }
    let subjects = history.suspects().map(\.subject)
    #expect(subjects.count == 2)
    #expect(subjects.contains(.descriptorKind("socket")))
    #expect(
      subjects.contains { subject in
        guard case .connectionEnds(let ends) = subject else { return false }
        return ends.peer == "127.0.0.1:8081" && ends.state == "ESTABLISHED"
      }
    )
  }

  @Test func growthOfManySmallGroupsIsThatOfAllThreads() {
    var history = GrowthHistory()
    for index in 0..<10 {
      // Each thread in a function of its own.
      let report = SampleReport.large(threads: 20 + index, distinct: 20 + index, depth: 3)
      history.add(report, at: Double(index))
    }
    #expect(history.suspects().map(\.subject) == [.threads])
  }

  @Test func tasksAreCountedWhereThereAreAny() {
    var history = GrowthHistory()
    history.add(SampleReport.server(), at: 0)
    #expect(history.values(of: .tasks) == [])
    history.add(SampleReport.laterTasks().new, at: 1)
    #expect(history.values(of: .tasks) == [0, 83])
  }

  // MARK: Memory of the watch itself

  @Test func aLongWatchForgetsEverySecondCaptureAndNotTheFirst() {
    var history = GrowthHistory()
    var report = SampleReport.server()
    report.frames = []
    report.stacks = []
    report.threads = [ReportThread(threadID: 1)]
    for index in 0..<1000 {
      report.descriptors = [DescriptorCount(kind: "file", count: index)]
      history.add(report, at: Double(index))
    }
    #expect(history.captureCount == 1000)
    #expect(history.times.count <= 240)
    #expect(history.times.first == 0)
    #expect(history.times.last == 999)
    #expect(history.values(of: .descriptorKind("file")).count == history.times.count)
    #expect(history.first(of: .descriptorKind("file")) == 0)
    #expect(history.suspects().map(\.subject) == [.descriptorKind("file")])
  }

  @Test func whatCameOnceIsForgotten() throws {
    var history = GrowthHistory()
    var subjects: [GrowthHistory.Subject] = []
    for number in 0..<48 {
      var report = SampleReport.server()
      var frame = report.frames[report.stacks[0][0]]
      frame.function = "passing\(number)"
      report.frames.append(frame)
      report.stacks.append([report.frames.count - 1])
      report.threads[0].stack = report.stacks.count - 1
      let group = try #require(report.groups().first { $0.threads.contains(0) })
      subjects.append(.group(try #require(group.fingerprint), ofTasks: false))
      history.add(report, at: Double(number))
    }
    let kept = subjects.map { !history.values(of: $0).isEmpty }
    // Those of the first capture, and of the last ones.
    #expect(kept == (0..<48).map { $0 == 0 || $0 >= 32 })
    #expect(history.values(of: subjects[0]).count == 48)
    #expect(history.values(of: .threads).count == 48)
  }

  // MARK: What is worth keeping

  private func notable(_ counts: [Int]) -> [Bool] {
    var history = GrowthHistory()
    return counts.enumerated().map { index, count in
      var report = SampleReport.server()
      report.threads += (0..<count).map { number in
        var thread = report.threads[5]
        thread.threadID = Int32(10_000 + number)
        return thread
      }
      history.add(report, at: Double(index))
      return history.takeNotable()
    }
  }

  @Test func theFirstAndWhatGrewByHalfAreWorthKeeping() {
    #expect(notable([0, 0, 0, 0]) == [true, false, false, false])
    #expect(notable([0, 3, 5, 6, 9, 9]) == [true, false, true, false, false, false])
    #expect(notable([20, 25, 29, 31, 40]) == [true, false, false, true, false])
    // What was as large before shows nothing new.
    #expect(notable([0, 30, 0, 30, 31]) == [true, true, false, false, false])
    // Nor does what moves like that all the time.
    #expect(notable([6, 0, 7, 1, 8, 2, 14]) == [true, false, false, false, false, false, false])
  }

  @Test func anotherFindingIsWorthKeeping() {
    let deadlock = Finding(kind: "deadlock", text: "two threads")
    var history = GrowthHistory()
    let notable = [[], [], [deadlock], [deadlock]].enumerated().map { index, findings in
      var report = SampleReport.server()
      report.findings = findings
      history.add(report, at: Double(index))
      return history.takeNotable()
    }
    #expect(notable == [true, false, true, false])
  }

  @Test func aFindingWithOtherNumbersIsNoOther() {
    func leak(_ count: Int) -> Finding {
      Finding(
        kind: "leak-suspect",
        text:
          "\(count) threads in run (a.c:1), created one after another since 10:00:00 UTC (over \(count) s, …"
      )
    }
    var history = GrowthHistory()
    let notable = [[], [leak(10)], [leak(11)], [leak(12), leak(10)], [leak(13), leak(11)]]
      .enumerated().map { index, findings in
        var report = SampleReport.server()
        report.findings = findings
        history.add(report, at: Double(index))
        return history.takeNotable()
      }
    #expect(notable == [true, true, false, true, false])
  }

  // MARK: Limits

  @Test(arguments: [
    ("10", GrowthLimit.count(10)), ("50%", .percent(50)), ("0.5%", .percent(0.5)), ("0", nil),
    ("-1", nil), ("-1%", nil), ("%", nil), ("", nil), ("x", nil), ("1e999%", nil),
    ("99999999999999999999", nil),
  ])
  func aLimitIsANumberOrAPercentage(_ text: String, _ limit: GrowthLimit?) {
    #expect(GrowthLimit(text) == limit)
  }

  @Test func aNumberHoldsTotalsAndGroups() {
    let history = history([0, 9])
    #expect(GrowthLimit.count(10).crossed(by: history) == [])
    let crossed = GrowthLimit.count(9).crossed(by: history)
    #expect(crossed.count == 2)
    #expect(crossed.contains(.threads))
    #expect(crossed.contains { if case .group = $0 { true } else { false } })
  }

  @Test func aPercentageLeavesOutWhatWasFew() {
    // The group grows from 1 to 4, all threads from 9 to 12.
    let few = history([0, 3])
    #expect(GrowthLimit.percent(20).crossed(by: few) == [])
    // From 21 to 33, and from 29 to 41.
    let many = history([20, 32])
    #expect(GrowthLimit.percent(50).crossed(by: many).count == 1)
    #expect(GrowthLimit.percent(40).crossed(by: many).count == 2)
    #expect(GrowthLimit.percent(60).crossed(by: many) == [])
    let memory = history([0, 0], memory: [100 << 20, 160 << 20])
    #expect(GrowthLimit.percent(50).crossed(by: memory) == [.memory])
    #expect(GrowthLimit.count(1).crossed(by: memory) == [])
  }
}
