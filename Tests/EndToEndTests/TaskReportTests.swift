import Foundation
import TestSupport
import Testing

/// What the tests read of the tasks in `dumpcollect report --format json`.
struct TaskDocument: Decodable {
  struct Executor: Decodable {
    var type: String?
    var kind: String
    var holder_tid: Int32?
    var holder_task: UInt64?
  }

  struct Wait: Decodable {
    var kind: String
    var detail: String?
    var target_task: UInt64?
    var executor: Executor?
  }

  struct Frame: Decodable {
    var function: String?
    var file: String?
    var line: Int?
    var column: Int?
    var async: Bool?
    var runtime: Bool?

    var isOwn: Bool { runtime != true }
  }

  struct Task: Decodable {
    var id: UInt64
    var name: String?
    var state: String
    var kind: String
    var priority_name: String?
    var cancelled: Bool
    var parent: UInt64?
    var wait: Wait?
    var executor: Executor?
    var tid: Int32?
    var truncated: String?
    var frames: [Frame]
  }

  struct Thread: Decodable {
    var tid: Int32
    var task: UInt64?
    var frames: [Frame]
  }

  struct Group: Decodable {
    var count: Int
    var task_ids: [UInt64]?
  }

  struct Finding: Decodable {
    var kind: String
    var text: String
    var tids: [Int32]
    var task_ids: [UInt64]?
  }

  var complete: Bool
  var tasks: [Task]
  var threads: [Thread]
  var groups: [Group]
  var findings: [Finding]

  func tasks(named name: String) -> [Task] { tasks.filter { $0.name == name } }

  func task(named name: String) throws -> Task {
    let found = tasks(named: name)
    return try #require(found.count == 1 ? found[0] : nil, "tasks named \(name): \(found.count)")
  }
}

/// A Swift service with the handler's archive, and its dumps as the command shows them.
private struct TaskService {
  private let program: RunningProgram
  private let captures: String

  init(
    _ source: String,
    _ mode: String,
    _ options: [String],
    in directory: TemporaryDirectory
  ) throws {
    let path = try Fixture.build(
      [source],
      compiler: "swiftc",
      arguments: options + [
        "-g", "-parse-as-library", "-swift-version", "5", "-module-name", "service",
        "-suppress-warnings", "-import-objc-header",
        "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
      ],
      into: directory,
      named: "service"
    )
    captures = directory.file("captures")
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    program = try RunningProgram(
      path,
      [mode],
      environment: ["DUMPCOLLECT": "directory=\(captures),min-interval=none"]
    )
    try program.wait(for: "ready")
  }

  func capture() throws -> String {
    try runSuccessfully(Products.dumpcollect, ["dump", "\(program.processID)"])
      .trimmingCharacters(in: .newlines)
  }

  /// A dump that is as the condition says; tasks may still be on their way to where they wait.
  func document(when condition: (TaskDocument) -> Bool) throws -> (TaskDocument, capture: String) {
    for _ in 0..<50 {
      let path = try capture()
      let json = try run(Products.dumpcollect, ["report", path, "--format", "json"])
      let document = try JSONDecoder().decode(TaskDocument.self, from: json.output)
      if condition(document) { return (document, path) }
    }
    throw CommandFailure("no dump of 50 is as expected")
  }

  func text(of capture: String, _ arguments: [String] = []) throws -> String {
    try runSuccessfully(Products.dumpcollect, ["report", capture] + arguments)
  }
}

/// Tasks of real services, from the signal to what a person sees.
@Suite struct TaskReportTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// The line of a fixture that ends in this mark.
  private func line(_ mark: String, of source: String) throws -> Int {
    let text = try String(contentsOfFile: Fixture.source(source), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return try #require(lines.firstIndex { $0.hasSuffix("// \(mark)") }) + 1
  }

  @Test(arguments: [["-Onone"], ["-O"], ["-Onone", "-static-stdlib"]])
  func eachTaskSaysWhatItWaitsForAndWhere(_ options: [String]) throws {
    let service = try TaskService("handler/tasks.swift", "waits", options, in: directory)
    let (document, capture) = try service.document { document in
      document.tasks(named: "main actor").first?.wait?.kind == "main-actor"
        && document.tasks(named: "actor").allSatisfy { $0.wait?.kind == "actor" }
        && document.tasks(named: "sleep").first?.wait?.kind == "sleep"
        && document.tasks(named: "stream").first?.state == "suspended"
    }
    #expect(document.complete)
    for (name, kind) in [
      ("continuation", "continuation"), ("value", "task"), ("throwing value", "task"),
      ("group", "group"), ("discarding group", "group"), ("async let", "task"),
      ("sleep", "sleep"), ("stream", "continuation"), ("main actor", "main-actor"),
      ("cancelled", "continuation"),
    ] {
      #expect(try document.task(named: name).wait?.kind == kind, "\(name)")
    }
    let outer = try document.task(named: "continuation")
    let functions = outer.frames.filter(\.isOwn).compactMap(\.function)
    #expect(
      functions.map { $0.split(separator: "(")[0] }.prefix(3)
        == ["service.park", "service.innerCall", "service.outerCall"]
    )
    for frame in outer.frames.filter(\.isOwn).prefix(3) {
      #expect(frame.file?.hasSuffix("handler/tasks.swift") == true)
      // With -O a call that was inlined has a column of its own.
      #expect(frame.async == true && (frame.column == 0 || options == ["-O"]))
    }
    #expect(try document.task(named: "stream").wait?.detail?.contains("AsyncStream") == true)
    let target = try document.task(named: "target")
    #expect(try document.task(named: "value").wait?.target_task == target.id)
    #expect(try document.task(named: "cancelled").cancelled)
    #expect(try document.task(named: "high").priority_name == "high")
    let group = try document.task(named: "group")
    let children = document.tasks(named: "group child")
    #expect(children.count == 2 && children.allSatisfy { $0.parent == group.id })
    #expect(children.allSatisfy { $0.kind == "group-child" })
    let waiting = document.tasks(named: "actor")
    #expect(waiting.allSatisfy { $0.wait?.executor?.type == "service.Bank" }, "\(waiting)")
    // A task blocks its thread while others wait for its actor.
    let holder = try document.task(named: "holder")
    #expect(waiting.allSatisfy { $0.wait?.executor?.holder_task == holder.id })
    let finding = try #require(document.findings.first { $0.kind == "actor-blocked" })
    #expect(finding.task_ids == [holder.id] && finding.tids == [holder.tid])
    #expect(finding.text.hasSuffix("2 tasks wait for it"))
    #expect(!document.findings.contains { $0.kind == "deadlock" })

    let grouped = document.groups.flatMap { $0.task_ids ?? [] }
    #expect(grouped.sorted() == document.tasks.map(\.id).sorted())
    let full = try service.text(of: capture, ["--format", "full"])
    #expect(full.contains("Task tree:") && full.contains("actor Bank  0x"), "\(full.prefix(3000))")
  }

  @Test(arguments: ["-Onone", "-O"])
  func tasksThatWaitForEachOtherAreFound(_ optimization: String) throws {
    let service = try TaskService("tasks/stuck.swift", "circle", [optimization], in: directory)
    let (document, capture) = try service.document { document in
      document.findings.filter { $0.kind == "deadlock" }.count == 2
    }
    func id(_ name: String) throws -> UInt64 { try document.task(named: name).id }
    let circles = document.findings.filter { $0.kind == "deadlock" }.compactMap(\.task_ids)
    let expected = [[try id("first"), try id("second")], [try id("parent"), try id("child")]]
    #expect(Set(circles.map(Set.init)) == Set(expected.map(Set.init)))
    let place = "stuck.swift:\(try line("await: wait", of: "tasks/stuck.swift"))"
    let text = try service.text(of: capture)
    #expect(text.contains("deadlock: 2 tasks wait for each other: task "), "\(text)")
    #expect(text.contains("“first” in wait(for:) (\(place))"), "\(text)")
    #expect(text.contains("1 more task waits behind them"), "\(text)")
  }

  @Test func aPoolWhoseThreadsAllBlockIsFound() throws {
    let service = try TaskService("tasks/stuck.swift", "pool", ["-Onone"], in: directory)
    let (document, _) = try service.document { document in
      document.findings.contains { $0.kind == "pool-exhausted" }
    }
    let finding = try #require(document.findings.first { $0.kind == "pool-exhausted" })
    let running = document.tasks.filter { $0.state == "running" }
    #expect(Set(finding.task_ids ?? []) == Set(running.map(\.id)))
    #expect(finding.text.contains("in futex"), "\(finding.text)")
    #expect(finding.text.contains("in block() (stuck.swift:"), "\(finding.text)")
    #expect(document.tasks.filter { $0.state == "enqueued" }.count + running.count == 400)
  }

  @Test(arguments: [["-Onone"], ["-O"], ["-Onone", "-static-stdlib"]])
  func aRunningTaskHasItsThreadsFramesFirst(_ options: [String]) throws {
    let service = try TaskService("tasks/stuck.swift", "running", options, in: directory)
    let (document, capture) = try service.document { document in
      document.tasks(named: "worker").first?.tid != nil
    }
    let worker = try document.task(named: "worker")
    #expect(worker.state == "running")
    let own = worker.frames.filter(\.isOwn)
    let lines = try ["line: work", "line: callWork", "await: worker"].map {
      try line($0, of: "tasks/stuck.swift")
    }
    #expect(own.compactMap(\.line) == lines, "\(own)")
    #expect(own.map { $0.async ?? false } == [false, false, true])
    #expect(!worker.frames.contains { $0.function?.contains("swift_job_run") == true })
    let thread = try #require(document.threads.first { $0.task == worker.id })
    #expect(thread.tid == worker.tid)
    #expect(thread.frames.contains { $0.function?.contains("runJobInEstablished") == true })
    let text = try service.text(of: capture)
    #expect(text.contains("1 × running in work()  stuck.swift:\(lines[0])"), "\(text)")
    #expect(text.contains("  runs task \(worker.id)"), "\(text)")
  }
}
