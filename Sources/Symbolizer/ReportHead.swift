import CaptureFormat
import Report

extension DumpReport {
  /// The report of a capture without its stacks: what it is, whose it is, and what of it is
  /// missing.
  init(headOf capture: Capture) {
    self.init()
    takeHeader(capture.header)
    takeProcess(capture.process)
    takeProcessState(capture)
    takeProblems(capture)
  }

  private mutating func takeHeader(_ header: WireHeader?) {
    guard let header else { return }
    kind =
      switch header.kind {
      case .live, .UNRECOGNIZED: .live
      case .crash: .crash
      case .core: .core
      case .attach: .attach
      }
    reason = header.reason.nonEmpty
    if header.timeNs != 0 { time = .init(nanosecondsSince1970: header.timeNs) }
    message = header.message.nonEmpty ?? exceptionText(header)
    crashedThreadID = header.crashedTid == 0 ? nil : header.crashedTid
    findings += header.watchdogs.map(Finding.init)
    guard header.hasSignal else { return }
    signal = ReportSignal(header.signal)
    if kind != .crash { signal?.address = nil }
  }

  /// What nobody caught, when std::terminate ended the process.
  private func exceptionText(_ header: WireHeader) -> String? {
    guard let type = header.exceptionType.nonEmpty else { return nil }
    // The name of a type is that of a symbol behind _ZTS: "typeinfo name for …".
    let symbol = Demangler().demangle("_ZTS" + type.drop { $0 == "*" }).full
    let name =
      symbol.hasPrefix(Self.typeName) ? String(symbol.dropFirst(Self.typeName.count)) : type
    return "C++ exception \(name)" + (header.exceptionText.nonEmpty.map { ": \($0)" } ?? "")
  }

  private static let typeName = "typeinfo name for "

  private mutating func takeProcess(_ process: WireProcess?) {
    guard let process else { return }
    self.process.processID = process.pid == 0 ? nil : process.pid
    self.process.name = process.name.nonEmpty
    self.process.executable = process.executable.nonEmpty
    self.process.arguments = process.arguments
    self.process.userID = process.uid
    if process.startTimeNs != 0 {
      self.process.startTime = .init(nanosecondsSince1970: process.startTimeNs)
    }
    self.process.host = process.host.nonEmpty
    self.process.cgroup = process.cgroup.nonEmpty
    self.process.kernel = process.kernel.nonEmpty
    self.process.threadCount = process.threadCount == 0 ? nil : Int(process.threadCount)
  }

  private mutating func takeProblems(_ capture: Capture) {
    problems += capture.damage.map(\.description)
    if let degraded = capture.header?.degraded.nonEmpty { problems.append(degraded) }
    if capture.lostThreadCount > 0 {
      problems.append(
        "\(counted(capture.lostThreadCount, "thread")) of "
          + "\(capture.expectedThreadCount ?? 0) missing from the capture"
      )
    }
    let silent = capture.threads.filter { ReportThread.Status($0.status) == .noAnswer }
    if !silent.isEmpty {
      let list = silent.prefix(8).map { String($0.tid) }.joined(separator: ", ")
      problems.append(
        "\(counted(silent.count, "thread")) without an answer: \(list)\(silent.count > 8 ? ", …" : "")"
      )
    }
    // The collector's words for a stack whose walk met the capture's deadline.
    let cut = capture.threads.count { $0.truncated == "the capture ran out of time" }
    if cut > 0 {
      problems.append(
        "\(counted(cut, "stack")) cut short: the capture ran out of time (DUMPCOLLECT=timeout=…)"
      )
    }
    isComplete = problems.isEmpty
  }
}

extension Finding {
  /// A watchdog that had crossed its limit.
  init(_ alarm: WireWatchdogAlarm) {
    self.init(
      kind: "watchdog",
      text: "\(alarm.name.nonEmpty ?? "a watchdog without a name") had no tick for at least "
        + "\(seconds(alarm.silentNs)) (limit \(seconds(alarm.limitNs)))"
    )
    threadIDs = [alarm.tid]
  }
}

/// `1.25 s`, cut after the hundredths.
private func seconds(_ nanoseconds: UInt64) -> String {
  let hundredths = nanoseconds / 10_000_000 % 100
  return "\(nanoseconds / 1_000_000_000).\(hundredths < 10 ? "0" : "")\(hundredths) s"
}

/// `1 thread`, `2 threads`; `plural` where it is not the noun with an s.
func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(count) \(count == 1 ? noun : plural ?? "\(noun)s")"
}

extension ReportSignal {
  /// A signal as captured.
  init(_ signal: WireSignal) {
    self.init(number: signal.number, code: signal.code)
    // Only faults have an address, and only those of the kernel: codes of kill(2) and its like are
    // not positive.
    let isFault = [4, 5, 7, 8, 11].contains(signal.number) && signal.code > 0
    address = isFault ? signal.address : nil
    senderProcessID = signal.senderPid == 0 ? nil : signal.senderPid
  }
}
