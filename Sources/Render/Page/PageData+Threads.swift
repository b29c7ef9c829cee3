import Report

extension PageData {
  mutating func writeThreads(_ json: inout JSONWriter) {
    let threads = report.threads
    let waits = threads.map { report.wait(of: $0) }
    json.key("threads")
    json.object { json in
      json.field("count", threads.count)
      json.wideColumn("tid", threads.map { UInt64(clamping: $0.threadID) })
      json.column("name", threads.map { strings.number($0.name) })
      json.column("state", threads.map { strings.number($0.state?.rawValue) })
      json.column("status", threads.map { strings.number($0.status.rawValue) })
      json.column(
        "activity",
        threads.map { strings.number(activityText(report.activity(of: $0))) }
      )
      json.column("wait", waits.map { strings.number($0?.kind.rawValue) })
      json.column("reason", threads.map { strings.number($0.reason) })
      json.column("truncated", threads.map { strings.number($0.truncated) })
      json.column("user", threads.map { Self.milliseconds($0.cpuUser) })
      json.column("system", threads.map { Self.milliseconds($0.cpuSystem) })
      json.column("channel", threads.map { strings.number($0.waitChannel) })
      json.column("stack", threads.map { $0.stack ?? StringTable.none })
      writeWaits(&json)
      json.column("creator", threads.map { $0.createdBy.map { Int($0.threadID) } ?? -1 })
      json.column("creatorName", threads.map { strings.number($0.createdBy?.name) })
      json.column("creatorStack", threads.map { $0.createdBy?.stack ?? StringTable.none })
      json.sparse("labels", threads) { json, thread in
        guard !thread.labels.isEmpty else { return false }
        let sorted = thread.labels.sorted { $0.key < $1.key }
        json.array(sorted.flatMap { [$0.key, $0.value] }) { $0.number(strings.number($1)) }
        return true
      }
      json.sparse("task", threads) { json, thread in
        guard let task = thread.task else { return false }
        json.string(String(task))
        return true
      }
      json.sparse("executor", threads) { json, thread in
        guard let executor = report.executors.firstIndex(where: { $0.address == thread.executor })
        else { return false }
        json.number(executor)
        return true
      }
      json.sparse("schedule", threads) { json, thread in
        guard let text = Self.schedule(thread) else { return false }
        json.string(text)
        return true
      }
      json.sparse("signal", threads) { json, thread in
        guard let signal = thread.fatalSignal else { return false }
        json.string(describe(signal))
        return true
      }
      json.sparse("registers", threads) { json, thread in
        guard !thread.registers.isEmpty else { return false }
        let texts = thread.registers.flatMap { [visible($0.name), String($0.value, radix: 16)] }
        json.array(texts) { $0.string($1) }
        return true
      }
    }
  }

  /// Scheduling where it is not the usual one.
  private static func schedule(_ thread: ReportThread) -> String? {
    var parts: [String] = []
    if let policy = thread.policy {
      parts.append(visible(policy) + (thread.realtimePriority.map { " \($0)" } ?? ""))
    }
    if let nice = thread.nice { parts.append("nice \(nice)") }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  static func milliseconds(_ time: Duration?) -> Int {
    guard let time else { return StringTable.none }
    let (seconds, attoseconds) = time.components
    let (whole, overflow) = max(seconds, 0).multipliedReportingOverflow(by: 1000)
    return overflow ? .max : Int(whole &+ max(attoseconds, 0) / 1_000_000_000_000_000)
  }
}
