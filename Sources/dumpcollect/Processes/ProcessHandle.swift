import Glibc

/// One process that cannot be confused with a later one of the same id: a pidfd.
final class ProcessHandle {
  let processID: pid_t
  /// A pidfd: ready to be read from when the process has ended.
  let descriptor: Int32

  /// Holds on to the process that has this id now.
  init(_ processID: pid_t) throws(SystemError) {
    self.processID = processID
    descriptor = pidfdOpen(processID, 0)
    guard descriptor >= 0 else { throw .current }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit {
    close(descriptor)
  }

  /// The process has ended.
  var hasEnded: Bool {
    var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, 0) == 1
  }

  /// Sends a signal with a value, as sigqueue(3) does.
  ///
  /// To the collector's thread where it can be found: any other one that the kernel chose would be woken by it, and a call
  /// that it waits in could end.
  func send(signal: Int32, value: UInt64) throws(SystemError) {
    var information = information(signal, value)
    if let thread = CollectorThread.find(processID, open: signal), !hasEnded {
      let result = unsafe information.withUnsafeBytes { buffer in
        unsafe systemCall(
          queueThreadSignalNumber,
          UnsafeRawPointer(bitPattern: Int(processID)),
          Int(thread),
          Int(signal),
          buffer.baseAddress,
          nil,
          0
        )
      }
      if result == 0 { return }
    }
    let result = unsafe information.withUnsafeMutableBytes { buffer in
      unsafe pidfdSendSignal(descriptor, signal, buffer.baseAddress, 0)
    }
    guard result == 0 else { throw .current }
  }

  private func information(_ signal: Int32, _ value: UInt64) -> [UInt32] {
    // siginfo_t of signals with a value (sigaction(2)): signo, errno, code, padding, pid, uid, value.
    var information = [UInt32](repeating: 0, count: 32)
    information[0] = UInt32(bitPattern: signal)
    information[2] = UInt32(bitPattern: -1)  // SI_QUEUE
    information[4] = UInt32(bitPattern: getpid())
    information[5] = getuid()
    information[6] = UInt32(truncatingIfNeeded: value)
    information[7] = UInt32(truncatingIfNeeded: value >> 32)
    return information
  }
}
