import Glibc
import Report

/// One request to one service for one capture.
final class DumpRequest {
  /// Who asks; what a person is told to try next is the same verb.
  enum Verb: String {
    case dump, watch
  }

  let process: ProcessStatus
  private let handle: ProcessHandle
  private let verb: Verb
  private var registration: Registration
  /// The state when the request was sent; a forked process without a state of its own begins at zero.
  let acceptedBefore: UInt64
  private let failedBefore: UInt64
  private let publishedBefore: UInt64
  /// When to look for another state file.
  private var nextSearch = ContinuousClock.now + .milliseconds(10)

  /// Checks that the service can answer, and sends the signal.
  ///
  /// A process that does not handle the signal is never sent it: it would end.
  init(to processID: pid_t, isQuiet: Bool, by verb: Verb) throws(CommandError) {
    self.verb = verb
    do throws(SystemError) {
      handle = try ProcessHandle(processID)
    } catch {
      throw Self.noSuchProcess(processID)
    }
    do throws(Registration.Failure) {
      registration = try Registration.find(processID)
    } catch {
      throw Self.error(error, processID, verb)
    }
    process = registration.process
    try Self.checkCanAnswer(registration)
    let isFirst = registration.isInherited
    acceptedBefore = isFirst ? 0 : registration.state.accepted
    failedBefore = isFirst ? 0 : registration.state.failed
    publishedBefore = isFirst ? 0 : registration.state.published
    do throws(SystemError) {
      try handle.send(
        signal: registration.state.dumpSignal,
        value: 0x4443 << 48 | (isQuiet ? 1 : 0) << 32
      )
    } catch {
      throw CommandError(
        "\(Self.title(process)): cannot send it a signal: \(error)",
        hint:
          "run this as \(userName(process.userID)) or as root: sudo dumpcollect \(verb.rawValue) \(processID)"
      )
    }
  }

  /// Waits for the capture; its path as this caller can open it.
  ///
  /// Ends at the deadline, whatever the service does.
  func wait(until deadline: ContinuousClock.Instant, timeout: Duration) throws(CommandError)
    -> String
  {
    while true {
      // Asked first: what a process published before it ended is then seen below.
      let hasEnded = handle.hasEnded
      refresh()
      let state = registration.state
      if !registration.isInherited {
        if state.served > acceptedBefore, state.published > publishedBefore {
          return registration.openablePath(state.lastCapture)
        }
        // A failure before ours was taken is that of an earlier request.
        if state.failed > failedBefore, state.accepted > acceptedBefore { throw failure(state) }
      }
      if hasEnded {
        throw CommandError(
          "\(Self.title(process)): ended before the capture was finished",
          hint: "look for what it left: ls -a \(registration.openablePath(state.directory))"
        )
      }
      let left = deadline - ContinuousClock.now
      guard left > .zero else { throw tooLate(timeout) }
      // Not longer than this at once, to notice when the process ends.
      registration.waitForChange(
        atMost: min(left, registration.isInherited ? .milliseconds(5) : .milliseconds(100))
      )
    }
  }

  /// After `wait`: the capture serves this request and no other, as far as the service's counters tell.
  var isServedAlone: Bool {
    registration.state.served == acceptedBefore + 1
      && registration.state.accepted == acceptedBefore + 1
      && registration.state.published == publishedBefore + 1
  }

  /// Reads the state anew, now and then from another file: a forked process makes its own at its first
  /// dump, and one whose directory went away makes another one elsewhere.
  private func refresh() {
    let now = ContinuousClock.now
    if now >= nextSearch {
      // Reading the mappings of a process with many threads costs it something: seldom.
      nextSearch = now + (registration.isInherited ? .milliseconds(10) : .milliseconds(500))
      // Not found now is no failure here: the process ends, or the deadline comes.
      if let found = try? Registration.find(process.processID), !found.isInherited {
        registration = found
      }
    }
    // A state that cannot be read any more leaves the old one, for the same reason.
    try? registration.refresh()
  }

  private func failure(_ state: ServiceState) -> CommandError {
    var text = "\(Self.title(process)): the capture failed"
    if !state.lastFailure.isEmpty { text += ": \(state.lastFailure)" }
    if state.errorCode != 0 { text += " (\(SystemError(code: state.errorCode)))" }
    return CommandError(
      text,
      hint: "check its directory: ls -ld \(registration.openablePath(state.directory)); df -h"
    )
  }

  private func tooLate(_ timeout: Duration) -> CommandError {
    let wasTaken = !registration.isInherited && registration.state.accepted > acceptedBefore
    let seconds = "\(timeout.formattedSeconds)"
    let status = ProcessStatus(process.processID)
    if let status, status.isStopped { return Self.stopped(status) }
    if let status, status.isPending(registration.state.dumpSignal), !wasTaken {
      return blocked()
    }
    if wasTaken {
      return CommandError(
        "\(Self.title(process)): took the request but had not finished after \(seconds); it may still",
        hint: "wait longer: dumpcollect \(verb.rawValue) \(process.processID) --timeout 60s; "
          + "or look later: ls -t \(registration.openablePath(registration.state.directory))"
      )
    }
    return CommandError(
      "\(Self.title(process)): did not take the request within \(seconds)",
      hint:
        "is it starved or frozen? grep -E 'State|SigBlk|SigPnd' /proc/\(process.processID)/status; "
        + "without its help: gdb -p \(process.processID) -batch -ex 'thread apply all bt'"
    )
  }

  /// In a service the collector takes the signal; a forked process has no collector before its first dump.
  private func blocked() -> CommandError {
    let signal = Self.signalName(registration.state)
    return CommandError(
      "\(Self.title(process)): every thread blocks \(signal), or none has run since",
      hint: "unblock it where the process is forked (pthread_sigmask); see grep SigBlk "
        + "/proc/\(process.processID)/task/*/status"
    )
  }

  // MARK: Why a process cannot be asked

  /// `pid 4711 (shop)`.
  static func title(_ process: ProcessStatus) -> String {
    "pid \(process.processID) (\(process.name))"
  }

  private static func checkCanAnswer(_ registration: Registration) throws(CommandError) {
    let process = registration.process
    let state = registration.state
    if process.isStopped { throw stopped(process) }
    guard state.flags.contains(.armed) else {
      throw CommandError(
        "\(title(process)): its dump handler was uninstalled",
        hint:
          "restart the service, or use gdb -p \(process.processID) -batch -ex 'thread apply all bt'"
      )
    }
    guard process.handles(state.dumpSignal) else {
      throw CommandError(
        "\(title(process)): \(signalName(state)) is not handled any more; "
          + "sending it would end the process",
        hint: "something in the service took the signal back; give the handler another one: "
          + "DUMPCOLLECT=signal=USR2"
      )
    }
  }

  private static func signalName(_ state: ServiceState) -> String {
    ReportSignal(number: state.dumpSignal, code: 0).name ?? "signal \(state.dumpSignal)"
  }

  static func stopped(_ process: ProcessStatus) -> CommandError {
    let isTraced = process.state == "t"
    return CommandError(
      "\(title(process)): is stopped\(isTraced ? " by a debugger" : "") and cannot answer",
      hint: isTraced
        ? "let the debugger go on, then try again"
        : "let it go on: kill -CONT \(process.processID), then try again"
    )
  }

  static func noSuchProcess(_ processID: pid_t) -> CommandError {
    CommandError(
      "no process has the id \(processID)",
      hint: "see who can be dumped: dumpcollect list"
    )
  }

  static func error(
    _ failure: Registration.Failure,
    _ processID: pid_t,
    _ verb: Verb
  ) -> CommandError {
    guard let process = ProcessStatus(processID) else { return noSuchProcess(processID) }
    switch failure {
    case .noProcess:
      return noSuchProcess(processID)
    case .notPermitted:
      return CommandError(
        "\(title(process)): belongs to \(userName(process.userID)), and "
          + "\(userName(geteuid())) may not examine it",
        hint: "run this as its user or as root: sudo dumpcollect \(verb.rawValue) \(processID)"
      )
    case .noHandler where process.isZombie:
      return CommandError(
        "\(title(process)): has ended (a zombie)",
        hint: "see who can be dumped: dumpcollect list"
      )
    case .noHandler:
      return CommandError(
        "\(title(process)): has no dump handler",
        hint:
          "link it with libdumpcollect, or start it with LD_PRELOAD=…/libdumpcollect-preload.so; "
          + "for now: gdb -p \(processID) -batch -ex 'thread apply all bt'"
      )
    case .deleted:
      return CommandError(
        "\(title(process)): its state file was deleted: the handler was uninstalled, or its directory "
          + "was cleaned",
        hint: "root still finds it: sudo dumpcollect \(verb.rawValue) \(processID)"
      )
    case .invalid(let problem):
      return CommandError(
        "\(title(process)): its registration cannot be believed: \(problem)",
        hint: "expected a file of \(ServiceState.byteCount) bytes that belongs to "
          + "\(userName(process.userID)); restart the service to have it made anew"
      )
    }
  }
}
