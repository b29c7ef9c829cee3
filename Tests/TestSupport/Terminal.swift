import Foundation
import Glibc

/// Runs a program whose standard output is a terminal of `columns` columns; what it showed there.
///
/// Standard error is collected apart, as `run` does.
package func runInTerminal(
  _ program: String,
  _ arguments: [String],
  columns: UInt16 = 80,
  environment: [String: String?] = [:]
) throws -> CommandResult {
  var controller: Int32 = -1
  var terminal: Int32 = -1
  var size = winsize(ws_row: 25, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
  guard openpty(&controller, &terminal, nil, nil, &size) == 0 else {
    throw CommandFailure("cannot make a terminal: errno \(errno)")
  }
  // Programs that other tests start meanwhile must not keep the terminal open.
  _ = fcntl(controller, F_SETFD, FD_CLOEXEC)
  _ = fcntl(terminal, F_SETFD, FD_CLOEXEC)
  let output = FileHandle(fileDescriptor: controller, closeOnDealloc: true)
  let process = Process()
  process.executableURL = URL(fileURLWithPath: try locate(program))
  process.arguments = arguments
  let usual: [String: String?] = ["TERM": "xterm", "NO_COLOR": nil, "CLICOLOR_FORCE": nil]
  process.environment = mergedEnvironment(usual.merging(environment) { _, given in given })
  process.standardInput = FileHandle.nullDevice
  process.standardOutput = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
  let errors = Pipe()
  process.standardError = errors
  try process.run()
  close(terminal)
  var shown = Data()
  var chunk = [UInt8](repeating: 0, count: 4096)
  // The end of the terminal's last user shows as EIO.
  while case let count = read(output.fileDescriptor, &chunk, chunk.count), count > 0 {
    shown.append(contentsOf: chunk.prefix(count))
  }
  let errorOutput = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return CommandResult(
    status: process.terminationStatus,
    output: shown,
    errorOutput: errorOutput
  )
}
