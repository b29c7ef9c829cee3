import Glibc

/// How far a file from a server is: one line on a terminal, written over and over; nothing elsewhere.
enum TransferProgress {
  /// What to hand to a server; nil where standard error is no terminal.
  static var display: (@Sendable (String, Int, Int) -> Void)? {
    guard isatty(STDERR_FILENO) == 1 else { return nil }
    return { name, done, total in
      guard done > 0 else { return }
      let ofTotal = total > 0 ? " of \(megabytes(total))" : ""
      let isWhole = total > 0 && done >= total
      // Carriage return, and clear to the end of the line; the finished line goes.
      let text = "\r\u{1b}[K" + (isWhole ? "" : "\(name): \(megabytes(done))\(ofTotal)")
      // Safe because the string lives during the call; a line that cannot be written is not missed.
      _ = unsafe write(STDERR_FILENO, text, text.utf8.count)
    }
  }

  private static func megabytes(_ count: Int) -> String { "\((count + 524_288) / 1_048_576) MiB" }
}
