import Foundation
import Render
import Report
import TestSupport
import Testing

struct JSONReportTests {
  @Test func theFormatIsItsGoldenText() throws {
    try Golden.expect(rendered(SampleReport.server(), .json), equals: "server.json")
    try Golden.expect(rendered(SampleReport.crash(), .json), equals: "crash.json")
    try Golden.expect(rendered(SampleReport.tasks(), .json), equals: "tasks.json")
    try Golden.expect(rendered(SampleReport.stuck(), .json), equals: "stuck.json")
  }

  @Test(arguments: ["nothing", "server", "crash", "tasks", "stuck", "many threads"])
  func everyReportFollowsTheSchema(_ name: String) throws {
    let report =
      switch name {
      case "server": SampleReport.server()
      case "crash": SampleReport.crash()
      case "tasks": SampleReport.tasks()
      case "stuck": SampleReport.stuck()
      case "many threads": SampleReport.large(threads: 200, distinct: 50, depth: 27)
      default: DumpReport()
      }
    let result = try ReportSchema.validate(rendered(report, .json))
    #expect(result.status == 0, "\(result.errorText)")
  }

  @Test(arguments: [
    ("\"kind\":\"live\"", "\"kind\":\"alive\""), ("\"tid\":4711", "\"tid\":\"4711\""),
    ("\"address\":\"0x", "\"address\":\"0X"), ("\"status\":\"captured\"", "\"status\":null"),
    ("\"count\":4", "\"count\":0"),
  ])
  func theSchemaRefusesWhatIsWrong(_ right: String, _ wrong: String) throws {
    let text = try rendered(SampleReport.server(), .json)
    #expect(text.contains(right))
    let result = try ReportSchema.validate(text.replacingOccurrences(of: right, with: wrong))
    #expect(result.status == 1)
    #expect(result.errorText.contains("ValidationError"))
  }

  @Test(arguments: ["nothing", "server", "crash", "tasks", "stuck"])
  func linesAreTheDocumentTakenApart(_ name: String) throws {
    let report =
      switch name {
      case "server": SampleReport.server()
      case "crash": SampleReport.crash()
      case "tasks": SampleReport.tasks()
      case "stuck": SampleReport.stuck()
      default: DumpReport()
      }
    let text = try rendered(report, .jsonl)
    let result = try ReportSchema.validate(lines: text)
    #expect(result.status == 0, "\(result.errorText)")
    func object(_ text: some StringProtocol) throws -> [String: Any] {
      try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }
    // Put together again they are the document.
    var whole: [String: Any] = [:]
    for (index, line) in text.split(separator: "\n").enumerated() {
      var fields = try object(line)
      let type = try #require(fields.removeValue(forKey: "type") as? String)
      #expect((type == "report") == (index == 0))
      if index == 0 {
        whole = fields
      } else {
        whole["\(type)s"] = (whole["\(type)s"] as? [Any] ?? []) + [fields]
      }
    }
    var document = try object(rendered(report, .json))
    for (key, value) in document where (value as? [Any])?.isEmpty == true && whole[key] == nil {
      document[key] = nil
    }
    #expect(NSDictionary(dictionary: whole) == NSDictionary(dictionary: document))
  }

  @Test func theSchemaOfLinesRefusesWhatIsWrong() throws {
    let text = try rendered(SampleReport.server(), .jsonl)
    for (right, wrong) in [
      ("\"type\":\"group\"", "\"type\":\"groups\""),
      ("\"type\":\"thread\",\"tid\":4711", "\"type\":\"thread\",\"tid\":\"4711\""),
      ("\"schema\":1", "\"schema\":2"),
    ] {
      #expect(text.contains(right))
      let result = try ReportSchema.validate(
        lines: text.replacingOccurrences(of: right, with: wrong)
      )
      #expect(result.status == 1 && result.errorText.contains("ValidationError"), "\(right)")
    }
  }

  @Test func groupsHoldEveryThreadOnce() throws {
    let text = try rendered(SampleReport.server(), .json)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    )
    let groups = try #require(json["groups"] as? [[String: Any]])
    let threads = try #require(json["threads"] as? [[String: Any]])
    let grouped = groups.flatMap { $0["tids"] as? [Int] ?? [] }
    #expect(grouped.sorted() == threads.compactMap { $0["tid"] as? Int }.sorted())
    #expect(groups.compactMap { $0["count"] as? Int } == [4, 1, 1, 1, 1, 1])
  }

  @Test func groupsHoldEveryTaskOnceTheLargestFirst() throws {
    let report = SampleReport.tasks()
    let text = try rendered(report, .json)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    )
    let groups = try #require(json["groups"] as? [[String: Any]])
    let grouped = groups.flatMap { $0["task_ids"] as? [Int] ?? [] }
    #expect(grouped.sorted() == report.tasks.map { Int($0.id) }.sorted())
    #expect(groups.compactMap { $0["count"] as? Int } == [40, 8, 1, 1, 1, 1, 1, 1, 1])
    #expect((json["tasks"] as? [Any])?.count == report.tasks.count)
  }

  @Test func textsComeThroughUnchanged() throws {
    var report = DumpReport()
    report.reason = "\u{0}\u{1f}\"\\\n\u{7f}\u{9b}\u{2028}\u{202e}ä😀</script>"
    let text = try rendered(report, .json)
    let json = try #require(
      try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    )
    #expect(json["reason"] as? String == report.reason)
  }

  @Test func aLargeReportComesInPieces() throws {
    let report = SampleReport.large(threads: 3000, distinct: 3000, depth: 27)
    var pieces: [Int] = []
    var document = Data()
    try ReportFormat.json.write(report) {
      pieces.append($0.count)
      document.append(contentsOf: $0)
    }
    #expect(pieces.count > 10)
    #expect(pieces.allSatisfy { $0 < 1 << 20 })
    let json = try JSONSerialization.jsonObject(with: document) as? [String: Any]
    #expect((json?["threads"] as? [Any])?.count == 3000)
  }
}
