import CommandOutput
import Glibc

/// Copies a capture to where the person wants it.
func copyCapture(
  _ path: String,
  to output: String,
  of process: ProcessStatus
) throws(CommandError) {
  let source = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
  guard source >= 0 else { throw CommandError("\(path): cannot open it: \(SystemError.current)") }
  defer { close(source) }
  var status = stat()
  // The path came from the service: only a file of its own is copied.
  guard unsafe fstat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
    process.userIDs.contains(status.st_uid) || status.st_uid == 0
  else {
    throw CommandError("\(path): expected a capture file of \(userName(process.userID))")
  }
  var file = try OutputFile(output, mode: 0o600)
  while case let piece = try read(source, of: path), !piece.isEmpty { try file.write(piece) }
  try file.finish()
}

/// The next mebibyte of a capture; nothing at its end.
private func read(_ source: Int32, of path: String) throws(CommandError) -> [UInt8] {
  do throws(SystemError) {
    return try readAll(source, limit: 1 << 20)
  } catch {
    throw CommandError("\(path): cannot read it: \(error)")
  }
}
