extension ReportSignal {
  /// The name, `SIGSEGV` or `SIGRTMIN+2`; nil for a number that no signal has.
  ///
  /// Numbers of x86_64 and aarch64 (signal(7)).
  public var name: String? {
    if let name = signalNames[number] { return name }
    guard (34...64).contains(number) else { return nil }
    return number == 34 ? "SIGRTMIN" : number == 64 ? "SIGRTMAX" : "SIGRTMIN+\(number - 34)"
  }

  /// The code's name, `SEGV_MAPERR` or `SI_USER`; nil where sigaction(2) has no name for the code.
  public var codeName: String? {
    codeNames[code] ?? codeNamesBySignal[number]?[code]
  }
}

private let signalNames: [Int32: String] = [
  1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS",
  8: "SIGFPE", 9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE",
  14: "SIGALRM", 15: "SIGTERM", 16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP",
  20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU", 23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ",
  26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO", 30: "SIGPWR", 31: "SIGSYS",
]

private let codeNames: [Int32: String] = [
  0: "SI_USER", 0x80: "SI_KERNEL", -1: "SI_QUEUE", -2: "SI_TIMER", -3: "SI_MESGQ", -4: "SI_ASYNCIO",
  -5: "SI_SIGIO", -6: "SI_TKILL",
]

private let codeNamesBySignal: [Int32: [Int32: String]] = [
  4: [
    1: "ILL_ILLOPC", 2: "ILL_ILLOPN", 3: "ILL_ILLADR", 4: "ILL_ILLTRP", 5: "ILL_PRVOPC",
    6: "ILL_PRVREG", 7: "ILL_COPROC", 8: "ILL_BADSTK",
  ],
  5: [1: "TRAP_BRKPT", 2: "TRAP_TRACE", 3: "TRAP_BRANCH", 4: "TRAP_HWBKPT"],
  7: [
    1: "BUS_ADRALN", 2: "BUS_ADRERR", 3: "BUS_OBJERR", 4: "BUS_MCEERR_AR", 5: "BUS_MCEERR_AO",
  ],
  8: [
    1: "FPE_INTDIV", 2: "FPE_INTOVF", 3: "FPE_FLTDIV", 4: "FPE_FLTOVF", 5: "FPE_FLTUND",
    6: "FPE_FLTRES", 7: "FPE_FLTINV", 8: "FPE_FLTSUB",
  ],
  11: [
    1: "SEGV_MAPERR", 2: "SEGV_ACCERR", 3: "SEGV_BNDERR", 4: "SEGV_PKUERR", 8: "SEGV_MTEAERR",
    9: "SEGV_MTESERR",
  ],
  31: [1: "SYS_SECCOMP"],
]
