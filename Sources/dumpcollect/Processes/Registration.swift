import Bytes
import Glibc

/// A service's state file, open: how the command finds the handler and asks it.
final class Registration {
  enum Failure: Error {
    /// No process has this id.
    case noProcess
    /// The kernel does not let this caller look.
    case notPermitted
    /// Nothing of a handler in the process.
    case noHandler
    /// The state file was deleted, and only root can still open it.
    case deleted
    /// There is a registration, but it cannot be believed.
    case invalid(String)
  }

  let process: ProcessStatus
  /// Path as the process sees it.
  let path: String
  private(set) var state: ServiceState
  private let descriptor: Int32

  /// The registration is that of the process it was forked from: its own comes with its first dump.
  var isInherited: Bool {
    state.processID != process.innerProcessID || state.startTicks != process.startTicks
  }

  /// Finds the state file of a process through its mappings.
  static func find(_ processID: pid_t) throws(Failure) -> Registration {
    guard let process = ProcessStatus(processID) else { throw .noProcess }
    let mappings = try stateMappings(of: process)
    guard !mappings.isEmpty else { throw .noHandler }
    var found: Registration?
    var problem: String?
    for mapping in mappings {
      do throws(SystemError) {
        let candidate = try opened(mapping, of: process)
        if found.map({ candidate.isBetter(than: $0) }) ?? true { found = candidate }
      } catch {
        if error.code == EACCES || error.code == EPERM { throw failure(of: process, .notPermitted) }
        if error.code != ENOENT { problem = "\(mapping.path): \(text(error))" }
      }
    }
    if let found { return found }
    throw failure(of: process, problem.map(Failure.invalid) ?? .deleted)
  }

  /// The failure, unless the process ended meanwhile: the kernel then refuses what it allowed before.
  private static func failure(of process: ProcessStatus, _ failure: Failure) -> Failure {
    guard let now = ProcessStatus(process.processID), now.startTicks == process.startTicks else {
      return .noProcess
    }
    return now.isZombie ? .noHandler : failure
  }

  /// What is wrong with a state file, in words of this place.
  private static func text(_ error: SystemError) -> String {
    switch error.code {
    case ELOOP: "is a symbolic link that somebody put there, expected the service's own file"
    case EINVAL: "is not the state file of this process"
    default: error.description
    }
  }

  /// Its own before an inherited one; of two of its own the one that goes on counting.
  ///
  /// A service whose directory went away makes a state file in the next one, and keeps the old mapped.
  private func isBetter(than other: Registration) -> Bool {
    guard isInherited == other.isInherited else { return other.isInherited }
    let (mine, theirs) = (state, other.state)
    return (mine.accepted, mine.served, mine.published &+ mine.failed)
      >= (theirs.accepted, theirs.served, theirs.published &+ theirs.failed)
  }

  private static func opened(
    _ mapping: Mapping,
    of process: ProcessStatus
  ) throws(SystemError) -> Registration {
    var failure = SystemError(code: ENOENT)
    var inherited: Registration?
    for path in mapping.paths {
      do throws(SystemError) {
        let registration = try Registration(process, path: mapping.path, openedAt: path)
        if !registration.isInherited { return registration }
        // Another container's process may have put its file under the same name.
        inherited = inherited ?? registration
      } catch {
        // map_files is closed to all but root; that says nothing of the file itself.
        let isRefusal = error.code == EACCES || error.code == EPERM
        if error.code != ENOENT, !(isRefusal && path.contains("/map_files/")) { failure = error }
      }
    }
    guard let inherited else { throw failure }
    return inherited
  }

  private init(_ process: ProcessStatus, path: String, openedAt: String) throws(SystemError) {
    self.process = process
    self.path = path
    // Nothing here may block on a pipe or follow a link that somebody put in its place; the links in
    // map_files are the kernel's own.
    let following = openedAt.contains("/map_files/") ? 0 : O_NOFOLLOW
    descriptor = unsafe open(openedAt, O_RDONLY | following | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw .current }
    do {
      try Self.check(descriptor, ownedBy: process)
      state = try Self.readState(descriptor)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    close(descriptor)
  }

  /// Reads the state anew, texts and numbers of one moment.
  func refresh() throws(SystemError) {
    var newest = try Self.readState(descriptor)
    // The word changes when a capture ends: equal before and after, nothing was rewritten meanwhile.
    for _ in 0..<100 {
      let again = try Self.readState(descriptor)
      defer { newest = again }
      if again.futexWord == newest.futexWord { break }
    }
    state = newest
  }

  /// Sleeps until the word in the state file differs from `state.futexWord`, or the time is over.
  func waitForChange(atMost time: Duration) {
    let length = ServiceState.byteCount
    guard let memory = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0),
      unsafe memory != MAP_FAILED
    else {
      // Without the mapping the state is simply looked at more often.
      usleep(2000)
      return
    }
    defer { unsafe munmap(memory, length) }
    let (seconds, attoseconds) = max(time, .zero).components
    var limit = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    // FUTEX_WAIT, shared between processes. The memory is never read here: a file cut meanwhile makes
    // the call fail with EFAULT, where a read would end this process.
    let result = unsafe systemCall(
      futexNumber,
      memory.advanced(by: ServiceState.futexOffset),
      0,
      Int(state.futexWord),
      &limit,
      nil,
      0
    )
    if result < 0 && errno == EFAULT { usleep(2000) }
  }

  private static func check(
    _ descriptor: Int32,
    ownedBy process: ProcessStatus
  ) throws(SystemError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .current }
    // A service may have been root when it was armed and another user since.
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size == off_t(ServiceState.byteCount),
      process.userIDs.contains(status.st_uid) || status.st_uid == 0
    else { throw SystemError(code: EINVAL) }
  }

  private static func readState(_ descriptor: Int32) throws(SystemError) -> ServiceState {
    var bytes = [UInt8](repeating: 0, count: ServiceState.byteCount)
    guard unsafe pread(descriptor, &bytes, bytes.count, 0) == bytes.count else {
      throw SystemError(code: EINVAL)
    }
    do throws(FormatError) {
      return try ServiceState(parsing: bytes)
    } catch {
      throw SystemError(code: EINVAL)
    }
  }
}

extension Registration {
  /// A mapping of a state file.
  private struct Mapping {
    var path: String
    /// Where to open it, the best first.
    var paths: [String]
  }

  /// The state files that the process maps, from /proc/PID/maps.
  private static func stateMappings(of process: ProcessStatus) throws(Failure) -> [Mapping] {
    let lines: [Substring]
    do throws(SystemError) {
      lines = try Self.lines(containing: "/.dumpcollect.", inFile: "\(process.directory)/maps")
    } catch {
      switch error.code {
      case ENOENT, ESRCH: throw .noProcess
      default: throw .notPermitted
      }
    }
    var mappings: [Mapping] = []
    for line in lines {
      guard let path = statePath(in: line), !mappings.contains(where: { $0.path == path.name })
      else { continue }
      var paths = ["\(process.directory)/root\(path.name)"]
      // In a chroot of the same file system tree the kernel shows the path as this caller sees it.
      if !path.isDeleted { paths.append(path.name) }
      // Works for root alone, but even after the name is gone.
      if let range = line.split(separator: " ").first {
        paths.append("/proc/\(process.processID)/map_files/\(range)")
      }
      mappings.append(Mapping(path: path.name, paths: paths))
    }
    return mappings
  }

  /// The few lines of a file that hold an ASCII text.
  ///
  /// A process of 10,000 threads has twice as many mappings:
  /// to make a string of each would take longer than its dump.
  private static func lines(
    containing text: String,
    inFile path: String
  ) throws(SystemError) -> [Substring] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .current }
    defer { close(descriptor) }
    let bytes = try readAll(descriptor)
    let wanted = Array(text.utf8)
    var lines: [Substring] = []
    var start = 0
    while let found = bytes[start...].firstIndex(of: wanted[0]) {
      start = found + 1
      guard bytes[found...].starts(with: wanted) else { continue }
      let lineStart = bytes[..<found].lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
      let lineEnd = bytes[found...].firstIndex(of: 0x0a) ?? bytes.count
      lines.append(Substring(decoding: bytes[lineStart..<lineEnd], as: UTF8.self))
      start = lineEnd
    }
    return lines
  }

  /// The path at the end of a line of maps, if it is that of a state file.
  private static func statePath(in line: Substring) -> (name: String, isDeleted: Bool)? {
    guard let slash = line.firstIndex(of: "/") else { return nil }
    var path = line[slash...].replacing("\\012", with: "\n")
    let isDeleted = path.hasSuffix(" (deleted)")
    if isDeleted { path.removeLast(" (deleted)".count) }
    guard let name = path.split(separator: "/").last, name.hasPrefix(".dumpcollect."),
      name.hasSuffix(".state"), pid_t(name.dropFirst(13).dropLast(6)) != nil
    else { return nil }
    return (String(path), isDeleted)
  }

  /// A path of the service as this caller can open it: through /proc/PID/root where the service sees
  /// other file systems.
  func openablePath(_ path: String) -> String {
    let own = linkTarget("/proc/self/ns/mnt")
    let theirs = linkTarget("\(process.directory)/ns/mnt")
    let root = linkTarget("\(process.directory)/root")
    if theirs == nil || (own == theirs && root == linkTarget("/proc/self/root")) { return path }
    return "\(process.directory)/root\(path)"
  }
}
