import Foundation
import Report
import TestSupport
import Testing

struct ReportCommandTests {
  let directory: TemporaryDirectory
  let server: String
  let crash: String

  init() throws {
    directory = try TemporaryDirectory()
    server = directory.file("a server.dcreport")
    crash = directory.file("crash.dcreport")
    try ReportArchive.write(SampleReport.server(), to: server)
    try ReportArchive.write(SampleReport.crash(), to: crash)
  }

  @Test(arguments: ["text", "full", "json"])
  func anArchiveIsShownInEachForm(_ format: String) throws {
    let result = try dumpcollect("report", server, "--format", format)
    #expect(result.status == 0)
    #expect(result.errorText == "")
    try Golden.expect(result.text, equals: "server.\(format)")
  }

  @Test func textIsTheFormWithoutAsking() throws {
    #expect(
      try dumpcollect("report", server).text
        == dumpcollect("report", server, "--format", "text").text
    )
  }

  @Test func anIncompleteReportIsShownAndEndsWith1() throws {
    let result = try dumpcollect("report", crash)
    #expect(result.status == 1)
    try Golden.expect(result.text, equals: "crash.text")
    #expect(
      result.errorText == "dumpcollect: \(crash): offset 4096: record of kind 4 is damaged (CRC)\n"
    )
  }

  @Test func standardInputIsReadForAMinus() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: server))
    let result = try dumpcollect("report", "-", input: bytes)
    #expect(result.status == 0)
    try Golden.expect(result.text, equals: "server.text")
  }

  @Test func aFileIsWrittenWholeAndNothingIsPrinted() throws {
    let path = directory.file("out put.txt")
    try directory.write("old", to: "out put.txt")
    let result = try dumpcollect("report", server, "-o", path)
    #expect(result.status == 0)
    #expect(result.text == "")
    try Golden.expect(String(contentsOfFile: path, encoding: .utf8), equals: "server.text")
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 3)
  }

  @Test func aLinkStaysALinkAndWhatItLeadsToIsWritten() throws {
    try FileManager.default.createDirectory(
      atPath: directory.file("elsewhere"),
      withIntermediateDirectories: false
    )
    try directory.write("old", to: "elsewhere/target.txt")
    let link = directory.file("link.txt")
    try FileManager.default.createSymbolicLink(
      atPath: link,
      withDestinationPath: "elsewhere/target.txt"
    )
    #expect(try dumpcollect("report", server, "-o", link).status == 0)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: link) == "elsewhere/target.txt"
    )
    let target = directory.file("elsewhere/target.txt")
    try Golden.expect(String(contentsOfFile: target, encoding: .utf8), equals: "server.text")
    // As /dev/stdout is one, and behind it a file that has no name any more.
    let output = directory.file("output.txt")
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("stdout"),
      withDestinationPath: "/proc/self/fd/1"
    )
    let words = "'\(Products.dumpcollect)' report '\(server)' -o '\(directory.file("stdout"))'"
    _ = try runSuccessfully("sh", ["-c", "\(words) > '\(output)'"])
    try Golden.expect(String(contentsOfFile: output, encoding: .utf8), equals: "server.text")
    let gone = "exec 3>'\(output)' 4<'\(output)'; rm '\(output)'; \(words) >&3; cat <&4"
    try Golden.expect(runSuccessfully("sh", ["-c", gone]), equals: "server.text")
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: directory.file("stdout"))
        == "/proc/self/fd/1"
    )
  }

  @Test func devicesAreWrittenAsTheyAre() throws {
    #expect(try dumpcollect("report", server, "-o", "/dev/null").status == 0)
    var status = stat()
    #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    let full = try dumpcollect("report", server, "-o", "/dev/full")
    #expect(full.status == 2)
    #expect(full.errorText.contains("No space left on device"))
  }

  @Test func aFullStandardOutputIsAnError() throws {
    let result = try run("sh", ["-c", "'\(Products.dumpcollect)' report '\(server)' > /dev/full"])
    #expect(result.status == 2)
    #expect(result.errorText.contains("cannot write to standard output: No space left on device"))
  }

  @Test func aReaderThatLeavesEarlyIsNoError() throws {
    let large = directory.file("large.dcreport")
    try ReportArchive.write(SampleReport.large(threads: 2000, distinct: 500, depth: 27), to: large)
    let command = "'\(Products.dumpcollect)' report '\(large)' --format json; echo $? >&2"
    let result = try run("sh", ["-c", "{ \(command); } | head -c 10"])
    #expect(result.text.utf8.count == 10)
    #expect(result.errorText == "0\n")
  }

  @Test func coloursAreForTerminalsAndForWhoAsks() throws {
    let escape = "\u{1b}["
    func inTerminal(_ environment: [String: String?] = [:]) throws -> String {
      try runInTerminal(Products.dumpcollect, ["report", server], environment: environment).text
    }
    #expect(try !dumpcollect("report", server).text.contains(escape))
    #expect(
      try dumpcollect("report", server, environment: ["CLICOLOR_FORCE": "1"]).text.contains(escape)
    )
    #expect(try inTerminal().contains(escape))
    #expect(try !inTerminal(["NO_COLOR": "1"]).contains(escape))
    #expect(try !inTerminal(["TERM": "dumb"]).contains(escape))
    #expect(try inTerminal(["NO_COLOR": ""]).contains(escape))
  }

  @Test func aNarrowTerminalGetsShorterPlaces() throws {
    let colourless = ["NO_COLOR": "1" as String?]
    let narrow = try runInTerminal(
      Products.dumpcollect,
      ["report", server],
      columns: 60,
      environment: colourless
    )
    #expect(
      narrow.text.contains("    Worker.run()                    …/shop/Worker.swift:88\r\n")
    )
    let wide = try runInTerminal(
      Products.dumpcollect,
      ["report", server],
      columns: 200,
      environment: colourless
    )
    #expect(wide.text.contains("    Queue.next() (inlined)          /src/shop/Worker.swift:41\r\n"))
  }

  @Test func aNameFromOutsideDoesNotDriveTheTerminal() throws {
    var report = SampleReport.server()
    report.threads[0].name = "\u{1b}]0;owned\u{7}"
    report.problems = ["\u{1b}[2Jgone"]
    report.isComplete = false
    let path = directory.file("evil.dcreport")
    try ReportArchive.write(report, to: path)
    for format in ["text", "full", "json", "html", "folded"] {
      let result = try dumpcollect("report", path, "--format", format)
      #expect(result.status == 1)
      #expect(!result.text.contains("\u{1b}"))
      #expect(!result.text.contains("\u{7}"))
      #expect(!result.errorText.contains("\u{1b}"))
    }
  }

  @Test func tenThousandThreadsAreAFewGroups() throws {
    let path = directory.file("large.dcreport")
    try ReportArchive.write(SampleReport.large(threads: 10_000, distinct: 12, depth: 27), to: path)
    let result = try dumpcollect("report", path)
    #expect(result.status == 0)
    #expect(result.text.contains("10,000 threads in 12 groups"))
    #expect(result.text.contains("834 threads  sleeping in futex  \"worker-0\" … \"worker-9996\""))
  }

  @Test func aProfileIsWrittenToFilesAndPipesButNotToATerminal() throws {
    let piped = try dumpcollect("report", server, "--format", "pprof")
    #expect(piped.status == 0 && piped.errorText == "")
    #expect(try Pprof(Array(piped.output)).text("-top").contains("Showing nodes accounting for 9"))
    let path = directory.file("server.pb.gz")
    #expect(try dumpcollect("report", server, "--format", "pprof", "-o", path).status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == piped.output)
    for output in [[], ["-o", "-"]] {
      let shown = try runInTerminal(
        Products.dumpcollect,
        ["report", server, "--format", "pprof"] + output
      )
      #expect(shown.status == 64)
      #expect(shown.text == "")
      #expect(shown.errorText.contains("a report as pprof is binary"))
      #expect(shown.errorText.contains("-o FILE"))
    }
  }

  @Test func foldedStacksAreText() throws {
    let result = try runInTerminal(Products.dumpcollect, ["report", server, "--format", "folded"])
    #expect(result.status == 0)
    #expect(result.text.contains("threads;(no stack) 2\r\n"))
  }

  @Test func aDirectoryIsNotAReport() throws {
    let result = try dumpcollect("report", directory.path)
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.contains("directory"))
  }

  @Test(arguments: ["missing", "empty", "foreign", "other database", "cut archive"])
  func whatIsNoReportIsSaidWithTheNextStep(_ kind: String) throws {
    let path = directory.file(kind)
    let whole = try Data(contentsOf: URL(fileURLWithPath: server))
    switch kind {
    case "empty": try directory.write("", to: kind)
    case "foreign": try directory.write(String(repeating: "#!/bin/sh\n", count: 500), to: kind)
    case "other database":
      try whole.replacing(at: 68, with: [1, 2, 3, 4]).write(to: URL(fileURLWithPath: path))
    case "cut archive": try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: path))
    default: break
    }
    let result = try dumpcollect("report", path)
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.hasPrefix("dumpcollect: \(path): "), "\(result.errorText)")
    #expect(result.errorText.split(separator: "\n").count == 2, "\(result.errorText)")
  }
}

extension Data {
  fileprivate func replacing(at offset: Int, with bytes: [UInt8]) -> Data {
    var copy = self
    copy.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    return copy
  }
}
