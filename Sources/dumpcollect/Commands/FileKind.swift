import Glibc

/// What a file is, told by its first bytes.
enum FileKind: Equatable {
  case directory
  /// An SQLite database: a report archive, or another program's.
  case database
  /// A capture, or something else that the reader of captures describes.
  case other

  init(of path: String) {
    var status = stat()
    if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      self = .directory
      return
    }
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      self = .other
      return
    }
    defer { close(descriptor) }
    // What cannot be read is described by whoever reads it for good.
    self.init(firstBytes: (try? readAll(descriptor, limit: 16)) ?? [])
  }

  init(firstBytes: [UInt8]) {
    self = firstBytes.starts(with: Array("SQLite format 3\0".utf8)) ? .database : .other
  }

  var isDirectory: Bool { self == .directory }
}
