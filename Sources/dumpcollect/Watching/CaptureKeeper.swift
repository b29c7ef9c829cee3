import CommandOutput
import Glibc

/// Which captures of a process stay: those that show something, and the last.
///
/// Only captures that this watch asked for, and nobody else with it, are ever removed. Whoever asked at the same moment may have been
/// given the path of such a capture without a trace in the service's counters yet: a request shows there once the service took it. So a
/// capture goes only after a later one, asked for `grace` afterwards or more, without a trace of anybody else in between.
struct CaptureKeeper {
  /// More than another command takes from its look at the counters to its signal.
  static let grace = Duration.seconds(1)

  /// Where those that stay are moved to; nil leaves them where the service put them.
  let directory: String?
  /// Nothing is removed.
  let keepsAll: Bool

  /// Captures that could not be moved to the directory.
  private(set) var failureCount = 0
  private var kept: [CaptureFile] = []
  /// Those that show nothing new, the oldest first; the last of them may be the last of all.
  private var others: [(file: CaptureFile, time: ContinuousClock.Instant)] = []
  private var latest: CaptureFile?

  init(directory: String?, keepsAll: Bool) {
    self.directory = directory
    self.keepsAll = keepsAll
  }

  /// Captures that may go wait for their time.
  var hasOthers: Bool { !others.isEmpty }

  /// Takes the latest capture; the path where it stays, or nil when it may go.
  ///
  /// `file` is nil for a capture that others asked for too: it is left alone. `time`: when it was asked for. `isAlone`: nobody
  /// else asked for a capture since the one before was.
  mutating func take(
    _ file: CaptureFile?,
    isNotable: Bool,
    at time: ContinuousClock.Instant,
    isAlone: Bool,
    of process: ProcessStatus
  ) -> String? {
    latest = nil
    removeOthers(olderThan: time - Self.grace, isAlone: isAlone)
    guard let file else { return nil }
    guard isNotable || keepsAll else {
      others.append((file, time))
      latest = file
      return nil
    }
    return keep(file, of: process)
  }

  /// Keeps the last capture of all.
  mutating func finish(_ process: ProcessStatus) {
    guard let latest else { return }
    others.removeAll { $0.file.path == latest.path }
    _ = keep(latest, of: process)
    self.latest = nil
  }

  /// Removes what waited long enough; when somebody else asked meanwhile, what waits is left alone for ever.
  mutating func removeOthers(olderThan time: ContinuousClock.Instant, isAlone: Bool) {
    guard isAlone else { return others.removeAll() }
    for other in others where other.time <= time { other.file.remove() }
    others.removeAll { $0.time <= time }
  }

  private mutating func keep(_ file: CaptureFile, of process: ProcessStatus) -> String {
    guard let directory else {
      kept.append(file)
      return file.path
    }
    let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
    let path = "\(directory)/\(name)"
    do throws(CommandError) {
      try copyCapture(file.path, to: path, of: process)
    } catch {
      note("\(file.path): stays where it is\n  \(error.description)")
      failureCount += 1
      kept.append(file)
      return file.path
    }
    // What was just written is a file of this user; the service's own goes as those that show nothing new do.
    if let copy = CaptureFile(path, ownedBy: [geteuid()]) { kept.append(copy) }
    others.append((file, .now))
    return path
  }

  /// The captures that are still there, the oldest first, and how many are not.
  var remaining: (paths: [String], missing: Int) {
    let there = kept.filter(\.exists)
    return (there.map(\.path), kept.count - there.count)
  }
}
