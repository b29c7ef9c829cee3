import Foundation
import Glibc

/// A program that runs beside the test: spoken to by lines and signals, killed when the test lets go of it.
package final class RunningProgram: @unchecked Sendable {
  package let processID: Int32
  private let process: Process
  private let output: FileHandle
  private let input: FileHandle
  private let errorPath: String
  private var buffered = Data()

  /// Starts the program; its standard error goes to a file that `errorText` reads.
  package init(
    _ program: String,
    _ arguments: [String] = [],
    environment: [String: String?] = [:],
    directory: String? = nil
  ) throws {
    process = Process()
    process.executableURL = URL(fileURLWithPath: try locate(program))
    process.arguments = arguments
    process.environment = mergedEnvironment(environment)
    if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
    let outputPipe = Pipe()
    let inputPipe = Pipe()
    process.standardOutput = outputPipe
    process.standardInput = inputPipe
    errorPath = NSTemporaryDirectory() + "stderr-\(UUID().uuidString)"
    _ = FileManager.default.createFile(atPath: errorPath, contents: nil)
    process.standardError = FileHandle(forWritingAtPath: errorPath)
    output = outputPipe.fileHandleForReading
    input = inputPipe.fileHandleForWriting
    try start(process)
    processID = process.processIdentifier
  }

  deinit {
    if process.isRunning { kill(processID, SIGKILL) }
    process.waitUntilExit()
    unlink(errorPath)
  }

  /// What the program has written to standard error so far.
  package var errorText: String {
    String(decoding: FileManager.default.contents(atPath: errorPath) ?? Data(), as: UTF8.self)
  }

  package var isRunning: Bool { process.isRunning }

  /// The next line of standard output, without its end; nil at the end of output or after `timeout`.
  package func readLine(timeout: Duration = .seconds(30)) -> String? {
    let deadline = ContinuousClock.now + timeout
    while true {
      if let end = buffered.firstIndex(of: 0x0a) {
        let line = String(decoding: buffered[buffered.startIndex..<end], as: UTF8.self)
        buffered.removeSubrange(buffered.startIndex...end)
        return line
      }
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return nil }
      let milliseconds =
        left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
      var descriptor = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&descriptor, 1, Int32(clamping: milliseconds + 1)) > 0 else { continue }
      let data = output.availableData
      if data.isEmpty { return nil }
      buffered.append(data)
    }
  }

  /// Waits until the program printed this line; everything before it is dropped.
  package func wait(for line: String, timeout: Duration = .seconds(30)) throws {
    while let next = readLine(timeout: timeout) {
      if next == line { return }
    }
    throw CommandFailure("pid \(processID) did not print “\(line)”; standard error: \(errorText)")
  }

  /// Waits until every thread of the program sleeps, but those of the name `busy`.
  ///
  /// A thread that says it is ready has still to go to sleep; nothing but /proc tells when it did. It may sleep for a moment
  /// on its way there (for a lock, for a page): so it must not have run in several looks.
  package func waitUntilAsleep(except busy: String? = nil) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    var before: [String: String] = [:]
    var equalLooks = 0
    while ContinuousClock.now < deadline {
      let switches = try switchesOfSleepers(except: busy)
      equalLooks = switches != nil && switches == before ? equalLooks + 1 : 0
      if equalLooks == 4 { return }
      before = switches ?? [:]
      // Not to wait for something, but to let time pass between two looks.
      usleep(1000)
    }
    throw CommandFailure("pid \(processID) has threads that do not go to sleep")
  }

  /// How often each thread gave its processor up, by its number; nil while one of them does not sleep.
  private func switchesOfSleepers(except busy: String?) throws -> [String: String]? {
    let tasks = "/proc/\(processID)/task"
    var switches: [String: String] = [:]
    for tid in try FileManager.default.contentsOfDirectory(atPath: tasks) {
      // A thread that ended meanwhile has no file, and is not awake.
      guard let bytes = FileManager.default.contents(atPath: "\(tasks)/\(tid)/status") else {
        continue
      }
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      func value(_ field: String) -> String? {
        lines.first { $0.hasPrefix("\(field):\t") }.map { String($0.dropFirst(field.count + 2)) }
      }
      if let busy, value("Name") == busy { continue }
      guard value("State")?.hasPrefix("S") == true else { return nil }
      switches[tid] = lines.filter { $0.contains("ctxt_switches") }.joined()
    }
    return switches
  }

  /// Writes one line to the program's standard input.
  package func write(line: String) throws {
    try input.write(contentsOf: Data((line + "\n").utf8))
  }

  /// Ends the program's standard input.
  package func closeInput() {
    // It may have ended already; then there is nothing to close.
    try? input.close()
  }

  package func send(signal: Int32) {
    kill(processID, signal)
  }

  /// Waits for the end; exit status, or 128 + signal when a signal ended it.
  package func waitForExit() -> Int32 {
    process.waitUntilExit()
    return process.terminationReason == .exit
      ? process.terminationStatus : 128 + process.terminationStatus
  }
}
