import Foundation
import Render
import Report
import TestSupport
import Testing

/// Canaries: secrets in every text of a report, looked for in the bytes of everything that is made of it.
struct RedactionOutputTests {
  private let canaries = CanaryReport().report

  @Test func everyFieldOfAReportHasACanary() {
    // The second frame and the second thread are those without names.
    var report = canaries
    report.frames.removeLast()
    report.threads.removeLast()
    #expect(CanaryReport.emptyPlaces(in: report) == [], "fill them in CanaryReport")
    // The search finds what is missing.
    report.frames[0].file = "/src/a.c"
    report.message = nil
    report.notes = []
    #expect(
      Set(CanaryReport.emptyPlaces(in: report))
        == ["report.frames[].file", "report.message", "report.notes"]
    )
  }

  /// The bytes that a reader sees: unpacked.
  private func output(_ report: DumpReport, _ format: ReportFormat) throws -> Data {
    let bytes = try Data(bytes(report, format))
    guard format == .pprof else { return bytes }
    return try run("gzip", ["-dc"], input: bytes).output
  }

  private let mark = Data(CanaryReport.mark.utf8)

  @Test(arguments: ReportFormat.allCases)
  func noCanaryIsInAnyFormat(_ format: ReportFormat) throws {
    // Each format shows some when nothing is redacted: else the search would prove nothing.
    #expect(try output(canaries, format).range(of: mark) != nil)
    let redacted = try output(Redaction().redacted(canaries), format)
    #expect(redacted.count > 100)
    #expect(redacted.range(of: mark) == nil, "\(Self.surroundings(of: mark, in: redacted))")
    #expect(redacted.range(of: Data("redacted-".utf8)) != nil)
  }

  @Test(arguments: ComparisonFormat.allCases)
  func noCanaryIsInAComparison(_ format: ComparisonFormat) throws {
    func output(_ old: DumpReport, _ new: DumpReport, _ names: [String]) throws -> Data {
      var bytes = Data()
      let comparison = ReportComparison(old: old, new: new)
      try format.write(comparison, names: names) { bytes += $0 }
      return bytes
    }
    var later = CanaryReport().report
    later.threads.append(later.threads[0])
    later.tasks += later.tasks
    later.connections[0].count = 7
    later.modules[0].base = 0x2000
    let names = ["/home/\(CanaryReport.mark)/a.dcap", "\(CanaryReport.mark).dcap"]
    #expect(try output(canaries, later, names).range(of: mark) != nil)
    let redaction = Redaction()
    let redacted = try output(
      redaction.redacted(canaries),
      redaction.redacted(later),
      zip(names, [canaries, later]).map { redaction.redacted(fileName: $0, of: $1) }
    )
    #expect(redacted.range(of: mark) == nil, "\(Self.surroundings(of: mark, in: redacted))")
    #expect(redacted.count > 100)
  }

  @Test func noCanaryIsInAWatch() throws {
    func output(_ redaction: Redaction?) throws -> Data {
      var history = GrowthHistory()
      for index in 0..<8 {
        var report = CanaryReport().report
        report.threads += Array(repeating: report.threads[0], count: index * 4)
        report.tasks += Array(repeating: report.tasks[0], count: index * 4)
        report.connections[0].count += index * 4
        report.descriptors[0].count += index * 4
        history.add(redaction?.redacted(report) ?? report, at: Double(index))
      }
      #expect(history.suspects().count >= 4)
      let path = "/home/\(CanaryReport.mark)/\(CanaryReport.mark).dcap"
      let name = try #require(canaries.process.name)
      let capture = WatchedCapture(
        processID: 7,
        name: redaction?.redacted(processName: name, of: canaries) ?? name,
        path: redaction?.redacted(fileName: path, of: canaries) ?? path,
        isNotable: true,
        newFindings: history.latest.findings
      )
      let summary = WatchSummary(
        processID: 7,
        name: capture.name,
        end: .limit,
        crossed: GrowthLimit.count(4).crossed(by: history),
        failureCount: 0,
        keptPaths: [capture.path].compactMap(\.self),
        ownProcessorTime: .zero
      )
      let text = TextWatch(style: .plain, sparkline: nil, namesProcess: true)
      return try Data(
        text.line(capture, history) + text.summary(summary, history)
          + JSONWatch.line(capture, history) + JSONWatch.summary(summary, history)
      )
    }
    #expect(try output(nil).range(of: mark) != nil)
    let redacted = try output(Redaction())
    #expect(redacted.range(of: mark) == nil, "\(Self.surroundings(of: mark, in: redacted))")
    #expect(redacted.range(of: Data("redacted-".utf8)) != nil)
  }

  @Test func noCanaryIsInTheArchive() throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("report.dcreport")
    try ReportArchive.write(canaries, to: path)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)).range(of: mark) != nil)
    let redacted = Redaction().redacted(canaries)
    // Over the other one: nothing of that may stay.
    try ReportArchive.write(redacted, to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.range(of: mark) == nil, "\(Self.surroundings(of: mark, in: bytes))")
    #expect(try ReportArchive.read(at: path) == redacted)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 1)
  }

  @Test func aRedactedReportFollowsTheSchemaAndIsStillOne() throws {
    for report in [SampleReport.server(), SampleReport.crash(), SampleReport.tasks()] {
      let redacted = Redaction().redacted(report)
      let result = try ReportSchema.validate(rendered(redacted, .json))
      #expect(result.status == 0, "\(result.errorText)")
      #expect(redacted.groups().map(\.threads) == report.groups().map(\.threads))
      #expect(redacted.taskGroups().map(\.tasks) == report.taskGroups().map(\.tasks))
    }
  }

  @Test func aRedactedServerReadsAsItsGoldenText() throws {
    let redacted = Redaction(key: Array("sixteen bytes or".utf8)).redacted(SampleReport.server())
    try Golden.expect(rendered(redacted, .text), equals: "redacted.text")
  }

  private static func surroundings(of mark: Data, in bytes: Data) -> String {
    guard let range = bytes.range(of: mark) else { return "" }
    let start = max(bytes.startIndex, range.lowerBound - 60)
    return String(
      decoding: bytes[start..<min(bytes.endIndex, range.upperBound + 20)],
      as: UTF8.self
    )
  }
}
