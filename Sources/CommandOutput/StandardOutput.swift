import Glibc
import SafeText
package import Synchronization

/// Standard output: the result of a verb and nothing else.
package enum StandardOutput {
  package static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Writes all the bytes; when the reader is gone the process ends quietly.
  package static func write(_ bytes: [UInt8]) throws(CommandError) {
    do throws(SystemError) {
      try writeAll(bytes, to: STDOUT_FILENO)
    } catch {
      // Whoever reads has what it wanted (`dumpcollect report … | head`).
      if error.code == EPIPE { exit(ExitStatus.complete.rawValue) }
      throw CommandError("cannot write to standard output: \(error)")
    }
  }

  package static func write(line: String) throws(CommandError) {
    try write(Array((line + "\n").utf8))
  }

  /// Ends the verb when standard output is a terminal and the result would be binary.
  package static func requireNoTerminal(for what: String) throws(CommandError) {
    guard isTerminal else { return }
    throw CommandError(
      "\(what) is binary and is not written to a terminal",
      hint: "write it to a file: -o FILE",
      status: .usage
    )
  }
}

/// What stands on the terminal's last line while work goes on, if anything does.
package enum StatusLine {
  /// Erases it, so that something else can be written there.
  package static let erase = Mutex<(@Sendable () -> Void)?>(nil)
}

/// A line (or two) for the person, on standard error; nothing in it drives the terminal.
package func note(_ text: String) {
  let text = text.split(separator: "\n").map { visible(String($0)) }.joined(separator: "\n")
  StatusLine.erase.withLock { $0?() }
  // Nobody is left to be told when standard error is gone.
  try? writeAll(Array("dumpcollect: \(text)\n".utf8), to: STDERR_FILENO)
}
