import Report

/// A comparison as the page's data has it: text of the heading and of what stands below, changes, weights of the first report.
struct PageComparison {
  private let comparison: ReportComparison
  private let merged: MergedReport
  private let words: [TaskWords]

  init(_ comparison: ReportComparison, merged: MergedReport) {
    self.comparison = comparison
    self.merged = merged
    words = comparison.reports.map { TaskWords($0) }
  }

  func write(_ json: inout JSONWriter, _ strings: inout StringTable) throws {
    let heading = try lines { try ComparisonHeading(comparison).write(to: &$0) }
    let details = try lines { try ComparisonDetails(comparison).write(to: &$0) }
    json.key("diff")
    json.object { json in
      json.key("lines")
      json.array(heading) { $0.string(visible($1)) }
      json.key("details")
      json.array(details) { $0.string(visible($1)) }
      json.key("groups")
      json.array(comparison.groups) { write($1, &$0) }
      json.key("still")
      json.array(comparison.standstill?.groups ?? []) { write($1, &$0) }
      json.key("old")
      json.object { json in
        let before = PageBefore(comparison.old, stacks: merged.stacks[0])
        before.writeThreads(&json, &strings)
        before.writeTasks(&json, &strings)
      }
    }
  }

  private func lines(_ write: (inout TextBuilder) throws -> Void) throws -> [String] {
    var bytes: [UInt8] = []
    var text = TextBuilder(style: .plain) { bytes += $0 }
    try write(&text)
    try text.flush()
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func write(_ change: GroupChange, _ json: inout JSONWriter) {
    let parts = GroupChangeHeading(change, words[change.report]).parts.dropFirst().map(\.text)
    json.object { json in
      json.field("kind", change.kind.rawValue)
      json.key("counts")
      json.array(change.counts) { $0.number($1) }
      json.field("tasks", change.isOfTasks)
      json.field("text", parts.filter { !$0.isEmpty }.joined(separator: " · "))
      json.field("stack", change.stack.map { merged.stacks[change.report][$0] })
      json.field("print", change.fingerprint.text)
    }
  }

  private func write(_ group: Standstill.Group, _ json: inout JSONWriter) {
    let report = comparison.new
    let (stack, size, text, isOfTasks) =
      switch group.members {
      case .threads(let members):
        (members.stack, members.threads.count, text(of: members), false)
      case .tasks(let members):
        (
          members.stack, members.tasks.count,
          idsText(members.tasks.map { report.tasks[$0].id }, "task", "tasks"), true
        )
      }
    json.object { json in
      json.field("kind", group.kind.rawValue)
      json.field("count", size)
      json.field("tasks", isOfTasks)
      json.field("text", text)
      json.field("stack", stack)
      let print =
        switch group.members {
        case .threads(let members): members.fingerprint
        case .tasks(let members): members.fingerprint
        }
      json.field("print", print?.text)
    }
  }

  private func text(of group: StackGroup) -> String {
    let threads = group.threads.map { comparison.new.threads[$0] }
    return [
      activitiesText(group), namesText(threads.compactMap(\.name)),
      threadIDsText(threads.map(\.threadID)),
    ]
    .filter { !$0.isEmpty }.joined(separator: " · ")
  }
}
