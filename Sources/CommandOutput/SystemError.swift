import Glibc

/// A system call that failed.
package struct SystemError: Error, CustomStringConvertible {
  package var code: Int32

  package init(code: Int32) {
    self.code = code
  }

  /// The error that errno holds now.
  package static var current: SystemError { SystemError(code: errno) }

  /// The system's words.
  package var description: String {
    // Safe because strerror always returns a string, which is copied at once.
    unsafe String(cString: strerror(code))
  }
}

/// Writes all the bytes, however many calls it takes.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
  var written = 0
  while written < bytes.count {
    let count = unsafe bytes.withUnsafeBytes { buffer in
      // Safe because written is below the buffer's count.
      unsafe Glibc.write(
        descriptor,
        buffer.baseAddress?.advanced(by: written),
        buffer.count - written
      )
    }
    if count < 0 {
      if errno == EINTR { continue }
      guard errno == EAGAIN else { throw .current }
      var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      _ = unsafe poll(&ready, 1, -1)
      continue
    }
    written += count
  }
}

/// Reads at most `limit` bytes from where the descriptor stands; fewer at its end.
package func readAll(_ descriptor: Int32, limit: Int = .max) throws(SystemError) -> [UInt8] {
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: min(limit, 64 << 10))
  while bytes.count < limit {
    let count = unsafe read(descriptor, &chunk, min(chunk.count, limit - bytes.count))
    if count < 0 {
      if errno == EINTR { continue }
      throw .current
    }
    if count == 0 { break }
    bytes += chunk.prefix(count)
  }
  return bytes
}
