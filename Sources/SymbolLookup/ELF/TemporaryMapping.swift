import CElf
import Glibc

/// Memory of our own that a file without a name backs.
///
/// Pages that are not used now can be given back, as those of the files that are read: the kernel has them, in memory
/// while there is some, else on disk.
@safe
final class TemporaryMapping {
  let start: UnsafeMutableRawPointer
  let byteCount: Int

  /// Memory of `byteCount` bytes; nil where no folder for temporary files has room for it.
  init?(byteCount: Int) {
    guard byteCount > 0, let start = unsafe celf_temporary_mapping(byteCount) else { return nil }
    unsafe self.start = start
    self.byteCount = byteCount
  }

  deinit {
    unsafe munmap(start, byteCount)
  }

  /// All of it, as a region that keeps this object.
  var region: ByteRegion {
    // Safe because the region holds this object, and nobody writes to it after it was filled.
    unsafe ByteRegion(owner: self, start: start, byteCount: byteCount, isFileMapping: true)
  }
}
