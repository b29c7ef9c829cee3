import Foundation
import TestSupport
import Testing

/// What a person reads of a service that crashed.
@Suite struct CrashReportTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
  }

  /// Builds a program, lets it crash, and returns the path of its capture.
  private func capture(_ source: String, _ compiler: String, _ how: String, line: String? = nil)
    throws -> String
  {
    let program = try Fixture.build(
      ["handler/\(source)"],
      compiler: compiler,
      arguments: ["-O1", "-g"] + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: "shop"
    )
    let settings = "directory=\(directory.path),timeout=20s"
    let result = try run(
      program,
      [how],
      input: line.map { Data("\($0)\n".utf8) },
      environment: ["DUMPCOLLECT": settings]
    )
    #expect(result.status > 128)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    return directory.file(try #require(names.first { $0.hasSuffix(".dcap") }))
  }

  private func report(_ capture: String, _ format: String) throws -> String {
    try runSuccessfully(Products.dumpcollect, ["report", capture, "--format", format])
  }

  @Test func theThreadThatCrashedComesFirstWithItsSourceLine() throws {
    let path = try capture("crash.c", "gcc", "threads", line: "segv")
    let text = try report(path, "text")
    #expect(text.contains("crashed: SIGSEGV (SEGV_MAPERR) at 0x1238 in thread "), "\(text)")
    let blocks = text.split(separator: "\n\n")
    let first = try #require(blocks.dropFirst().first)
    #expect(first.contains("crashed") && blocks.count >= 4)
    let frame = try #require(first.split(separator: "\n").dropFirst().first)
    #expect(frame.contains("write_wild") && frame.contains("handler/crash.c:"))
    let full = try report(path, "full")
    #expect(full.contains("  crashed: SIGSEGV (SEGV_MAPERR) at 0x1238\n    rax "))
    let document = try #require(
      JSONSerialization.jsonObject(with: Data(report(path, "json").utf8)) as? [String: Any]
    )
    let threads = try #require(document["threads"] as? [[String: Any]])
    let crashed = try #require(
      threads.first { $0["tid"] as? Int == document["crashed_tid"] as? Int }
    )
    let registers = try #require(crashed["registers"] as? [String: String])
    let frames = try #require(crashed["frames"] as? [[String: Any]])
    #expect(registers.count == 17 && registers["rip"] == frames.first?["address"] as? String)
    #expect((crashed["fatal_signal"] as? [String: Any])?["name"] as? String == "SIGSEGV")
  }

  @Test func anExceptionThatNobodyCaughtIsTheMessage() throws {
    let path = try capture("crash.cpp", "g++", "several bases")
    let text = try report(path, "text")
    #expect(
      text.contains(
        "message: C++ exception shop::RefusedError: card refused, and the text is longer than a short string holds\n"
      ),
      "\(text)"
    )
    #expect(text.contains("shop::pay"))
    let validation = try ReportSchema.validate(report(path, "json"))
    #expect(validation.status == 0, "\(validation.errorText)")
  }
}
