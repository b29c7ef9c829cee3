import Report

/// The groups of threads that wait for work, a line each.
struct IdleSection {
  private let report: DumpReport
  private let groups: [StackGroup]

  init(_ report: DumpReport, _ groups: [StackGroup]) {
    self.report = report
    self.groups = groups
  }

  /// Writes the lines; `isHidden`: how many there are, alone.
  func write(isHidden: Bool, to text: inout TextBuilder) throws {
    guard !groups.isEmpty else { return }
    try text.endLine()
    let threads = groups.reduce(0) { $0 + $1.threads.count }
    let counts = "\(count(threads, "thread")) in \(count(groups.count, "group"))"
    let show = "--idle show has \(isHidden ? "them" : "their stacks")"
    try text.line(ofParts: [("Idle:", .heading), (counts, .plain), (show, .faint)])
    guard !isHidden else { return }
    for group in groups {
      let members = group.threads.map { report.threads[$0] }
      try text.line(
        ofParts: [
          (count(members.count, "thread"), .heading), (group.idle?.text ?? "", .plain),
          (activitiesText(group), .plain), (namesText(group.names), .heading),
          (threadIDsText(members.map(\.threadID)), .faint), (cpuText(group), .plain),
        ],
        indent: 4
      )
    }
  }
}
