import Foundation
import Render
import Report
import TestSupport
import Testing

struct WatchTests {
  /// Ten captures of the server with a leak of threads, connections and memory.
  private func history(_ change: (inout DumpReport, Int) -> Void = { _, _ in }) -> GrowthHistory {
    var history = GrowthHistory()
    for index in 0..<10 {
      var report = SampleReport.server()
      report.time = report.time.map { $0 + Double(index) * 30 }
      report.threads += (0..<(index * 3)).map { number in
        var thread = report.threads[1]
        thread.threadID = Int32(10_000 + number)
        return thread
      }
      report.connections[0].count += index * 3
      report.process.vitals?.residentBytes = UInt64(142 + index * 4) << 20
      change(&report, index)
      history.add(report, at: Double(index) * 30)
    }
    return history
  }

  private func capture(_ findings: [Finding] = []) -> WatchedCapture {
    WatchedCapture(
      processID: 4711,
      name: "shop",
      path: "/dumps/shop.dcap",
      isNotable: true,
      newFindings: findings
    )
  }

  private func summary(_ crossed: [GrowthHistory.Subject] = []) -> WatchSummary {
    WatchSummary(
      processID: 4711,
      name: "shop",
      end: crossed.isEmpty ? .signal : .limit,
      crossed: crossed,
      failureCount: 1,
      keptPaths: ["/dumps/a.dcap", "/dumps/b.dcap"],
      ownProcessorTime: .milliseconds(1250)
    )
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test func aCaptureIsALine() throws {
    let history = history()
    let plain = TextWatch(style: .plain, sparkline: nil, namesProcess: false)
    #expect(
      try text(plain.line(capture(), history))
        == "09:09:30Z  threads   36  fds 1,198  connections 1,198  RSS 178 MiB  "
        + "+27 threads in Queue.next() Worker.swift:41\n"
    )
    let terminal = TextWatch(
      style: TextStyle(hasColor: false, width: 160),
      sparkline: .blocks,
      namesProcess: true
    )
    #expect(
      try text(terminal.line(capture(), history))
        == "09:09:30Z  pid 4711  threads   36 ▁▁▂▃▄▅▆▇██  fds 1,198 ▁▁▁▁▁▁▁▁▁▁  "
        .replacing(
          "▁▁▂▃▄▅▆▇██",
          with: Sparkline.blocks.text(history.values(of: .threads), width: 12)
        )
        + "connections 1,198 \(Sparkline.blocks.text(history.values(of: .connections), width: 12))  "
        + "RSS 178 MiB \(Sparkline.blocks.text(history.values(of: .memory), width: 12))\n"
        + "  +27 threads in Queue.next() Worker.swift:41\n"
    )
  }

  @Test(arguments: [
    ([0, 1, 2, 3, 4, 5, 6, 7], Sparkline.blocks, "▁▂▃▄▅▆▇█"),
    ([0, 1, 2, 3, 4, 5, 6, 7], .ascii, "_.:-=+*#"), ([5, 5, 5], .blocks, "▁▁▁"), ([], .blocks, ""),
    ([-1, 1], .blocks, "▁█"), ([.min, 0, .max], .ascii, "_=#"), ([9, 9, 9, 1, 2], .ascii, "###_."),
  ])
  func aSparklineShowsTheCourse(_ values: [Int], _ sparkline: Sparkline, _ text: String) {
    #expect(sparkline.text(values, width: 8) == text)
  }

  @Test func aSparklineShowsTheLastValues() {
    #expect(Sparkline.blocks.text([100, 1, 2], width: 2) == "▁█")
  }

  @Test func newFindingsStandBelowTheirLine() throws {
    let plain = TextWatch(style: .plain, sparkline: nil, namesProcess: false)
    let finding = Finding(kind: "deadlock", text: "two \u{1b}threads")
    let lines = try text(plain.line(capture([finding]), history())).split(separator: "\n")
    #expect(lines.last == "  deadlock: two \\u{1b}threads")
  }

  @Test func theSummaryNamesItsSuspectsWithTheirStacks() throws {
    let history = history()
    let plain = TextWatch(style: .plain, sparkline: nil, namesProcess: false)
    let crossed = GrowthLimit.count(20).crossed(by: history)
    try Golden.expect(text(plain.summary(summary(crossed), history)), equals: "watch-summary.text")
    let terminal = TextWatch(
      style: TextStyle(hasColor: true, width: 72),
      sparkline: .blocks,
      namesProcess: true
    )
    try Golden.expect(
      text(terminal.summary(summary(crossed), history)),
      equals: "watch-summary-color.text"
    )
  }

  @Test func tooFewCapturesAreSaid() throws {
    var history = GrowthHistory()
    history.add(SampleReport.server(), at: 0)
    let plain = TextWatch(style: .plain, sparkline: nil, namesProcess: false)
    #expect(
      try text(plain.summary(summary(), history))
        .hasSuffix("\nno leak suspects: a trend takes 6 captures\n")
    )
  }

  @Test func eachLineOfJSONFollowsTheSchema() throws {
    let leak = history()
    let tasks = SampleReport.laterTasks()
    var growingTasks = GrowthHistory()
    for index in 0..<8 {
      var report = tasks.new
      report.tasks.removeLast(30 - index * 4)
      growingTasks.add(report, at: Double(index))
    }
    #expect(growingTasks.suspects().count == 1)
    let crossed = GrowthLimit.count(20).crossed(by: leak)
    for line in [
      JSONWatch.line(capture([Finding(kind: "deadlock", text: "two")]), leak),
      JSONWatch.line(capture(), growingTasks), JSONWatch.summary(summary(crossed), leak),
      JSONWatch.summary(summary(), growingTasks), JSONWatch.summary(summary(), GrowthHistory.one),
    ] {
      #expect(line.last == 0x0a && !line.dropLast().contains(0x0a))
      let result = try ReportSchema.validate(text(line), schema: "watch")
      #expect(result.status == 0, "\(result.errorText)")
    }
    try Golden.expect(text(JSONWatch.line(capture(), leak)), equals: "watch-line.json")
    try Golden.expect(text(JSONWatch.summary(summary(crossed), leak)), equals: "watch-summary.json")
  }

  @Test func noEscapeSequenceOfTheServiceReachesTheTerminal() throws {
    let evil = "\u{1b}]0;title\u{7}\u{9b}31m\r\n\u{202e}"
    let history = history { report, index in
      for frame in report.frames.indices {
        report.frames[frame].function = evil
        report.frames[frame].shortFunction = nil
        report.frames[frame].file = evil
      }
      report.descriptors[0] = DescriptorCount(kind: evil, count: index * 4)
      report.connections[0].peer = evil
      report.connections[0].state = evil
    }
    var summary = summary(GrowthLimit.count(1).crossed(by: history))
    summary.name = evil
    summary.keptPaths = [evil]
    let plain = TextWatch(style: .plain, sparkline: .blocks, namesProcess: true)
    for bytes in try [
      plain.line(capture([Finding(kind: evil, text: evil)]), history),
      plain.summary(summary, history), JSONWatch.line(capture(), history),
      JSONWatch.summary(summary, history),
    ] {
      let unsafe = text(bytes).unicodeScalars.filter {
        $0 != "\n" && ($0.properties.generalCategory == .control || $0.value == 0x202e)
      }
      #expect(unsafe.isEmpty, "\(unsafe)")
    }
  }
}

extension GrowthHistory {
  fileprivate static var one: GrowthHistory {
    var history = GrowthHistory()
    history.add(DumpReport(), at: 0)
    return history
  }
}
