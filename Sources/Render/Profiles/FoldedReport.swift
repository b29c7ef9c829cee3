import Report

/// Stacks as lines for flame graph scripts: `threads;main;read 12`, the outermost function first.
///
/// Each line begins with `threads` or `tasks`: a running task shows the frames of its thread once more, so the two are never
/// to be added up.
struct FoldedReport {
  private let stacks: ProfileStacks

  init(_ report: DumpReport) {
    stacks = ProfileStacks(report)
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    let words = stacks.frames.map(Self.word)
    let report = stacks.report
    try write("threads", report.threads.lazy.map { stacks.stack(of: $0) }, words, to: sink)
    try write("tasks", report.tasks.lazy.map { stacks.stack(of: $0) }, words, to: sink)
  }

  private func write(
    _ root: String,
    _ stacks: some Sequence<[Int]>,
    _ words: [String],
    to sink: ([UInt8]) throws -> Void
  ) throws {
    var distinct = CountedValues<[Int]>()
    for stack in stacks { distinct.add(stack) }
    // Stacks of different lines read the same here.
    var lines: [String: Int] = [:]
    for (stack, count) in distinct.values {
      let line = root + stack.reversed().map { ";" + words[$0] }.joined()
      lines[line, default: 0] += count
    }
    var bytes: [UInt8] = []
    for (line, count) in lines.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      bytes += "\(line) \(count)\n".utf8
      guard bytes.count >= 256 << 10 else { continue }
      try sink(bytes)
      bytes.removeAll(keepingCapacity: true)
    }
    try sink(bytes)
  }

  /// A frame's name as one word of a line.
  ///
  /// `_[i]` marks inlined functions, as stackcollapse-perf.pl does; flamegraph.pl and inferno know it. A semicolon would begin
  /// another frame and becomes a colon, as there. A number behind a space at the end would be read as the count of another
  /// profile to compare with.
  private static func word(_ frame: ProfileFrame) -> String {
    var name = frame.name.replacing(";", with: ":")
    if frame.isInlined { return name + "_[i]" }
    let digits = name.utf8.reversed().prefix { (0x30...0x39).contains($0) || $0 == 0x2e }.count
    let end = name.utf8.index(name.utf8.endIndex, offsetBy: -digits)
    if digits > 0, end > name.startIndex, name[name.utf8.index(before: end)] == " " {
      name.replaceSubrange(name.utf8.index(before: end)..<end, with: "_")
    }
    return name
  }
}
