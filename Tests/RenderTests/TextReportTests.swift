import Foundation
import Render
import Report
import TestSupport
import Testing

/// The report in one of its forms, as text.
func rendered(
  _ report: DumpReport,
  _ format: ReportFormat,
  style: TextStyle = .plain
) throws -> String {
  var bytes: [UInt8] = []
  try format.write(report, style: style) { bytes += $0 }
  return String(decoding: bytes, as: UTF8.self)
}

struct TextReportTests {
  @Test func aServerReadsAsItsGoldenText() throws {
    try Golden.expect(rendered(SampleReport.server(), .text), equals: "server.text")
    try Golden.expect(rendered(SampleReport.server(), .full), equals: "server.full")
  }

  @Test func aCrashReadsAsItsGoldenText() throws {
    try Golden.expect(rendered(SampleReport.crash(), .text), equals: "crash.text")
    try Golden.expect(rendered(SampleReport.crash(), .full), equals: "crash.full")
  }

  @Test func tasksReadAsTheirGoldenText() throws {
    try Golden.expect(rendered(SampleReport.tasks(), .text), equals: "tasks.text")
    try Golden.expect(rendered(SampleReport.tasks(), .full), equals: "tasks.full")
    let style = TextStyle(hasColor: true, width: 80)
    try Golden.expect(
      rendered(SampleReport.tasks(), .text, style: style),
      equals: "tasks-color.text"
    )
  }

  @Test func waitsReadAsTheirGoldenText() throws {
    try Golden.expect(rendered(SampleReport.stuck(), .text), equals: "stuck.text")
    try Golden.expect(rendered(SampleReport.stuck(), .full), equals: "stuck.full")
  }

  @Test func tasksThatWereNotDecodedAreCalledSo() throws {
    var report = DumpReport()
    report.taskSummary = ReportTaskSummary(runtime: .static, isDecoded: false)
    report.taskSummary?.reason = "the runtime's layout 2 is unknown"
    for format in [ReportFormat.text, .full] {
      let text = try rendered(report, format)
      #expect(text.contains("\ntasks not decoded: the runtime's layout 2 is unknown\n"))
    }
    // Without Swift there is nothing to say.
    report.taskSummary?.runtime = .none
    #expect(try !rendered(report, .text).contains("tasks"))
  }

  @Test func coloursAndWidthReadAsTheirGoldenText() throws {
    let style = TextStyle(hasColor: true, width: 60)
    try Golden.expect(
      rendered(SampleReport.crash(), .text, style: style),
      equals: "crash-color.text"
    )
  }

  @Test func anEmptyReportIsStillAReport() throws {
    #expect(
      try rendered(DumpReport(), .text) == "unnamed process\nlive capture: 0 threads in 0 groups\n"
    )
    #expect(try rendered(DumpReport(), .full) == "unnamed process\nlive capture: 0 threads\n")
  }

  @Test func noEscapeSequenceOfTheServiceReachesTheTerminal() throws {
    let evil = "\u{1b}]0;title\u{7}\u{9b}31m\r\n\u{202e}\u{7f}\u{0}"
    var report = SampleReport.crash()
    report.reason = evil
    report.message = evil
    report.problems = [evil]
    report.findings[0].text = evil
    report.findings[0].kind = evil
    report.process.name = evil
    report.process.host = evil
    for index in report.modules.indices {
      report.modules[index].path = "/\(evil)/\(evil)"
      report.modules[index].reason = evil
    }
    for index in report.frames.indices {
      report.frames[index].function = index % 2 == 0 ? evil : nil
      report.frames[index].shortFunction = nil
      report.frames[index].file = index % 4 == 0 ? evil : nil
      report.frames[index].unknown = evil
    }
    for index in report.threads.indices {
      report.threads[index].name = evil
      report.threads[index].reason = evil
      report.threads[index].systemCall = evil
      report.threads[index].truncated = evil
      report.threads[index].labels = [evil: evil]
    }
    let sample = SampleReport.tasks()
    (report.tasks, report.executors) = (sample.tasks, sample.executors)
    for index in report.tasks.indices {
      report.tasks[index].name = evil
      report.tasks[index].stack = report.tasks[index].stack.map { _ in 0 }
      report.tasks[index].truncated = evil
      report.tasks[index].doubt = evil
    }
    for index in report.executors.indices {
      report.executors[index].type = evil
      report.executors[index].unknown = evil
    }
    report.taskSummary = sample.taskSummary
    report.taskSummary?.reason = evil
    for format in ReportFormat.allCases where !format.isBinary {
      let text = try rendered(report, format)
      let unsafe = text.unicodeScalars.filter {
        $0 != "\n" && ($0.properties.generalCategory == .control || $0.value == 0x202e)
      }
      #expect(unsafe.isEmpty, "\(format): \(unsafe)")
    }
    #expect(try rendered(report, .text).contains("\\u{1b}]0;title\\u{7}\\u{9b}31m\\r\\n\\u{202e}"))
  }

  @Test func namesThatLookTheSameAreTheSame() throws {
    var report = SampleReport.server()
    report.process.name = "sh\u{200b}o\u{2060}p\u{e0041}"
    #expect(try rendered(report, .text).hasPrefix("sh\\u{200b}o\\u{2060}p\\u{e0041} (pid"))
    // Persian has a joiner that keeps letters apart, and families are joined of several emoji.
    report.process.name = "می\u{200c}خواهم 👨\u{200d}👩"
    #expect(try rendered(report, .text).hasPrefix("می\u{200c}خواهم 👨\u{200d}👩 (pid"))
  }

  @Test(arguments: [
    (["a"], "\"a\""),
    (["w-9", "w-10", "w-8"], "\"w-8\" … \"w-10\""),
    (["w-1", "w-2"], "\"w-1\", \"w-2\""),
    (["main", "w-1", "w-2", "w-3"], "\"w-1\" … \"w-3\", \"main\""),
    (["same", "same"], "\"same\""),
    (["a", "b", "c", "d", "e", "f"], "\"a\", \"b\", \"c\", \"d\", 2 more names"),
    (["99999999999999999999999"], "\"99999999999999999999999\""),
  ])
  func namesThatDifferInTheirNumberAreARange(_ names: [String], _ expected: String) throws {
    var report = DumpReport()
    report.threads = names.enumerated().map { index, name in
      var thread = ReportThread(threadID: Int32(index * 2))
      thread.name = name
      thread.status = .exited
      return thread
    }
    let text = try rendered(report, .text)
    #expect(text.contains("exited  \(expected)  tid"), "\(text)")
  }

  @Test func threadIDsAreRangesAndTheRestIsCounted() throws {
    var report = DumpReport()
    report.threads = [1, 2, 3, 7, 9, 11, 13, 14, .max].map { ReportThread(threadID: $0) }
    #expect(try rendered(report, .text).contains("  tids 1-3, 7, 9, 11, 3 more\n"))
  }

  @Test func differentStatesOfOneStackAreCounted() throws {
    var report = SampleReport.server()
    report.threads[2].state = .running
    #expect(
      try rendered(report, .text)
        .contains(
          "4 threads  3 sleeping in futex (condition), 1 running  \"worker-8\" … \"worker-11\""
        )
    )
  }

  @Test func statesThatReadTheSameAreCountedTogether() throws {
    var report = SampleReport.server()
    report.threads[2].status = .quiet
    #expect(
      try rendered(report, .text).contains("4 threads  sleeping in futex (condition)  \"worker-8\"")
    )
  }

  @Test(arguments: [40, 60, 80, 120])
  func noLineIsLongerThanTheTerminalWhereItCanBeBroken(_ width: Int) throws {
    var report = SampleReport.server()
    let folder = "/home/somebody/projects/dumpcollect/Examples/LeakyService/Sources/LeakyService"
    for index in report.frames.indices where report.frames[index].file != nil {
      report.frames[index].file = "\(folder)/main.swift"
    }
    report.modules[1].reason = Array(repeating: "no debug file", count: 9).joined(separator: "; ")
    report.problems = [Array(repeating: "a thread is missing", count: 9).joined(separator: ", ")]
    let text = try rendered(report, .text, style: TextStyle(hasColor: false, width: width))
    let words = width - 1
    for line in text.split(separator: "\n") where line.count > width {
      // What is left has no place to break it: a name, or a fixed phrase of the heading.
      #expect(
        line.split(separator: " ").contains { $0.count > words / 2 } || !line.hasPrefix("    "),
        "\(line)"
      )
    }
    #expect(text.contains("LeakyService/main.swift:120"))
    #expect(text.contains(width == 120 ? "…/Examples/" : "…/"))
    // Away from terminals nothing is left out.
    #expect(try rendered(report, .text).contains("  \(folder)/main.swift:120\n"))
  }

  @Test func manyThreadsAreOneGroupALine() throws {
    let text = try rendered(SampleReport.large(threads: 10_000, distinct: 3, depth: 27), .text)
    #expect(text.contains("live capture, SIGQUIT from pid 88: 10,000 threads in 3 groups\n"))
    #expect(text.contains("3,334 threads  sleeping in futex  \"worker-0\" … \"worker-9999\""))
    #expect(text.split(separator: "\n").count < 100)
  }

  /// A report of one thread whose frames are functions of these names, innermost first.
  private func report(ofFunctions names: [String]) -> DumpReport {
    var report = DumpReport()
    report.frames = Set(names).sorted().map { name in
      var frame = Frame(address: 1)
      frame.function = name
      frame.file = "/src/\(name).c"
      frame.line = 86
      return frame
    }
    report.stacks = [names.map { name in report.frames.firstIndex { $0.function == name } ?? 0 }]
    var thread = ReportThread(threadID: 1)
    thread.stack = 0
    report.threads = [thread]
    return report
  }

  private func frameLines(_ report: DumpReport, _ format: ReportFormat) throws -> [String] {
    try rendered(report, format).split(separator: "\n").filter { $0.hasPrefix("    ") }
      .map { String($0.dropFirst(4)).replacing(#/ +/#, with: " ") }
  }

  @Test func aRecursionIsOneLineOfTextAndEveryFrameInFull() throws {
    let names = ["leaf"] + Array(repeating: "descend", count: 1040) + ["main"]
    let report = report(ofFunctions: names)
    #expect(
      try frameLines(report, .text) == [
        "leaf /src/leaf.c:86", "descend /src/descend.c:86 (× 1,040)", "main /src/main.c:86",
      ]
    )
    #expect(try frameLines(report, .full).count == names.count)
  }

  @Test func aRecursionThroughSeveralFunctionsIsShownOnceAndCounted() throws {
    let round = ["evaluate", "visit", "accept"]
    let report = report(
      ofFunctions: ["leaf"] + Array(repeating: round, count: 20).joined() + ["evaluate", "main"]
    )
    #expect(
      try frameLines(report, .text) == [
        "leaf /src/leaf.c:86", "evaluate /src/evaluate.c:86", "visit /src/visit.c:86",
        "accept /src/accept.c:86", "↑ these 3 frames (× 20)", "evaluate /src/evaluate.c:86",
        "main /src/main.c:86",
      ]
    )
  }

  @Test func twoEqualFramesAreNoRecursionYet() throws {
    let report = report(ofFunctions: ["run", "run", "main"])
    #expect(try frameLines(report, .text).count == 3)
  }

  @Test func codeOfTheSwiftCompilerStandsInNoFile() throws {
    var report = report(ofFunctions: ["thunk"])
    report.frames[0].file = "/<compiler-generated>"
    report.frames[0].line = nil
    #expect(try frameLines(report, .text) == ["thunk <compiler-generated>"])
  }

  @Test func whereToGetMoreNamesIsSaidUnlessNothingLacks() throws {
    let package = "apt-get install libc6-dbg"
    let option = "--debug-dir DIR"
    var report = SampleReport.server()
    #expect(try rendered(report, .text).contains(package))
    #expect(try rendered(report, .text).contains(option))
    report.modules[2].status = .debugInfo
    #expect(try rendered(report, .text).contains(package))
    #expect(try !rendered(report, .text).contains(option))
    report.modules[1].path = "[vdso]"
    #expect(try !rendered(report, .text).contains(package))
    #expect(try !rendered(report, .text).contains(option))
  }
}
