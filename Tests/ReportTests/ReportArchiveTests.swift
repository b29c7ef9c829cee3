import Foundation
import GRDB
import Report
import TestSupport
import Testing

struct ReportArchiveTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  @Test(arguments: [
    "nothing", "server", "crash", "tasks", "stuck", "10,000 threads", "20,000 tasks",
  ])
  func whatIsReadIsWhatWasWritten(_ name: String) throws {
    let report =
      switch name {
      case "server": SampleReport.server()
      case "crash": SampleReport.crash()
      case "tasks": SampleReport.tasks()
      case "stuck": SampleReport.stuck()
      case "20,000 tasks": SampleReport.manyTasks(20_000)
      case "10,000 threads": SampleReport.large(threads: 10_000, distinct: 10_000, depth: 27)
      default: DumpReport()
      }
    let path = directory.file("a.dcreport")
    try ReportArchive.write(report, to: path)
    let isEqual = try ReportArchive.read(at: path) == report
    #expect(isEqual)
  }

  @Test func extremeValuesSurvive() throws {
    var report = DumpReport()
    report.time = Date(timeIntervalSince1970: 1_772_355_900.123_456_7)
    report.process.startTime = Date(timeIntervalSince1970: 0)
    report.process.userID = .max
    report.modules = [ReportModule(path: "", buildID: nil, base: 0, end: .max)]
    var frame = Frame(address: .max)
    frame.offset = 1 << 63
    frame.line = .max
    frame.column = .max
    frame.function = "operator\"\" _ä\u{1b}[31m\n😀"
    report.frames = [frame]
    report.stacks = [[], [0, 0, 0]]
    var thread = ReportThread(threadID: .min)
    thread.cpuUser = .nanoseconds(Int64.max)
    thread.labels = ["": "", "k'": "v\u{0}".replacingOccurrences(of: "\u{0}", with: "")]
    thread.task = .max
    thread.executor = 1 << 63
    thread.startTime = Date(timeIntervalSince1970: 0)
    var wait = WaitTarget()
    wait.lock = .max
    wait.lockName = ""
    wait.ownerThreadID = .min
    wait.readerCount = .max
    wait.timeout = .nanoseconds(Int64.max)
    wait.moreDescriptors = .max
    wait.descriptors = [WaitDescriptor(number: .min), WaitDescriptor(number: .max)]
    thread.waitsFor = wait
    report.threads = [thread, thread]
    var task = ReportTask(id: .max, address: .max, state: .running)
    task.priority = .max
    task.awaitedTask = .max
    task.group = 1 << 63
    report.tasks = [task, task]
    report.executors = [ReportExecutor(address: .max, kind: .custom)]
    report.taskSummary = ReportTaskSummary(runtime: .static, isDecoded: false)
    report.taskSummary?.scannedByteCount = .max
    let path = directory.file("extreme.dcreport")
    try ReportArchive.write(report, to: path)
    #expect(try ReportArchive.read(at: path) == report)
  }

  @Test func theDefaultPathLiesBesideTheCapture() {
    #expect(
      ReportArchive.defaultPath(forCapture: "/d/x.1.20260301T090500Z.1.dcap")
        == "/d/x.1.20260301T090500Z.1.dcreport"
    )
    #expect(ReportArchive.defaultPath(forCapture: "x.dcap.partial") == "x.dcreport")
    #expect(ReportArchive.defaultPath(forCapture: "d.dcap/other") == "d.dcap/other.dcreport")
  }

  @Test func anExistingArchiveIsReplacedAndNothingElseIsLeft() throws {
    let path = directory.file("a.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    try ReportArchive.write(SampleReport.crash(), to: path)
    #expect(try ReportArchive.read(at: path) == SampleReport.crash())
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["a.dcreport"])
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }

  @Test func aLinkStaysALinkAndWhatItLeadsToIsReplaced() throws {
    let path = directory.file("a.dcreport")
    let link = directory.file("latest.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "a.dcreport")
    try ReportArchive.write(SampleReport.crash(), to: link)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "a.dcreport")
    #expect(try ReportArchive.read(at: path) == SampleReport.crash())
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 2)
  }

  @Test func aReportThatCannotBeWrittenLeavesTheOldOne() throws {
    let path = directory.file("a.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    var broken = SampleReport.server()
    broken.threads[0].stack = 99
    #expect(throws: ReportArchiveError.self) { try ReportArchive.write(broken, to: path) }
    #expect(try ReportArchive.read(at: path) == SampleReport.server())
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["a.dcreport"])
  }

  @Test func aFolderThatIsNotThereIsNamed() throws {
    let error = try #require(throws: ReportArchiveError.self) {
      try ReportArchive.write(DumpReport(), to: directory.file("no/such/a.dcreport"))
    }
    #expect(error.description.contains("No such file or directory"))
    #expect(error.description.contains("-o FILE"))
  }

  @Test func devicesAndFoldersAreNotReplaced() throws {
    for path in ["/dev/null", directory.path] {
      let error = try #require(throws: ReportArchiveError.self) {
        try ReportArchive.write(DumpReport(), to: path)
      }
      #expect(error.file == path)
    }
  }

  @Test func viewsShowThreadsAndGroups() throws {
    let path = directory.file("a.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    let queue = try DatabaseQueue(path: path)
    let group = try #require(
      try queue.read { try Row.fetchOne($0, sql: "SELECT * FROM group_view") }
    )
    #expect(group["threads"] == 4)
    #expect(group["states"] == "sleeping")
    #expect(group["waits"] == "condition")
    let stack = try #require(group["stack"] as String?)
    #expect(stack.split(separator: "\n").count == 5)
    #expect(stack.contains("Queue.next()  /src/shop/Worker.swift:41"))
    let thread = try #require(
      try queue.read { try Row.fetchOne($0, sql: "SELECT * FROM thread_view WHERE tid = 4717") }
    )
    #expect(thread["state"] == "disk")
    #expect(
      (thread["stack"] as String?)?.hasPrefix("0x7ffff7b01234  /opt/shop/lib/plug in.so") == true
    )
    #expect(try queue.read { try Row.fetchAll($0, sql: "PRAGMA foreign_key_check") }.isEmpty)
    #expect(try queue.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
  }

  @Test func theFileSaysWhoseItIs() throws {
    let path = directory.file("a.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes[68..<72] == Data("DCRP".utf8))
    #expect(bytes[60..<64] == Data([0, 0, 0, 5]))
  }
}
