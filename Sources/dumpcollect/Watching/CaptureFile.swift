import CommandOutput
import Glibc

/// A capture file as it was when it was read: so that this file, and no other one of its name, is removed later.
struct CaptureFile {
  let path: String
  private let device: dev_t
  private let inode: ino_t

  /// Nil when it is no regular file of one of these users.
  init?(_ path: String, ownedBy users: [uid_t]) {
    var status = stat()
    guard path.hasSuffix(".dcap"), unsafe lstat(path, &status) == 0,
      status.st_mode & S_IFMT == S_IFREG, users.contains(status.st_uid) || status.st_uid == 0
    else { return nil }
    self.path = path
    (device, inode) = (status.st_dev, status.st_ino)
  }

  /// It is still there.
  var exists: Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode
  }

  /// Removes it; the service's own retention may have done so before.
  func remove() {
    guard exists, unsafe unlink(path) != 0, errno != ENOENT else { return }
    note("\(path): cannot remove it: \(SystemError.current)")
  }
}
