import Foundation
import Render
import Report
import TestSupport

/// The report in one of its forms, as bytes.
func bytes(_ report: DumpReport, _ format: ReportFormat) throws -> [UInt8] {
  var bytes: [UInt8] = []
  try format.write(report) { bytes += $0 }
  return bytes
}

/// Reports that every format for profiles is asked for.
enum ProfileScenario: String, CaseIterable {
  case nothing, server, crash, tasks, hostile
  case idleThreads = "10,000 idle threads"

  var report: DumpReport {
    switch self {
    case .nothing: DumpReport()
    case .server: SampleReport.server()
    case .crash: SampleReport.crash()
    case .tasks: SampleReport.tasks()
    case .hostile: Self.hostile()
    case .idleThreads: SampleReport.large(threads: 10_000, distinct: 12, depth: 27)
    }
  }

  /// Names that want to be something else: separators of each format, ends of line, escapes.
  static let hostileNames = [
    "a;b;c", "two\nlines 9", "\"quoted\\\"", "\u{1b}]0;title\u{7}", "ends 12", "ends 1.5", " ", "",
    "</script><b>", "\u{0}", "\u{202e}turned\u{2028}", "ä😀", "_[i]", "# no comment", "%s%n",
    "(stack ends early)", String(repeating: "long ", count: 2000),
  ]

  private static func hostile() -> DumpReport {
    var report = DumpReport()
    report.process.name = "evil\n;1 2"
    report.message = "\u{1b}[2J;\n</script>"
    report.time = Date(timeIntervalSince1970: 1e17)
    report.modules = [
      ReportModule(path: "/opt/a;b \"c\"\n", buildID: "..\u{1b}", base: .max, end: 0),
      ReportModule(path: "", buildID: "", base: 0, end: .max),
    ]
    report.modules[0].status = .debugInfo
    report.frames = hostileNames.enumerated().map { index, name in
      var frame = Frame(address: .max - UInt64(index))
      frame.module = index % 3 == 2 ? nil : index % 3
      frame.offset = index % 2 == 0 ? .max : nil
      frame.function = index == 6 ? nil : name
      frame.linkage = index % 4 == 0 ? "_Z\(name)" : nil
      frame.file = index % 5 == 0 ? nil : "/src/\(name).c"
      frame.line = index % 2 == 0 ? .max : 0
      frame.column = .max
      frame.isInlined = index % 4 == 1
      frame.isAsync = index % 3 == 0
      return frame
    }
    let all = Array(report.frames.indices)
    // An inlined function without the one that it stands in; a recursion; a stack without frames.
    report.stacks = [all, all.reversed(), [1], Array(repeating: 0, count: 3000), []]
    report.threads = report.stacks.indices.flatMap { stack in
      hostileNames.map { name in
        var thread = ReportThread(threadID: stack == 2 ? .min : Int32(stack))
        thread.name = name
        thread.stack = stack
        thread.cpuUser = .seconds(Int64.max)
        thread.cpuSystem = .seconds(Int64.max)
        thread.systemCall = name
        thread.state = .sleeping
        thread.truncated = stack == 1 ? name : nil
        thread.labels = ["kind": name, name: "value"]
        return thread
      }
    }
    report.tasks = hostileNames.enumerated().map { index, name in
      var task = ReportTask(id: .max - UInt64(index), address: 0, state: .suspended)
      task.name = name
      task.stack = index % report.stacks.count
      return task
    }
    return report
  }
}

/// What a tool for profiles must be told of a report, worked out from the report alone.
struct ExpectedProfile {
  let report: DumpReport

  /// The name of a frame in every format for profiles.
  func name(_ index: Int) -> String {
    let frame = report.frames[index]
    if let function = frame.shortFunction ?? frame.function, !function.isEmpty {
      return visible(function)
    }
    guard let module = frame.module, let offset = frame.offset else {
      return "0x" + String(frame.address, radix: 16)
    }
    let file = report.modules[module].path.split(
      separator: "/",
      omittingEmptySubsequences: false
    ).last.map(String.init)
    return visible("\(file ?? "")+0x\(String(offset, radix: 16))")
  }

  /// How many threads have which stack; a stack as `word` says of each frame, innermost first.
  func threads<Word: Hashable>(_ word: (Int?, String) -> Word) -> [[Word]: Int] {
    counts(report.threads.map { ($0.stack, $0.truncated) }, word)
  }

  /// How many tasks have which stack.
  func tasks<Word: Hashable>(_ word: (Int?, String) -> Word) -> [[Word]: Int] {
    counts(report.tasks.map { ($0.stack, $0.truncated) }, word)
  }

  private func counts<Word: Hashable>(
    _ stacks: [(Int?, String?)],
    _ word: (Int?, String) -> Word
  ) -> [[Word]: Int] {
    let words = report.frames.indices.map { word($0, name($0)) }
    var counts: [[Word]: Int] = [:]
    for (stack, truncated) in stacks {
      var frames = stack.map { report.stacks[$0].map { words[$0] } } ?? []
      if frames.isEmpty {
        frames = [word(nil, "(no stack)")]
      } else if truncated != nil {
        frames.append(word(nil, "(stack ends early)"))
      }
      counts[frames, default: 0] += 1
    }
    return counts
  }
}
