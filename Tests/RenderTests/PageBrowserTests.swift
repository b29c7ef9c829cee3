import Foundation
import Render
import Report
import TestSupport
import Testing

/// The HTML report in Chromium, driven as a person would; `Tests/Fixtures/page` says what is looked at.
///
/// `KEEP_PAGES=DIR` leaves the pages, and pictures of their views, in that folder.
struct PageBrowserTests {
  @Test(.timeLimit(.minutes(5))) func peopleCanUseThePage() throws {
    let temporary = try TemporaryDirectory()
    let kept = ProcessInfo.processInfo.environment["KEEP_PAGES"]
    let directory = kept ?? temporary.path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for (name, report) in [
      ("nothing", DumpReport()), ("server", SampleReport.server()), ("crash", SampleReport.crash()),
      ("tasks", SampleReport.tasks()), ("stuck", SampleReport.stuck()),
      ("pool", SampleReport.pool()), ("similar", SampleReport.similar()),
      ("hostile", SampleReport.hostile()),
      ("huge", SampleReport.huge(threads: 10_000, tasks: 100_000)),
    ] {
      var page = Data()
      try ReportFormat.html.write(report) { page.append(contentsOf: $0) }
      try page.write(to: URL(fileURLWithPath: "\(directory)/\(name) report.html"))
    }
    var page = Data()
    let comparison = ReportComparison(old: SampleReport.server(), new: SampleReport.laterServer())
    try ComparisonFormat.html.write(comparison, names: ["old", "new"]) {
      page.append(contentsOf: $0)
    }
    try page.write(to: URL(fileURLWithPath: "\(directory)/diff report.html"))
    // Debian's Python has Debian's selenium.
    let result = try run(
      "/usr/bin/python3",
      ["-B", Fixture.source("page/checks.py"), directory] + (kept == nil ? [] : ["--pictures"])
    )
    var passed = 0
    for line in result.text.split(separator: "\n") {
      if line.hasPrefix("ok ") {
        passed += 1
      } else {
        Issue.record("\(line)")
      }
    }
    #expect(result.status == 0, "\(result.errorText)")
    #expect(passed > 34, "\(result.text)\(result.errorText)")
  }
}
