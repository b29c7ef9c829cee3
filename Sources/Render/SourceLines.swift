import Report

/// The snippets of a report by the place that each stands for.
struct SnippetTable {
  private struct Place: Hashable {
    var file: String
    var line: UInt32
  }

  private let snippets: [Place: SourceSnippet]

  init(_ snippets: Set<SourceSnippet>) {
    // Two modules may have the same file; of two texts the same one is shown each time.
    self.snippets = Dictionary(
      Self.sorted(snippets).map { (Place(file: $0.file, line: $0.line), $0) },
      uniquingKeysWith: { first, _ in first }
    )
  }

  /// The snippet of a frame's place.
  subscript(frame: Frame) -> SourceSnippet? {
    guard let file = frame.file, let line = frame.line else { return nil }
    return snippets[Place(file: file, line: line)]
  }

  /// In an order that does not change from run to run.
  static func sorted(_ snippets: Set<SourceSnippet>) -> [SourceSnippet] {
    snippets.sorted {
      ($0.file, $0.line, $0.firstLine, $0.lines.count) < (
        $1.file, $1.line, $1.firstLine, $1.lines.count
      )
    }
  }
}

/// A snippet as lines below its frame, with numbers and a mark at the frame's own line.
struct SourceLines: Equatable {
  private struct Line: Equatable {
    var text: String
    var isMarked: Bool
  }

  private let lines: [Line]
  private let isNewer: Bool

  init(_ snippet: SourceSnippet) {
    isNewer = snippet.isNewer
    let last = Int(snippet.firstLine) + max(snippet.lines.count, 1) - 1
    let width = String(last).count
    lines = snippet.lines.enumerated().map { offset, text in
      let number = Int(snippet.firstLine) + offset
      let isMarked = number == Int(snippet.line)
      let digits = String(number)
      let padding = String(repeating: " ", count: max(0, width - digits.count))
      // Tabs would be shown as escapes.
      let code = visible(text.replacing("\t", with: "    "))
      return Line(
        text: "      \(isMarked ? ">" : " ") \(padding)\(digits) | \(code)",
        isMarked: isMarked
      )
    }
  }

  func write(to text: inout TextBuilder) throws {
    for line in lines { try text.line(line.text, line.isMarked ? .heading : .faint) }
    if isNewer {
      try text.line(
        "        (the file is newer than the program: it may not be what was compiled)",
        .doubt
      )
    }
  }
}
