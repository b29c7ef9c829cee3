import Report

/// A report, or a comparison of several, as one page that opens from disk and needs nothing else: docs/page.md.
struct HTMLReport {
  private let title: String
  private let data: PageData
  private let beginning: (_ sink: ([UInt8]) throws -> Void) throws -> Void
  /// What shows the rest of the text.
  private let command: String

  init(_ report: DumpReport) {
    title = ReportHeading(report).process
    data = PageData(report)
    beginning = { try TextReport(report, style: .plain).write(to: $0) }
    command = "dumpcollect report --format text"
  }

  /// The last report in full, and what changed since the first one.
  init(_ comparison: ReportComparison) {
    let merged = MergedReport(comparison)
    title = "Compared: " + ReportHeading(comparison.new).process
    data = PageData(
      merged.report,
      comparison: PageComparison(comparison, merged: merged)
    )
    beginning = { try TextComparison(comparison, style: .plain).write(to: $0) }
    command = "dumpcollect diff"
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    for part in PageTemplate().parts {
      switch part {
      case .text(let bytes): try sink(bytes)
      case .slot(.title), .slot(.heading): try sink(escapedHTML(title))
      case .slot(.text): try writeText(to: sink)
      case .slot(.data): try data.write(to: sink)
      }
    }
  }

  /// What stands there where no script runs: the beginning of the text report.
  private func writeText(to sink: ([UInt8]) throws -> Void) throws {
    var excerpt = TextExcerpt(limit: 48 << 10)
    do {
      try beginning { try excerpt.add($0) }
    } catch is TextExcerpt.Full {
      // No more of it is wanted.
    }
    try sink(escapedHTML(excerpt.text))
    if excerpt.isCut {
      try sink(escapedHTML("\n… and more: \(command)\n"))
    }
  }
}

/// The first lines of a text.
private struct TextExcerpt {
  /// Thrown at whoever writes on.
  struct Full: Error {}

  private let limit: Int
  private var bytes: [UInt8] = []

  init(limit: Int) {
    self.limit = limit
  }

  var isCut: Bool { bytes.count > limit }

  mutating func add(_ piece: [UInt8]) throws(Full) {
    bytes.append(contentsOf: piece.prefix(limit + 1 - bytes.count))
    if isCut { throw Full() }
  }

  /// Whole lines.
  var text: String {
    let end = isCut ? bytes.lastIndex(of: 0x0a) ?? 0 : bytes.count
    return String(decoding: bytes[..<end], as: UTF8.self)
  }
}
