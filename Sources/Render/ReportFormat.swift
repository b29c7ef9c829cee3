package import Report

/// The forms a report can be shown in.
package enum ReportFormat: String, CaseIterable, Sendable {
  /// Stacks grouped, the largest group first.
  case text
  /// Every thread.
  case full
  /// docs/report.schema.json.
  case json
  /// The same in lines, an object each.
  case jsonl
  /// docs/page.md.
  case html
  /// For pprof (docs/formats.md).
  case pprof
  /// For flame graph scripts.
  case folded
  /// For speedscope.
  case speedscope
  /// For the Firefox Profiler.
  case firefox

  /// To be read on a screen.
  package var isForPeople: Bool { self == .text || self == .full }

  /// Not for terminals.
  package var isBinary: Bool { self == .pprof }

  /// Hands the report to `sink`, in pieces of some hundred kilobytes, and throws what that throws.
  ///
  /// The style dresses text; other forms do without. The view says how stacks are grouped.
  package func write(
    _ report: DumpReport,
    style: TextStyle = .plain,
    view: ReportView = ReportView(),
    to sink: ([UInt8]) throws -> Void
  ) throws {
    switch self {
    case .text: try TextReport(report, style: style, view: view).write(to: sink)
    case .full: try FullReport(report, style: style).write(to: sink)
    case .json: try JSONReport(report, view).write(to: sink)
    case .jsonl: try JSONReport(report, view, .lines).write(to: sink)
    case .pprof: try PprofReport(report).write(to: sink)
    case .folded: try FoldedReport(report).write(to: sink)
    case .speedscope: try SpeedscopeReport(report).write(to: sink)
    case .firefox: try FirefoxReport(report).write(to: sink)
    case .html: try HTMLReport(report).write(to: sink)
    }
  }
}

/// How text is dressed.
package struct TextStyle: Sendable {
  /// Escape sequences for colours.
  package var hasColor: Bool
  /// Columns of the terminal; nil where there is none, and lines are as long as they are.
  package var width: Int?

  package init(hasColor: Bool, width: Int?) {
    self.hasColor = hasColor
    self.width = width
  }

  /// For files and pipes.
  package static let plain = TextStyle(hasColor: false, width: nil)
}
