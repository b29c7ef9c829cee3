import FoundationEssentials

extension DumpReport {
  /// Groups that look like a leak: many threads or tasks of one kind, created one after another, and the creating goes on.
  ///
  /// What one report can tell; only a second one shows growth. The text names the evidence: how many, since when, in
  /// which line, created by whom, with which connections.
  public func leakSuspects() -> [Finding] {
    let roles = FrameRoles(self)
    let suspects = groups(.similar).filter { isSuspect($0, roles) }
    let threads = suspects.prefix(Self.mostSuspects).map { finding(of: $0, roles) }
    let tasks = suspectTasks(beside: suspects).prefix(Self.mostSuspects).map {
      finding(of: $0.group, beside: $0.threads, roles)
    }
    return threads + tasks
  }

  /// Findings of each sort that are written out, the largest groups first.
  private static let mostSuspects = 4
}

/// From what on a group is suspected.
private enum Threshold {
  /// Fewer of one kind every service has.
  static let members = 10
  /// The same of tasks without further evidence: they are cheap, and services have many on purpose.
  static let tasks = 100
  /// A pool is created in less, one thread right behind the other.
  static let span = 1.0
  /// Each half of the time has at least this part of them: a pool at the start and a few threads later are no leak.
  static let partOfHalf = 5
}

// MARK: - Threads

extension DumpReport {
  private func isSuspect(_ group: StackGroup, _ roles: FrameRoles) -> Bool {
    guard group.threads.count >= Threshold.members, group.idle == nil, let stack = group.stack,
      stacks[stack].contains(where: { roles.isOwn($0) }),
      let oldest = group.oldestStart, let newest = group.newestStart
    else { return false }
    let span = newest.timeIntervalSince(oldest)
    // Nothing came for longer than all of them took to come: a pool that grew as it was needed, and is full.
    guard span >= Threshold.span, let time, time.timeIntervalSince(newest) <= span else {
      return false
    }
    let members = group.threads.map { threads[$0] }
    let starts = members.compactMap { $0.startTime?.timeIntervalSince(oldest) }
    return isSteady(starts, over: span) && !serveOneLock(members)
  }

  /// Threads that wait for one lock or condition work together, however they came to be.
  private func serveOneLock(_ members: [ReportThread]) -> Bool {
    let locks = members.compactMap { $0.waitsFor?.lock }
    return locks.count * 2 > members.count && areOneLock(locks)
  }

  private func finding(of group: StackGroup, _ roles: FrameRoles) -> Finding {
    var text = "\(group.threads.count) threads"
    if let frame = group.stack.flatMap({ roles.ownFrame(ofStack: $0) }) {
      text += " in \(place(of: frames[frame]))"
    }
    if let oldest = group.oldestStart, let newest = group.newestStart {
      text += ", created one after another since \(clockText(oldest))"
      let span = Duration.seconds(newest.timeIntervalSince(oldest))
      text += " (over \(durationText(span)), the last \(age(of: newest)))"
    }
    if let creator = group.createdBy?.stack {
      let callers = roles.ownFrames(ofStack: creator).prefix(3).map { place(of: frames[$0]) }
      if !callers.isEmpty { text += " by \(callers.joined(separator: " ← "))" }
    }
    let connections = connectionsText(of: group)
    if !connections.isEmpty { text += "; \(connections)" }
    if group.createdBy == nil, threads.allSatisfy({ $0.createdBy == nil }) {
      text += "; DUMPCOLLECT=thread-origins=on tells who creates them"
    }
    var finding = Finding(kind: "leak-suspect", text: text)
    finding.threadIDs = group.threads.map { threads[$0].threadID }
    return finding
  }

  /// `the last 3 s ago`.
  private func age(of date: Date) -> String {
    guard let time else { return "at \(clockText(date))" }
    let age = Duration.seconds(max(0, time.timeIntervalSince(date)))
    return age < .seconds(1) ? "less than a second ago" : "\(durationText(age)) ago"
  }

  /// `12:03:11 UTC`, with the day where it is another one than the capture's.
  private func clockText(_ date: Date) -> String {
    guard let text = Timestamp.text(date, fractionDigits: 0) else { return "an unknown time" }
    let parts = text.dropLast().split(separator: "T")
    let today = time.flatMap { Timestamp.text($0, fractionDigits: 0) }?.prefix(10)
    return parts.first == today ? "\(parts.last ?? "") UTC" : "\(parts.joined(separator: " ")) UTC"
  }
}

// MARK: - Tasks

extension DumpReport {
  /// Tasks have no age, but their ids ascend.
  ///
  /// As many as there are threads of a suspect group are likely from the same
  /// place; else many are needed, created among others that have ended.
  private func suspectTasks(
    beside suspects: [StackGroup]
  ) -> [(group: TaskGroup, threads: StackGroup?)] {
    guard tasks.count >= Threshold.members else { return [] }
    let newest = tasks.lazy.map(\.id).max() ?? 0
    return taskGroups(.similar).compactMap { group in
      guard group.tasks.count >= Threshold.members, wait(of: group) == .continuation else {
        return nil
      }
      let pair = suspects.first { isAsMany($0.threads.count, as: group.tasks.count) }
      if let pair { return (group, pair) }
      return cameAmongOthers(group, newest) ? (group, nil) : nil
    }
  }

  private func wait(of group: TaskGroup) -> TaskWait.Kind? {
    let kinds = Set(group.activities.map(\.activity.wait?.kind))
    guard kinds.count == 1, group.activities.allSatisfy({ $0.activity.state == .suspended }) else {
      return nil
    }
    return kinds.first ?? nil
  }

  private func cameAmongOthers(_ group: TaskGroup, _ newest: UInt64) -> Bool {
    let ids = group.tasks.map { tasks[$0].id }
    guard ids.count >= Threshold.tasks, let first = ids.min(), let last = ids.max() else {
      return false
    }
    let span = last - first
    // As many others as they are, and no more since than then.
    guard span / 2 >= UInt64(ids.count), newest - last <= span else { return false }
    return isSteady(ids.map { Double($0 - first) }, over: Double(span))
  }

  private func finding(
    of group: TaskGroup,
    beside threads: StackGroup?,
    _ roles: FrameRoles
  ) -> Finding {
    var text = "\(group.tasks.count) tasks suspended"
    let places = group.stack.map { roles.ownFrames(ofStack: $0).prefix(3) } ?? []
    if !places.isEmpty {
      text += " in \(places.map { place(of: frames[$0]) }.joined(separator: " ← "))"
    }
    text += ", each until its continuation is resumed"
    let ids = group.tasks.map { tasks[$0].id }
    if let threads, let frame = threads.stack.flatMap({ roles.ownFrame(ofStack: $0) }) {
      text += "; about as many as threads in \(name(of: frames[frame]))"
    } else if let first = ids.min(), let last = ids.max() {
      text += ", created one after another (ids \(first) to \(last)) among others that have ended"
    }
    var finding = Finding(kind: "leak-suspect", text: text)
    finding.taskIDs = ids
    return finding
  }
}

// MARK: - Connections

extension DumpReport {
  /// The connections that they wait for, else those that are about as many as they are, else descriptors.
  private func connectionsText(of group: StackGroup) -> String {
    let count = group.threads.count
    var peers: [String: Int] = [:]
    for thread in group.threads {
      let peer = threads[thread].waitsFor?.descriptors.lazy.compactMap(\.peer).first
      if let peer { peers[peer, default: 0] += 1 }
    }
    if let (peer, waiting) = peers.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
      waiting * 2 > count
    {
      return "\(waiting) of them wait for connections with \(peer)"
    }
    let alike = connections.filter { $0.state != "LISTEN" && isAsMany($0.count, as: count) }
    // Those that the service made say more than those that it accepted.
    let sorted = alike.filter { $0.local == nil } + alike.filter { $0.local != nil }
    if !sorted.isEmpty {
      return "about as many connections: "
        + sorted.prefix(2).map(text(of:)).joined(separator: ", ")
    }
    let kinds = descriptors.filter { isAsMany($0.count, as: count) }
    guard !kinds.isEmpty else { return "" }
    return "about as many descriptors: "
      + kinds.prefix(2).map { "\($0.count) of kind \($0.kind)" }.joined(separator: ", ")
  }

  private func text(of connection: ReportConnection) -> String {
    switch (connection.local, connection.peer) {
    case (let local?, let peer?): "\(connection.count) from \(peer) on \(local)"
    case (let local?, nil): "\(connection.count) on \(local)"
    case (nil, let peer?): "\(connection.count) to \(peer)"
    case (nil, nil): "\(connection.count) \(connection.state)"
    }
  }
}

/// Within an eighth.
private func isAsMany(_ count: Int, as members: Int) -> Bool {
  abs(count - members) * 8 <= members
}

/// They came over the whole time, not most of them at one of its ends.
private func isSteady(_ positions: [Double], over span: Double) -> Bool {
  let early = positions.count { $0 < span / 2 }
  return min(early, positions.count - early) * Threshold.partOfHalf >= positions.count
}
