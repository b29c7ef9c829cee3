extension DumpReport {
  /// What locks say about the whole process: threads that wait for each other, locks whose owner has ended, locks that
  /// many wait for.
  ///
  /// Each rests on what stands in the report alone; the text names the evidence.
  public func lockFindings() -> [Finding] {
    guard threads.contains(where: { $0.waitsFor?.lock != nil || $0.waitsFor?.ownerThreadID != nil })
    else { return [] }
    let circles = LockGraph(self).circles()
    let stuck = Set(circles.flatMap { $0.threads.map { threads[$0].threadID } })
    return deadlocks(circles) + abandonedLocks() + contendedLocks(besides: stuck)
  }

  /// Findings of one kind that are written out.
  private static let mostFindings = 8
  /// Threads of one circle that are written out.
  private static let mostThreads = 6
  /// Threads that wait for one lock before that is worth a word.
  ///
  /// A lock that is used at all has somebody waiting at times; that many at once in a single look is a queue of that
  /// length for most of the time.
  private static let crowd = 8
}

// MARK: - Threads that wait for each other

extension DumpReport {
  private func deadlocks(_ circles: [(threads: [Int], behind: Int)]) -> [Finding] {
    limited(
      circles.map { circle in
        var finding = Finding(
          kind: "deadlock",
          text: text(of: circle.threads, behind: circle.behind)
        )
        finding.threadIDs = circle.threads.map { threads[$0].threadID }
        return finding
      },
      "deadlock",
      "more groups of threads that wait for each other"
    )
  }

  private func text(of circle: [Int], behind: Int) -> String {
    var text: String
    if circle.count == 1 {
      let thread = threads[circle[0]]
      text = "\(thread.inWords) waits for itself: for \(wantedText(of: thread)), which it holds"
    } else {
      text = "\(circle.count) threads wait for each other: "
      let shown = circle.prefix(Self.mostThreads)
      text += shown.map { "\(threads[$0].inWords) for \(wantedAndHeldText(of: threads[$0]))" }
        .joined(separator: "; ")
      if circle.count > shown.count { text += "; and \(circle.count - shown.count) more" }
    }
    if behind > 0 {
      text += ". \(behind) more \(behind == 1 ? "thread waits" : "threads wait") behind them"
    }
    // What makes it more than a suspicion.
    text +=
      circle.count == 1
      ? ". It slept while its lock was read" : ". All of them slept while their locks were read"
    // Containers of one image have threads of the same numbers.
    if circle.contains(where: { isShared(threads[$0]) }) {
      text +=
        "; where processes of several PID namespaces share a lock, its owner may be of another one"
    }
    return text
  }

  private func isShared(_ thread: ReportThread) -> Bool {
    let type = thread.waitsFor?.lockType ?? ""
    return type.contains("process-shared") || type.contains("robust")
  }

  /// `normal mutex 0x55d2 (g_lock), held by thread 7`.
  private func wantedAndHeldText(of thread: ReportThread) -> String {
    let text = wantedText(of: thread)
    guard thread.waitsFor?.lock != nil, let owner = thread.waitsFor?.ownerThreadID else {
      return text
    }
    return text + ", held by thread \(owner)"
  }

  /// `normal mutex 0x55d2 (g_lock)`, `the end of thread 12`.
  private func wantedText(of thread: ReportThread) -> String {
    guard let target = thread.waitsFor else { return "something" }
    guard let lock = target.lock else {
      return target.ownerThreadID.map { "the end of thread \($0)" } ?? "something"
    }
    return lockText(
      address: lock,
      name: target.lockName,
      type: target.lockType,
      kind: wait(of: thread)?.kind
    )
  }

  private func lockText(
    address: UInt64,
    name: String?,
    type: String?,
    kind: ThreadWait.Kind?
  ) -> String {
    let kindText = kind?.rawValue ?? "futex"
    // How it is asked for is no word of a lock that may be held otherwise.
    let words = kind == .rwlock ? [kindText] : [type, kindText].compactMap(\.self)
    let text = "\(words.joined(separator: " ")) 0x\(String(address, radix: 16))"
    return text + (name.map { " (\($0))" } ?? "")
  }
}

// MARK: - Locks of threads that have ended

extension DumpReport {
  private func abandonedLocks() -> [Finding] {
    // An owner whose record is lost has not ended.
    guard isComplete || process.threadCount.map({ threads.count >= $0 }) == true else { return [] }
    let living = Set(threads.lazy.filter { $0.status != .exited }.map(\.threadID))
    let abandoned = locks().filter { lock in
      guard let owner = lock.ownerThreadID else { return false }
      // Another process may hold what several share; the kernel itself takes robust locks from threads that end.
      let type = lock.type ?? ""
      return !living.contains(owner) && !type.contains("process-shared") && !type.contains("robust")
    }
    let findings = abandoned.map { lock in
      let count = lock.waiterThreadIDs.count
      var finding = Finding(
        kind: "lock-abandoned",
        text: "\(lockText(lock)) was held by thread \(lock.ownerThreadID ?? 0), which has ended, "
          + "or was left behind by a fork: nobody will give it back; \(count) \(count == 1 ? "thread waits" : "threads wait") for it"
      )
      finding.threadIDs = lock.waiterThreadIDs
      return finding
    }
    return limited(findings, "lock-abandoned", "more locks whose owners have ended")
  }

  private func lockText(_ lock: ReportLock) -> String {
    lockText(address: lock.address, name: lock.name, type: lock.type, kind: lock.kind)
  }
}

// MARK: - Locks that many wait for

extension DumpReport {
  private func contendedLocks(besides stuck: Set<Int32>) -> [Finding] {
    let living = Dictionary(
      threads.lazy.filter { $0.status != .exited }.map { ($0.threadID, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    let roles = FrameRoles(self)
    let findings = locks().compactMap { lock -> Finding? in
      guard lock.waiterThreadIDs.count >= Self.crowd,
        lock.kind == .mutex || lock.kind == .rwlock || lock.kind == .once
      else { return nil }
      var text = "\(lock.waiterThreadIDs.count) threads wait for \(lockText(lock))"
      if let id = lock.ownerThreadID {
        // Whoever waits for a circle is counted there, and nobody gives back what a thread that ended held.
        guard !stuck.contains(id), let owner = living[id] else { return nil }
        text += ", held by \(owner.inWords), which \(doingText(owner, roles))"
      } else {
        text += "; who holds it is not known"
      }
      var finding = Finding(kind: "lock-contention", text: text)
      finding.threadIDs = lock.waiterThreadIDs
      return finding
    }
    return limited(findings, "lock-contention", "more locks that many threads wait for")
  }

  /// `runs in parse (json.c:12)`, `waits for …`.
  private func doingText(_ thread: ReportThread, _ roles: FrameRoles) -> String {
    var text: String
    if thread.state == .running {
      text = "runs"
    } else if thread.waitsFor?.ownerThreadID != nil {
      text = "waits for \(wantedAndHeldText(of: thread))"
    } else {
      text = thread.systemCall.map { "is in \($0)" } ?? "does what is not known"
    }
    guard let frame = thread.stack.flatMap({ roles.ownFrame(ofStack: $0) }) else { return text }
    return "\(text), in \(place(of: frames[frame]))"
  }

  private func limited(_ findings: [Finding], _ kind: String, _ more: String) -> [Finding] {
    let rest = findings.dropFirst(Self.mostFindings)
    guard !rest.isEmpty else { return findings }
    var last = Finding(kind: kind, text: "\(rest.count) \(more)")
    last.threadIDs = rest.flatMap(\.threadIDs)
    return findings.prefix(Self.mostFindings) + [last]
  }
}

extension ReportThread {
  /// `thread 12 “writer”`.
  fileprivate var inWords: String { "thread \(threadID)" + (name.map { " “\($0)”" } ?? "") }
}
