import ArgumentParser
import CaptureFormat
import Glibc

/// A file that the person named, or standard input for `-`; what can be read once only is kept in a temporary file
/// for as long as it is looked at.
struct InputFile: ~Copyable {
  /// Where it can be opened.
  let path: String
  private let isTemporary: Bool

  /// Opens nothing but pipes; those of a shell's `<(…)` are `/dev/fd/63` and the like.
  init(_ name: String) throws(CommandError) {
    if name == "-" {
      guard isatty(STDIN_FILENO) == 0 else {
        throw CommandError(
          "-: standard input is a terminal, expected a file",
          hint: "name a file, or redirect one to - with < FILE",
          status: .usage
        )
      }
      path = try Self.keep(STDIN_FILENO, named: "standard input")
      isTemporary = true
      return
    }
    var status = stat()
    guard unsafe stat(name, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
      (path, isTemporary) = (name, false)
      return
    }
    let descriptor = unsafe open(name, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandError("\(name): cannot open it: \(SystemError.current)")
    }
    defer { close(descriptor) }
    path = try Self.keep(descriptor, named: name)
    isTemporary = true
  }

  deinit {
    if isTemporary { unsafe unlink(path) }
  }

  /// Copies what comes to a file of our own.
  ///
  /// Only the beginning of what is neither a capture nor a report: it might have no end.
  private static func keep(_ source: Int32, named name: String) throws(CommandError) -> String {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    let path =
      "\(folder)/dumpcollect.\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw CommandError(
        "cannot keep \(name) in \(folder): \(SystemError.current)",
        hint: "name another folder: TMPDIR=DIR"
      )
    }
    defer { close(descriptor) }
    do throws(SystemError) {
      let beginning = try readAll(source, limit: 64 << 10)
      try writeAll(beginning, to: descriptor)
      guard mayBeOurs(beginning) else { return path }
      while case let piece = try readAll(source, limit: 1 << 20), !piece.isEmpty {
        try writeAll(piece, to: descriptor)
      }
    } catch {
      unsafe unlink(path)
      throw CommandError(
        "cannot keep \(name) in \(folder): \(error)",
        hint: "name another folder: TMPDIR=DIR"
      )
    }
    return path
  }

  private static func mayBeOurs(_ beginning: [UInt8]) -> Bool {
    if FileKind(firstBytes: beginning) == .database { return true }
    do throws(CaptureError) {
      // Safe because an array of UInt8 has no padding between its elements.
      _ = try CaptureReader.capture(in: unsafe beginning.span.bytes, named: "")
    } catch {
      // The first record may well be longer than this beginning.
      return error.kind != .foreign
    }
    return true
  }
}

/// Throws when one of the names is empty, as that of an unset shell variable is.
func requireNames(_ names: [String?]) throws {
  if names.contains("") {
    throw ValidationError("expected the name of a file, found an empty word")
  }
}
