import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// What a service goes through with the handler in it.
@Suite struct ServiceLifeTests {
  @Test func aHundredDumpsLeaveTheServiceWorking() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    for round in 0..<100 {
      let before = try service.number("work")
      let capture = try service.dump()
      #expect(capture.isComplete)
      for thread in capture.threads {
        #expect(thread.status == .captured, "round \(round), \(thread.name): \(thread.reason)")
      }
      #expect(capture.threads.count == 5)
      try service.waitForGrowth(of: "work", beyond: before)
    }
    #expect(try service.state().published == 100)
    #expect(try service.state().failed == 0)
    #expect(service.program.isRunning)
  }

  @Test func aSignalIgnoredByTheParentIsTaken() throws {
    // A shell gives `trap '' QUIT` on to the program it becomes, as it does for background jobs.
    let service = try Service(
      Programs.service(),
      ["threads"],
      launcher: ["sh", "-c", "trap '' QUIT; exec \"$0\" \"$@\""]
    )
    try service.program.wait(for: "ready")
    #expect(try service.dump().end?.threadsCaptured == 5)
    #expect(try service.number("work") > 0)
  }

  @Test func aThreadSignalIgnoredByTheParentIsTaken() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      launcher: ["sh", "-c", "trap '' PROF; exec \"$0\" \"$@\""]
    )
    try service.program.wait(for: "ready")
    #expect(try service.dump().end?.threadsCaptured == 5)
  }

  @Test func otherSignalsCanBeChosen() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,signal=USR2,thread-signal=SIGURG"
    )
    try service.program.wait(for: "ready")
    let state = try service.state()
    #expect(state.u32(28) == UInt32(SIGUSR2))
    #expect(state.u32(32) == UInt32(SIGURG))
    let accepted = state.accepted
    service.program.send(signal: SIGUSR2)
    try state.waitUntilServed(beyond: accepted)
    let capture = try CaptureReader.capture(at: state.lastCapture)
    #expect(capture.header?.signal.number == SIGUSR2)
    #expect(capture.end?.threadsCaptured == 5)
  }

  @Test func aForkedChildDumpsItselfUnderItsOwnName() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    _ = try service.dump()
    let answer = try service.ask("fork")
    let child = try #require(Int32(answer.split(separator: " ")[1]))
    defer { kill(child, SIGKILL) }
    let names = { try FileManager.default.contentsOfDirectory(atPath: service.captures.path) }
    // Its state file appears with its first dump: that is a name to wait for.
    let watch = try DirectoryWatch(service.captures.path)
    kill(child, SIGQUIT)
    let name = try watch.waitForName { $0.contains(".\(child).") && $0.hasSuffix(".dcap") }
    let capture = try CaptureReader.capture(at: service.captures.file(name))
    #expect(capture.isComplete)
    #expect(capture.process?.pid == child)
    #expect(capture.process?.parentPid == service.program.processID)
    #expect(capture.threads.count == 1)
    let symbols = try SymbolRanges(service.executable)
    let chain = capture.chain(capture.threads[0], symbols, in: service.executable)
    #expect(Array(chain.prefix(2)) == ["block_in_read", "in_child"])
    #expect(capture.threads[0].truncated == "")
    #expect(try names().contains(".dumpcollect.\(child).state"))
    // Again, now through its own state file; and the parent as before.
    let state = try service.state(pid: child)
    for _ in 0..<5 {
      let accepted = state.accepted
      kill(child, SIGQUIT)
      try state.waitUntilServed(beyond: accepted)
    }
    #expect(try service.dump().end?.threadsCaptured == 5)
  }

  @Test func aVforkedChildLeavesItsParentAlone() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let before = try service.state().accepted
    #expect(try service.ask("vfork") == "vfork child 0")
    #expect(try service.state().accepted == before)
    #expect(try service.dump().end?.threadsCaptured == 5)
  }

  @Test(arguments: [true, false])
  func aProfilerKeepsItsSignal(installedBefore: Bool) throws {
    let service = try Service(
      Programs.service(),
      ["threads"] + (installedBefore ? ["profile-before"] : [])
    )
    try service.program.wait(for: "ready")
    if !installedBefore { #expect(try service.ask("profile") == "profile on") }
    for _ in 0..<20 { #expect(try service.dump().end?.threadsCaptured == 5) }
    let before = try service.number("profiled")
    #expect(before > 0)
    // The busy thread's timer goes on reaching the profiler, through our handler.
    try service.waitForGrowth(of: "profiled", beyond: before)
  }

  @Test func installingTwiceIsHarmlessAndUninstallingGivesBack() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    #expect(try service.ask("install") == "install \(-EALREADY)")
    _ = try service.dump()
    #expect(try service.ask("uninstall") == "uninstall 0")
    let names = try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
    #expect(!names.contains { $0.hasSuffix(".state") })
    #expect(try service.ask("capture") == "capture \(-ENOTCONN)")
    #expect(try service.ask("uninstall") == "uninstall \(-ENOTCONN)")
    #expect(try service.ask("install") == "install 0")
    #expect(try service.dump().end?.threadsCaptured == 5)
    #expect(try service.ask("uninstall") == "uninstall 0")
    // The default action is back: the signal ends the process.
    service.program.send(signal: SIGQUIT)
    #expect(service.program.waitForExit() == 128 + SIGQUIT)
  }

  @Test func aCallMakesACaptureWithItsReason() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    #expect(try service.ask("last") == "last none")
    #expect(try service.ask("capture") == "capture 0")
    let path = try String(service.ask("last").dropFirst(5))
    let capture = try CaptureReader.capture(at: path)
    #expect(capture.header?.reason == "asked by test")
    #expect(capture.header?.hasSignal == false)
    let symbols = try SymbolRanges(service.executable)
    let main = try #require(capture.threads.first { $0.tid == service.program.processID })
    let chain = capture.chain(main, symbols, in: service.executable)
    #expect(chain.contains("obey") && chain.last == "main" || chain.contains("main"), "\(chain)")
  }

  @Test func aFaultOfTheServiceIsStillItsOwn() throws {
    let own = try Service(Programs.service(), ["segv-handler"])
    try own.program.wait(for: "ready")
    #expect(try own.ask("fault") == "own handler of \(SIGSEGV)")
    #expect(own.program.waitForExit() == 7)
    let plain = try Service(Programs.service())
    try plain.program.wait(for: "ready")
    try plain.program.write(line: "fault")
    #expect(plain.program.waitForExit() == 128 + SIGSEGV)
    let raised = try Service(Programs.service())
    try raised.program.wait(for: "ready")
    try raised.program.write(line: "raise segv")
    #expect(raised.program.waitForExit() == 128 + SIGSEGV)
  }

  @Test func aThrowStillUsesTheUnwinderOfTheCompiler() throws {
    let service = try Service(Programs.cxxService())
    try service.program.wait(for: "ready")
    _ = try service.dump()
    let unwinder = try service.ask("unwinder")
    #expect(unwinder.contains("libgcc_s"), "\(unwinder)")
    for _ in 0..<20 {
      let thrown = try service.number("thrown")
      _ = try service.dump()
      try service.waitForGrowth(of: "thrown", beyond: thrown)
    }
  }

  @Test func aProcessWhoseThreadsHaveAllEndedEnds() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      """
      #include <dumpcollect.h>
      #include <pthread.h>
      #include <stdio.h>
      #include <stdlib.h>
      static void goodbye(void) { puts("atexit"); }
      static void *body(void *argument) { getchar(); puts("last"); return argument; }
      int main(void) {
        pthread_t thread;
        atexit(goodbye);
        if (dumpcollect_install(NULL) != 0) return 2;
        if (pthread_create(&thread, NULL, body, NULL) != 0) return 2;
        puts("ready");
        fflush(stdout);
        pthread_exit(NULL);
      }
      """,
      to: "leaving.c"
    )
    _ = try Programs.handler.get()
    try runSuccessfully(
      "gcc",
      [directory.file("leaving.c")] + Handler.compileArguments + Handler.linkArguments + [
        "-o", directory.file("leaving"),
      ]
    )
    let service = try Service(directory.file("leaving"))
    try service.program.wait(for: "ready")
    try service.program.write(line: "go")
    #expect(service.program.readLine() == "last")
    #expect(service.program.readLine() == "atexit")
    #expect(service.program.waitForExit() == 0)
  }

  /// lld puts all segments of a small program into one page of the file: each is a mapping of that page.
  @Test(arguments: ["bfd", "gold", "lld"])
  func anUnmodifiedProgramIsArmedByPreloading(linker: String) throws {
    _ = try Programs.handler.get()
    let library = try PlainLink(to: Handler.preloadLibrary)
    defer { withExtendedLifetime(library) {} }
    let service = try Service(
      Programs.unmodified(linker: linker),
      environment: ["LD_PRELOAD": library.path]
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let chains = capture.threads.map { capture.chain($0, symbols, in: service.executable) }
    #expect(chains.contains(["wait_for_nothing", "body"]), "\(chains)")
    #expect(capture.modules.count { $0.path == service.executable } == 1)
    try service.program.write(line: "x")
    #expect(service.program.waitForExit() == 0)
  }
}
