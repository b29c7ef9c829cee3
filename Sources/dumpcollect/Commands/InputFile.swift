import Glibc

/// A file that the person named, or standard input for `-`, kept in a temporary file for as long as it is read.
struct InputFile: ~Copyable {
  /// Where it can be opened.
  let path: String
  private let isTemporary: Bool

  init(_ name: String) throws(CommandError) {
    guard name == "-" else {
      (path, isTemporary) = (name, false)
      return
    }
    guard isatty(STDIN_FILENO) == 0 else {
      throw CommandError(
        "-: standard input is a terminal, expected a file",
        hint: "name a file, or redirect one: dumpcollect report - < FILE",
        status: .usage
      )
    }
    path = try Self.keepStandardInput()
    isTemporary = true
  }

  deinit {
    if isTemporary { unsafe unlink(path) }
  }

  private static func keepStandardInput() throws(CommandError) -> String {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    let path =
      "\(folder)/dumpcollect.\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandError(
        "cannot keep standard input in \(folder): \(SystemError.current)",
        hint: "name another folder: TMPDIR=DIR"
      )
    }
    defer { close(descriptor) }
    do throws(SystemError) {
      while case let piece = try readAll(STDIN_FILENO, limit: 1 << 20), !piece.isEmpty {
        try writeAll(piece, to: descriptor)
      }
    } catch {
      unsafe unlink(path)
      throw CommandError("cannot keep standard input in \(folder): \(error)")
    }
    return path
  }
}
