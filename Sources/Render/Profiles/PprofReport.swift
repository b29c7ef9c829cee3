import FoundationEssentials
import Report
import SwiftProtobuf

/// The report as a file of pprof: profile.proto, packed by gzip.
///
/// A sample is all threads that have the same stack and the same labels, or all such tasks.
struct PprofReport {
  private let stacks: ProfileStacks

  init(_ report: DumpReport) {
    stacks = ProfileStacks(report)
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    let bytes: [UInt8] = try profile().serializedBytes()
    try sink(gzipFile(of: bytes))
  }

  private func profile() -> PprofProfile {
    var tables = PprofTables(stacks)
    var profile = PprofProfile()
    profile.sampleType = [
      tables.quantity("threads", "count"), tables.quantity("tasks", "count"),
      tables.quantity("cpu", "nanoseconds"),
    ]
    profile.defaultSampleType = tables.text("threads")
    profile.timeNanos = stacks.report.time.map(nanosecondsSince1970) ?? 0
    profile.comment = comments.map { tables.text($0) }
    profile.sample = threadSamples(&tables) + taskSamples(&tables)
    tables.finish(&profile)
    return profile
  }

  private var comments: [String] {
    let report = stacks.report
    let heading = ReportHeading(report)
    var lines = [heading.process, heading.cause]
    if let message = report.message { lines.append("message: \(visible(message))") }
    if !report.isComplete && report.problems.isEmpty { lines.append("incomplete") }
    return lines + report.problems.map { "incomplete: \(visible($0))" }
  }

  private func threadSamples(_ tables: inout PprofTables) -> [PprofSample] {
    let report = stacks.report
    var distinct = CountedValues<SampleKey>()
    var threads: [[Int]] = []
    for (index, thread) in report.threads.enumerated() {
      let stack = tables.locations(of: stacks.stack(of: thread))
      let sample = distinct.add(SampleKey(stack: stack, labels: labels(of: thread)))
      if sample == threads.count { threads.append([]) }
      threads[sample].append(index)
    }
    return zip(distinct.values, threads).map { entry, members in
      let time = members.reduce(Int64(0)) { sum, index in
        let thread = report.threads[index]
        return adding(sum, adding(nanoseconds(thread.cpuUser), nanoseconds(thread.cpuSystem)))
      }
      var sample = tables.sample(entry.value, [Int64(members.count), 0, time])
      if members.count == 1 {
        sample.label.append(tables.label("tid", Int64(report.threads[members[0]].threadID)))
      }
      return sample
    }
  }

  private func taskSamples(_ tables: inout PprofTables) -> [PprofSample] {
    let report = stacks.report
    let waits = TaskWaits(report)
    var distinct = CountedValues<SampleKey>()
    var first: [Int] = []
    for (index, task) in report.tasks.enumerated() {
      let stack = tables.locations(of: stacks.stack(of: task))
      let labels = labels(of: task, waits[task])
      if distinct.add(SampleKey(stack: stack, labels: labels)) == first.count {
        first.append(index)
      }
    }
    return zip(distinct.values, first).map { entry, index in
      var sample = tables.sample(entry.value, [0, Int64(entry.count), 0])
      if entry.count == 1, let id = Int64(exactly: report.tasks[index].id) {
        sample.label.append(tables.label("task_id", id))
      }
      return sample
    }
  }

  /// What pprof's `-tagfocus` and `-tags` know of a thread; the service's own labels come last.
  private func labels(of thread: ReportThread) -> [SampleKey.Label] {
    var labels = SampleKey.Labels()
    labels.add("kind", "thread")
    labels.add("thread", thread.name)
    labels.add("state", thread.state?.rawValue)
    labels.add("wait", stacks.report.wait(of: thread)?.kind.rawValue)
    labels.add("syscall", thread.state == .running ? nil : thread.systemCall)
    if thread.status != .captured { labels.add("status", thread.status.rawValue) }
    labels.add("reason", thread.reason)
    labels.add("truncated", thread.truncated)
    for (key, value) in thread.labels.sorted(by: { $0.key < $1.key }) {
      labels.add(ofService: key, value)
    }
    return labels.list
  }

  private func labels(of task: ReportTask, _ wait: TaskWait?) -> [SampleKey.Label] {
    var labels = SampleKey.Labels()
    labels.add("kind", "task")
    labels.add("task", task.name)
    labels.add("state", task.state.rawValue)
    labels.add("wait", wait?.kind.rawValue)
    labels.add("priority", task.priority.map(priorityName))
    labels.add("truncated", task.truncated)
    return labels.list
  }

  private func nanosecondsSince1970(_ date: Date) -> Int64 {
    Int64(exactly: (date.timeIntervalSince1970 * 1e9).rounded()) ?? 0
  }

  private func nanoseconds(_ duration: Duration?) -> Int64 {
    guard let (seconds, attoseconds) = duration?.components else { return 0 }
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : adding(whole, attoseconds / 1_000_000_000)
  }

  private func adding(_ a: Int64, _ b: Int64) -> Int64 {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
  }
}

/// What the threads or tasks of one sample have in common.
struct SampleKey: Hashable {
  /// A key and a text, safe to print.
  struct Label: Hashable {
    var key: String
    var value: String
  }

  /// Labels, each of another key.
  struct Labels {
    private(set) var list: [Label] = []

    mutating func add(_ key: String, _ value: String?) {
      guard let value, !value.isEmpty else { return }
      list.append(Label(key: key, value: visible(value)))
    }

    /// Adds a label of the service's; one that has a key of ours is called `label:key`.
    mutating func add(ofService key: String, _ value: String) {
      let isTaken = key.isEmpty || Self.reserved.contains(key)
      add(isTaken ? "label:\(key)" : visible(key), value)
    }

    private static let reserved: Set = [
      "kind", "thread", "state", "wait", "syscall", "status", "reason", "truncated", "tid",
      "task", "priority", "task_id",
    ]
  }

  /// As `PprofTables.locations(of:)` numbers it.
  var stack: Int
  var labels: [Label]
}
