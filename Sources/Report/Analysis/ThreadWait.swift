/// What a sleeping thread waits for, as far as it is certain.
public struct ThreadWait: Sendable, Hashable {
  /// The words of the report format; docs/report-schema.md says what each rests on.
  public enum Kind: String, Sendable, CaseIterable {
    case mutex, rwlock, condition, semaphore, once, futex, join, sleep, poll, read, write, accept,
      connect
    case recv, send, child, signal
    case fileLock = "file-lock"
    case pause, other
  }

  /// What is waited for.
  public var kind: Kind
  /// The system call, where it says more than the kind.
  public var detail: String?

  /// A wait of a kind.
  public init(kind: Kind, detail: String? = nil) {
    self.kind = kind
    self.detail = detail
  }
}

extension DumpReport {
  /// What the thread waits for; nil when it runs, or when its system call is not known.
  public func wait(of thread: ReportThread) -> ThreadWait? {
    guard thread.state != .running, thread.status != .exited, let call = thread.systemCall else {
      return nil
    }
    let kind = kindByCall[call] ?? kindOfRestartedCall(call, waitChannel: thread.waitChannel)
    // A futex is all that the kernel sees of locks; which lock, its words and the C library's function tell.
    let refined =
      kind == .futex
      ? thread.waitsFor?.kind ?? lockKind(ofStack: thread.stack) ?? .futex : kind
    return ThreadWait(kind: refined, detail: call == refined.rawValue ? nil : call)
  }

  /// The lock function of the C library that the thread is in: its innermost frames are the library's own.
  private func lockKind(ofStack stack: Int?) -> ThreadWait.Kind? {
    guard let stack, stacks.indices.contains(stack) else { return nil }
    for index in stacks[stack].prefix(8) {
      guard frames.indices.contains(index) else { return nil }
      let frame = frames[index]
      guard let module = frame.module, modules.indices.contains(module),
        isCLibrary(fileName(of: modules[module].path))
      else { return nil }
      if let function = frame.function, let kind = kindByLockFunction(function) { return kind }
    }
    return nil
  }
}

private func isCLibrary(_ name: Substring) -> Bool {
  name.hasPrefix("libc.so") || name.hasPrefix("libc-") || name.hasPrefix("libpthread")
}

/// glibc's names; `__`, symbol versions and suffixes (`__pthread_mutex_lock_full`) are its own business.
private func kindByLockFunction(_ function: String) -> ThreadWait.Kind? {
  let name = function.drop { $0 == "_" }
  for (prefix, kind) in lockFunctions where name.hasPrefix(prefix) { return kind }
  return nil
}

private let lockFunctions: [(String, ThreadWait.Kind)] = [
  ("pthread_mutex_", .mutex),
  ("pthread_rwlock_", .rwlock),
  ("pthread_cond_", .condition),
  ("pthread_join", .join), ("pthread_timedjoin", .join), ("pthread_clockjoin", .join),
  ("sem_wait", .semaphore), ("sem_timedwait", .semaphore), ("sem_clockwait", .semaphore),
  ("new_sem_wait", .semaphore),
]

/// After a stop or a signal the kernel shows some calls as `restart_syscall`; where it sleeps tells which.
private func kindOfRestartedCall(_ call: String, waitChannel: String?) -> ThreadWait.Kind {
  guard call == "restart_syscall", let waitChannel else { return .other }
  if waitChannel.hasPrefix("futex_") { return .futex }
  if waitChannel.contains("nanosleep") { return .sleep }
  if waitChannel.contains("poll") { return .poll }
  return .other
}

/// Each call that can mean only one thing.
private let kindByCall: [String: ThreadWait.Kind] = [
  "futex": .futex, "futex_wait": .futex, "futex_waitv": .futex,
  "nanosleep": .sleep, "clock_nanosleep": .sleep,
  "poll": .poll, "ppoll": .poll, "select": .poll, "pselect6": .poll, "epoll_wait": .poll,
  "epoll_pwait": .poll, "epoll_pwait2": .poll,
  "read": .read, "readv": .read, "pread64": .read, "preadv": .read, "preadv2": .read,
  "write": .write, "writev": .write, "pwrite64": .write, "pwritev": .write, "pwritev2": .write,
  "accept": .accept, "accept4": .accept,
  "connect": .connect,
  "recvfrom": .recv, "recvmsg": .recv, "recvmmsg": .recv,
  "sendto": .send, "sendmsg": .send, "sendmmsg": .send,
  "wait4": .child, "waitid": .child,
  "rt_sigtimedwait": .signal, "rt_sigsuspend": .signal,
  "pause": .pause,
  "flock": .fileLock,
  "semop": .semaphore, "semtimedop": .semaphore,
]
