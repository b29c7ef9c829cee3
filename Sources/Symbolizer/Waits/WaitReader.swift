import CaptureFormat
import Report

extension DumpReport {
  /// What each sleeping thread waits for, from its call, its arguments, its stack, and the words of its lock.
  ///
  /// Frames and stacks are there already: they tell what kind of lock it is.
  mutating func takeWaits(_ capture: Capture, _ names: inout LockNames) {
    let reader = WaitReader(capture, self)
    for (index, thread) in capture.threads.enumerated() {
      guard var target = reader.target(of: thread, threads[index], self) else { continue }
      reader.name(&target, of: thread, &names)
      threads[index].waitsFor = target
    }
  }
}

/// Reads what threads of one capture wait for.
struct WaitReader {
  private let awaited: [Int32: WireAwaitedDescriptor]
  /// Threads that had not ended.
  private let living: Set<Int32>
  private let isWhole: Bool

  init(_ capture: Capture, _ report: DumpReport) {
    awaited = Dictionary(
      (capture.awaitedDescriptors?.descriptors ?? []).lazy.map { ($0.number, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    // A thread whose record is lost may be any.
    isWhole = capture.expectedThreadCount != nil && capture.lostThreadCount == 0
    living = Set(report.threads.lazy.filter { $0.status != .exited }.map(\.threadID))
  }

  /// Nil where no more is known than the call.
  func target(
    of wire: WireThread,
    _ thread: ReportThread,
    _ report: DumpReport
  ) -> WaitTarget? {
    guard let call = thread.systemCall, wire.syscall.arguments.count == 6,
      let wait = report.wait(of: thread)
    else { return nil }
    let arguments = wire.syscall.arguments
    var target = WaitTarget()
    if call == "futex" {
      guard let reading = LockReading(wire, functions: report.innermostFunctions(of: thread)) else {
        return nil
      }
      target = checked(reading.target(wait.kind))
    }
    target.timeout = timeout(wire, call)
    takeDescriptors(wire, call, &target)
    if wait.kind == .child { target.childProcessID = child(call, arguments) }
    if call == "fcntl", [7, 38].contains(arguments[1] & 0xffff_ffff) { target.kind = .fileLock }
    return target == WaitTarget() ? nil : target
  }

  /// Says of an owner that is no thread what that means.
  private func checked(_ found: WaitTarget) -> WaitTarget {
    guard let owner = found.ownerThreadID, !living.contains(owner) else { return found }
    var target = found
    guard isWhole else {
      target.note = "no thread of the capture, which is not whole"
      return target
    }
    let type = found.lockType ?? ""
    target.note =
      type.contains("robust")
      ? "a thread of another process"
      : type.contains("process-shared")
        ? "a thread of another process, or one that ended while it held the lock"
        : "no thread of the process: it ended while it held the lock, or a fork left it behind"
    return target
  }

  /// Names the lock by the variable that the word waited on lies in: where a condition variable begins before it is another
  /// matter in each version of the C library, and the one before it may be another variable's place.
  func name(_ target: inout WaitTarget, of thread: WireThread, _ names: inout LockNames) {
    guard let lock = target.lock, let variable = names.variable(at: thread.lock.address) else {
      return
    }
    if lock < variable.start { target.lock = variable.start }
    let offset = max(lock, variable.start) - variable.start
    target.lockName =
      offset == 0 ? variable.name : "\(variable.name)+0x\(String(offset, radix: 16))"
  }

  /// wait4(pid, …), waitid(P_PID, pid, …).
  private func child(_ call: String, _ arguments: [UInt64]) -> Int32? {
    let word = Int32(truncatingIfNeeded: call == "waitid" ? arguments[1] : arguments[0])
    if call == "waitid", arguments[0] != 1 { return nil }
    return word > 0 ? word : nil
  }

  private func timeout(_ wire: WireThread, _ call: String) -> Duration? {
    if wire.hasTimeoutNs { return .nanoseconds(Int64(clamping: wire.timeoutNs)) }
    let argument: UInt64
    switch call {
    case "poll": argument = wire.syscall.arguments[2]
    case "epoll_wait", "epoll_pwait": argument = wire.syscall.arguments[3]
    default: return nil
    }
    let milliseconds = Int32(truncatingIfNeeded: argument)
    return milliseconds < 0 ? nil : .milliseconds(Int64(milliseconds))
  }
}

// MARK: - Descriptors

extension WaitReader {
  private func takeDescriptors(_ wire: WireThread, _ call: String, _ target: inout WaitTarget) {
    var numbers = Self.limited(wire.polled)
    target.moreDescriptors = Int(wire.polledMore) + wire.polled.count - numbers.count
    if SystemCallDescriptor.isFirstArgument(of: call) {
      let number = Int32(truncatingIfNeeded: wire.syscall.arguments[0])
      numbers = [number]
      if let epoll = awaited[number] {
        let watched = Self.limited(epoll.watched)
        numbers += watched
        target.moreDescriptors += Int(epoll.watchedMore) + epoll.watched.count - watched.count
      }
    }
    target.descriptors = numbers.map { number in
      awaited[number].map(WaitDescriptor.init) ?? WaitDescriptor(number: number)
    }
    if numbers.contains(where: { awaited[$0]?.moved == true }) {
      target.note = "looked at when it had gone on already"
    }
  }
}

extension WaitReader {
  /// As many as the collector keeps.
  ///
  /// A false file may have a million of one epoll, and ten thousand threads that wait in it.
  private static func limited(_ numbers: [Int32]) -> [Int32] { Array(numbers.prefix(64)) }
}

/// Which system calls wait for what their first argument is the descriptor of.
enum SystemCallDescriptor {
  private static let calls: Set = [
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev",
    "pwritev2", "accept", "accept4", "connect", "recvfrom", "recvmsg", "recvmmsg", "sendto",
    "sendmsg", "sendmmsg", "sendfile", "flock", "fcntl", "ioctl", "fsync", "fdatasync", "ftruncate",
    "epoll_wait", "epoll_pwait", "epoll_pwait2",
  ]

  static func isFirstArgument(of call: String) -> Bool { calls.contains(call) }
}

extension WaitDescriptor {
  init(_ wire: WireAwaitedDescriptor) {
    self.init(number: wire.number)
    guard !wire.unseen else { return }
    kind = wire.kind == .socket ? Self.name(of: wire.transport) : wire.kind.name
    path = wire.path.nonEmpty
    local =
      NetworkAddress(wire.localAddress)?.text(port: wire.localPort) ?? wire.localPath.nonEmpty
    peer = NetworkAddress(wire.peerAddress)?.text(port: wire.peerPort) ?? wire.peerPath.nonEmpty
  }

  private static func name(of wire: WireAwaitedDescriptor.Transport) -> String {
    switch wire {
    case .tcp: "tcp"
    case .udp: "udp"
    case .unix: "unix"
    case .unknown, .UNRECOGNIZED: "socket"
    }
  }
}
