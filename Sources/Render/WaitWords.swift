import Report

/// The words for what a thread waits for: `mutex 0x55d2 "g_lock", held by 123 "writer"`.
struct WaitWords {
  private let report: DumpReport
  private let roles: FrameRoles
  private let nameOfThread: [Int32: String]

  init(_ report: DumpReport) {
    self.report = report
    roles = FrameRoles(report)
    // Threads that are waited for are few, but any thread may be one.
    nameOfThread = Dictionary(
      report.threads.lazy.compactMap { thread in thread.name.map { (thread.threadID, $0) } },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// `123 "writer"`.
  func threadText(_ id: Int32) -> String {
    "\(id)" + (nameOfThread[id].map { " \(quoted($0))" } ?? "")
  }

  /// What the thread waits for; nil where no more is known than its call.
  func text(of thread: ReportThread) -> String? {
    guard let target = thread.waitsFor, let kind = report.wait(of: thread)?.kind else { return nil }
    var parts: [String] = []
    if let text = lockText(target, kind) { parts.append(text) }
    if let child = target.childProcessID { parts.append("process \(child)") }
    if let text = descriptorsText(target, kind) { parts.append(text) }
    if let timeout = target.timeout {
      parts.append(parts.isEmpty ? durationText(timeout) : "for \(durationText(timeout)) at most")
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// Where the threads of a circle of locks stand, a line for each: `20 "alpha": take (bank.c:41) ← transfer (bank.c:60)`.
  func stackLines(of finding: Finding) -> [String] {
    guard finding.kind == "deadlock", finding.taskIDs.isEmpty else { return [] }
    return finding.threadIDs.prefix(Self.mostStacks).compactMap { id in
      guard let thread = report.threads.first(where: { $0.threadID == id }),
        let stack = thread.stack
      else { return nil }
      // What of the C library or a runtime stands inside says no more than the finding.
      let own = roles.ownFrames(ofStack: stack)
      let shown = own.isEmpty ? report.stacks[stack] : own
      return "\(threadText(id)): "
        + shown.prefix(Self.mostFrames).map { frameText(report.frames[$0]) }
        .joined(separator: " ← ")
    }
  }

  /// Threads of a finding whose stacks are shown, and frames of each.
  private static let mostStacks = 6
  private static let mostFrames = 4

  private func frameText(_ frame: Frame) -> String {
    let name = report.name(of: frame)
    guard let file = frame.file, let line = frame.line else { return visible(name) }
    return "\(visible(name)) (\(visible(String(fileName(of: file)))):\(line))"
  }

  /// What the threads of a group wait for, a line for each different text; nothing where they have little in common.
  func lines(of threads: [ReportThread]) -> [String] {
    var counts: [(text: String, count: Int)] = []
    var indices: [String: Int] = [:]
    for thread in threads {
      guard let text = text(of: thread) else { continue }
      if let index = indices[text] {
        counts[index].count += 1
      } else {
        indices[text] = counts.count
        counts.append((text, 1))
      }
    }
    counts.sort { $1.count < $0.count }
    let shown = counts.prefix(Self.mostLines)
    let rest = counts.dropFirst(Self.mostLines)
    let lines = shown.map { text, count in
      threads.count == 1
        ? "waits for \(text)"
        : count == threads.count
          ? "all wait for \(text)"
          : "\(grouped(count)) \(count == 1 ? "waits" : "wait") for \(text)"
    }
    guard !rest.isEmpty else { return lines }
    let others = rest.reduce(0) { $0 + $1.count }
    return lines + ["\(grouped(others)) \(others == 1 ? "waits" : "wait") for something else"]
  }

  /// Lines a group gets.
  private static let mostLines = 3

  private func lockText(_ target: WaitTarget, _ kind: ThreadWait.Kind) -> String? {
    if kind == .join, let joined = target.ownerThreadID {
      return "the end of \(threadText(joined))"
    }
    guard let lock = target.lock else { return nil }
    let type = kind == .rwlock ? nil : target.lockType
    var text = (type.map { "\(visible($0)) " } ?? "") + kind.rawValue
    text += " 0x\(String(lock, radix: 16))"
    if let name = target.lockName { text += " \(quoted(name))" }
    if kind == .rwlock, let use = target.lockType { text += " to \(visible(use))" }
    if let owner = target.ownerThreadID {
      text += ", held by \(threadText(owner))"
    } else if let readers = target.readerCount, readers > 0 {
      text += ", held by \(count(readers, "reader"))"
    }
    if let note = target.note { text += " (\(visible(note)))" }
    return text
  }

  private func descriptorsText(_ target: WaitTarget, _ kind: ThreadWait.Kind) -> String? {
    guard !target.descriptors.isEmpty else { return nil }
    let shown = target.descriptors.prefix(4).map { descriptorText($0, kind) }
    let rest = target.descriptors.count - shown.count + target.moreDescriptors
    var text = shown.joined(separator: ", ") + (rest > 0 ? ", and \(grouped(rest)) more" : "")
    if target.lock == nil, let note = target.note { text += " (\(visible(note)))" }
    return text
  }

  /// `tcp 7 10.0.0.1:41000 ← 10.0.0.2:5432`.
  private func descriptorText(_ descriptor: WaitDescriptor, _ kind: ThreadWait.Kind) -> String {
    var text = "\(descriptor.kind.map(visible) ?? "descriptor") \(descriptor.number)"
    if let path = descriptor.path { text += " \(quoted(path))" }
    if let local = descriptor.local { text += " \(visible(local))" }
    if let peer = descriptor.peer {
      let arrow =
        switch kind {
        case .read, .recv: "←"
        case .write, .send, .connect: "→"
        default: "↔"
        }
      text += " \(arrow) \(visible(peer))"
    }
    return text
  }

  /// `1.5 s`, `250 ms`.
  private func durationText(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds / 1_000_000_000_000_000
    if seconds == 0, milliseconds == 0 { return "less than 1 ms" }
    guard seconds > 0 else { return "\(milliseconds) ms" }
    return milliseconds < 100 ? "\(seconds) s" : "\(seconds).\(milliseconds / 100) s"
  }
}
