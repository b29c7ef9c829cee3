import Report

/// What the page of a comparison knows of the first report's threads and tasks: what menus filter by, and their stacks.
///
/// Those that are equal in all of this are one row with their number; of names the last number does not count, as in the menu.
struct PageBefore {
  private struct Kind: Hashable {
    var stack: Int?
    var state: String?
    var wait: String?
    var family: String?
    var isIdle = false
    var labels: [String] = []
  }

  private let report: DumpReport
  /// By stack of the report: its number in the page.
  private let stacks: [Int]

  init(_ report: DumpReport, stacks: [Int]) {
    self.report = report
    self.stacks = stacks
  }

  func writeThreads(_ json: inout JSONWriter, _ strings: inout StringTable) {
    var idle = Set<Int>()
    for group in report.groups() where group.idle != nil { idle.formUnion(group.threads) }
    let kinds = report.threads.enumerated().map { index, thread in
      Kind(
        stack: thread.stack.map { stacks[$0] },
        state: thread.state?.rawValue,
        wait: report.wait(of: thread)?.kind.rawValue,
        family: thread.name.map(Self.family),
        isIdle: idle.contains(index),
        labels: thread.labels.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
      )
    }
    write("threads", kinds, &json, &strings)
  }

  func writeTasks(_ json: inout JSONWriter, _ strings: inout StringTable) {
    let waits = TaskWaits(report)
    let kinds = report.tasks.map { task in
      Kind(
        stack: task.stack.map { stacks[$0] },
        state: task.state.rawValue,
        wait: waits[task]?.kind.rawValue,
        family: task.name.map(Self.family)
      )
    }
    write("tasks", kinds, &json, &strings)
  }

  private func write(
    _ name: String,
    _ kinds: [Kind],
    _ json: inout JSONWriter,
    _ strings: inout StringTable
  ) {
    var counted = CountedValues<Kind>()
    for kind in kinds { counted.add(kind) }
    let rows = counted.values
    json.key(name)
    json.object { json in
      json.field("count", rows.count)
      json.column("number", rows.map(\.count))
      json.column("stack", rows.map { $0.value.stack ?? StringTable.none })
      json.column("state", rows.map { strings.number($0.value.state) })
      json.column("wait", rows.map { strings.number($0.value.wait) })
      json.column("name", rows.map { strings.number($0.value.family) })
      json.column("idle", rows.map { $0.value.isIdle ? 1 : 0 }, absent: 0)
      json.sparse("labels", rows) { json, row in
        guard !row.value.labels.isEmpty else { return false }
        json.array(row.value.labels) { $0.number(strings.number($1)) }
        return true
      }
    }
  }

  /// `worker-*` of `worker-12`.
  private static func family(_ name: String) -> String {
    let end = name.utf8.lastIndex { !(0x30...0x39).contains($0) }
    let head = name[..<(end.map { name.utf8.index(after: $0) } ?? name.startIndex)]
    return head.endIndex == name.endIndex ? name : head + "*"
  }
}
