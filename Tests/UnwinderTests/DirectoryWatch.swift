import Foundation
import Glibc
import TestSupport

/// Reports the names that appear in a directory from now on.
final class DirectoryWatch {
  private let descriptor: Int32
  private let path: String

  init(_ path: String) throws {
    self.path = path
    descriptor = inotify_init1(Int32(0o2000000))
    guard descriptor >= 0, inotify_add_watch(descriptor, path, 0x80 | 0x100) >= 0 else {
      throw CommandFailure("\(path) cannot be watched")
    }
  }

  deinit { close(descriptor) }

  /// The first name that appears (or is there) and is wanted.
  func waitForName(_ isWanted: (String) -> Bool) throws -> String {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
      let names = try FileManager.default.contentsOfDirectory(atPath: path)
      if let name = names.first(where: isWanted) { return name }
      var poll = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if Glibc.poll(&poll, 1, 1000) > 0 {
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = read(descriptor, &buffer, buffer.count)
      }
    }
    throw CommandFailure("nothing wanted appeared in \(path)")
  }
}
