import Foundation
import TestSupport
import Testing

/// What the tests read of a line of `dumpcollect watch`.
private struct WatchLine: Decodable {
  struct Subject: Decodable {
    struct Frame: Decodable {
      var function: String?
    }

    var subject: String
    var members: String?
    var function: String?
    var line: Int?
    var descriptor: String?
    var first: Int
    var last: Int
    var slope_per_hour: Double?
    var frames: [Frame]?
  }

  var kind: String
  var pid: Int32
  var number: Int?
  var threads: Int?
  var descriptors: Int?
  var capture: String?
  var notable: Bool?
  var top_group: Subject?
  var end: String?
  var captures: Int?
  var failed: Int?
  var kept: [String]?
  var crossed: [Subject]?
  var suspects: [Subject]?
}

/// `watch` of real services that leak, stand still, go up and down, or end.
struct WatchCommandTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func lines(_ text: String) throws -> [WatchLine] {
    try text.split(separator: "\n").map { line in
      let verdict = try ReportSchema.validate(String(line), schema: "watch")
      #expect(verdict.status == 0, "\(verdict.errorText)")
      return try JSONDecoder().decode(WatchLine.self, from: Data(line.utf8))
    }
  }

  /// Watches a service until the watch ends by itself; further arguments as people type them.
  private func watch(
    _ service: ComparedService,
    every interval: String,
    _ arguments: String...
  ) throws -> CommandResult {
    try dumpcollect(
      ["watch", "\(service.processID)", "--interval", interval] + arguments
    )
  }

  /// Begins to watch a service; the test ends it.
  private func beginWatch(
    _ service: ComparedService,
    every interval: String
  ) throws -> RunningProgram {
    try RunningProgram(
      Products.dumpcollect,
      ["watch", "\(service.processID)", "--interval", interval]
    )
  }

  private func captures(_ folder: String = "captures") throws -> Set<String> {
    let path = directory.file(folder)
    return Set(
      try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".dcap") }
        .map { "\(path)/\($0)" }
    )
  }

  // MARK: Leaks

  @Test func aLeakingServiceCrossesItsLimit() throws {
    let service = try ComparedService(in: directory)
    try service.program.write(line: "leak 10")
    let result = try watch(service, every: "50ms", "--grow", "30")
    #expect(result.status == 3, "\(result.errorText)")
    let lines = try lines(result.text)
    let summary = try #require(lines.last)
    #expect(summary.kind == "summary")
    #expect(summary.end == "limit")
    let group = try #require(summary.crossed?.first { $0.subject == "group" })
    #expect(group.function == "gamma_role")
    #expect(group.last - group.first >= 30)
    #expect(summary.crossed?.contains { $0.subject == "threads" } == true)
    #expect(summary.crossed?.contains { $0.subject == "descriptors" } == true)
    // It ended with the capture that crossed it, and not before.
    #expect(lines.dropLast().last?.top_group?.function == "gamma_role")
    for line in lines.dropLast(2) {
      #expect((line.top_group.map { $0.last - $0.first } ?? 0) < 30)
    }
  }

  @Test func aLeakIsSuspectedWithItsStackAndItsPace() throws {
    let service = try ComparedService(in: directory)
    try service.program.write(line: "leak 20")
    let result = try watch(service, every: "80ms", "--count", "12")
    #expect(result.status == 0, "\(result.errorText)")
    let summary = try #require(try lines(result.text).last)
    #expect(summary.end == "count")
    #expect(summary.captures == 12)
    let suspects = summary.suspects ?? []
    let group = try #require(suspects.first { $0.subject == "group" }, "\(result.text)")
    #expect(group.members == "threads")
    #expect(group.function == "gamma_role")
    #expect(group.frames?.contains { $0.function == "gamma_role" } == true)
    #expect((group.slope_per_hour ?? 0) > 0)
    #expect(suspects.contains { $0.subject == "descriptor" && $0.descriptor == "eventfd" })
    // Told by its parts already.
    #expect(!suspects.contains { $0.subject == "threads" || $0.subject == "descriptors" })
  }

  @Test func aSteadyServiceIsNotSuspected() throws {
    let service = try ComparedService(in: directory)
    try service.tell("add 5 0", "open 5")
    let result = try watch(service, every: "30ms", "--count", "10", "--grow", "1")
    #expect(result.status == 0, "\(result.errorText)")
    let lines = try lines(result.text)
    #expect(lines.count == 11)
    #expect(lines.dropLast().map(\.number) == (1...10).map { $0 })
    #expect(Set(lines.dropLast().compactMap(\.threads)).count == 1)
    #expect(lines.dropLast().map(\.notable) == [true] + Array(repeating: false, count: 9))
    #expect(lines.last?.suspects?.isEmpty == true, "\(result.text)")
  }

  @Test func aServiceThatGoesUpAndDownIsNotSuspected() throws {
    let service = try ComparedService(in: directory)
    try service.program.write(line: "wave 15")
    let result = try watch(service, every: "60ms", "--count", "24")
    #expect(result.status == 0, "\(result.errorText)")
    let lines = try lines(result.text)
    // It did move.
    #expect(Set(lines.dropLast().compactMap(\.threads)).count > 2)
    #expect(lines.last?.suspects?.isEmpty == true, "\(result.text)")
  }

  // MARK: Captures that stay

  @Test func onlyCapturesThatShowSomethingStay() throws {
    let service = try ComparedService(in: directory)
    let others = try [service.dump(), service.dump()]
    let result = try watch(service, every: "30ms", "--count", "6")
    #expect(result.status == 0, "\(result.errorText)")
    let summary = try #require(try lines(result.text).last)
    // The first and the last; what others asked for is theirs.
    #expect(summary.kept?.count == 2)
    #expect(try captures() == Set(others + (summary.kept ?? [])))
  }

  @Test func allCapturesStayWhenAskedTo() throws {
    let service = try ComparedService(in: directory)
    let result = try watch(service, every: "30ms", "--count", "5", "--keep-all")
    #expect(result.status == 0)
    #expect(try captures().count == 5)
  }

  @Test func capturesThatStayAreMovedToTheFolder() throws {
    let service = try ComparedService(in: directory)
    let folder = directory.file("kept")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try service.program.write(line: "leak 10")
    let result = try watch(service, every: "60ms", "--count", "10", "--keep", folder)
    #expect(result.status == 0, "\(result.errorText)")
    let lines = try lines(result.text)
    #expect(try captures().isEmpty)
    let kept = try captures("kept")
    #expect(kept == Set(lines.last?.kept ?? []))
    #expect(kept.count >= 2)
    for path in lines.compactMap(\.capture) { #expect(kept.contains(path)) }
    for path in kept { #expect(try dumpcollect("report", path).status == 0) }
  }

  @Test func capturesThatOthersAskedForMeanwhileStay() throws {
    let service = try ComparedService(
      in: directory,
      settings: "min-interval=40ms,max-captures=none"
    )
    let watch = try beginWatch(service, every: "20ms")
    _ = watch.readLine()
    var dumps: [String] = []
    for _ in 0..<12 { dumps.append(try service.dump()) }
    watch.send(signal: SIGINT)
    while watch.readLine() != nil {}
    #expect([0, 1].contains(watch.waitForExit()))
    for path in dumps { #expect(FileManager.default.fileExists(atPath: path), "\(path)") }
  }

  @Test func theServicesOwnRetentionMayComeFirst() throws {
    let service = try ComparedService(in: directory, settings: "min-interval=none,max-captures=2")
    try service.program.write(line: "leak 5")
    let result = try watch(service, every: "60ms", "--count", "10")
    #expect(result.status == 0, "\(result.errorText)")
    let summary = try #require(try lines(result.text).last)
    #expect(Set(summary.kept ?? []).isSubset(of: try captures()))
    #expect(result.errorText.contains("that were to be kept are gone"), "\(result.errorText)")
    #expect(result.errorText.contains("--keep DIR"))
  }

  // MARK: Ends

  @Test func aSignalEndsItWithTheSummary() throws {
    for signal in [SIGINT, SIGTERM] {
      let service = try ComparedService(in: directory)
      let watch = try beginWatch(service, every: "1h")
      let first = try #require(watch.readLine())
      watch.send(signal: signal)
      let last = try #require(watch.readLine())
      #expect(watch.waitForExit() == 0)
      let lines = try lines("\(first)\n\(last)")
      #expect(lines.map(\.kind) == ["capture", "summary"])
      #expect(lines[1].end == "signal")
      #expect(lines[1].kept?.count == 1)
    }
  }

  @Test func theEndOfTheProcessEndsIt() throws {
    let service = try ComparedService(in: directory)
    let watch = try beginWatch(service, every: "1h")
    let first = try #require(watch.readLine())
    service.program.send(signal: SIGKILL)
    let last = try #require(watch.readLine())
    #expect(watch.waitForExit() == 1)
    #expect(try lines("\(first)\n\(last)").last?.end == "process-ended")
    #expect(watch.errorText.contains("pid \(service.processID) (compared): the process ended"))
  }

  @Test func eachProcessOfTheNameIsWatched() throws {
    let name = "watched-\(UInt16.random(in: 0...9999))"
    let services = try [
      ComparedService(in: directory, named: name), ComparedService(in: directory, named: name),
    ]
    let result = try dumpcollect("watch", name, "--interval", "30ms", "--count", "2")
    #expect(result.status == 0, "\(result.errorText)")
    let lines = try lines(result.text)
    for service in services {
      let own = lines.filter { $0.pid == service.processID }
      #expect(own.map(\.kind) == ["capture", "capture", "summary"])
    }
    #expect(lines.count == 6)
    // The one that leaks ends both; the end of one does not.
    try services[0].program.write(line: "leak 5")
    let limited = try dumpcollect("watch", name, "--interval", "30ms", "--grow", "10")
    #expect(limited.status == 3)
    let ends = try self.lines(limited.text).suffix(2)
    #expect(Set(ends.compactMap(\.end)) == ["limit", "other"])
  }

  // MARK: What stands in the way

  @Test func aProcessWithoutHandlerIsRefusedAsByDump() throws {
    let program = try RunningProgram("cat")
    let result = try dumpcollect("watch", "\(program.processID)")
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(try result.errorText == dumpcollect("dump", "\(program.processID)").errorText)
    #expect(try dumpcollect("watch", "4194304").status == 2)
    #expect(try dumpcollect("watch", "no such name").status == 2)
    try program.write(line: "alive")
    #expect(program.readLine() == "alive")
  }

  @Test func captureThatFailsIsSaidAndTheWatchGoesOn() throws {
    let service = try ComparedService(in: directory, settings: "min-interval=1h")
    let result = try watch(service, every: "30ms", "--count", "3", "--timeout", "200ms")
    #expect(result.status == 1)
    let summary = try #require(try lines(result.text).last)
    #expect((summary.captures, summary.failed) == (1, 2))
    #expect(result.errorText.contains("--timeout 60s"), "\(result.errorText)")
  }

  // MARK: Terminals

  @Test(arguments: [("C.UTF-8", "▁▁", "__"), ("C", "__", "▁▁")])
  func aTerminalShowsTheCourse(_ locale: String, _ bars: String, _ others: String) throws {
    let service = try ComparedService(in: directory)
    let shown = try runInTerminal(
      Products.dumpcollect,
      ["watch", "\(service.processID)", "--interval", "30ms", "--count", "3"],
      columns: 160,
      environment: ["LC_ALL": locale]
    )
    #expect(shown.status == 0, "\(shown.errorText)")
    let lines = shown.text.split(separator: "\r\n")
    #expect(lines[2].contains("threads") && lines[2].contains(bars), "\(shown.text)")
    #expect(!shown.text.contains(others))
    #expect(shown.text.contains("no leak suspects: a trend takes 6 captures"))
    #expect(!shown.text.contains("{"))
  }

  @Test func textIsForFilesWhenAskedFor() throws {
    let service = try ComparedService(in: directory)
    try service.program.write(line: "leak 20")
    let result = try watch(service, every: "80ms", "--count", "12", "--text")
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text.contains("threads in gamma_role service.c:"))
    #expect(
      result.text.contains("\nleak suspect:  threads in gamma_role service.c:"),
      "\(result.text)"
    )
    #expect(result.text.contains(" an hour ("))
    #expect(!result.text.contains("\u{1b}"))
  }
}
