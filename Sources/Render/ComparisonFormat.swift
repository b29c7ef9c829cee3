package import Report

/// The forms a comparison can be shown in.
package enum ComparisonFormat: String, CaseIterable, Sendable {
  /// What grew most first.
  case text
  /// docs/diff.schema.json.
  case json
  /// docs/page.md.
  case html

  /// Hands the comparison to `sink`, in pieces of some hundred kilobytes, and throws what that throws.
  ///
  /// `names` are those of the files, one a report. The style dresses text; other forms do without.
  package func write(
    _ comparison: ReportComparison,
    names: [String],
    style: TextStyle = .plain,
    to sink: ([UInt8]) throws -> Void
  ) throws {
    switch self {
    case .text: try TextComparison(comparison, style: style).write(to: sink)
    case .json: try JSONComparison(comparison, names: names).write(to: sink)
    case .html: try HTMLReport(comparison).write(to: sink)
    }
  }
}
