import Foundation
import Report
import TestSupport
import Testing

/// `diff` of archives, and of captures of real services that changed in between.
struct DiffCommandTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func archive(_ report: DumpReport, _ name: String) throws -> String {
    let path = directory.file(name)
    try ReportArchive.write(report, to: path)
    return path
  }

  // MARK: Archives

  @Test func whatDiffersEndsWith1AndWhatDoesNotWith0() throws {
    let old = try archive(SampleReport.server(), "old report")
    let new = try archive(SampleReport.laterServer(), "new report")
    let changed = try dumpcollect("diff", old, new)
    #expect(changed.status == 1)
    #expect(changed.errorText == "")
    try Golden.expect(changed.text, equals: "diff-server.text")
    let same = try dumpcollect("diff", old, old)
    #expect(same.status == 0)
    #expect(same.text.hasPrefix("shop (pid 4711) after 0.0 s: no difference, "))
  }

  @Test func theFormIsTextUnlessAskedOtherwise() throws {
    let old = try archive(SampleReport.server(), "a")
    let new = try archive(SampleReport.laterServer(), "b")
    let text = try dumpcollect("diff", old, new, "--format", "text")
    try Golden.expect(text.text, equals: "diff-server.text")
    let json = try dumpcollect("diff", old, new, "--json")
    #expect(json.status == 1)
    #expect(try dumpcollect("diff", old, new, "--format", "json").text == json.text)
    #expect(json.text.contains("\"old\":{\"file\":\"\(old)\""))
  }

  @Test func oneOfTheFilesMayComeFromStandardInput() throws {
    let old = try archive(SampleReport.server(), "a")
    let new = try archive(SampleReport.laterServer(), "b")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: new))
    let result = try dumpcollect("diff", old, "-", input: bytes)
    #expect(result.status == 1)
    try Golden.expect(result.text, equals: "diff-server.text")
  }

  @Test func theResultGoesToAFile() throws {
    let old = try archive(SampleReport.server(), "a")
    let new = try archive(SampleReport.laterServer(), "b")
    let path = directory.file("difference.txt")
    let result = try dumpcollect("diff", old, new, "-o", path)
    #expect(result.status == 1)
    #expect(result.text == "")
    try Golden.expect(String(contentsOfFile: path, encoding: .utf8), equals: "diff-server.text")
  }

  @Test func aFileThatCannotBeReadIsNamed() throws {
    let old = try archive(SampleReport.server(), "a")
    let missing = directory.file("missing")
    let result = try dumpcollect("diff", old, missing)
    #expect(result.status == 2)
    #expect(result.text == "")
    #expect(result.errorText.hasPrefix("dumpcollect: \(missing): "), "\(result.errorText)")
  }

  @Test func aTerminalGetsColours() throws {
    let old = try archive(SampleReport.server(), "a")
    let new = try archive(SampleReport.laterServer(), "b")
    let shown = try runInTerminal(Products.dumpcollect, ["diff", old, new], columns: 72)
    #expect(shown.status == 1)
    let text = shown.text.replacingOccurrences(of: "\r\n", with: "\n")
    try Golden.expect(text, equals: "diff-color.text")
  }

  // MARK: Real services

  @Test func groupsOfARealServiceGrowShrinkAppearAndGo() throws {
    let service = try ComparedService(in: directory)
    try service.tell("add 3 0", "add 5 1")
    let old = try service.dump()
    try service.tell("add 4 0", "end 5 1", "add 2 2", "note")
    let (document, status) = try difference(old, service.dump())
    #expect(status == 1)
    #expect(document.relation == "same-process")
    let grown = try #require(document.group("alpha"))
    #expect((grown.change, grown.old_count, grown.new_count) == ("grown", 3, 7))
    #expect(grown.turnover?.stayed_tids?.count == 3)
    #expect(grown.turnover?.created == 4)
    #expect(grown.frames.contains { $0.file?.hasSuffix("comparison/service.c") == true })
    let gone = try #require(document.group("beta"))
    #expect((gone.change, gone.old_count, gone.new_count) == ("gone", 5, 0))
    #expect(gone.turnover?.ended == 5)
    let new = try #require(document.group("gamma_role"))
    #expect((new.change, new.old_count, new.new_count) == ("new", 0, 2))
    // What grew most is first; the main thread, which reads, is in no change.
    #expect(document.groups.map(\.change) == ["grown", "new", "gone"])
    #expect(document.notes.map(\.text) == ["somebody asked for a note"])
  }

  @Test func threadsThatAreStuckAreToldFromThoseThatWorked() throws {
    let service = try ComparedService(in: directory)
    try service.tell("lock 2", "work 50")
    let old = try service.dump()
    try service.tell("work 200")
    let (document, status) = try difference(old, service.dump())
    #expect(status == 0)
    #expect(!document.different)
    let blocked = document.stuck.filter { $0.class == "lock" }
    #expect(blocked.map(\.name) == ["blocked", "blocked"])
    #expect(blocked.allSatisfy { $0.wait?.kind == "mutex" })
    #expect(document.stuck.first?.class == "lock")
    // Back in the same frames, but not without work.
    #expect(!document.stuck.contains { $0.name == "worker" })
    let worker = try #require(document.cpu.first)
    #expect(worker.name == "worker")
    #expect((190...400).contains(worker.ms), "\(worker.ms)")
  }

  @Test func descriptorsAndConnectionsThatGrewAreNamed() throws {
    let service = try ComparedService(in: directory)
    try service.tell("open 3")
    let old = try service.dump()
    try service.tell("open 5", "connect 4")
    let (document, status) = try difference(old, service.dump())
    #expect(status == 1)
    #expect(document.groups.isEmpty)
    let files = try #require(document.descriptors.first { $0.kind == "eventfd" })
    #expect((files.old_count, files.new_count) == (3, 8))
    let sockets = try #require(document.descriptors.first { $0.kind == "socket" })
    #expect(sockets.new_count - sockets.old_count == 8)
    let connections = document.connections.filter { $0.state == "ESTABLISHED" }
    #expect(connections.map(\.new_count) == [4, 4])
    #expect(connections.contains { $0.peer?.hasPrefix("127.0.0.1:") == true })
  }

  @Test func aSeriesOfDumpsCountsEach() throws {
    let service = try ComparedService(in: directory)
    let dumps = try [2, 3, 4].map { count in
      try service.tell("add \(count) 0")
      return try service.dump()
    }
    let (document, _) = try difference(dumps[0], dumps[1], dumps[2])
    #expect(document.group("alpha")?.counts == [2, 5, 9])
    let text = try dumpcollect("diff", dumps[0], dumps[1], dumps[2])
    #expect(text.text.contains("+7 threads (2 → 5 → 9)"), "\(text.text)")
  }

  @Test func aRebuiltProgramUnderItsPathIsAnotherModule() throws {
    let path = try ComparedService.build(in: directory, named: "rebuilt")
    let captures = directory.file("captures")
    func dumped() throws -> (capture: String, report: String) {
      let service = try ComparedService(path, captures: captures)
      try service.tell("add 3 0")
      let capture = try service.dump()
      let report = try runSuccessfully(Products.dumpcollect, ["symbolize", capture])
      return (capture, report.trimmingCharacters(in: .newlines))
    }
    let old = try dumped()
    let source = try String(contentsOfFile: Fixture.source("comparison/service.c"), encoding: .utf8)
    // Other lines and addresses, the same functions.
    let changed = try directory.write("\n\nint fresh;\n" + source, to: "service.c")
    try runSuccessfully(
      "cc",
      [changed, "-g", "-O0", "-pthread"] + Handler.compileArguments + Handler.linkArguments
        + ["-o", path]
    )
    let (document, status) = try difference(old.report, dumped().report)
    #expect(status == 1)
    #expect(document.relation == "same-program")
    let modules = document.modules
    #expect(modules.map(\.path) == [path])
    #expect(modules.map(\.change) == ["replaced"])
    #expect(modules.first?.old_build_id != modules.first?.new_build_id)
    #expect(modules.first?.old_build_id?.count == 40)
    // Found again by their functions.
    #expect(document.groups.isEmpty, "\(document.groups)")
    #expect(document.stuck.isEmpty)
  }

  @Test func swiftTasksAreFollowedByTheirIDs() throws {
    let path = try Fixture.build(
      ["comparison/tasks.swift"],
      compiler: "swiftc",
      arguments: [
        "-g", "-parse-as-library", "-swift-version", "5", "-module-name", "followers",
        "-suppress-warnings", "-import-objc-header",
        "\(Handler.directory)/include/dumpcollect.h", Handler.archive,
      ],
      into: directory,
      named: "followers"
    )
    let service = try ComparedService(path, captures: directory.file("captures"))
    try service.tell("leak 10")
    let old = try service.dump()
    try service.tell("release 3", "leak 20")
    let new = try service.dump()
    let (document, status) = try difference(old, new)
    #expect(status == 1)
    let tasks = try #require(document.tasks)
    #expect((tasks.in_both.count, tasks.started, tasks.ended) == (7, 20, 3))
    let group = try #require(document.groups.first { $0.members == "tasks" })
    #expect((group.change, group.old_count, group.new_count) == ("grown", 10, 27))
    #expect(group.holds("followers.Followers.follow()"))
    #expect(group.turnover?.stayed_task_ids == tasks.in_both)
    #expect(document.stuck.compactMap(\.task_id).sorted() == tasks.in_both)
    let text = try dumpcollect("diff", old, new).text
    #expect(text.contains("+17 tasks (10 → 27) in Followers.follow()"), "\(text)")
    #expect(text.contains("20 created since, the oldest 7 were there before (task"), "\(text)")
  }
}
