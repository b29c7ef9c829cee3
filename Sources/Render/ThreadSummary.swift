import Report

/// The words for what a thread does: `sleeping in futex (condition)`.
func activityText(_ activity: ThreadActivity) -> String {
  switch activity.status {
  case .exited: return "exited"
  case .noAnswer: return "no answer" + (activity.state.map { " (\($0.rawValue))" } ?? "")
  case .captured, .quiet: break
  }
  var text = stateText(activity.state)
  if let call = activity.systemCall { text += " in \(visible(call))" }
  if let wait = activity.wait, isFinerThanItsCall(wait) { text += " (\(wait.rawValue))" }
  return text
}

private func stateText(_ state: ReportThread.State?) -> String {
  switch state {
  case .disk: "disk sleep"
  case .none: "state unknown"
  case .some(let state): state.rawValue
  }
}

/// What the system call alone does not say.
private func isFinerThanItsCall(_ kind: ThreadWait.Kind) -> Bool {
  switch kind {
  case .mutex, .rwlock, .condition, .semaphore, .once, .queue, .join: true
  default: false
  }
}

/// `3 sleeping in futex, 1 running`; without numbers when all do the same.
func activitiesText(_ group: StackGroup) -> String {
  // Activities that differ in what is not shown here are counted together.
  var counts: [(text: String, count: Int)] = []
  for (activity, count) in group.activities {
    let text = activityText(activity)
    if let index = counts.firstIndex(where: { $0.text == text }) {
      counts[index].count += count
    } else {
      counts.append((text, count))
    }
  }
  guard counts.count > 1 else { return counts.first?.text ?? "" }
  let shown = counts.prefix(4).map { "\($0.count) \($0.text)" }
  let rest = counts.dropFirst(4).reduce(0) { $0 + $1.count }
  return (shown + (rest > 0 ? ["\(rest) otherwise"] : [])).joined(separator: ", ")
}

/// `"worker-1" … "worker-12", "main"`: names that differ in their last number are a range, the
/// most frequent first.
func namesText(_ names: [String]) -> String {
  var families: [String: (members: [NumberedName], first: Int)] = [:]
  for (index, name) in names.enumerated() {
    let numbered = NumberedName(name)
    families[numbered.stem, default: ([], index)].members.append(numbered)
  }
  let ordered = families.values.sorted {
    ($1.members.count, $0.first) < ($0.members.count, $1.first)
  }
  let shown = ordered.prefix(4).map { family in
    let sorted = family.members.sorted()
    let (first, last) = (sorted.first, sorted.last)
    guard let first, let last, first.name != last.name else { return quoted(first?.name ?? "") }
    let separator = Set(sorted.map(\.name)).count == 2 ? ", " : " … "
    return quoted(first.name) + separator + quoted(last.name)
  }
  let more = ordered.count > 4 ? [count(ordered.count - 4, "more name")] : []
  return (shown + more).joined(separator: ", ")
}

/// A thread's name taken apart at its last number, so that 9 sorts before 10.
private struct NumberedName: Comparable {
  let name: String
  let stem: String
  private let number: UInt64

  init(_ name: String) {
    self.name = name
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }
    stem = String(name.dropLast(digits.count))
    number = UInt64(String(digits.reversed())) ?? 0
  }

  static func < (a: Self, b: Self) -> Bool {
    (a.number, a.name) < (b.number, b.name)
  }
}

/// `tid 12`, `tids 12-15, 18`.
func threadIDsText(_ ids: [Int32]) -> String { idsText(ids, "tid", "tids") }

/// `task 12`, `tasks 12-15, 18`: the first four ranges, and how many are left.
func idsText<ID: FixedWidthInteger>(_ ids: some Collection<ID>, _ one: String, _ many: String)
  -> String
where ID.Stride: SignedInteger {
  guard ids.count > 1 else { return ids.first.map { "\(one) \($0)" } ?? "" }
  var ranges: [ClosedRange<ID>] = []
  for id in ids.sorted() {
    if let last = ranges.last, last.upperBound < .max, id <= last.upperBound + 1 {
      ranges[ranges.count - 1] = last.lowerBound...max(id, last.upperBound)
    } else {
      ranges.append(id...id)
    }
  }
  let shown = ranges.prefix(4).map {
    $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
  }
  let rest = ranges.dropFirst(4).reduce(0) { $0 + $1.count }
  return "\(many) " + (shown + (rest > 0 ? ["\(grouped(rest)) more"] : [])).joined(separator: ", ")
}
