import Foundation
import Report
import TestSupport
import Testing

struct GroupingTests {
  /// Threads of one loop on two lines, of another build's clone, and one of another function.
  private func lines() -> StackSketch {
    var sketch = StackSketch()
    let entry = ["libc.so.6!start_thread"]
    sketch.addThreads(1, ["app!work@/src/a.c:10", "app!main@/src/a.c:90"] + entry)
    sketch.addThreads(3, ["app!work@/src/a.c:12", "app!main@/src/a.c:90"] + entry)
    sketch.addThreads(1, ["app!work [clone .cold]@/src/a.c:14", "app!main@/src/a.c:90"] + entry)
    sketch.addThreads(1, ["app!rest@/src/a.c:14", "app!main@/src/a.c:90"] + entry)
    return sketch
  }

  @Test func similarStacksAreOneGroupWithTheMostFrequentFirst() {
    let report = lines().report
    #expect(report.groups().map(\.threads) == [[1, 2, 3], [0], [4], [5]])
    let similar = report.similarGroups()
    #expect(similar.map(\.threads) == [[0, 1, 2, 3, 4], [5]])
    #expect(similar[0].stack == 1)
    #expect(similar[0].variants == [1, 0, 2])
    #expect(similar[0].fingerprint == report.groups()[0].fingerprint)
    #expect(similar[1].variants == [3])
    #expect(report.groups()[0].variants == [1])
  }

  @Test func functionsWithoutNamesAreSimilarAtOnePlaceOnly() {
    var sketch = StackSketch()
    sketch.addThreads(2, ["app!?", "app!main"])
    sketch.addThreads(1, ["app!?", "app!main"])
    #expect(sketch.report.similarGroups().map(\.threads.count) == [2, 1])
  }

  @Test func similarStacksThatEndEarlyAreApartFromWholeOnes() {
    var sketch = StackSketch()
    for reason in [nil, "no unwind information at 0x10", "no unwind information at 0x20"] {
      sketch.addThreads(1, ["app!work", "app!main"]) { $1.truncated = reason }
    }
    #expect(sketch.report.groups().count == 3)
    #expect(sketch.report.similarGroups().map(\.threads) == [[1, 2], [0]])
  }

  @Test func similarTasksAreOneGroup() {
    var sketch = StackSketch()
    let stacks = [sketch.addStack(["app!a@/a.swift:1"]), sketch.addStack(["app!a@/a.swift:2"])]
    var report = sketch.report
    report.tasks = (0..<5).map { index in
      var task = ReportTask(id: UInt64(index), address: UInt64(index), state: .suspended)
      task.stack = stacks[index == 0 ? 0 : 1]
      task.name = "request \(index + 7)"
      return task
    }
    #expect(report.taskGroups().map(\.tasks.count) == [4, 1])
    let similar = report.similarTaskGroups()
    #expect(similar.map(\.tasks.count) == [5])
    #expect(similar[0].variants == [stacks[1], stacks[0]])
    #expect(
      similar[0].names == [
        NamePattern(first: "request 7", last: "request 11", count: 5, distinctCount: 5)
      ]
    )
  }

  @Test func namesThatDifferInTheirNumberAreOnePattern() {
    let patterns = NamePattern.patterns(of: [
      "b", "w9", "w10", "w9", "b", "", "18446744073709551616",
    ])
    #expect(
      patterns == [
        NamePattern(first: "w9", last: "w10", count: 3, distinctCount: 2),
        NamePattern(first: "b", last: "b", count: 2, distinctCount: 1),
        NamePattern(first: "", last: "18446744073709551616", count: 2, distinctCount: 2),
      ]
    )
  }

  @Test func aGroupHasItsCPUTimeAndShareItsWaitsAndWhenItWasCreated() {
    var sketch = StackSketch()
    let start = Date(timeIntervalSince1970: 1_772_350_000)
    sketch.addThreads(3, ["libc.so.6!pthread_cond_wait", "app!a"]) { index, thread in
      thread.cpuUser = .milliseconds(100)
      thread.cpuSystem = index == 0 ? nil : .milliseconds(50)
      thread.startTime = start.addingTimeInterval(Double((index + 1) % 3))
      if index == 2 { thread.systemCall = "read" }
    }
    sketch.addThreads(1, ["app!b"], state: .running) { $1.cpuUser = .milliseconds(1200) }
    sketch.addThreads(1, ["app!c"])
    let groups = sketch.report.groups()
    #expect(groups[0].cpuTime == .milliseconds(400))
    #expect(groups[0].cpuShare == 0.25)
    #expect(groups[0].waits.map(\.kind) == [.condition, .read])
    #expect(groups[0].waits.map(\.count) == [2, 1])
    #expect(groups[0].oldestStart == start)
    #expect(groups[0].newestStart == start.addingTimeInterval(2))
    #expect(groups[1].waits.isEmpty && groups[1].cpuShare == 0.75)
    // Of one that nothing is known of nothing is said.
    #expect(groups[2].cpuTime == nil && groups[2].oldestStart == nil)
  }
}
