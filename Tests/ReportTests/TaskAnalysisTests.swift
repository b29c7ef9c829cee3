import Report
import TestSupport
import Testing

struct TaskAnalysisTests {
  /// A task that waits for another one's value.
  private func waiting(_ id: UInt64, for target: UInt64) -> ReportTask {
    var task = ReportTask(id: id, address: id << 8, state: .suspended)
    task.dependency = .task
    task.awaitedTask = target
    return task
  }

  /// A child of a group.
  private func child(_ id: UInt64, of group: UInt64, waitingFor target: UInt64?) -> ReportTask {
    var task = waiting(id, for: target ?? 0)
    if target == nil {
      task.dependency = .continuation
      task.awaitedTask = nil
    }
    task.kind = .groupChild
    task.group = group
    return task
  }

  /// A task that waits for its group.
  private func waiting(_ id: UInt64, forGroup group: UInt64) -> ReportTask {
    var task = ReportTask(id: id, address: id << 8, state: .suspended)
    task.dependency = .group
    task.awaitedGroup = group
    return task
  }

  private func deadlocks(_ tasks: [ReportTask], _ executors: [ReportExecutor] = []) -> [Finding] {
    var report = DumpReport()
    report.tasks = tasks
    report.executors = executors
    return report.taskFindings().filter { $0.kind == "deadlock" }
  }

  @Test func tasksThatWaitForEachOtherAreADeadlockAndThoseBehindThemAreCounted() throws {
    let findings = deadlocks([
      waiting(9, for: 1), waiting(1, for: 2), waiting(2, for: 3), waiting(3, for: 1),
      waiting(4, for: 9), waiting(7, for: 8), waiting(8, for: 7),
    ])
    #expect(findings.map(\.taskIDs) == [[1, 2, 3], [7, 8]])
    #expect(
      findings[0].text
        == "3 tasks wait for each other: task 1 → task 2 → task 3 → task 1; "
        + "2 more tasks wait behind them"
    )
    #expect(findings[1].text == "2 tasks wait for each other: task 7 → task 8 → task 7")
  }

  @Test func aTaskThatWaitsForItselfIsADeadlock() {
    let findings = deadlocks([waiting(5, for: 5)])
    #expect(findings.map(\.text) == ["a task waits for itself: task 5 → task 5"])
  }

  @Test func aChainThatEndsInAContinuationASleepOrARunningTaskIsNone() {
    var last = ReportTask(id: 3, address: 3, state: .suspended)
    for state in [ReportTask.State.suspended, .enqueued, .running] {
      last.state = state
      last.dependency = state == .suspended ? .continuation : nil
      #expect(deadlocks([waiting(1, for: 2), waiting(2, for: 3), last]).isEmpty)
    }
    // Its target has completed.
    #expect(deadlocks([waiting(1, for: 2)]).isEmpty)
  }

  @Test func aTaskThatChangedWhileItWasReadProvesNothing() {
    var doubtful = waiting(1, for: 2)
    doubtful.doubt = "it changed twice while it was read"
    #expect(deadlocks([doubtful, waiting(2, for: 1)]).isEmpty)
  }

  @Test func aGroupIsStuckOnlyWhenEachOfItsChildrenIs() {
    let parent = waiting(1, forGroup: 0xa0)
    let stuck = child(2, of: 0xa0, waitingFor: 1)
    #expect(deadlocks([parent, stuck]).map(\.taskIDs) == [[1, 2]])
    #expect(deadlocks([parent, stuck, child(3, of: 0xa0, waitingFor: 2)]).count == 1)
    // Another child may finish, and `next()` returns.
    #expect(deadlocks([parent, stuck, child(3, of: 0xa0, waitingFor: nil)]).isEmpty)
    // All children have completed.
    #expect(deadlocks([parent]).isEmpty)
  }

  @Test func aTaskThatWaitsForAnActorThatRunsIsNoDeadlock() {
    var actor = ReportExecutor(address: 0xb0, kind: .actor)
    actor.holderTask = 2
    var waiting = ReportTask(id: 1, address: 1, state: .enqueued)
    waiting.dependency = .executor
    waiting.executor = 0
    let running = ReportTask(id: 2, address: 2, state: .running)
    #expect(deadlocks([waiting, running], [actor]).isEmpty)
    // By the time that it was looked at it had suspended, and let go of the actor.
    #expect(deadlocks([waiting, self.waiting(2, for: 1)], [actor]).isEmpty)
  }

  @Test func aHundredThousandTasksBehindADeadlockAreOneFinding() {
    let tasks = (2...100_000).map { waiting(UInt64($0), for: UInt64($0) - 1) }
    let findings = deadlocks([waiting(1, for: 2)] + tasks)
    #expect(findings.map(\.taskIDs) == [[1, 2]])
    #expect(findings[0].text.hasSuffix("99998 more tasks wait behind them"))
  }

  @Test func actorsHeldByABlockedTaskAreNamedWithWhoWaits() throws {
    var report = SampleReport.tasks()
    let held = try #require(report.taskFindings().first { $0.kind == "actor-blocked" })
    #expect(
      held.text
        == "actor Bank.Vault (0x7f220000) is held by task 9 “withdraw” in "
        + "Vault.withdraw() (Vault.swift:55), which blocks in clock_nanosleep on thread 4712; 2 tasks wait for it"
    )
    #expect(held.threadIDs == [4712] && held.taskIDs == [9])
    let running = try #require(report.tasks.firstIndex { $0.id == 9 })
    report.tasks[running].state = .suspended
    #expect(!report.taskFindings().contains { $0.kind == "actor-blocked" })
    report.tasks[running].state = .running
    report.threads[1].state = .running
    #expect(!report.taskFindings().contains { $0.kind == "actor-blocked" })
  }

  @Test func aPoolIsExhaustedWhenAllItsThreadsBlockAndTasksAreEnqueued() throws {
    var report = SampleReport.tasks()
    func exhausted() -> Finding? { report.taskFindings().first { $0.kind == "pool-exhausted" } }
    let finding = try #require(exhausted())
    #expect(finding.threadIDs == [4712] && finding.taskIDs == [9])
    #expect(
      finding.text.hasPrefix(
        "the one thread of Swift's pool blocks in a system call (1 in clock_nanosleep) "
          + "while 1 task is enqueued"
      )
    )
    // One of them runs.
    var second = report.threads[1]
    second.threadID = 4713
    second.state = .running
    report.threads.append(second)
    #expect(exhausted() == nil)
    report.threads[2].state = .disk
    #expect(exhausted()?.threadIDs == [4712, 4713])
    // A worker without a job may take the next one.
    var worker = Frame(address: 1)
    worker.function = "_dispatch_worker_thread"
    report.frames.append(worker)
    report.stacks.append([report.frames.count - 1])
    report.threads[2].task = nil
    report.threads[2].stack = report.stacks.count - 1
    #expect(exhausted() == nil)
    // It is of another pool.
    report.threads[2].name = ".background-qos"
    #expect(exhausted()?.threadIDs == [4712])
    // As the tasks that are enqueued are.
    report.threads[1].name = "oot.utility-qos"
    #expect(exhausted() == nil)
    report.threads[1].name = "oot.default-qos"
    #expect(exhausted()?.threadIDs == [4712])
    report.threads.removeLast()
    // The main actor is no pool.
    report.threads[1].executor = report.executors[1].address
    #expect(exhausted() == nil)
    report.threads[1].executor = nil
    #expect(exhausted() != nil)
    // Nobody waits for a thread.
    report.tasks.removeAll { $0.state == .enqueued && $0.executor == nil }
    #expect(exhausted() == nil)
  }

  @Test func whereThreadsCouldNotNoteTheirTasksNoPoolIsJudged() {
    var report = SampleReport.tasks()
    report.taskSummary?.notesThreads = false
    #expect(!report.taskFindings().contains { $0.kind == "pool-exhausted" })
  }

  @Test func theStackTellsWhatAContinuationIsFor() throws {
    let report = SampleReport.tasks()
    let waits = TaskWaits(report)
    func wait(_ id: UInt64) throws -> TaskWait? {
      waits[try #require(report.tasks.first { $0.id == id })]
    }
    #expect(try wait(100) == TaskWait(kind: .continuation))
    #expect(try wait(2) == TaskWait(kind: .sleep, detail: "Task.sleep(for:tolerance:clock:)"))
    #expect(
      try wait(25)
        == TaskWait(kind: .continuation, detail: "AsyncStream.Iterator.next(isolation:)")
    )
    #expect(try wait(1)?.kind == .group)
    #expect(try wait(5)?.kind == .task)
    #expect(try wait(20)?.kind == .actor)
    #expect(try wait(22)?.kind == .mainActor)
    #expect(try wait(26)?.kind == .unknown)
    #expect(try wait(9) == nil)
    #expect(try wait(24) == nil)
  }

  @Test func tasksOfOneStackAreOneGroupTheLargestFirst() throws {
    let report = SampleReport.tasks()
    let groups = report.taskGroups()
    #expect(groups.map(\.tasks.count) == [40, 8, 1, 1, 1, 1, 1])
    #expect(groups[0].activities.map(\.count) == [40])
    #expect(groups[1].activities.map(\.count) == [3, 3, 1, 1])
    #expect(groups.flatMap(\.tasks).sorted() == Array(report.tasks.indices))
    #expect(groups.last?.fingerprint == nil && groups.last?.truncated != nil)
    // Of one stack that ends early and one that does not, each is a group.
    var other = report
    other.tasks[5].truncated = "too long"
    #expect(other.taskGroups().map(\.tasks.count).prefix(2) == [39, 8])
  }
}

struct SwiftFunctionTests {
  @Test(arguments: [
    ("partial apply forwarder for closure #1 () async -> () in bank.f() async -> ()", true, false),
    (
      "reabstraction thunk helper from @escaping @async () -> () to @escaping () -> ()", true, false
    ),
    (
      "generic specialization <()> of reabstraction thunk helper <A where A: Swift.Sendable>", true,
      false
    ),
    (
      "partial apply forwarder for generic specialization <Swift.Clock> of closure #1 () in bank.f()",
      true, false
    ),
    ("static bank.Main.$main() async throws -> ()", true, false),
    ("protocol witness for bank.P.f() -> () in conformance bank.S : bank.P in bank", true, false),
    ("Swift.withCheckedContinuation<A>(isolation: isolated Swift.Actor?) async -> A", false, true),
    (
      "generic specialization <Swift.ContinuousClock, (A) -> B> of static (extension in Swift):"
        + "Swift.Task< where A == Swift.Never>.sleep(for: A) async -> ()",
      false, true
    ),
    (
      "closure #1 (Swift.Array<(A) -> B>) -> () in Swift.withTaskGroup<A>(of: A) async -> B", false,
      true
    ),
    ("closure #1 (Swift.Int) -> () in bank.f(in: Swift.Int) async -> ()", false, false),
    ("(extension in bank):Swift.Array.f() async -> ()", false, false),
    ("bank.Swift.f() -> ()", false, false), ("bank.f<A>(A) -> Swift.Int", false, false),
    ("generic specialization <unclosed", false, false), ("", false, false),
  ])
  func aNameTellsWhoWroteTheFunction(_ name: String, isThunk: Bool, isOfLibrary: Bool) {
    #expect(SwiftFunction(name).isThunk == isThunk)
    #expect(SwiftFunction(name).isOfLibrary == isOfLibrary)
  }
}
