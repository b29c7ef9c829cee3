import Foundation
import Report
import TestSupport
import Testing

/// `symbolize` and `report` on captures laid down by hand.
struct SymbolizeCommandTests {
  let directory: TemporaryDirectory
  let capture: String

  init() throws {
    directory = try TemporaryDirectory()
    capture = directory.file("my shop.7.20260301T090500Z.1.dcap")
    try Data(Self.bytes()).write(to: URL(fileURLWithPath: capture))
  }

  /// A capture of three threads, without modules.
  private static func bytes(threads: Int = 3, truncated: String? = nil) -> [UInt8] {
    var file = CaptureBytes()
    file.add(
      kind: 1,
      ProtobufField.string(2, "signal") + ProtobufField.fixed64(3, 1_772_355_900_000_000_000)
    )
    file.add(kind: 2, ProtobufField.varint(1, 7) + ProtobufField.string(2, "my shop"))
    for thread in 0..<threads {
      file.add(
        kind: 4,
        ProtobufField.varint(1, UInt64(7 + thread)) + ProtobufField.string(2, "w-\(thread)")
          + ProtobufField.string(3, "S") + ProtobufField.packed(10, [0x1000, 0x2000])
          + (truncated.map { ProtobufField.string(12, $0) } ?? [])
      )
    }
    file.add(
      kind: 255,
      ProtobufField.varint(1, UInt64(2 + threads)) + ProtobufField.varint(2, UInt64(threads))
    )
    return file.bytes
  }

  @Test func theArchiveLiesBesideTheCaptureAndItsPathIsTheResult() throws {
    let result = try dumpcollect("symbolize", capture)
    let archive = directory.file("my shop.7.20260301T090500Z.1.dcreport")
    #expect(result.status == 0)
    #expect(result.text == archive + "\n")
    #expect(result.errorText == "")
    let report = try ReportArchive.read(at: archive)
    #expect(report.threads.map(\.threadID) == [7, 8, 9])
    #expect(report.process.name == "my shop")
    #expect(report.captureFile == capture)
  }

  @Test func severalCapturesGiveAPathALine() throws {
    let second = directory.file("second.dcap")
    try FileManager.default.copyItem(atPath: capture, toPath: second)
    let result = try dumpcollect("symbolize", capture, second)
    #expect(result.status == 0)
    #expect(result.text.split(separator: "\n").count == 2)
    #expect(result.text.hasSuffix("\(directory.file("second.dcreport"))\n"))
  }

  @Test func oneOfTwoThatIsNoCaptureIsPartial() throws {
    let other = try directory.write("no capture at all, but text that is long enough", to: "other")
    let result = try dumpcollect("symbolize", capture, other)
    #expect(result.status == 1)
    #expect(result.text.split(separator: "\n").count == 1)
    #expect(result.errorText.contains("dumpcollect: \(other): "))
  }

  @Test func standardInputAndOutputStandForFiles() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: capture))
    let result = try dumpcollect("symbolize", "-", "-o", "-", input: bytes)
    #expect(result.status == 0)
    #expect(result.output.starts(with: Data("SQLite format 3\0".utf8)))
    let path = directory.file("piped.dcreport")
    try result.output.write(to: URL(fileURLWithPath: path))
    #expect(try ReportArchive.read(at: path).threads.count == 3)
    let shown = try dumpcollect("report", "-", input: bytes)
    #expect(shown.status == 0)
    #expect(shown.text.contains("3 threads  sleeping  \"w-0\" … \"w-2\"  tids 7-9"))
  }

  @Test(arguments: ["symbolize", "report"])
  func aPipeWithANameIsReadOnceAndWhole(_ verb: String) throws {
    let output = verb == "symbolize" ? " -o '\(directory.file("piped.dcreport"))'" : ""
    let command = "'\(Products.dumpcollect)' \(verb) <(cat '\(capture)')\(output)"
    let result = try run("bash", ["-c", command])
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.errorText == "")
    #expect(!result.text.isEmpty)
  }

  @Test func aReportThroughANamedPipeIsShown() throws {
    let path = directory.file("a.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    let result = try run("bash", ["-c", "'\(Products.dumpcollect)' report <(cat '\(path)')"])
    #expect(result.status == 0, "\(result.errorText)")
    try Golden.expect(result.text, equals: "server.text")
  }

  @Test func aStreamWithoutEndThatIsNoCaptureIsRefused() throws {
    // It ends only because not all of it is read.
    let result = try run("bash", ["-c", "yes | '\(Products.dumpcollect)' report -"])
    #expect(result.status == 2)
    #expect(result.errorText.contains("dumpcollect: -: offset 0: expected a capture file"))
  }

  @Test func aLongCaptureComesThroughAPipeWhole() throws {
    let long = Data(Self.bytes(threads: 6000))
    #expect(long.count > 262_144)
    let result = try dumpcollect("report", "-", input: long)
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.contains("6,000 threads"))
  }

  @Test func twoThatSymbolizeOneCaptureAtOnceBothLeaveAWholeArchive() throws {
    let archive = directory.file("my shop.7.20260301T090500Z.1.dcreport")
    let command = "'\(Products.dumpcollect)' symbolize '\(capture)'"
    let script =
      "for i in 1 2 3 4 5 6 7 8; do \(command) & pids=\"$pids $!\"; done;"
      + " for p in $pids; do wait $p || exit 9; done"
    let result = try run("bash", ["-c", script])
    #expect(result.status == 0, "\(result.errorText)")
    #expect(try ReportArchive.read(at: archive).threads.count == 3)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
  }

  @Test func anArchiveThatHasNoPlaceBesideItsCaptureSaysToUseO() throws {
    let folder = directory.file("read only")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try FileManager.default.moveItem(atPath: capture, toPath: "\(folder)/a.dcap")
    let command = directory.file("dumpcollect")
    try FileManager.default.copyItem(atPath: Products.dumpcollect, toPath: command)
    try runSuccessfully("chmod", ["-R", "a+rX", directory.path])
    try runSuccessfully("chmod", ["555", folder])
    let asNobody =
      getuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : ["env"]
    let result = try run(
      asNobody[0],
      asNobody.dropFirst() + [command, "symbolize", "\(folder)/a.dcap"]
    )
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.contains("\(folder)/a.dcreport: cannot create a file there"))
    #expect(result.errorText.contains("-o FILE"))
    try runSuccessfully("chmod", ["755", folder])
  }

  @Test func anArchiveIsNotWrittenToATerminal() throws {
    let result = try runInTerminal(Products.dumpcollect, ["symbolize", capture, "-o", "-"])
    #expect(result.status == 64)
    #expect(result.text == "")
    #expect(result.errorText.contains("-o FILE"))
  }

  @Test func aCutCaptureGivesWhatIsWholeAndEndsWith1() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: capture))
    let cut = directory.file("cut.dcap.partial")
    try bytes.prefix(bytes.count - 40).write(to: URL(fileURLWithPath: cut))
    let result = try dumpcollect("symbolize", cut)
    #expect(result.status == 1)
    #expect(result.text == directory.file("cut.dcreport") + "\n")
    #expect(result.errorText.contains("dumpcollect: \(cut): "))
    let report = try ReportArchive.read(at: directory.file("cut.dcreport"))
    #expect(!report.isComplete)
    #expect(report.threads.count >= 2)
  }

  @Test func stacksThatTheDeadlineCutMakeACapturePartial() throws {
    let words = "the capture ran out of time"
    // Those of the collector.
    let collector = "\(repositoryRoot)/Sources/Unwinder/Collector/ThreadText.swift"
    #expect(try String(contentsOfFile: collector, encoding: .utf8).contains(words))
    let path = directory.file("slow.dcap")
    try Data(Self.bytes(truncated: words)).write(to: URL(fileURLWithPath: path))
    let result = try dumpcollect("report", path)
    #expect(result.status == 1)
    #expect(result.errorText.contains("3 stacks cut short: the capture ran out of time"))
    #expect(result.text.contains("incomplete: 3 stacks cut short"))
  }

  @Test(arguments: ["missing", "empty", "text", "folder", "report"])
  func whatIsNoCaptureIsSaidWithTheNextStep(_ kind: String) throws {
    let path = directory.file(kind)
    switch kind {
    case "empty": try directory.write("", to: kind)
    case "text": try directory.write(String(repeating: "text\n", count: 100), to: kind)
    case "folder":
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    case "report": try ReportArchive.write(SampleReport.server(), to: path)
    default: break
    }
    let result = try dumpcollect("symbolize", path)
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.hasPrefix("dumpcollect: \(path): "), "\(result.errorText)")
    #expect(result.errorText.split(separator: "\n").count == 2, "\(result.errorText)")
    #expect(!FileManager.default.fileExists(atPath: path + ".dcreport"))
  }

  @Test func aReportThatCannotBeWrittenIsSaid() throws {
    let result = try dumpcollect("symbolize", capture, "-o", "/proc/no/such.dcreport")
    #expect(result.status == 2)
    #expect(result.errorText.contains("-o FILE"))
  }

  @Test func aPathThatIsTooLongForAnArchiveIsSaidToBe() throws {
    let name = String(repeating: "n", count: 200)
    let folder = directory.file("\(name)/\(name)/\(name)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let long = "\(folder)/a.dcap"
    try FileManager.default.copyItem(atPath: capture, toPath: long)
    let result = try dumpcollect("symbolize", long)
    #expect(result.status == 2)
    #expect(result.errorText.contains("the path is too long for SQLite"), "\(result.errorText)")
    #expect(result.errorText.contains("-o FILE"))
    #expect(try dumpcollect("symbolize", long, "-o", directory.file("a.dcreport")).status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.dcap"])
  }

  @Test func aCaptureIsShownWithoutAnArchive() throws {
    let result = try dumpcollect("report", capture, "--format", "full")
    #expect(result.status == 0)
    #expect(result.text.contains("thread 8  \"w-1\"  sleeping"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 1)
  }
}
