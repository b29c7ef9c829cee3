import Foundation
import TestSupport

/// A service that runs with the handler armed, and the command used on it as a person would.
final class RunningService {
  let processID: Int32
  private let program: RunningProgram
  private let directory: TemporaryDirectory

  /// Builds and starts the service; its captures go below `directory`, whose path holds a space.
  init(_ service: Service, in directory: TemporaryDirectory) throws {
    self.directory = directory
    let captures = directory.file("captures")
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    program = try RunningProgram(
      try service.build(into: directory),
      environment: ["DUMPCOLLECT": "directory=\(captures),min-interval=none"]
    )
    processID = program.processID
    try program.wait(for: "ready")
  }

  var isRunning: Bool { program.isRunning }

  /// The service's own counter of work done.
  func workDone() throws -> Int {
    try program.write(line: "work")
    guard let line = program.readLine(), let count = Int(line) else {
      throw CommandFailure("pid \(processID) does not answer")
    }
    return count
  }

  /// Asks for a capture, and returns its path.
  func dump() throws -> String {
    let output = try runSuccessfully(Products.dumpcollect, ["dump", String(processID)])
    return output.trimmingCharacters(in: .newlines)
  }

  /// Symbolizes a capture and reads its report.
  func report(of capture: String) throws -> ReportDocument {
    let archive = try runSuccessfully(Products.dumpcollect, ["symbolize", capture])
      .trimmingCharacters(in: .newlines)
    let json = try run(Products.dumpcollect, ["report", archive, "--format", "json"])
    return try ReportDocument(json: json.output)
  }

  func dumpAndReport() throws -> ReportDocument {
    try report(of: dump())
  }
}
