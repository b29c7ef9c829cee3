import Foundation
import Report
import TestSupport
import Testing

/// When a group of one report is suspected, and when it is an ordinary pool.
struct LeakSuspectTests {
  private static let keepAlive = [
    "libc.so.6!clock_nanosleep", "libc.so.6!sleep", "app!Client.keepAlive()@/src/Client.swift:22",
    "app!closure #1 in Client.init(port:)@/src/Client.swift:10", "libc.so.6!start_thread",
  ]
  private static let capture = Date(timeIntervalSince1970: 1_772_355_900)

  /// Threads created so many seconds before the capture.
  private func report(
    _ ages: [Double],
    _ frames: [String] = keepAlive,
    call: String = "clock_nanosleep",
    change: (Int, inout ReportThread) -> Void = { _, _ in }
  ) -> DumpReport {
    var sketch = StackSketch()
    sketch.addThreads(ages.count, frames, call: call) { index, thread in
      thread.startTime = Self.capture.addingTimeInterval(-ages[index])
      change(index, &thread)
    }
    return sketch.report
  }

  private func evenly(_ count: Int, from oldest: Double, to newest: Double) -> [Double] {
    (0..<count).map { oldest + (newest - oldest) * Double($0) / Double(count - 1) }
  }

  @Test func theTextTellsTheStory() throws {
    var sketch = StackSketch()
    let creator = sketch.addStack([
      "libFoundation.so!Thread.start()", "app!startThread(named:_:)@/src/Client.swift:57",
      "app!Client.init(port:)@/src/Client.swift:10", "app!main@/src/main.swift:30",
      "libc.so.6!__libc_start_call_main",
    ])
    let ages = evenly(50, from: 7803, to: 3)
    sketch.addThreads(50, Self.keepAlive, call: "clock_nanosleep") { index, thread in
      thread.startTime = Self.capture.addingTimeInterval(-ages[index])
      thread.createdBy = ThreadCreator(threadID: Int32(index))
      thread.createdBy?.stack = creator
    }
    var report = sketch.report
    var made = ReportConnection(state: "ESTABLISHED", count: 49)
    made.peer = "127.0.0.1:40827"
    var accepted = ReportConnection(state: "ESTABLISHED", count: 52)
    (accepted.local, accepted.peer) = (":40827", "127.0.0.1")
    var listening = ReportConnection(state: "LISTEN", count: 50)
    listening.local = "[::]:80"
    report.connections = [
      accepted, listening, made, ReportConnection(state: "CLOSE_WAIT", count: 9),
    ]
    let finding = try #require(report.leakSuspects().first)
    #expect(report.leakSuspects().count == 1)
    #expect(finding.kind == "leak-suspect")
    #expect(finding.threadIDs == report.threads.map(\.threadID))
    #expect(
      finding.text == """
        50 threads in Client.keepAlive() (Client.swift:22), created one after another since 06:54:57 UTC (over 2 h 10 min, \
        the last 3 s ago) by startThread(named:_:) (Client.swift:57) ← Client.init(port:) (Client.swift:10) ← main \
        (main.swift:30); about as many connections: 49 to 127.0.0.1:40827, 52 from 127.0.0.1 on :40827
        """
    )
  }

  @Test func whoCreatedThemIsAskedForWhereNothingSaysIt() throws {
    let finding = try #require(report(evenly(10, from: 90_000, to: 3)).leakSuspects().first)
    #expect(
      finding.text.contains(" since 2026-02-28 08:05:00 UTC (over 1 d 0 h, "),
      "\(finding.text)"
    )
    #expect(finding.text.hasSuffix("; DUMPCOLLECT=thread-origins=on tells who creates them"))
  }

  @Test func theConnectionsThatTheyWaitForAreNamed() throws {
    let report = report(evenly(20, from: 100, to: 3)) { index, thread in
      guard index > 0 else { return }
      var socket = WaitDescriptor(number: Int32(index))
      socket.peer = index < 3 ? "10.0.0.7:1" : "10.0.0.9:5432"
      thread.waitsFor = WaitTarget()
      thread.waitsFor?.descriptors = [socket]
    }
    let finding = try #require(report.leakSuspects().first)
    #expect(
      finding.text.contains("; 17 of them wait for connections with 10.0.0.9:5432"),
      "\(finding.text)"
    )
  }

  @Test func descriptorsCountWhereNoConnectionDoes() throws {
    var report = report(evenly(20, from: 100, to: 3))
    report.descriptors = [
      DescriptorCount(kind: "file", count: 90), DescriptorCount(kind: "eventfd", count: 21),
    ]
    let finding = try #require(report.leakSuspects().first)
    #expect(
      finding.text.contains("; about as many descriptors: 21 of kind eventfd"),
      "\(finding.text)"
    )
  }

  @Test func aLoopThatIsCaughtOnSeveralLinesIsOneSuspect() throws {
    var sketch = StackSketch()
    for line in 1...3 {
      sketch.addThreads(4, ["libc.so.6!read", "app!work@/src/a.c:\(line)"], call: "read") {
        index,
        thread in
        thread.startTime = Self.capture.addingTimeInterval(-Double(index * 30 + line))
      }
    }
    #expect(sketch.report.leakSuspects().map(\.threadIDs.count) == [12])
  }

  private static func ages(_ count: Int, _ age: (Double) -> Double) -> [Double] {
    (0..<count).map { age(Double($0)) }
  }

  private static let pools: [(String, [Double])] = [
    ("few", ages(9) { $0 * 100 }),
    ("created at once", ages(64) { _ in 50_000 }),
    ("created in a second", ages(64) { 50 + $0 / 70 }),
    // Grew to what was needed, hours ago.
    ("full", ages(64) { 9000 + $0 * 10 }),
    // A pool at the start, and some more.
    ("pool and others", ages(40) { _ in 7200 } + [7000, 5000, 3000, 1000, 10]),
    ("old ones and a burst", [7200, 7000, 5000, 3000, 1000] + ages(40) { _ in 10 }),
  ]

  @Test(arguments: pools)
  func ordinaryPoolsAreNotSuspected(_ name: String, _ ages: [Double]) {
    #expect(report(ages).leakSuspects().isEmpty, "\(name)")
  }

  @Test func threadsThatServeOneConditionAreAPoolHoweverTheyCame() {
    let ages = evenly(50, from: 100, to: 3)
    func suspects(_ lock: @escaping (Int) -> UInt64) -> [Finding] {
      report(ages, ["libc.so.6!pthread_cond_wait", "app!take()"], call: "futex") { index, thread in
        thread.waitsFor = WaitTarget()
        thread.waitsFor?.lock = lock(index)
      }
      .leakSuspects()
    }
    #expect(suspects { 0x7f00 + UInt64($0 % 2) * 4 }.isEmpty)
    #expect(suspects { 0x7f00 + UInt64($0) * 64 }.count == 1)
  }

  @Test func idleWorkersAndLibrariesThreadsAreNotSuspected() {
    let ages = evenly(50, from: 100, to: 3)
    let worker = [
      "libc.so.6!__new_sem_wait_slow64", "libdispatch.so!_dispatch_semaphore_wait_slow",
      "libdispatch.so!_dispatch_worker_thread", "libc.so.6!start_thread",
    ]
    #expect(report(ages, worker, call: "futex").leakSuspects().isEmpty)
    #expect(
      report(ages, ["libc.so.6!read", "libc.so.6!start_thread"], call: "read").leakSuspects()
        .isEmpty
    )
  }

  @Test func withoutAllStartTimesNothingIsSuspected() {
    #expect(
      report(evenly(50, from: 100, to: 3)) { if $0 == 7 { $1.startTime = nil } }.leakSuspects()
        .isEmpty
    )
  }

  // MARK: Tasks

  /// Suspended tasks with these ids, and one that came last.
  private func tasks(_ ids: [UInt64], newest: UInt64, in report: DumpReport = DumpReport())
    -> DumpReport
  {
    var report = report
    var frame = Frame(address: 1)
    (frame.function, frame.file, frame.line) = (
      "app.NewsFeed.next() async -> ()", "/src/NewsFeed.swift", 7
    )
    frame.shortFunction = "NewsFeed.next()"
    report.frames.append(frame)
    report.stacks.append([report.frames.count - 1])
    report.tasks = ids.map { id in
      var task = ReportTask(id: id, address: id * 256, state: .suspended)
      task.dependency = .continuation
      task.stack = report.stacks.count - 1
      return task
    }
    report.tasks.append(ReportTask(id: newest, address: 8, state: .running))
    return report
  }

  @Test func tasksThatAreAsManyAsLeakedThreadsAreSuspectedWithThem() throws {
    let threads = report(evenly(50, from: 100, to: 3))
    let suspects = tasks(Self.ids(52, each: 1), newest: 53, in: threads).leakSuspects()
    #expect(suspects.count == 2)
    let finding = try #require(suspects.last)
    #expect(
      finding.text
        == "52 tasks suspended in NewsFeed.next() (NewsFeed.swift:7), each until its continuation is resumed; about as many as threads in Client.keepAlive()"
    )
    #expect(finding.taskIDs == Self.ids(52, each: 1) && finding.threadIDs.isEmpty)
    #expect(tasks(Self.ids(80, each: 1), newest: 81, in: threads).leakSuspects().count == 1)
  }

  @Test func manyTasksAmongOthersThatEndedAreSuspected() throws {
    let finding = try #require(
      tasks(Self.ids(200, each: 5), newest: 1002).leakSuspects().first
    )
    #expect(
      finding.text.hasSuffix(
        ", created one after another (ids 5 to 1000) among others that have ended"
      )
    )
  }

  private static func ids(_ count: UInt64, each step: UInt64) -> [UInt64] {
    (1...count).map { $0 * step }
  }

  private static let ordinaryTasks: [(String, [UInt64], UInt64)] = [
    ("created at once", ids(500, each: 1), 501),
    ("few", ids(99, each: 5), 500),
    ("long ago", ids(200, each: 5), 2002),
    ("at one end", ids(190, each: 1) + ids(10, each: 200), 2001),
  ]

  @Test(arguments: ordinaryTasks)
  func ordinaryTasksAreNotSuspected(_ name: String, _ ids: [UInt64], _ newest: UInt64) {
    #expect(tasks(ids, newest: newest).leakSuspects().isEmpty, "\(name)")
  }
}
