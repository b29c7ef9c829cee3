import Glibc
import Render

/// Standard output: the result of a verb and nothing else.
enum StandardOutput {
  static let isTerminal = isatty(STDOUT_FILENO) == 1

  /// Writes all the bytes; when the reader is gone the process ends quietly.
  static func write(_ bytes: [UInt8]) throws(CommandError) {
    do throws(SystemError) {
      try writeAll(bytes, to: STDOUT_FILENO)
    } catch {
      // Whoever reads has what it wanted (`dumpcollect report … | head`).
      if error.code == EPIPE { exit(ExitStatus.complete.rawValue) }
      throw CommandError("cannot write to standard output: \(error)")
    }
  }

  static func write(line: String) throws(CommandError) {
    try write(Array((line + "\n").utf8))
  }

  /// Ends the verb when standard output is a terminal and the result would be binary.
  static func requireNoTerminal(for what: String) throws(CommandError) {
    guard isTerminal else { return }
    throw CommandError(
      "\(what) is binary and is not written to a terminal",
      hint: "write it to a file: -o FILE",
      status: .usage
    )
  }

  /// Colours where a terminal shows them and nobody objects (no-color.org, bixense.com/clicolors).
  static var textStyle: TextStyle {
    let isForced = environment("CLICOLOR_FORCE").map { $0 != "0" } ?? false
    let isRefused = environment("NO_COLOR") != nil || environment("TERM") == "dumb"
    return TextStyle(
      hasColor: isForced || (isTerminal && !isRefused),
      width: isTerminal ? terminalWidth : nil
    )
  }

  private static var terminalWidth: Int? {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
      return nil
    }
    return Int(size.ws_col)
  }

  /// A variable's value, unless it is empty.
  private static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }
}

/// A line (or two) for the person, on standard error; nothing in it drives the terminal.
func note(_ text: String) {
  let text = text.split(separator: "\n").map { visible(String($0)) }.joined(separator: "\n")
  // Nobody is left to be told when standard error is gone.
  try? writeAll(Array("dumpcollect: \(text)\n".utf8), to: STDERR_FILENO)
}
