import Foundation
import Render
import Report
import TestSupport
import Testing

struct ComparisonTests {
  private func rendered(
    _ comparison: ReportComparison,
    _ format: ComparisonFormat = .text,
    style: TextStyle = .plain
  ) throws -> String {
    var bytes: [UInt8] = []
    let names = comparison.reports.indices.map { "dump \($0 + 1)" }
    try format.write(comparison, names: names, style: style) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  private var server: ReportComparison {
    ReportComparison(old: SampleReport.server(), new: SampleReport.laterServer())
  }

  private var tasks: ReportComparison {
    let (old, new) = SampleReport.laterTasks()
    return ReportComparison(old: old, new: new)
  }

  private var series: ReportComparison {
    var middle = SampleReport.laterServer()
    middle.time = SampleReport.server().time.map { $0 + 300 }
    middle.threads.append(middle.threads[1])
    return ReportComparison(
      old: SampleReport.server(),
      between: [middle],
      new: SampleReport.laterServer()
    )
  }

  @Test func aComparisonReadsAsItsGoldenText() throws {
    try Golden.expect(rendered(server), equals: "diff-server.text")
    try Golden.expect(rendered(tasks), equals: "diff-tasks.text")
    try Golden.expect(rendered(series), equals: "diff-series.text")
    let style = TextStyle(hasColor: true, width: 72)
    try Golden.expect(rendered(server, style: style), equals: "diff-color.text")
  }

  @Test func itsDocumentIsItsGoldenText() throws {
    try Golden.expect(rendered(server, .json), equals: "diff-server.json")
    try Golden.expect(rendered(series, .json), equals: "diff-series.json")
    try Golden.expect(rendered(tasks, .json), equals: "diff-tasks.json")
  }

  @Test(arguments: ["nothing", "server", "tasks", "series", "other program"])
  func everyDocumentFollowsTheSchema(_ name: String) throws {
    let comparison =
      switch name {
      case "server": server
      case "tasks": tasks
      case "series": series
      case "other program":
        ReportComparison(old: SampleReport.crash(), new: SampleReport.tasks())
      default: ReportComparison(old: DumpReport(), new: DumpReport())
      }
    let result = try ReportSchema.validate(rendered(comparison, .json), schema: "diff")
    #expect(result.status == 0, "\(result.errorText)")
  }

  @Test(arguments: [
    ("\"change\":\"grown\"", "\"change\":\"larger\""), ("\"old_count\":4", "\"old_count\":-4"),
    ("\"relation\":\"same-process\"", "\"relation\":1"), ("\"tid\":4712", "\"tid\":\"4712\""),
  ])
  func theSchemaRefusesWhatIsWrong(_ right: String, _ wrong: String) throws {
    let text = try rendered(server, .json)
    #expect(text.contains(right))
    let result = try ReportSchema.validate(
      text.replacingOccurrences(of: right, with: wrong),
      schema: "diff"
    )
    #expect(result.status == 1)
    #expect(result.errorText.contains("ValidationError"))
  }

  @Test func nothingNewIsOneLine() throws {
    let report = SampleReport.tasks()
    let text = try rendered(ReportComparison(old: report, new: report))
    #expect(text.hasPrefix("bank (pid 4711): no difference, 53 tasks, 2 threads in 8 groups\n"))
  }

  @Test func otherProcessesAreNamed() throws {
    var other = SampleReport.laterServer()
    other.process.processID = 99
    other.process.host = "shop-\u{1b}02"
    let text = try rendered(ReportComparison(old: SampleReport.server(), new: other))
    #expect(
      text.contains(
        "\ntwo processes: shop (pid 4711) on shop-01, started 2026-02-28 09:13:20 UTC, "
          + "then shop (pid 99) on shop-\\u{1b}02, started 2026-02-28 09:13:20 UTC\n"
      )
    )
    #expect(!text.contains("stuck"))
  }

  @Test func theWrongOrderIsSaid() throws {
    let text = try rendered(
      ReportComparison(old: SampleReport.laterServer(), new: SampleReport.server())
    )
    #expect(text.hasPrefix("shop (pid 4711) 10 min before: "))
    #expect(text.contains("\nthe first report is the later one: "))
  }

  @Test func whatIsMissingIsSaid() throws {
    let text = try rendered(
      ReportComparison(old: SampleReport.crash(), new: SampleReport.laterServer())
    )
    #expect(
      text.contains(
        "\nthe first report is incomplete: what is missing there counts as gone: "
          + "offset 4096: record of kind 4 is damaged (CRC)\n"
      )
    )
  }

  @Test func longSeriesShowTheirBeginningAndEnd() throws {
    let reports = (0..<20).map { index in
      var report = SampleReport.server()
      report.time = report.time.map { $0 + Double(index) }
      report.threads += (0..<index).map { _ in report.threads[1] }
      return report
    }
    let text = try rendered(
      ReportComparison(old: reports[0], between: Array(reports[1..<19]), new: reports[19])
    )
    #expect(text.contains("(4 → 5 → 6 → 7 → … → 21 → 22 → 23)"))
  }

  @Test func noEscapeSequenceOfTheServiceReachesTheTerminal() throws {
    let evil = "\u{1b}]0;title\u{7}\u{9b}31m\r\n\u{202e}\u{7f}\u{0}"
    var new = SampleReport.laterServer()
    let (oldTasks, newTasks) = SampleReport.laterTasks()
    (new.tasks, new.executors) = (newTasks.tasks, newTasks.executors)
    for index in new.tasks.indices {
      new.tasks[index].name = evil
      new.tasks[index].stack = new.tasks[index].stack.map { _ in 3 }
      new.tasks[index].truncated = evil
    }
    var old = SampleReport.server()
    (old.tasks, old.executors) = (oldTasks.tasks, oldTasks.executors)
    old.tasks = old.tasks.map {
      var task = $0
      task.stack = task.stack.map { _ in 2 }
      return task
    }
    for index in new.executors.indices { new.executors[index].type = evil }
    new.process.name = evil
    new.process.host = evil
    new.problems = [evil]
    new.findings = [Finding(kind: evil, text: evil)]
    new.notes = [ReportNote(text: evil)]
    new.descriptors = [DescriptorCount(kind: evil, count: 1)]
    var connection = ReportConnection(state: evil, count: 1)
    (connection.local, connection.peer) = (evil, evil)
    new.connections = [connection]
    for index in new.modules.indices {
      new.modules[index].path = "/\(evil)/\(evil)"
      new.modules[index].buildID = evil
    }
    for index in new.frames.indices {
      new.frames[index].function = index % 2 == 0 ? evil : nil
      new.frames[index].shortFunction = nil
      new.frames[index].file = evil
      new.frames[index].unknown = evil
    }
    for index in new.threads.indices {
      new.threads[index].name = evil
      new.threads[index].systemCall = evil
      new.threads[index].truncated = evil
      new.threads[index].cpuUser = .seconds(1000)
      new.threads[index].cpuSystem = .zero
    }
    for comparison in [
      ReportComparison(old: old, new: new), ReportComparison(old: new, new: new),
      ReportComparison(old: new, new: old),
    ] {
      for format in ComparisonFormat.allCases {
        let text = try rendered(comparison, format)
        let unsafe = text.unicodeScalars.filter {
          $0 != "\n" && ($0.properties.generalCategory == .control || $0.value == 0x202e)
        }
        #expect(unsafe.isEmpty, "\(format): \(unsafe)")
      }
    }
  }

  @Test(arguments: [40, 60, 80, 120])
  func noLineOfTheHeadingIsLongerThanTheTerminal(_ width: Int) throws {
    let text = try rendered(server, style: TextStyle(hasColor: false, width: width))
    for line in text.split(separator: "\n\n").first?.split(separator: "\n") ?? [] {
      #expect(line.count <= width, "\(line)")
    }
  }

  @Test func manyThreadsAreAFewLines() throws {
    let old = SampleReport.large(threads: 1000, distinct: 3, depth: 27)
    var new = SampleReport.large(threads: 10_000, distinct: 3, depth: 27)
    new.time = old.time.map { $0 + 3600 }
    let text = try rendered(ReportComparison(old: old, new: new))
    #expect(text.contains("+9,000 threads (1,000 → 10,000)"))
    #expect(text.split(separator: "\n").count < 200)
  }

  /// Archives may say any number.
  @Test(arguments: [Int.min, -1, .max])
  func aCountThatNobodyHasIsShown(_ number: Int) throws {
    let old = SampleReport.server()
    var new = old
    new.connections[0].count = number
    new.descriptors[0].count = number
    for format in ComparisonFormat.allCases {
      for (first, last) in [(old, new), (new, old)] {
        var bytes = Data()
        try format.write(ReportComparison(old: first, new: last), names: ["a", "b"]) { bytes += $0 }
        #expect(!bytes.isEmpty)
      }
    }
  }
}
