import Glibc

/// A file that the person named with `-o`, or standard output for `-` and for no name.
///
/// A regular file is built under another name beside it and renamed when it is whole; a device or a pipe
/// is written as it is.
struct OutputFile: ~Copyable {
  private let path: String?
  private let unfinishedPath: String?
  private let descriptor: Int32
  private var isFinished = false
  /// Nil for files.
  private let paged: PagedOutput?

  /// `isPaged`: on a terminal long text goes through a pager.
  init(_ path: String?, mode: mode_t = 0o644, isPaged: Bool = false) throws(CommandError) {
    guard let path, path != "-" else {
      (self.path, unfinishedPath, descriptor) = (nil, nil, STDOUT_FILENO)
      paged = PagedOutput(isWanted: isPaged)
      return
    }
    paged = nil
    var status = stat()
    let exists = unsafe stat(path, &status) == 0
    // `/dev/stdout` and other links: what they lead to is written, and the link stays.
    let target = exists ? Self.target(of: path) : path
    if exists, status.st_mode & S_IFMT != S_IFREG || target == nil {
      (self.path, unfinishedPath) = (path, nil)
      descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
    } else {
      let target = target ?? path
      let unfinished = Self.unfinishedName(for: target)
      (self.path, unfinishedPath) = (target, unfinished)
      descriptor = unsafe open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    }
    guard descriptor >= 0 else {
      throw CommandError(
        "\(path): cannot write there: \(SystemError.current)",
        hint: "choose a file in a folder that you may write to: -o FILE"
      )
    }
  }

  deinit {
    guard path != nil else { return }
    close(descriptor)
    if !isFinished, let unfinishedPath { unsafe unlink(unfinishedPath) }
  }

  mutating func write(_ bytes: [UInt8]) throws(CommandError) {
    if let paged { return try paged.write(bytes) }
    guard let path else { return }
    do throws(SystemError) {
      try writeAll(bytes, to: descriptor)
    } catch {
      throw CommandError("\(path): cannot write it: \(error)", hint: "check the free space: df -h")
    }
  }

  /// Gives the file its name.
  mutating func finish() throws(CommandError) {
    try paged?.finish()
    guard let path, let unfinishedPath else { return }
    guard fsync(descriptor) == 0, unsafe rename(unfinishedPath, path) == 0 else {
      throw CommandError("\(path): cannot finish it: \(SystemError.current)")
    }
    isFinished = true
  }

  /// The path without symbolic links; nil for one that leads to a file without a name.
  private static func target(of path: String) -> String? {
    // Safe because what realpath returns is a string of its own, which is freed here.
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private static func unfinishedName(for path: String) -> String {
    let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { path[...$0] } ?? "./"
    return
      "\(folder).dumpcollect.\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 36))"
  }
}
