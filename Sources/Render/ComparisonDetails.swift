import Report

/// What stands below the groups of a comparison: modules, and what the service said meanwhile.
struct ComparisonDetails {
  private let comparison: ReportComparison

  init(_ comparison: ReportComparison) {
    self.comparison = comparison
  }

  func write(to text: inout TextBuilder) throws {
    try writeIdle(to: &text)
    try writeModules(to: &text)
    try writeNotes(to: &text)
  }

  private func writeIdle(to text: inout TextBuilder) throws {
    guard let standstill = comparison.standstill else { return }
    var parts: [String] = []
    if standstill.idleThreadCount > 0 { parts.append(count(standstill.idleThreadCount, "thread")) }
    if standstill.idleTaskCount > 0 { parts.append(count(standstill.idleTaskCount, "task")) }
    guard !parts.isEmpty else { return }
    try text.endLine()
    try text.line("\(parts.joined(separator: " and ")) stayed idle.", .faint)
  }

  private func writeModules(to text: inout TextBuilder) throws {
    guard !comparison.modules.isEmpty else { return }
    try text.endLine()
    try text.line("Modules:", .heading)
    for change in comparison.modules {
      var line = "    \(change.kind.rawValue)  \(visible(change.path))"
      if let old = change.oldPath { line += "  (before: \(visible(old)))" }
      if change.kind == .replaced {
        line += "  build ID \(identifier(change.oldBuildID)) → \(identifier(change.newBuildID))"
      }
      try text.paragraph(line, indent: 8)
    }
  }

  private func identifier(_ buildID: String?) -> String {
    // The first digits tell builds apart; JSON has them all.
    buildID.map { visible(String($0.prefix(12))) } ?? "none"
  }

  private func writeNotes(to text: inout TextBuilder) throws {
    guard !comparison.notes.isEmpty else { return }
    try text.endLine()
    try text.line("The service's lines since:", .heading)
    try ProcessSummary.write(comparison.notes, to: &text)
  }
}
