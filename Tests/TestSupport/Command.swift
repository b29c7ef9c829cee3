package import Foundation
import Glibc
import Synchronization

/// What a finished command left.
package struct CommandResult: Sendable {
  /// Exit status, or 128 + signal when a signal ended it.
  package var status: Int32
  package var output: Data
  package var errorOutput: Data

  /// Standard output as text.
  package var text: String { String(decoding: output, as: UTF8.self) }
  /// Standard error as text.
  package var errorText: String { String(decoding: errorOutput, as: UTF8.self) }
}

/// A command that could not be run, or whose failure the test did not expect.
package struct CommandFailure: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// Runs a program to its end; a name without slash is searched in PATH.
///
/// The environment is added to the test's own; a nil value removes the name.
package func run(
  _ program: String,
  _ arguments: [String] = [],
  input: Data? = nil,
  environment: [String: String?] = [:],
  directory: String? = nil
) throws -> CommandResult {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: try locate(program))
  process.arguments = arguments
  process.environment = mergedEnvironment(environment)
  if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
  let output = Pipe()
  let errors = Pipe()
  let standardInput = Pipe()
  process.standardOutput = output
  process.standardError = errors
  process.standardInput = input == nil ? FileHandle.nullDevice : standardInput
  try start(process)
  // Three pipes at once: whichever fills up must not stop the others.
  let collected = Mutex((output: Data(), errors: Data()))
  let group = DispatchGroup()
  DispatchQueue.global().async(group: group) {
    let data = output.fileHandleForReading.readDataToEndOfFile()
    collected.withLock { $0.output = data }
  }
  DispatchQueue.global().async(group: group) {
    let data = errors.fileHandleForReading.readDataToEndOfFile()
    collected.withLock { $0.errors = data }
  }
  if let input {
    DispatchQueue.global().async(group: group) {
      // A program may end without reading everything; that is its right.
      try? standardInput.fileHandleForWriting.write(contentsOf: input)
      try? standardInput.fileHandleForWriting.close()
    }
  }
  process.waitUntilExit()
  group.wait()
  let status =
    process.terminationReason == .exit
    ? process.terminationStatus : 128 + process.terminationStatus
  return collected.withLock {
    CommandResult(status: status, output: $0.output, errorOutput: $0.errors)
  }
}

/// Runs a program that must succeed, and returns its standard output.
@discardableResult
package func runSuccessfully(
  _ program: String,
  _ arguments: [String] = [],
  environment: [String: String?] = [:],
  directory: String? = nil
) throws -> String {
  let result = try run(program, arguments, environment: environment, directory: directory)
  guard result.status == 0 else {
    throw CommandFailure(
      "\(program) \(arguments.joined(separator: " ")): exit \(result.status)\n\(result.errorText)\(result.text)"
    )
  }
  return result.text
}

/// The path of a program in PATH; a name with a slash is returned as it is.
package func locate(_ program: String) throws -> String {
  if program.contains("/") { return program }
  let searched = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
  for directory in searched.split(separator: ":") {
    let path = "\(directory)/\(program)"
    if FileManager.default.isExecutableFile(atPath: path) { return path }
  }
  throw CommandFailure(
    "\(program) is not installed: scripts/bootstrap installs what the tests need"
  )
}

/// Starts a process with no signal blocked.
///
/// Tests run on dispatch's workers, which block nearly every signal, and a child inherits that: cmake would wait for its
/// SIGCHLD for ever, and a service would not see its SIGTERM.
func start(_ process: Process) throws {
  var none = sigset_t()
  var before = sigset_t()
  sigemptyset(&none)
  pthread_sigmask(SIG_SETMASK, &none, &before)
  defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
  try process.run()
}

func mergedEnvironment(_ changes: [String: String?]) -> [String: String] {
  var environment = ProcessInfo.processInfo.environment
  // A developer's own setting must not reach the programs under test.
  environment["DUMPCOLLECT"] = nil
  for (name, value) in changes { environment[name] = value }
  return environment
}
