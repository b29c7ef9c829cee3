/// What a sleeping thread waits for, as far as it is certain.
public struct ThreadWait: Sendable, Hashable {
  /// The words of the report format; docs/report-schema.md says what each rests on.
  public enum Kind: String, Sendable, CaseIterable {
    case mutex, rwlock, condition, semaphore, once, queue, futex, join, sleep, poll, read, write,
      accept,
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
      thread.waitsFor?.kind ?? (kind == .futex ? lockKind(ofStack: thread.stack) ?? .futex : kind)
    return ThreadWait(kind: refined, detail: call == refined.rawValue ? nil : call)
  }
}

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
