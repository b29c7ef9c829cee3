import Foundation
import Glibc
import TestSupport
import Testing

/// A service with code that it generates, as runtimes of other languages do.
@Suite struct GeneratedCodeTests {
  @Test func generatedCodeHasTheNameThatItsProcessWroteForPerf() throws {
    let directory = try TemporaryDirectory()
    let program = try Fixture.build(
      ["handler/generated.c"],
      compiler: "gcc",
      arguments: ["-g", "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]
        + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: "generated"
    )
    let service = try RunningProgram(
      program,
      environment: ["DUMPCOLLECT": "directory=\(directory.path)"]
    )
    try service.wait(for: "ready")
    let capture = try runSuccessfully(
      Products.dumpcollect,
      ["dump", "\(service.processID)", "--timeout", "60s"]
    ).trimmingCharacters(in: .whitespacesAndNewlines)
    let json = try runSuccessfully(
      Products.dumpcollect,
      ["report", "--format", "json", capture]
    )
    service.closeInput()
    #expect(service.waitForExit() == 0)
    let document = try ReportDocument(json: Data(json.utf8))
    let names = try #require(document.threads.first?.frames).map { $0.function ?? "?" }
    let place = try #require(names.firstIndex(of: "wait_for_input"))
    #expect(
      Array(names[place...].prefix(3)) == [
        "wait_for_input", "LazyCompile:*serve (app.js:12)", "main",
      ]
    )
  }
}
