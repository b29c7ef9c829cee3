import CaptureFormat
import Report

extension ReportThread {
  /// What differs from SCHED_OTHER, by the numbers of sched(7).
  private static let policies: [UInt32: String] = [
    1: "fifo", 2: "rr", 3: "batch", 5: "idle", 6: "deadline",
  ]

  /// In DWARF's order (System V psABI, AMD64, figure 3.36), and the program counter last.
  private static let registerNames: [ELFMachine: [String]] = [
    .x86_64: [
      "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12",
      "r13", "r14", "r15", "rip",
    ]
  ]

  /// A thread as captured; its stack is still without names.
  init(_ thread: WireThread, on machine: ELFMachine) {
    self.init(threadID: thread.tid)
    name = thread.name.nonEmpty
    state = State(letter: thread.state)
    status = Status(thread.status)
    reason = thread.reason.nonEmpty
    // A thread that was gone has no times; of the others 0 means less than a clock tick.
    if status != .exited {
      cpuUser = .nanoseconds(Int64(clamping: thread.cpuUserNs))
      cpuSystem = .nanoseconds(Int64(clamping: thread.cpuSystemNs))
    }
    if thread.hasSyscall { systemCall = SystemCall.text(of: thread.syscall.number, on: machine) }
    waitChannel = thread.wchan.nonEmpty
    if thread.startTimeNs != 0 { startTime = .init(nanosecondsSince1970: thread.startTimeNs) }
    for label in thread.labels { labels[label.key] = label.value }
    truncated = thread.truncated.nonEmpty
    policy = Self.policies[thread.policy]
    realtimePriority = thread.realtimePriority == 0 ? nil : thread.realtimePriority
    nice = thread.nice == 0 ? nil : thread.nice
    if thread.hasFatalSignal { fatalSignal = ReportSignal(thread.fatalSignal) }
    registers = thread.registers.values.enumerated().map { index, value in
      let names = Self.registerNames[machine] ?? []
      return ThreadRegister(name: index < names.count ? names[index] : "r\(index)", value: value)
    }
    task = thread.task == 0 ? nil : thread.task
    executor = thread.executor == 0 ? nil : thread.executor
    if thread.hasCreatedBy {
      createdBy = ThreadCreator(threadID: thread.createdBy.tid)
      createdBy?.name = thread.createdBy.name.nonEmpty
    }
  }
}

extension ReportThread.State {
  /// The state of a letter of proc(5), stat; nil for one that is not known.
  init?(letter: String) {
    switch letter {
    case "R": self = .running
    case "S", "I": self = .sleeping
    case "D": self = .disk
    case "T", "t": self = .stopped
    case "Z", "X": self = .zombie
    default: return nil
    }
  }
}

extension ReportThread.Status {
  init(_ status: WireThread.Status) {
    switch status {
    case .captured: self = .captured
    case .quiet: self = .quiet
    case .exited: self = .exited
    // A status of a newer handler: whatever it means, this reader has no stack for certain.
    case .noAnswer, .UNRECOGNIZED: self = .noAnswer
    }
  }
}

extension String {
  /// Nil for the empty text that stands for an absent field.
  var nonEmpty: String? { isEmpty ? nil : self }
}
