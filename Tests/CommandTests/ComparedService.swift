import Foundation
import TestSupport
import Testing

/// A service of Tests/Fixtures/comparison, which changes as it is told, and its dumps.
struct ComparedService {
  let program: RunningProgram
  let captures: String
  var processID: Int32 { program.processID }

  /// Builds the program below `directory`, unless it is there.
  init(
    in directory: TemporaryDirectory,
    named name: String = "compared",
    settings: String = "min-interval=none"
  ) throws {
    try self.init(
      Self.build(in: directory, named: name),
      captures: directory.file("captures"),
      settings: settings
    )
  }

  init(_ path: String, captures: String, settings: String = "min-interval=none") throws {
    self.captures = captures
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    program = try RunningProgram(
      path,
      environment: ["DUMPCOLLECT": "directory=\(captures),\(settings)"]
    )
    try program.wait(for: "ready 0")
  }

  static func build(in directory: TemporaryDirectory, named name: String) throws -> String {
    try Fixture.build(
      ["comparison/service.c"],
      compiler: "cc",
      arguments: ["-g", "-O1", "-pthread"] + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: name
    )
  }

  /// Says these words, each of which was done when this returns, and all threads sleep.
  func tell(_ words: String...) throws {
    for word in words {
      try program.write(line: word)
      try program.wait(for: "done")
    }
    try program.waitUntilAsleep(except: "dumpcollect")
  }

  func dump() throws -> String {
    try runSuccessfully(Products.dumpcollect, ["dump", "\(processID)"])
      .trimmingCharacters(in: .newlines)
  }
}

/// What `diff --json` says of files; it follows its schema.
func difference(_ files: String...) throws -> (document: DiffDocument, status: Int32) {
  let result = try run(Products.dumpcollect, ["diff", "--json"] + files)
  let verdict = try ReportSchema.validate(result.text, schema: "diff")
  #expect(verdict.status == 0, "\(verdict.errorText)")
  #expect(result.errorText == "")
  return (try JSONDecoder().decode(DiffDocument.self, from: result.output), result.status)
}
