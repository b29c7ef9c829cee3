import Foundation
import TestSupport
import Testing

/// What the tests read of groups and findings in `dumpcollect report --format json`.
private struct GroupDocument: Decodable {
  struct Names: Decodable {
    var first: String
    var last: String?
    var count: Int
  }

  struct Idle: Decodable {
    var kind: String
    var text: String
  }

  struct Group: Decodable {
    var count: Int
    var names: [Names]?
    var idle: Idle?
    var oldest_start: String?
    var newest_start: String?
    var variants: Int?
  }

  struct Finding: Decodable {
    var kind: String
    var text: String
    var tids: [Int32]
  }

  var groups: [Group]
  var findings: [Finding]

  /// Why the threads of a name are idle; their groups must agree.
  func idle(_ name: String) throws -> String? {
    let found = groups.filter { $0.names?.contains { $0.first == name } == true }
    try #require(!found.isEmpty, "no group has threads named \(name)")
    let texts = Set(found.map { $0.idle?.text })
    return texts.count == 1 ? texts.first ?? nil : "\(texts)"
  }
}

/// Groups of real programs: what is idle, what is a leak.
@Suite struct GroupingReportTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func start(
    _ program: String,
    _ arguments: [String] = [],
    preloads: Bool = false,
    options: String = ""
  ) throws -> RunningProgram {
    let captures = directory.file("captures")
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    var environment: [String: String?] = [
      "DUMPCOLLECT": "directory=\(captures),min-interval=none\(options)"
    ]
    let link = preloads ? try PlainLink(to: Handler.preloadLibrary) : nil
    defer { withExtendedLifetime(link) {} }
    if let link { environment["LD_PRELOAD"] = link.path }
    let running = try RunningProgram(program, arguments, environment: environment)
    try running.wait(for: "ready")
    return running
  }

  private func capture(_ program: RunningProgram) throws -> String {
    try runSuccessfully(Products.dumpcollect, ["dump", "\(program.processID)"])
      .trimmingCharacters(in: .newlines)
  }

  private func document(_ capture: String, _ arguments: [String] = []) throws -> GroupDocument {
    let json = try run(Products.dumpcollect, ["report", capture, "--format", "json"] + arguments)
    return try JSONDecoder().decode(GroupDocument.self, from: json.output)
  }

  @Test(arguments: [["-O0"], ["-O2"]])
  func poolsAndLoopsOfCAndCPlusPlusAreIdleAndWhatLooksLikeThemIsNot(_ options: [String]) throws {
    let libraries = try runSuccessfully("pkg-config", ["--cflags", "--libs", "glib-2.0"])
      .split { $0 == " " || $0 == "\n" }.map(String.init)
    let program = try Fixture.build(
      ["idle/pools.cpp"],
      compiler: "g++",
      arguments: options + ["-g", "-std=c++17", "-fopenmp", "-pthread"] + Handler.compileArguments
        + Handler.linkArguments + libraries + ["-luv", "-levent", "-levent_pthreads"],
      into: directory,
      named: "pools"
    )
    let running = try start(program)
    try running.waitUntilAsleep(except: "dumpcollect")
    let capture = try capture(running)
    let document = try document(capture)
    for (name, text) in [
      ("asio", "Asio io_context"), ("libevent", "libevent loop"), ("glib", "GLib main loop"),
      ("libuv", "libuv loop"), ("client", nil), ("request", nil), ("asio job", nil),
      ("glib job", nil), ("uv job", nil),
    ] as [(String, String?)] {
      #expect(try document.idle(name) == text, "\(name)")
    }
    let texts = Set(document.groups.compactMap(\.idle?.text))
    #expect(texts.isSuperset(of: ["GLib worker", "libuv worker", "OpenMP worker"]), "\(texts)")
    // The main thread waits for its input.
    let text = try runSuccessfully(Products.dumpcollect, ["report", capture])
    let idle = try #require(text.split(separator: "\nIdle:").last)
    #expect(text.contains("\nIdle:") && !idle.contains("request") && !idle.contains("\"client\""))
    #expect(idle.contains("    3 threads  Asio io_context  sleeping in futex"), "\(idle)")
    let shown = try runSuccessfully(Products.dumpcollect, ["report", capture, "--idle", "show"])
    #expect(!shown.contains("\nIdle:") && shown.contains("idle: libevent loop"))
    let hidden = try runSuccessfully(Products.dumpcollect, ["report", capture, "--idle", "hide"])
    #expect(hidden.contains("\nIdle:") && !hidden.contains("libevent loop"))
  }

  @Test(arguments: ["-Onone", "-O"])
  func workersOfLibdispatchAndFoundationAreIdleAndTheirJobsAreNot(_ option: String) throws {
    let program = try Fixture.build(
      ["idle/workers.swift"],
      compiler: "swiftc",
      arguments: [option, "-g", "-parse-as-library", "-swift-version", "5"],
      into: directory,
      named: "workers"
    )
    let running = try start(program, preloads: true)
    try running.waitUntilAsleep(except: "dumpcollect")
    let document = try document(capture(running))
    #expect(try document.idle("run loop") == "Foundation run loop")
    #expect(try document.idle("job") == nil)
    let texts = Set(document.groups.compactMap(\.idle?.text))
    #expect(texts.isSuperset(of: ["libdispatch worker", "libdispatch manager"]), "\(texts)")
  }

  @Test func loopsAndWorkersOfNIOAreIdleAndTheirJobsAreNot() throws {
    // Beside the package's own build, so that it is made once.
    let scratch = "\(repositoryRoot)/.build/nio-fixture"
    let arguments = [
      "build", "--package-path", Fixture.source("idle/nio"), "--scratch-path", scratch,
    ]
    try runSuccessfully("swift", arguments)
    let bin = try runSuccessfully("swift", arguments + ["--show-bin-path"])
    let running = try start("\(bin.trimmingCharacters(in: .newlines))/loops", preloads: true)
    try running.waitUntilAsleep(except: "dumpcollect")
    let document = try document(capture(running))
    #expect(try document.idle("NIO-ELT-1-#1") == "NIO event loop")
    #expect(try document.idle("TP-#0") == "NIO thread pool")
    #expect(try document.idle("busy loop") == nil)
    #expect(try document.idle("busy worker") == nil)
  }

  private func leak(_ way: String) throws -> (GroupDocument, capture: String) {
    let program = try Fixture.build(
      ["idle/leak.cpp"],
      compiler: "g++",
      arguments: ["-g", "-O0", "-pthread"] + Handler.compileArguments + Handler.threadsLinkArguments
        + Handler.linkArguments,
      into: directory,
      named: "leak"
    )
    let running = try start(program, [way], options: ",thread-origins=on")
    let capture = try capture(running)
    return (try document(capture), capture)
  }

  @Test func threadsThatAreNeverGivenBackAreSuspected() throws {
    let (document, capture) = try leak("leak")
    let finding = try #require(document.findings.first { $0.kind == "leak-suspect" })
    #expect(document.findings.count == 1 && finding.tids.count == 50)
    let text = try String(contentsOfFile: Fixture.source("idle/leak.cpp"), encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (mark, function) in [
      ("wait", "Client::keepAlive()"), ("create", "Client::Client(Signal*)"),
    ] {
      let line = try #require(lines.firstIndex { $0.hasSuffix("// at: \(mark)") }) + 1
      #expect(finding.text.contains("\(function) (leak.cpp:\(line))"), "\(finding.text)")
    }
    #expect(
      finding.text.contains(
        #/created one after another since [0-9:]{8} UTC \(over \d s, the last /#
      )
    )
    #expect(finding.text.contains(" ← handleRequest(Signal*) (leak.cpp:"), "\(finding.text)")
    // Sunk it would be overlooked.
    #expect(document.groups.allSatisfy { $0.idle == nil || $0.count < 50 })
    let first = try runSuccessfully(Products.dumpcollect, ["report", capture]).prefix(1200)
    #expect(first.contains("leak-suspect: 50 threads in Client::keepAlive()"), "\(first)")
  }

  @Test(arguments: ["pool", "stopped"])
  func poolsAreNotSuspected(_ way: String) throws {
    #expect(try leak(way).0.findings.isEmpty)
  }
}
