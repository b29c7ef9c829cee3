import Foundation
import Glibc

/// Runs a program whose standard output is a terminal of `columns` columns; what it showed there.
///
/// Standard error is collected apart, as `run` does, unless it goes to the terminal too. No pager takes part
/// unless the environment names one.
package func runInTerminal(
  _ program: String,
  _ arguments: [String],
  columns: UInt16 = 80,
  rows: UInt16 = 25,
  showsErrors: Bool = false,
  environment: [String: String?] = [:]
) throws -> CommandResult {
  var controller: Int32 = -1
  var terminal: Int32 = -1
  var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
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
  let usual: [String: String?] = [
    "TERM": "xterm", "NO_COLOR": nil, "CLICOLOR_FORCE": nil, "DUMPCOLLECT_PAGER": "cat",
    "LESS": nil,
  ]
  process.environment = mergedEnvironment(usual.merging(environment) { _, given in given })
  process.standardInput = FileHandle.nullDevice
  let screen = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
  process.standardOutput = screen
  let errors = Pipe()
  if showsErrors { process.standardError = screen } else { process.standardError = errors }
  try process.run()
  close(terminal)
  var shown = Data()
  var chunk = [UInt8](repeating: 0, count: 4096)
  // The end of the terminal's last user shows as EIO.
  while case let count = read(output.fileDescriptor, &chunk, chunk.count), count > 0 {
    shown.append(contentsOf: chunk.prefix(count))
  }
  if showsErrors { try errors.fileHandleForWriting.close() }
  let errorOutput = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return CommandResult(
    status: process.terminationStatus,
    output: shown,
    errorOutput: errorOutput
  )
}

/// A terminal as a person has it, in tmux: programs with a keyboard, and what stands on the screen.
package final class Screen {
  private let socket = "dumpcollect-\(UUID().uuidString)"

  /// Runs its arguments without descriptors beyond the usual three.
  ///
  /// Foundation takes a program for running as long as anybody has the descriptor that it gave to it, and tmux leaves a
  /// server behind that would.
  private static let closingDescriptors =
    #"for path in /proc/self/fd/*; do fd=${path##*/}; ((fd > 2)) && eval "exec $fd>&-"; done; exec "$@""#

  /// A shell in a terminal of this size.
  package init(columns: Int, rows: Int) throws {
    try runSuccessfully(
      "bash",
      [
        "-c", Self.closingDescriptors, "bash", "tmux",
        "-L", socket, "-f", "/dev/null", "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)",
        "env PS1='> ' sh",
      ],
      environment: ["TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "TMUX": nil]
    )
  }

  deinit {
    // The server is gone already when its shell ended.
    _ = try? TestSupport.run("tmux", ["-L", socket, "kill-server"])
  }

  /// Types a command line.
  package func run(_ command: String) throws {
    try type(command)
    try runSuccessfully("tmux", ["-L", socket, "send-keys", "Enter"])
  }

  /// Presses these keys.
  package func type(_ keys: String) throws {
    try runSuccessfully("tmux", ["-L", socket, "send-keys", "-l", keys])
  }

  /// What the screen shows, as soon as that is as the condition says.
  package func wait(until condition: (String) -> Bool) throws -> String {
    let deadline = ContinuousClock.now + .seconds(30)
    var shown = ""
    while ContinuousClock.now < deadline {
      shown = try runSuccessfully("tmux", ["-L", socket, "capture-pane", "-p"])
      if condition(shown) { return shown }
      usleep(20_000)
    }
    throw CommandFailure("the screen does not show what is expected:\n\(shown)")
  }
}
