extension DumpReport {
  /// What the tasks say about the whole process: tasks that wait for each other, a pool whose threads all block,
  /// actors that are held by a task that blocks.
  ///
  /// Each rests on what stands in the report alone; the text names the evidence.
  public func taskFindings() -> [Finding] {
    guard !tasks.isEmpty else { return [] }
    let graph = TaskGraph(self)
    let roles = FrameRoles(self)
    return deadlocks(graph, roles) + exhaustedPools(roles) + heldActors(roles)
  }

  /// Findings of one kind that are written out.
  private static let mostFindings = 8
  /// Tasks of one cycle that are written out.
  private static let mostTasks = 6
}

// MARK: - Tasks that wait for each other

extension DumpReport {
  private func deadlocks(_ graph: TaskGraph, _ roles: FrameRoles) -> [Finding] {
    let cycles = graph.cycles()
    var findings = cycles.prefix(Self.mostFindings).map { cycle in
      var finding = Finding(
        kind: "deadlock",
        text: text(of: cycle.tasks, behind: cycle.behind, graph, roles)
      )
      finding.taskIDs = cycle.tasks.map { tasks[$0].id }
      return finding
    }
    let rest = cycles.dropFirst(Self.mostFindings)
    if !rest.isEmpty {
      var finding = Finding(
        kind: "deadlock",
        text: "\(rest.count) more groups of tasks that wait for each other"
      )
      finding.taskIDs = rest.flatMap { $0.tasks.map { tasks[$0].id } }
      findings.append(finding)
    }
    return findings
  }

  private func text(
    of cycle: [Int],
    behind: Int,
    _ graph: TaskGraph,
    _ roles: FrameRoles
  ) -> String {
    var text =
      cycle.count == 1 ? "a task waits for itself: " : "\(cycle.count) tasks wait for each other: "
    for (position, index) in cycle.prefix(Self.mostTasks).enumerated() {
      if position > 0 { text += " → " }
      text += description(of: tasks[index], roles)
      if case .group = graph.edge(of: index) { text += ", for its task group" }
    }
    if cycle.count > Self.mostTasks { text += " → \(cycle.count - Self.mostTasks) more" }
    text += " → \(shortDescription(of: tasks[cycle[0]]))"
    if behind > 0 {
      text += "; \(number(behind, "more task waits", "more tasks wait")) behind them"
    }
    return text
  }
}

// MARK: - The pool

extension DumpReport {
  /// All threads of one of Swift's pools block while tasks wait for a thread of it.
  ///
  /// libdispatch has a pool for each quality of service, and names its threads after it.
  private func exhaustedPools(_ roles: FrameRoles) -> [Finding] {
    guard taskSummary?.notesThreads == true else { return [] }
    // Main actor and executors of the service's own have threads of their own.
    let others = Set(executors.lazy.filter { $0.kind != .actor }.map(\.address))
    var pools: [String?: [ReportThread]] = [:]
    for thread in threads where thread.task != nil {
      guard thread.threadID != process.processID, thread.name?.hasSuffix("overcommit") != true,
        !(thread.executor.map(others.contains) ?? false)
      else { continue }
      pools[thread.name, default: []].append(thread)
    }
    return pools.sorted { ($0.key ?? "") < ($1.key ?? "") }
      .compactMap { exhaustion(of: $0, $1, roles) }
  }

  private func exhaustion(
    of name: String?,
    _ pool: [ReportThread],
    _ roles: FrameRoles
  ) -> Finding? {
    guard pool.allSatisfy(\.isBlocked),
      // A worker without a job may take one at the next moment.
      !threads.contains(where: { $0.task == nil && $0.name == name && isWorker($0) })
    else { return nil }
    let waiting = tasks.count { waitsForPool($0) && Self.isServed($0, byPool: name) }
    guard waiting > 0 else { return nil }
    var text =
      pool.count == 1
      ? "the one thread of Swift's pool blocks in a system call (\(calls(of: pool)))"
      : "all \(pool.count) threads of Swift's pool block in system calls (\(calls(of: pool)))"
    text += " while \(number(waiting, "task is", "tasks are")) enqueued"
    if let task = self.task(pool.first?.task) {
      text += "; the first of them runs \(description(of: task, roles))"
    }
    var finding = Finding(kind: "pool-exhausted", text: text)
    finding.threadIDs = pool.map(\.threadID)
    finding.taskIDs = pool.compactMap(\.task)
    return finding
  }

  /// `2 in clock_nanosleep, 1 in read`.
  private func calls(of threads: [ReportThread]) -> String {
    var calls: [(call: String, count: Int)] = []
    for thread in threads {
      let call = thread.systemCall ?? "an unknown call"
      if let known = calls.firstIndex(where: { $0.call == call }) {
        calls[known].count += 1
      } else {
        calls.append((call, 1))
      }
    }
    return calls.sorted { $0.count > $1.count }.map { "\($0.count) in \($0.call)" }
      .joined(separator: ", ")
  }

  private func waitsForPool(_ task: ReportTask) -> Bool {
    guard task.state == .enqueued, task.doubt == nil else { return false }
    guard let executor = task.executor.map({ executors[$0] }) else { return true }
    // An actor that nobody runs on waits for a thread itself.
    return executor.kind == .actor && executor.holderThreadID == nil
  }

  /// Whether a task of this priority runs on the pool whose threads have the name; a thread's name is the last 15 bytes
  /// of `com.apple.root.default-qos` and the like.
  private static func isServed(_ task: ReportTask, byPool name: String?) -> Bool {
    guard let name, name.hasSuffix("-qos"), let priority = task.priority else { return true }
    let quality =
      switch priority {
      case 33...: "user-interactive-qos"
      case 25...: "user-initiated-qos"
      case 21...: "default-qos"
      case 17...: "utility-qos"
      default: "background-qos"
      }
    return "com.apple.root.\(quality)".hasSuffix(name)
  }

  /// Whether it is a thread of libdispatch's pools.
  private func isWorker(_ thread: ReportThread) -> Bool {
    guard let stack = thread.stack else { return false }
    return stacks[stack].contains { frames[$0].function == "_dispatch_worker_thread" }
  }
}

// MARK: - Actors

extension DumpReport {
  /// Actors whose task blocks its thread instead of suspending.
  private func heldActors(_ roles: FrameRoles) -> [Finding] {
    var waiters: [Int: Int] = [:]
    for task in tasks where task.dependency == .executor {
      if let executor = task.executor { waiters[executor, default: 0] += 1 }
    }
    var held: [(finding: Finding, waiters: Int)] = []
    for (index, executor) in executors.enumerated() {
      // A task that was suspended by the time it was looked at had not been blocked for good.
      guard let task = self.task(executor.holderTask), task.state == .running,
        let id = executor.holderThreadID, let thread = threads.first(where: { $0.threadID == id }),
        thread.isBlocked
      else { continue }
      var text = "\(description(of: executor)) is held by "
      text += description(of: task, roles)
      text += ", which blocks in \(thread.systemCall ?? "a system call") on thread \(id)"
      let count = waiters[index] ?? 0
      if count > 0 { text += "; \(number(count, "task waits", "tasks wait")) for it" }
      var finding = Finding(kind: "actor-blocked", text: text)
      finding.threadIDs = [id]
      finding.taskIDs = [task.id]
      held.append((finding, count))
    }
    held.sort { $0.waiters > $1.waiters }
    var findings = held.prefix(Self.mostFindings).map(\.finding)
    let rest = held.dropFirst(Self.mostFindings)
    if !rest.isEmpty {
      var finding = Finding(
        kind: "actor-blocked",
        text: "\(number(rest.count, "more actor is", "more actors are")) held by tasks that block"
      )
      finding.threadIDs = rest.flatMap(\.finding.threadIDs)
      finding.taskIDs = rest.flatMap(\.finding.taskIDs)
      findings.append(finding)
    }
    return findings
  }
}

extension ReportThread {
  /// Sleeps in the kernel, as far as is known.
  fileprivate var isBlocked: Bool {
    (state == .sleeping || state == .disk) && (status == .captured || status == .quiet)
  }
}

// MARK: - Words

extension DumpReport {
  private func task(_ id: UInt64?) -> ReportTask? {
    guard let id else { return nil }
    return tasks.first { $0.id == id }
  }

  /// `task 7 “transfer” in Bank.move(to:) bank.swift:41`.
  private func description(of task: ReportTask, _ roles: FrameRoles) -> String {
    let text = shortDescription(of: task)
    guard let frame = task.stack.flatMap({ roles.ownFrame(ofStack: $0) }) else { return text }
    return "\(text) in \(place(of: frames[frame]))"
  }

  private func shortDescription(of task: ReportTask) -> String {
    "task \(task.id)" + (task.name.map { " “\($0)”" } ?? "")
  }

  private func description(of executor: ReportExecutor) -> String {
    let address = "0x" + String(executor.address, radix: 16)
    switch executor.kind {
    case .mainActor: return "the main actor"
    case .actor: return "actor \(executor.type.map { "\($0) (\(address))" } ?? address)"
    case .custom: return "executor \(executor.type.map { "\($0) (\(address))" } ?? address)"
    }
  }

  private func number(_ count: Int, _ one: String, _ many: String) -> String {
    "\(count) \(count == 1 ? one : many)"
  }
}
