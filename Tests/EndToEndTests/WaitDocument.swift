import Foundation
import TestSupport
import Testing

/// What the tests read of waits in `dumpcollect report --format json`.
struct WaitDocument: Decodable {
  struct Descriptor: Decodable {
    var fd: Int32
    var kind: String?
    var local: String?
    var peer: String?
    var path: String?
  }

  struct Wait: Decodable {
    var kind: String
    var lock: String?
    var lock_name: String?
    var lock_type: String?
    var owner_tid: Int32?
    var steady: Bool?
    var readers: Int?
    var note: String?
    var child_pid: Int32?
    var timeout_ms: Int64?
    var descriptors: [Descriptor]?
    var more_descriptors: Int?
  }

  struct Thread: Decodable {
    var tid: Int32
    var name: String?
    var start_time: String?
    var wait: Wait?
  }

  struct Lock: Decodable {
    var address: String
    var name: String?
    var owner_tid: Int32?
    var waiter_tids: [Int32]
  }

  struct Finding: Decodable {
    var kind: String
    var text: String
    var tids: [Int32]
  }

  var kind: String
  var complete: Bool
  var threads: [Thread]
  var locks: [Lock]?
  var findings: [Finding]

  /// The only thread of this name.
  func thread(_ name: String) throws -> Thread {
    let found = threads.filter { $0.name == name }
    return try #require(found.count == 1 ? found[0] : nil, "threads named \(name): \(found.count)")
  }

  func wait(_ name: String) throws -> Wait { try #require(thread(name).wait, "\(name)") }

  func findings(_ kind: String) -> [Finding] { findings.filter { $0.kind == kind } }
}

/// A program of threads that wait, with the handler in it, and its dumps as the command shows them.
final class WaitingService {
  let program: RunningProgram
  /// What it printed behind "ready".
  let answer: [Int32]
  private let captures: String

  init(
    _ executable: String,
    _ arguments: [String],
    in directory: TemporaryDirectory,
    settleThreads: Bool = true
  ) throws {
    captures = directory.file("captures")
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    program = try RunningProgram(
      executable,
      arguments,
      environment: ["DUMPCOLLECT": "directory=\(captures),min-interval=none,timeout=20s"]
    )
    guard let line = program.readLine(timeout: .seconds(60)), line.hasPrefix("ready") else {
      throw CommandFailure("\(executable) is not ready: \(program.errorText)")
    }
    answer = line.split(separator: " ").dropFirst().compactMap { Int32($0) }
    if settleThreads { try program.waitUntilAsleep() }
  }

  /// A program of `Tests/Fixtures/waits` in C.
  static func build(
    _ source: String,
    compiler: String = "gcc",
    options: [String] = ["-O1", "-g"],
    link: [String] = Handler.linkArguments,
    in directory: TemporaryDirectory
  ) throws -> String {
    try Fixture.build(
      ["waits/\(source)"],
      compiler: compiler,
      arguments: options + ["-pthread"] + Handler.compileArguments + link,
      into: directory,
      named: "service"
    )
  }

  func capture(quiet: Bool = false) throws -> String {
    let arguments = ["dump", "\(program.processID)"] + (quiet ? ["--quiet"] : [])
    return try runSuccessfully(Products.dumpcollect, arguments).trimmingCharacters(in: .newlines)
  }

  static func document(of capture: String) throws -> WaitDocument {
    let json = try run(Products.dumpcollect, ["report", capture, "--format", "json"])
    // 1: a thread ran while it was to be read without a signal.
    #expect(json.status <= 1, "\(json.errorText)")
    return try JSONDecoder().decode(WaitDocument.self, from: json.output)
  }

  func document(quiet: Bool = false) throws -> WaitDocument {
    try Self.document(of: capture(quiet: quiet))
  }

  /// The capture that the program left when it crashed.
  func crashCapture() throws -> String {
    try program.write(line: "abort")
    #expect(program.waitForExit() == 128 + 6)
    let names = try FileManager.default.contentsOfDirectory(atPath: captures)
    return "\(captures)/\(try #require(names.first { $0.hasSuffix(".dcap") }))"
  }
}
