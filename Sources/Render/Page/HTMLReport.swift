import Report

/// The report as one page that opens from disk and needs nothing else: docs/page.md.
struct HTMLReport {
  private let report: DumpReport

  init(_ report: DumpReport) {
    self.report = report
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    let heading = ReportHeading(report)
    for part in PageTemplate().parts {
      switch part {
      case .text(let bytes): try sink(bytes)
      case .slot(.title), .slot(.heading): try sink(escapedHTML(heading.process))
      case .slot(.text): try writeText(to: sink)
      case .slot(.data): try PageData(report).write(to: sink)
      }
    }
  }

  /// What stands there where no script runs: the beginning of the text report.
  private func writeText(to sink: ([UInt8]) throws -> Void) throws {
    var excerpt = TextExcerpt(limit: 48 << 10)
    do {
      try TextReport(report, style: .plain).write { try excerpt.add($0) }
    } catch is TextExcerpt.Full {
      // No more of it is wanted.
    }
    try sink(escapedHTML(excerpt.text))
    if excerpt.isCut {
      try sink(escapedHTML("\n… and more: dumpcollect report --format text\n"))
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
