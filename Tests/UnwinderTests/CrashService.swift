import CaptureFormat
import Foundation
import Glibc
import TestSupport

/// What a service left that was told to crash.
struct CrashOutcome {
  /// Exit status, or 128 + signal.
  let status: Int32
  /// Lines printed since it was told to.
  let lines: [String]
  /// Captures in the order in which they were made.
  let captures: [Capture]
  let executable: String

  /// The functions of the executable on the crashed thread's stack.
  func crashedChain() throws -> [String] {
    guard let capture = captures.first, let thread = capture.crashedThread else { return [] }
    return try capture.chain(thread, SymbolRanges(executable), in: executable)
  }
}

extension Service {
  /// The crash fixture, ready to be told how to crash.
  static func crashing(
    _ arguments: [String] = [],
    settings: String = "min-interval=none",
    environment: [String: String?] = [:],
    launcher: [String] = []
  ) throws -> Service {
    let service = try Service(
      Programs.crash(),
      arguments,
      settings: settings,
      environment: environment,
      launcher: launcher
    )
    try service.program.wait(for: "ready")
    return service
  }

  /// Tells the service how to crash, and waits until it has ended.
  func crash(_ how: String) throws -> CrashOutcome {
    try program.write(line: how)
    return try end()
  }

  /// Waits until the service has ended.
  func end() throws -> CrashOutcome {
    program.closeInput()
    var lines: [String] = []
    while let line = program.readLine() { lines.append(line) }
    let status = program.waitForExit()
    let names = try FileManager.default.contentsOfDirectory(atPath: captures.path).filter {
      $0.hasSuffix(".dcap") || $0.hasSuffix(".dcap.partial")
    }
    let found = try names.sorted().map { try CaptureReader.capture(at: captures.file($0)) }
    return CrashOutcome(
      status: status,
      lines: lines,
      captures: found.sorted { ($0.header?.timeNs ?? 0) < ($1.header?.timeNs ?? 0) },
      executable: executable
    )
  }
}

extension Capture {
  /// The thread that the header names.
  var crashedThread: WireThread? { threads.first { $0.tid == header?.crashedTid } }
}
