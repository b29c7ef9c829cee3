import Glibc

/// A regular file that was read whole, with what the kernel says of it.
struct SmallFile {
  let bytes: [UInt8]
  let owner: UInt32
  /// When it was changed, seconds since 1970.
  let changed: Int64

  /// The file at a path; nil for one that is not there, not regular or larger than `limit`.
  ///
  /// Read, not mapped: a file that is cut meanwhile costs its rest and not the process.
  init?(path: String, limit: Int) {
    // Safe because Swift passes a C string that lives during the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_size <= limit
    else { return nil }
    owner = status.st_uid
    changed = Int64(status.st_mtim.tv_sec)
    let size = Int(status.st_size)
    bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      guard let start = buffer.baseAddress else { return }
      while filled < size {
        // Safe because the buffer has room for what is left.
        let count = unsafe Glibc.read(descriptor, start + filled, size - filled)
        guard count > 0 else { return }
        filled += count
      }
    }
  }
}
