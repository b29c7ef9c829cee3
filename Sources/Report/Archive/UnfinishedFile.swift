import Glibc

/// A file that takes the place of `path` when it is whole, and leaves nothing behind when it is not.
final class UnfinishedFile {
  /// Where it is until then: the same folder, a name of its own.
  let path: String
  private let finalPath: String
  private var isPublished = false

  /// Makes the file, empty and with mode 0600.
  ///
  /// Where `path` is a symbolic link, what it leads to is replaced, and the link stays.
  init(replacing path: String) throws(ReportArchiveError) {
    let finalPath = Self.target(of: path) ?? path
    self.finalPath = finalPath
    var status = stat()
    if unsafe stat(finalPath, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw ReportArchiveError(
        file: finalPath,
        problem: status.st_mode & S_IFMT == S_IFDIR
          ? "is a directory, expected the name of a file" : "exists and is not a regular file",
        hint: "name a file: -o NAME.dcreport"
      )
    }
    let slash = finalPath.utf8.lastIndex(of: UInt8(ascii: "/"))
    let folder = slash.map { String(finalPath[...$0]) } ?? "./"
    let name = slash.map { finalPath[finalPath.index(after: $0)...] } ?? finalPath[...]
    // Cut so that the added characters never push a long name over the limit of 255 bytes.
    self.path =
      "\(folder).\(name.prefix(48)).\(getpid()).\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = unsafe open(self.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      // Nothing was made, so nothing is to be removed.
      isPublished = true
      throw ReportArchiveError(
        file: finalPath,
        problem: "cannot create a file there: \(errorText(errno))",
        hint: "choose a folder that you may write to: -o FILE"
      )
    }
    close(descriptor)
  }

  /// The path of a file without symbolic links; nil where there is none yet.
  private static func target(of path: String) -> String? {
    // Safe because what realpath returns is a string of its own, which is freed here.
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  deinit {
    if !isPublished { unsafe unlink(path) }
  }

  /// Brings the file to the disk and gives it its name.
  func publish() throws(ReportArchiveError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0, fsync(descriptor) == 0 else {
      let code = errno
      if descriptor >= 0 { close(descriptor) }
      throw ReportArchiveError(
        file: finalPath,
        problem: "cannot write it to the disk: \(errorText(code))"
      )
    }
    close(descriptor)
    guard unsafe rename(path, finalPath) == 0 else {
      throw ReportArchiveError(
        file: finalPath,
        problem: "cannot rename the finished report to it: \(errorText(errno))"
      )
    }
    isPublished = true
  }
}
