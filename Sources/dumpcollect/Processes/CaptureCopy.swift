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
  do throws(SystemError) {
    while case let piece = try readAll(source, limit: 1 << 20), !piece.isEmpty {
      do { try file.write(piece) } catch { throw SystemError(code: EIO) }
    }
  } catch {
    throw CommandError("\(path): cannot copy it to \(output): \(error)")
  }
  try file.finish()
}
