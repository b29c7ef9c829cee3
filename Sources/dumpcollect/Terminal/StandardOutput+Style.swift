import Glibc
import Render

extension StandardOutput {
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
