import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// What follows a crash's capture: exactly what would have happened without us.
@Suite struct CrashActionTests {
  /// What the service's own handlers see, with the handler and without.
  private func lines(_ handlers: String, _ how: String, off: Bool) throws -> (Int32, [String], Int)
  {
    let arguments = ["handlers=\(handlers)"]
    if off {
      let program = try RunningProgram(
        Programs.crash(),
        arguments,
        environment: ["DUMPCOLLECT": "off"]
      )
      try program.wait(for: "ready")
      try program.write(line: how)
      program.closeInput()
      var lines: [String] = []
      while let line = program.readLine() { lines.append(line) }
      return (program.waitForExit(), lines, 0)
    }
    let outcome = try Service.crashing(arguments).crash(how)
    return (outcome.status, outcome.lines, outcome.captures.count)
  }

  @Test(
    arguments: [
      "siginfo,onstack", "siginfo,has-stack", "siginfo", "siginfo,onstack,nodefer",
      "siginfo,has-stack,nodefer", "plain", "plain,onstack", "plain,has-stack",
    ],
    ["segv", "fpe", "trap", "sys", "raise 11", "abort"]
  )
  func theServicesOwnHandlerSeesWhatItWouldHaveSeen(handlers: String, how: String) throws {
    let without = try lines(handlers, how, off: true)
    let with = try lines(handlers, how, off: false)
    // An ordinary stack begins at another address in each process, and the frame is aligned to 64 bytes.
    func normalised(_ lines: [String]) -> [String] {
      lines.map { line in
        line.contains("alternate 0")
          ? line.replacing(/depth (\d+)/) { "depth \(2500...3500 ~= (Int($0.1) ?? 0))" } : line
      }
    }
    #expect(normalised(with.1) == normalised(without.1))
    #expect(with.0 == without.0 && with.0 == 7)
    #expect(with.1.count == 1 && with.2 == 1)
  }

  @Test(arguments: ["siginfo,return", "siginfo,onstack,return", "siginfo,has-stack,return"])
  func aHandlerThatReturnsLetsTheServiceGoOn(handlers: String) throws {
    let service = try Service.crashing(["threads", "handlers=\(handlers)"])
    let before = try service.number("work")
    #expect(try service.ask("raise 11").hasPrefix("handler 11 code -6"))
    #expect(service.program.readLine() == "survived")
    try service.waitForGrowth(of: "work", beyond: before)
    // The thread that read on its pipe all the while is there for the next dump.
    #expect(try service.dump().end?.threadsCaptured == 3)
    #expect(try service.end().captures.map { $0.header?.kind } == [.crash, .live])
  }

  /// The main thread reads its commands when the signal comes: a read that ends with EINTR ends the service.
  @Test(arguments: [true, false])
  func aCallIsInterruptedOrGoesOnAsTheServicesHandlerWanted(restarts: Bool) throws {
    let handlers = "handlers=siginfo,return" + (restarts ? ",restart" : "")
    let service = try Service.crashing(["threads", handlers])
    try service.program.waitUntilAsleep(except: "busy")
    service.program.send(signal: SIGABRT)
    #expect(service.program.readLine()?.hasPrefix("handler 6 code 0") == true)
    if restarts { #expect(try service.number("work") > 0) }
    let outcome = try service.end()
    #expect(outcome.status == 0 && outcome.captures.count == 1)
  }

  @Test func aServiceThatSurvivesIsCapturedThreeTimes() throws {
    let service = try Service.crashing(["threads", "handlers=siginfo,onstack"])
    for _ in 0..<5 {
      #expect(try service.ask("jump").hasPrefix("handler 11 code 1"))
      #expect(service.program.readLine() == "jumped")
    }
    let before = try service.number("work")
    try service.waitForGrowth(of: "work", beyond: before)
    let outcome = try service.end()
    #expect(outcome.status == 0)
    #expect(outcome.captures.count == 3)
    for capture in outcome.captures { #expect(capture.end?.threadsCaptured == 3) }
  }

  @Test func aHandlerThatIsResetByItsFirstSignalIsFollowedByTheDefault() throws {
    let service = try Service.crashing(["handlers=siginfo,return,resethand"])
    #expect(try service.ask("raise 11").hasPrefix("handler 11"))
    #expect(service.program.readLine() == "survived")
    let outcome = try service.crash("raise 11")
    #expect(outcome.lines == [] && outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.count == 2)
  }

  @Test func anIgnoredSignalThatWasSentIsIgnored() throws {
    let service = try Service.crashing(["handlers=ignore"])
    for how in ["raise 11", "raise 6", "kill 8"] { #expect(try service.ask(how) == "survived") }
    #expect(try service.end().captures.count == 0)
  }

  @Test func aFaultOfAnIgnoredSignalEndsTheServiceAllTheSame() throws {
    let outcome = try Service.crashing(["handlers=ignore"]).crash("segv")
    #expect(outcome.status == 128 + SIGSEGV)
    #expect(outcome.captures.count == 1)
  }

  @Test func abortEndsAServiceThatIgnoresItsSignal() throws {
    let outcome = try Service.crashing(["handlers=ignore"]).crash("abort")
    #expect(outcome.status == 128 + SIGABRT)
    #expect(outcome.captures.count == 1)
    #expect(outcome.captures.first?.header?.signal.number == SIGABRT)
  }

  @Test func limitsAreFatalSignalsWhereAskedFor() throws {
    for (how, signal) in [("xcpu", SIGXCPU), ("xfsz", SIGXFSZ)] {
      let quiet = try Service.crashing().crash(how)
      #expect(quiet.status == 128 + signal && quiet.captures.count == 0)
      let outcome = try Service.crashing(settings: "min-interval=none,crash-limits=on").crash(how)
      #expect(outcome.status == 128 + signal)
      #expect(outcome.captures.first?.header?.signal.number == signal)
    }
  }

  @Test(arguments: ["segv", "abort", "trap"])
  func theCoreFileShowsTheCrashItself(how: String) throws {
    let pattern = try procText("/proc/sys/kernel/core_pattern")
    // A core that goes to a program cannot be looked at here; that it was made is seen all the same.
    let goesToFile = !pattern.hasPrefix("|") && !pattern.contains("/")
    let directory = try TemporaryDirectory()
    let service = try Service.crashing(
      launcher: ["sh", "-c", "ulimit -c unlimited; cd '\(directory.path)'; exec \"$0\" \"$@\""]
    )
    let outcome = try service.crash(how)
    let signal = how == "segv" ? SIGSEGV : how == "abort" ? SIGABRT : SIGTRAP
    #expect(outcome.status == 128 + signal)
    let registers = try #require(outcome.captures.first?.crashedThread?.registers.values)
    guard goesToFile else { return }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    let core = try #require(names.first { $0.hasPrefix("core") })
    let text = try runSuccessfully(
      "gdb",
      [
        "-nx", "-batch", "-ex",
        "printf \"%lx %lx %d %d\\n\", $rip, $rsp, $_siginfo.si_signo, $_siginfo.si_code",
        "-ex", "bt 8", service.executable, directory.file(core),
      ]
    )
    let code = how == "segv" ? 1 : how == "abort" ? -6 : 128
    let expected =
      "\(String(registers[16], radix: 16)) \(String(registers[7], radix: 16)) \(signal) \(code)"
    #expect(text.contains(expected), "\(expected)\n\(text)")
    #expect(text.contains("crash_now"))
  }

  @Test func theFirstProcessOfAContainerDiesAsItAlwaysDid() throws {
    for (how, signal) in [("segv", SIGSEGV), ("trap", SIGTRAP), ("sys", SIGSYS), ("fpe", SIGFPE)] {
      let service = try Service.crashing(launcher: ["unshare", "--pid", "--fork", "--mount-proc"])
      let outcome = try service.crash(how)
      #expect(outcome.status == 128 + signal, "\(how)")
      #expect(outcome.captures.count == 1, "\(how)")
      #expect(outcome.captures.first?.process?.pid == 1)
    }
  }

  @Test func theFirstProcessOfAContainerSurvivesSignalsItSendsItself() throws {
    let service = try Service.crashing(
      ["threads"],
      launcher: ["unshare", "--pid", "--fork", "--mount-proc"]
    )
    #expect(try service.ask("kill 11") == "survived")
    #expect(try service.number("work") > 0)
    #expect(try service.end().captures.count == 1)
  }
}
