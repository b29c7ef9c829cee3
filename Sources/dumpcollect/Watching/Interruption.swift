import Glibc

/// SIGINT and SIGTERM as a wish to come to an end: the first is noted, a second one ends the command at once.
enum Interruption {
  /// A pipe that a signal's handler writes a byte to: readable from then on.
  private static let pipe: (reading: Int32, writing: Int32) = {
    var ends: [Int32] = [-1, -1]
    // Without it signals end the command as they do by default.
    guard unsafe Glibc.pipe(&ends) == 0 else { return (-1, -1) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (ends[0], ends[1])
  }()

  /// Begins to note signals.
  static func install() {
    guard pipe.writing >= 0 else { return }
    for signal in [SIGINT, SIGTERM] {
      var action = sigaction()
      // Whoever runs the command in the background has it ignored: that stays.
      var current = sigaction()
      guard unsafe sigaction(signal, nil, &current) == 0 else { continue }
      // Safe because a pointer to a function is a word, of which SIG_IGN is 1.
      let isIgnored =
        unsafe unsafeBitCast(
          current.__sigaction_handler.sa_handler,
          to: Int.self
        ) == 1
      guard !isIgnored else { continue }
      unsafe action.__sigaction_handler.sa_handler = { _ in
        // Safe because write is async-signal-safe, and the pipe was made before the handler was installed.
        let saved = errno
        var byte: UInt8 = 1
        _ = unsafe write(Interruption.pipe.writing, &byte, 1)
        errno = saved
      }
      action.sa_flags = SA_RESTART | Int32(bitPattern: UInt32(SA_RESETHAND))
      _ = unsafe sigaction(signal, &action, nil)
    }
  }

  /// A signal came.
  static var isRequested: Bool {
    var poller = pollfd(fd: pipe.reading, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, 0) == 1
  }

  /// Sleeps until then, or until a signal comes or one of the descriptors is ready.
  static func sleep(until end: ContinuousClock.Instant, or descriptors: [Int32]) {
    while true {
      let left = end - ContinuousClock.now
      guard left > .zero else { return }
      let milliseconds =
        left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
      var pollers = ([pipe.reading] + descriptors).map {
        pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
      }
      let count = unsafe poll(&pollers, nfds_t(pollers.count), Int32(clamping: milliseconds))
      if count > 0 { return }
    }
  }
}
