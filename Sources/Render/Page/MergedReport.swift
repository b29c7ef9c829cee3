import Report

/// The last report of a comparison with the stacks of all others, so that one page can show any of them.
struct MergedReport {
  private(set) var report: DumpReport
  /// By index of the report: the index in `report.stacks` of each of its stacks.
  private(set) var stacks: [[Int]]

  init(_ comparison: ReportComparison) {
    report = comparison.new
    stacks = Array(repeating: [], count: comparison.reports.count)
    var modules = Dictionary(
      report.modules.enumerated().map { (ModuleIdentity($1), $0) },
      uniquingKeysWith: { first, _ in first }
    )
    var frames = Dictionary(
      report.frames.enumerated().map { ($1, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    var known = Dictionary(
      report.stacks.enumerated().map { ($1, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    let last = comparison.reports.count - 1
    stacks[last] = Array(report.stacks.indices)
    for (index, other) in comparison.reports.enumerated() where index != last {
      let moduleNumbers = other.modules.map { module in
        report.modules.number(of: module, as: ModuleIdentity(module), in: &modules)
      }
      let frameNumbers = other.frames.map { frame in
        var frame = frame
        frame.module = frame.module.map { moduleNumbers[$0] }
        return report.frames.number(of: frame, as: frame, in: &frames)
      }
      stacks[index] = other.stacks.map { stack in
        let stack = stack.map { frameNumbers[$0] }
        return report.stacks.number(of: stack, as: stack, in: &known)
      }
      report.snippets.formUnion(other.snippets)
    }
  }
}

/// What makes modules of two reports one; where they were mapped does not.
private struct ModuleIdentity: Hashable {
  private let path: String
  private let buildID: String?

  init(_ module: ReportModule) {
    path = module.path
    buildID = module.buildID
  }
}

extension Array {
  /// The index of an element that is known by its key, or that is appended.
  fileprivate mutating func number<Key>(
    of element: Element,
    as key: Key,
    in known: inout [Key: Int]
  ) -> Int {
    if let number = known[key] { return number }
    known[key] = count
    append(element)
    return count - 1
  }
}
