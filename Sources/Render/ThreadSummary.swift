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
func namesText(_ names: [NamePattern]) -> String {
  let shown = names.prefix(4).map { pattern in
    guard pattern.distinctCount > 1 else { return quoted(pattern.first) }
    let separator = pattern.distinctCount == 2 ? ", " : " … "
    return quoted(pattern.first) + separator + quoted(pattern.last)
  }
  let more = names.count > 4 ? [count(names.count - 4, "more name")] : []
  return (shown + more).joined(separator: ", ")
}

/// The same of the names themselves.
func namesText(_ names: [String]) -> String { namesText(NamePattern.patterns(of: names)) }

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

/// `cpu 4.96s (20 %)`: of all threads together; empty below the kernel's clock tick.
func cpuText(_ group: StackGroup) -> String {
  guard let time = group.cpuTime, time >= .milliseconds(10) else { return "" }
  let text = "cpu \(time < .seconds(60) ? hundredthsText(time) : durationText(time))"
  guard let share = group.cpuShare, share >= 0.005 else { return text }
  return "\(text) (\(Int((share * 100).rounded())) %)"
}

/// `1.24s`: hundredths, the kernel's clock tick.
func hundredthsText(_ time: Duration) -> String {
  let (seconds, attoseconds) = time.components
  let hundredths = abs(attoseconds / 10_000_000_000_000_000)
  return "\(seconds).\(hundredths < 10 ? "0" : "")\(hundredths)s"
}

/// `3 different stacks`; empty where all are identical.
func variantsText(_ variants: [Int]) -> String {
  variants.count > 1 ? "\(grouped(variants.count)) different stacks" : ""
}
