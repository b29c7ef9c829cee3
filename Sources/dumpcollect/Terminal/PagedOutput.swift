import Glibc
import Render

/// Standard output for long text: on a terminal what is longer than the screen goes through a pager.
///
/// As git does it: `$DUMPCOLLECT_PAGER`, else `$PAGER`, else less; an empty name or `cat` is none. `LESS` is `FRX` unless
/// it is set: colours are shown, and the text stays on the screen. Who leaves the pager early has seen enough.
final class PagedOutput {
  /// Nil where nothing is paged.
  private let command: String?
  private let size: ScreenSize
  /// What was written so far: shown as it is when it fits on the screen, or when there turns out to be no pager.
  private var text: [UInt8] = []
  private var pager: Pager?

  /// `isWanted`: text for a person, and nobody said `--no-pager`.
  init(isWanted: Bool) {
    let terminal = StandardOutput.isDumbTerminal ? nil : ScreenSize(ofTerminal: STDOUT_FILENO)
    size = terminal ?? ScreenSize(rows: 24, columns: 80)
    command = isWanted && terminal != nil ? Pager.command : nil
  }

  func write(_ bytes: [UInt8]) throws(CommandError) {
    guard let command else { return try StandardOutput.write(bytes) }
    text += bytes
    if let pager { return pager.write(bytes) }
    guard size.isExceeded(by: text), let started = Pager(command) else { return }
    started.write(text)
    pager = started
  }

  /// Shows what was held back, or waits until the person leaves the pager.
  func finish() throws(CommandError) {
    guard let pager else { return try StandardOutput.write(text) }
    if pager.wait() { return }
    note("the pager “\(pager.command)” cannot be run; without one: --no-pager")
    try StandardOutput.write(text)
  }
}

/// Rows and columns of a terminal.
struct ScreenSize {
  var rows: Int
  var columns: Int

  init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
  }

  /// Nil where the descriptor is no terminal, or it does not say.
  init?(ofTerminal descriptor: Int32) {
    var size = winsize()
    guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
    else { return nil }
    self.init(rows: Int(size.ws_row), columns: Int(size.ws_col))
  }

  /// Whether the text is longer than the screen, with a row left for the shell.
  func isExceeded(by text: [UInt8]) -> Bool {
    var rows = 0
    for line in text.split(separator: 0x0a, omittingEmptySubsequences: false).dropLast() {
      rows += max(1, (shownColumns(line) + columns - 1) / columns)
      if rows >= self.rows { return true }
    }
    return false
  }

  /// A colour takes no column.
  private func shownColumns(_ line: ArraySlice<UInt8>) -> Int {
    var shown = line
    if line.contains(0x1b) {
      var isEscape = false
      shown =
        line.filter { byte in
          if byte == 0x1b { isEscape = true }
          defer { if byte == UInt8(ascii: "m") { isEscape = false } }
          return !isEscape
        }[...]
    }
    return Render.columns(String(decoding: shown, as: UTF8.self))
  }
}
