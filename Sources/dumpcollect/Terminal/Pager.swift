import Glibc

/// A pager that runs, and what it reads.
final class Pager {
  /// As the person named it.
  let command: String
  private let process: pid_t
  private var input: Int32
  private var isWaitedFor = false
  private let interrupt: sighandler_t?
  private let quit: sighandler_t?

  /// The pager to use; nil for none.
  static var command: String? {
    for name in ["DUMPCOLLECT_PAGER", "PAGER"] {
      guard let value = unsafe getenv(name) else { continue }
      let command = unsafe String(cString: value)
      return command.isEmpty || command == "cat" ? nil : command
    }
    let folders = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? "/usr/bin:/bin"
    let isInstalled = folders.split(separator: ":").contains { folder in
      unsafe access("\(folder)/less", X_OK) == 0
    }
    return isInstalled ? "less" : nil
  }

  /// Starts it; nil when there is no shell to do so.
  init?(_ command: String) {
    var ends: [Int32] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { return nil }
    // Were its own input's other end open in the pager, it would wait for more for ever.
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    defer { close(ends[0]) }
    guard let process = Self.start(command, reading: ends[0]) else {
      close(ends[1])
      return nil
    }
    (self.command, self.process, input) = (command, process, ends[1])
    // The pager has the keyboard: an interrupt is for it alone.
    interrupt = signal(SIGINT, SIG_IGN)
    quit = signal(SIGQUIT, SIG_IGN)
  }

  deinit { _ = wait() }

  /// Hands it text; what a person did not want to see any more is dropped.
  func write(_ bytes: [UInt8]) {
    guard input >= 0 else { return }
    do throws(SystemError) {
      try writeAll(bytes, to: input)
    } catch {
      closeInput()
    }
  }

  /// Waits for its end; false when the shell could not run it.
  func wait() -> Bool {
    guard !isWaitedFor else { return true }
    closeInput()
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
    isWaitedFor = true
    signal(SIGINT, interrupt)
    signal(SIGQUIT, quit)
    let code = (status >> 8) & 0xff
    return status & 0x7f != 0 || (code != 126 && code != 127)
  }

  private func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  private static func start(_ command: String, reading input: Int32) -> pid_t? {
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    var defaults = sigset_t()
    // Safe because each is initialised here, and freed below.
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    defer {
      unsafe posix_spawn_file_actions_destroy(&actions)
      unsafe posix_spawnattr_destroy(&attributes)
    }
    unsafe posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    // SIGPIPE is ignored here, which a child would inherit.
    unsafe sigemptyset(&defaults)
    unsafe sigaddset(&defaults, SIGPIPE)
    unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    // Only where nothing is set.
    unsafe setenv("LESS", "FRX", 0)
    unsafe setenv("LV", "-c", 0)
    var process: pid_t = 0
    let arguments: [UnsafeMutablePointer<CChar>?] = unsafe [
      strdup("sh"), strdup("-c"), strdup(command), nil,
    ]
    defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
    let status = unsafe posix_spawn(&process, "/bin/sh", &actions, &attributes, arguments, environ)
    return status == 0 ? process : nil
  }
}
