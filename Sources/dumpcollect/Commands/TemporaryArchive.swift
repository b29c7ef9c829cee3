import Glibc
import Report

/// A report archive on its way to standard output: SQLite cannot write to a pipe.
struct TemporaryArchive: ~Copyable {
  private let path: String

  init(_ report: DumpReport) throws(CommandError) {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    path =
      "\(folder)/dumpcollect.\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 36)).dcreport"
    do throws(ReportArchiveError) {
      try ReportArchive.write(report, to: path)
    } catch {
      throw CommandError(error.description)
    }
  }

  deinit {
    unsafe unlink(path)
  }

  func copyToStandardOutput() throws(CommandError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw CommandError("\(path): \(SystemError.current)") }
    defer { close(descriptor) }
    while true {
      let piece: [UInt8]
      do throws(SystemError) {
        piece = try readAll(descriptor, limit: 1 << 20)
      } catch {
        throw CommandError("\(path): cannot read it back: \(error)")
      }
      if piece.isEmpty { return }
      try StandardOutput.write(piece)
    }
  }
}
