import Report

/// What is taken out of all that a watch prints of one process.
///
/// All its captures are redacted with one key, so that what is equal in two of them stays so.
final class WatchRedaction {
  /// Nil shows what is there.
  private let redaction: Redaction?
  /// As the latest capture has it: names and paths of captures may repeat what is taken out of it.
  private var latest: (report: DumpReport, redaction: Redaction)?

  init(_ redaction: Redaction?) {
    self.redaction = redaction
  }

  /// Takes the report of the latest capture; as it may be shown.
  func take(_ report: DumpReport) -> DumpReport {
    guard let redaction else { return report }
    let own = redaction.knowingHome(of: report)
    latest = (report, own)
    return own.redacted(report)
  }

  /// The process's name as it may be shown.
  func name(_ name: String) -> String {
    latest.map { $0.redaction.redacted(processName: name, of: $0.report) } ?? name
  }

  /// Where a capture is, as it may be shown.
  func path(_ path: String) -> String {
    latest.map { $0.redaction.redacted(fileName: path, of: $0.report) } ?? path
  }
}
