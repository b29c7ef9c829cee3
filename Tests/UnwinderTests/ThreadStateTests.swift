import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Threads in states that no signal reaches, or on stacks that begin nowhere: their status and reason are right, and their
/// stack is right or says that it is not whole.
@Suite struct ThreadStateTests {
  private static let builds = [
    ["-O0", "-fno-omit-frame-pointer"], ["-O2", "-fomit-frame-pointer"],
  ]

  private func start(_ words: [String], _ options: [String]) throws -> Service {
    let service = try Service(Programs.quiet("states", "gcc", options), words)
    try service.program.wait(for: "ready")
    return service
  }

  private func chain(_ service: Service, _ capture: Capture, _ name: String) throws -> [String] {
    let symbols = try SymbolRanges(service.executable)
    let thread = try #require(capture.threads(named: name).first)
    return capture.chain(thread, symbols, in: service.executable)
  }

  /// Waits until the one thread of the name is in this state.
  private func wait(for name: String, _ state: String, _ service: Service) throws -> String {
    let tasks = "/proc/\(service.program.processID)/task"
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      for tid in try FileManager.default.contentsOfDirectory(atPath: tasks) {
        let bytes = FileManager.default.contents(atPath: "\(tasks)/\(tid)/stat") ?? Data()
        if String(decoding: bytes, as: UTF8.self).contains("(\(name)) \(state) ") { return tid }
      }
      sched_yield()
    }
    throw CommandFailure("no thread “\(name)” in state \(state)")
  }

  @Test(arguments: builds)
  func theParentOfAVforkSleepsWhereNoSignalReachesItAndIsReadAllTheSame(options: [String]) throws {
    let service = try start(["vfork parent"], options)
    _ = try wait(for: "vfork parent", "D", service)
    for isQuiet in [false, true] {
      let capture = try service.dump(quiet: isQuiet)
      let parent = try #require(capture.threads(named: "vfork parent").first)
      #expect(parent.state == "D")
      #expect(parent.status == .quiet)
      #expect(isQuiet || parent.reason == "sleeps or is stopped where no signal reaches it")
      // vfork keeps its return address in a register alone.
      let chain = try chain(service, capture, "vfork parent")
      #expect(Array(chain.prefix(3)) == ["wait_for_child", "start_child", "vfork_parent"])
      #expect(parent.truncated == "")
    }
  }

  /// The first version of control groups freezes one thread of a process; a machine without it has no such threads.
  private static let mayFreeze = access("/sys/fs/cgroup/freezer", W_OK) == 0

  @Test(.enabled(if: mayFreeze, "needs the freezer of control groups, version 1, and root"))
  func aFrozenThreadIsReadWithoutASignalAndGoesOnWhenItThaws() throws {
    let group = "/sys/fs/cgroup/freezer/dumpcollect-\(getpid())"
    try #require(mkdir(group, 0o755) == 0)
    let service = try start(["deaf", "signalfd"], ["-O2", "-fomit-frame-pointer"])
    defer {
      try? "THAWED".write(toFile: "\(group)/freezer.state", atomically: false, encoding: .utf8)
      service.program.send(signal: SIGKILL)
      _ = service.program.waitForExit()
      rmdir(group)
    }
    let tid = try wait(for: "signalfd", "S", service)
    try tid.write(toFile: "\(group)/tasks", atomically: false, encoding: .utf8)
    try "FROZEN".write(toFile: "\(group)/freezer.state", atomically: false, encoding: .utf8)
    _ = try wait(for: "signalfd", "D", service)
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "signalfd").first)
    #expect(thread.status == .quiet && thread.state == "D", "\(thread.status) \(thread.reason)")
    #expect(thread.reason == "sleeps or is stopped where no signal reaches it")
    #expect(
      try Array(chain(service, capture, "signalfd").prefix(2)) == ["read_signal", "signal_reader"]
    )
    try "THAWED".write(toFile: "\(group)/freezer.state", atomically: false, encoding: .utf8)
    _ = try wait(for: "signalfd", "S", service)
    // The signal that came too late means nothing any more.
    #expect(try service.ask("") == "still here")
    #expect(try service.dump().threads(named: "signalfd").first?.status == .captured)
  }

  @Test func aReaderOfASignalDescriptorDoesNotReceiveOurs() throws {
    let service = try start(["signalfd"], ["-O2", "-fomit-frame-pointer"])
    for isQuiet in [false, true, false] {
      // Also after a loud capture: who was signalled has to go back to sleep.
      try service.program.waitUntilAsleep()
      var capture = try service.dump(quiet: isQuiet)
      // The kernel wakes the readers of signal descriptors for every signal of the process, the request too: one that runs
      // just then cannot be read, and says so.
      for _ in 0..<100 where capture.threads(named: "signalfd").first?.status == .noAnswer {
        let thread = try #require(capture.threads(named: "signalfd").first)
        #expect(
          isQuiet && thread.addresses.isEmpty && thread.reason.hasPrefix("was running"),
          "\(thread.reason)"
        )
        capture = try service.dump(quiet: isQuiet)
      }
      #expect(
        try chain(service, capture, "signalfd").prefix(2) == ["read_signal", "signal_reader"]
      )
      #expect(capture.threads(named: "signalfd").first?.status == (isQuiet ? .quiet : .captured))
    }
    // It would have said what it got before.
    #expect(try service.ask("") == "still here")
  }

  @Test(arguments: builds)
  func aStackOfItsOwnIsRightAsFarAsItGoes(options: [String]) throws {
    let service = try start(["own stack", "coroutine"], options)
    try service.program.waitUntilAsleep()
    let bodies = [
      "own stack": ["block", "on_own_stack"], "coroutine": ["block", "coroutine_body"],
    ]
    for isQuiet in [false, true] {
      let capture = try service.dump(quiet: isQuiet)
      for (name, whole) in bodies {
        let thread = try #require(capture.threads(named: name).first)
        #expect(thread.status == (isQuiet ? .quiet : .captured))
        let chain = try chain(service, capture, name)
        // A call at the end of coroutine_body may be a jump; what is missing is said.
        #expect(chain == Array(whole.prefix(chain.count)) && !chain.isEmpty, "\(chain)")
        #expect(
          chain == whole || thread.truncated != "",
          "\(name), quiet \(isQuiet): \(chain) \(thread.reason) \(thread.addresses) \(thread.marks)"
        )
      }
    }
  }

  @Test func aThreadThatBlocksEverySignalIsReadThroughItsFramePointers() throws {
    let service = try start(["deaf"], ["-O0", "-fno-omit-frame-pointer"])
    try service.program.waitUntilAsleep()
    let capture = try service.dump()
    let thread = try #require(capture.threads(named: "deaf").first)
    #expect(thread.status == .quiet && thread.reason == "blocks the thread signal")
    #expect(try chain(service, capture, "deaf") == ["block", "read_deaf", "deaf", "enter"])
    #expect(thread.truncated == "" && thread.marks.contains { $0.foundBy == .scan })
  }

  @Test(arguments: [false, true])
  func threadsThatComeAndGoAreWholeOrSayWhyNot(isQuiet: Bool) throws {
    let service = try start(["maker", "maker"], ["-O1"])
    var counts: [WireThread.Status: Int] = [:]
    for _ in 0..<100 {
      let capture = try service.dump(quiet: isQuiet)
      #expect(capture.isComplete)
      for thread in capture.threads {
        counts[thread.status, default: 0] += 1
        #expect(thread.status == .captured || thread.reason != "", "\(thread.name)")
        #expect(
          thread.addresses.isEmpty == (thread.status == .exited || thread.status == .noAnswer)
        )
      }
    }
    #expect(counts[isQuiet ? .quiet : .captured, default: 0] >= 100, "\(counts)")
    #expect(try service.ask("") == "still here")
  }
}
