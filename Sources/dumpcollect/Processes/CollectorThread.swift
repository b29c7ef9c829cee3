import Glibc

/// The thread of a service that makes its captures.
enum CollectorThread {
  /// By its name, among threads that do not block the signal; nil where none is seen.
  ///
  /// The handler's other threads have the same name and block every signal.
  static func find(_ processID: pid_t, open signal: Int32) -> pid_t? {
    threadIDs(of: processID).first { thread in
      // A thread that cannot be read is not found: the signal goes to the process then.
      let path = "/proc/\(processID)/task/\(thread)"
      guard (try? procText("\(path)/comm")) == "dumpcollect\n",
        let status = try? procText("\(path)/status"),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("SigBlk:\t") }),
        let blocked = UInt64(line.dropFirst(8), radix: 16)
      else { return false }
      return blocked & 1 << UInt64(signal - 1) == 0
    }
  }

  /// The signal was sent to the thread, which has not taken it yet.
  static func isPending(_ signal: Int32, _ processID: pid_t) -> Bool {
    // A thread that cannot be read has ended, and with it what it was sent.
    guard let thread = find(processID, open: signal),
      let status = try? procText("/proc/\(processID)/task/\(thread)/status"),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("SigPnd:\t") }),
      let pending = UInt64(line.dropFirst(8), radix: 16)
    else { return false }
    return pending & 1 << UInt64(signal - 1) != 0
  }
}
