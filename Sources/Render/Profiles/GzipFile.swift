import CZlib

/// Bytes packed as one gzip file; equal bytes give equal files.
///
/// - Throws: `MemoryIsShort` where zlib gets none.
func gzipFile(of bytes: [UInt8]) throws(MemoryIsShort) -> [UInt8] {
  let room = czlib_gzip_bound(bytes.count)
  // Safe because both buffers live during the call, which takes their sizes; what it returns it has written.
  let file = unsafe bytes.withUnsafeBytes { bytes in
    unsafe [UInt8](unsafeUninitializedCapacity: room) { file, count in
      unsafe count = czlib_gzip(bytes.baseAddress, bytes.count, file.baseAddress, room)
    }
  }
  guard !file.isEmpty else { throw MemoryIsShort() }
  return file
}

/// No memory was left.
struct MemoryIsShort: Error, CustomStringConvertible {
  let description = "memory is short"
}
