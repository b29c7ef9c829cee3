import Glibc
import Render

extension StandardOutput {
  /// Colours where a terminal shows them and nobody objects (no-color.org, bixense.com/clicolors).
  static var textStyle: TextStyle {
    let isForced = environment("CLICOLOR_FORCE").map { $0 != "0" } ?? false
    let isRefused = environment("NO_COLOR") != nil || isDumbTerminal
    return TextStyle(
      hasColor: isForced || (isTerminal && !isRefused),
      width: isTerminal ? ScreenSize(ofTerminal: STDOUT_FILENO)?.columns : nil
    )
  }

  /// A terminal that obeys no escape sequence.
  static var isDumbTerminal: Bool { environment("TERM") == "dumb" }

  /// A variable's value, unless it is empty.
  private static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }
}
