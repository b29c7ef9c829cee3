package import Report

extension SampleReport {
  /// A bank of Swift tasks: leaked ones, a deadlock, an actor that is held, a task of each kind and state.
  package static func tasks() -> DumpReport {
    var report = DumpReport()
    report.reason = "signal"
    report.process.processID = 4711
    report.process.name = "bank"
    report.modules = [
      ReportModule(
        path: "/opt/bank/bin/bank",
        buildID: "0123",
        base: 0x5555_0000,
        end: 0x5556_0000
      ),
      ReportModule(
        path: "/usr/lib/swift/linux/libswift_Concurrency.so",
        buildID: nil,
        base: 0x7f00_0000,
        end: 0x7f10_0000
      ),
    ]
    report.modules[0].status = .debugInfo
    report.modules[1].status = .symbols
    report.frames = taskFrames()
    report.stacks = [
      // Leaked; closed over by a thunk.
      [0, 1, 2],
      // Sleeps.
      [3, 4, 5, 2],
      // Waits for its group.
      [6, 7, 8],
      // For an actor.
      [9, 1, 2],
      // Runs: machine frames, then the asynchronous one.
      [10, 11, 1, 2],
      // The machine's stack of that thread.
      [10, 11, 12, 13],
      [14, 15],
      // A stream.
      [16, 6, 8],
    ]
    report.executors = executors()
    report.tasks = tasksOfBank()
    var pool = ReportThread(threadID: 4712)
    pool.name = "bank"
    pool.state = .sleeping
    pool.systemCall = "clock_nanosleep"
    pool.stack = 5
    pool.task = 9
    pool.executor = 0x7f22_0000
    var main = ReportThread(threadID: 4711)
    main.name = "bank"
    main.state = .sleeping
    main.systemCall = "epoll_wait"
    main.stack = 6
    report.threads = [main, pool]
    var summary = ReportTaskSummary(runtime: .shared, isDecoded: true)
    summary.layoutVersion = 1
    summary.taskCount = report.tasks.count
    summary.candidateCount = 4000
    summary.scannedByteCount = 12 << 20
    summary.skipped = [ReportTaskSummary.SkippedMemory(reason: "time", byteCount: 4096)]
    summary.scanTime = .milliseconds(3)
    summary.walkTime = .milliseconds(5)
    summary.notesThreads = true
    report.taskSummary = summary
    report.findings = report.taskFindings()
    return report
  }

  /// `count` tasks in a few stacks of nine frames.
  package static func manyTasks(_ count: Int) -> DumpReport {
    var report = tasks()
    report.stacks.append([0, 6, 9, 5, 7, 0, 6, 9, 1])
    report.tasks = (0..<count).map { index in
      var task = ReportTask(
        id: UInt64(index + 1),
        address: 0x7f80_0000_0000 + UInt64(index) * 512,
        state: .suspended
      )
      task.dependency = .continuation
      task.priority = 21
      task.stack = index % 50 == 0 ? 1 : report.stacks.count - 1
      return task
    }
    return report
  }

  private static func executors() -> [ReportExecutor] {
    var bank = ReportExecutor(address: 0x7f22_0000, kind: .actor)
    bank.type = "Bank.Vault"
    bank.holderTask = 9
    bank.holderThreadID = 4712
    var main = ReportExecutor(address: 0x7f33_0000, kind: .mainActor)
    main.type = "Swift.MainActor"
    var custom = ReportExecutor(address: 0x7f44_0000, kind: .custom)
    custom.unknown = "no symbol covers its metadata"
    return [bank, main, custom]
  }

  private static func tasksOfBank() -> [ReportTask] {
    func task(
      _ id: UInt64,
      _ state: ReportTask.State,
      _ stack: Int?,
      _ dependency: ReportTask.Dependency? = nil,
      name: String? = nil
    ) -> ReportTask {
      var task = ReportTask(id: id, address: 0x7f55_0000 + id * 256, state: state)
      task.stack = stack
      task.dependency = dependency
      task.name = name
      task.priority = 21
      return task
    }
    var main = task(1, .suspended, 2, .group, name: "main")
    main.awaitedGroup = 0x7f66_0000
    var leaked = (0..<40).map { index in
      var child = task(100 + UInt64(index), .suspended, 0, .continuation)
      child.kind = .groupChild
      child.parent = 1
      child.group = 0x7f66_0000
      child.isCancelled = index % 2 == 0
      return child
    }
    leaked[3].doubt = "it changed twice while it was read"
    var sleeper = task(2, .suspended, 1, .continuation, name: "retry \"fast\"")
    sleeper.priority = 25
    sleeper.basePriority = 9
    sleeper.kind = .asyncLet
    sleeper.parent = 1
    var transfer = task(5, .suspended, 3, .task, name: "transfer")
    transfer.awaitedTask = 6
    var audit = task(6, .suspended, 3, .task, name: "audit")
    audit.awaitedTask = 5
    var behind = task(7, .suspended, 3, .task)
    behind.awaitedTask = 5
    let waiting = [UInt64(20), 21].map { id in
      var waiting = task(id, .enqueued, 3, .executor)
      waiting.executor = 0
      return waiting
    }
    var onMain = task(22, .enqueued, 3, .executor)
    onMain.executor = 1
    var onLoop = task(23, .enqueued, 3, .executor)
    onLoop.executor = 2
    var running = task(9, .running, 4, name: "withdraw")
    running.executor = 0
    running.threadID = 4712
    let ready = task(24, .enqueued, 3)
    var partial = task(25, .suspended, 7, .continuation)
    partial.truncated = "the chain of contexts left memory"
    var bare = task(26, .suspended, nil)
    bare.truncated = "its context could not be read"
    bare.priority = nil
    bare.awaitedAddress = 0x7f77_0000
    return [main] + leaked + [sleeper, transfer, audit, behind] + waiting
      + [onMain, onLoop, running, ready, partial, bare]
  }

  private static func taskFrames() -> [Frame] {
    [
      own(0x100, "Bank.Client.keepAlive() async -> ()", "Client.keepAlive()", "Client.swift", 41),
      runtime(
        0x200,
        "partial apply forwarder for closure #1 () async -> () in Bank.serve() async -> ()",
        "partial apply for closure #1 in serve()"
      ),
      runtime(
        0x300,
        "reabstraction thunk helper from @escaping @callee_guaranteed @async () -> ()",
        "thunk for @escaping @callee_guaranteed @async () -> ()"
      ),
      runtime(
        0x400,
        "(extension in Swift):Swift.Clock.sleep(for: A.Duration, tolerance: A.Duration?) async throws -> ()",
        "Clock.sleep(for:tolerance:)"
      ),
      runtime(
        0x500,
        "static (extension in Swift):Swift.Task< where A == Swift.Never, B == Swift.Never>.sleep<A>(for: A.Duration) async throws -> ()",
        "static Task<>.sleep<A>(for:tolerance:clock:)"
      ),
      own(0x600, "Bank.Client.retry() async throws -> ()", "Client.retry()", "Client.swift", 77),
      own(0x700, "static Bank.Main.main() async -> ()", "static Main.main()", "Main.swift", 12),
      own(0x800, "Bank.audit(every: Swift.Int) async -> ()", "audit(every:)", "Audit.swift", 9),
      runtime(0x900, "static Bank.Main.$main() async -> ()", "static Main.$main()"),
      own(
        0xa00,
        "Bank.Vault.move(to: Bank.Vault) async -> ()",
        "Vault.move(to:)",
        "Vault.swift",
        30
      ),
      machine(0xb00, "clock_nanosleep"),
      machine(
        0xc00,
        "Bank.Vault.withdraw() -> ()",
        short: "Vault.withdraw()",
        file: "Vault.swift",
        line: 55
      ),
      machine(0xd00, "swift::runJobInEstablishedExecutorContext(swift::Job*)", isRuntime: true),
      machine(0xe00, "swift_job_run", isRuntime: true),
      machine(0xf00, "epoll_wait"),
      machine(0x1000, "main", file: "main.c", line: 7),
      runtime(
        0x1100,
        "Swift.AsyncStream.Iterator.next(isolation: isolated Swift.Actor?) async -> A?",
        "AsyncStream.Iterator.next(isolation:)"
      ),
    ]
  }

  private static func own(
    _ offset: UInt64,
    _ function: String,
    _ short: String,
    _ file: String,
    _ line: UInt32
  ) -> Frame {
    var frame = Frame(address: 0x5555_0000 + offset)
    frame.module = 0
    frame.offset = offset
    frame.function = function
    frame.shortFunction = short
    frame.linkage = "$s4Bank\(offset)"
    frame.file = "/src/bank/\(file)"
    frame.line = line
    frame.column = 0
    frame.isAsync = true
    return frame
  }

  private static func runtime(_ offset: UInt64, _ function: String, _ short: String) -> Frame {
    var frame = Frame(address: 0x7f00_0000 + offset)
    frame.module = 1
    frame.offset = offset
    frame.function = function
    frame.shortFunction = short
    frame.linkage = "$ss\(offset)"
    frame.unknown = "no debug information"
    frame.isAsync = true
    frame.isRuntime = true
    return frame
  }

  private static func machine(
    _ offset: UInt64,
    _ function: String,
    short: String? = nil,
    file: String? = nil,
    line: UInt32? = nil,
    isRuntime: Bool = false
  ) -> Frame {
    var frame = Frame(address: 0x5555_0000 + offset)
    frame.module = isRuntime ? 1 : 0
    frame.offset = offset
    frame.function = function
    frame.shortFunction = short
    frame.file = file.map { "/src/bank/\($0)" }
    frame.line = line
    frame.isRuntime = isRuntime
    frame.origin = .cfi
    return frame
  }
}
