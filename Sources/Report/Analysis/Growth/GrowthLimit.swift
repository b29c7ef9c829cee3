/// How much a process may grow while it is watched.
///
/// Threads, tasks, descriptors and connections are held to it, and each group of threads or tasks; a limit in percent
/// also holds memory, and leaves out what had fewer than ten members in the first capture.
public enum GrowthLimit: Sendable, Equatable {
  /// So many more than in the first capture.
  case count(Int)
  /// So many percent more than in the first capture.
  case percent(Double)

  /// The limit that a person wrote: `100`, `50%`; nil for anything else.
  public init?(_ text: String) {
    if text.hasSuffix("%") {
      guard let percent = Double(text.dropLast()), percent.isFinite, percent > 0 else { return nil }
      self = .percent(percent)
    } else {
      guard let count = Int(text), count > 0 else { return nil }
      self = .count(count)
    }
  }

  private static let leastMembers = 10

  /// What of the latest capture is beyond the limit, what grew most first.
  public func crossed(by history: GrowthHistory) -> [GrowthHistory.Subject] {
    let totals: [GrowthHistory.Subject] = [.threads, .tasks, .descriptors, .connections, .memory]
    return (history.groupSubjects + totals)
      .filter { isCrossed(by: history, $0) }
      .sorted {
        (history.growth(of: $1), $0.order) < (history.growth(of: $0), $1.order)
      }
  }

  private func isCrossed(by history: GrowthHistory, _ subject: GrowthHistory.Subject) -> Bool {
    let growth = history.growth(of: subject)
    switch self {
    case .count(let limit): return subject != .memory && growth >= limit
    case .percent(let limit):
      let first = history.first(of: subject)
      return first >= Self.leastMembers && Double(growth) >= Double(first) * limit / 100
    }
  }
}
