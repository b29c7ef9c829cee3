import Foundation
import TestSupport
import Testing

/// Threads that wait for locks, from the live process to what a person reads.
@Suite struct LockReportTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
  }

  private func service(_ mode: String, settleThreads: Bool = true) throws -> WaitingService {
    try WaitingService(
      WaitingService.build("locks.c", in: directory),
      [mode],
      in: directory,
      settleThreads: settleThreads
    )
  }

  /// What each thread of the fixture waits for: kind, type, symbol.
  private static let kinds: [(thread: String, kind: String, type: String?, name: String?)] = [
    ("normal", "mutex", "normal", "g_normal"), ("recursive", "mutex", "recursive", "g_recursive"),
    ("checking", "mutex", "error-checking", "g_checking"),
    ("robust", "mutex", "robust", "g_robust"),
    ("inheriting", "mutex", "priority-inheriting", "g_inheriting"),
    ("adaptive", "mutex", "adaptive", "g_adaptive"), ("timed", "mutex", "normal", "g_timed"),
    ("array", "mutex", "normal", "g_array+0x78"), ("heap", "mutex", "normal", nil),
    ("taken back", "mutex", "normal", "g_taken_back"),
    ("read written", "rwlock", "read", "g_written"),
    ("write written", "rwlock", "write", "g_written"),
  ]

  @Test(arguments: [false, true])
  func everyKindOfLockHasItsAddressTypeNameAndOwner(_ quiet: Bool) throws {
    let service = try service("kinds")
    let document = try service.document(quiet: quiet)
    let owner = try document.thread("owner").tid
    for expected in Self.kinds {
      let wait = try document.wait(expected.thread)
      #expect(wait.kind == expected.kind, "\(expected.thread)")
      #expect(wait.lock_type == expected.type, "\(expected.thread)")
      #expect(wait.lock_name == expected.name, "\(expected.thread)")
      #expect(wait.owner_tid == owner, "\(expected.thread)")
    }
    for (thread, kind, name) in [
      ("condition", "condition", "g_condition"), ("semaphore", "semaphore", "g_semaphore"),
      ("once", "once", "g_once"), ("write read", "rwlock", "g_read"),
      ("write behind", "rwlock", "g_read"), ("write prefer", "rwlock", "g_preferring"),
      ("read prefer", "rwlock", "g_preferring"),
    ] {
      let wait = try document.wait(thread)
      #expect(wait.kind == kind && wait.lock_name == name && wait.owner_tid == nil, "\(thread)")
    }
    #expect(try document.wait("write read").readers == 2)
    #expect(try document.wait("write behind").readers == 2)
    #expect(try document.wait("read prefer").readers == 1)
    let join = try document.wait("join")
    #expect(join.kind == "join" && join.owner_tid == owner && join.lock == nil)
    // Nobody waits in a circle, and three threads are no crowd.
    #expect(document.findings("deadlock").isEmpty && document.findings("lock-contention").isEmpty)
    let locks = try #require(document.locks)
    let written = try #require(locks.first { $0.name == "g_written" })
    #expect(written.waiter_tids.count == 2 && written.owner_tid == owner)
  }

  @Test func aLockWhoseOwnerEndedIsAFindingOfItsOwn() throws {
    let service = try service("kinds")
    let document = try service.document()
    let wait = try document.wait("dead")
    let owner = try #require(wait.owner_tid)
    #expect(!document.threads.contains { $0.tid == owner })
    #expect(
      wait.note
        == "no thread of the process: it ended while it held the lock, or a fork left it behind"
    )
    let finding = try #require(document.findings("lock-abandoned").first)
    #expect(document.findings("lock-abandoned").count == 1)
    #expect(finding.text.contains("(g_dead) was held by thread \(owner), which has ended"))
    #expect(finding.tids == [try document.thread("dead").tid])
  }

  @Test func ownersAndAddressesAreThoseThatGdbPrints() throws {
    let service = try service("kinds")
    let document = try service.document(quiet: true)
    let plain = ["normal", "recursive", "checking", "inheriting", "adaptive", "timed", "robust"]
    let commands = plain.flatMap { name in
      ["-ex", "printf \"\(name) %d %p\\n\", g_\(name).__data.__owner, &g_\(name)"]
    }
    let heap = [
      "-ex", "printf \"heap %d %p\\n\", g_heap->__data.__owner, g_heap",
      "-ex", "printf \"write_written %d %p\\n\", g_written.__data.__cur_writer, &g_written",
      "-ex", "printf \"condition 0 %p\\n\", &g_condition",
      "-ex", "printf \"semaphore 0 %p\\n\", &g_semaphore",
    ]
    let output = try runSuccessfully(
      "gdb",
      ["--nx", "--batch", "-p", "\(service.program.processID)"] + commands + heap
    )
    var seen = 0
    for line in output.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2].hasPrefix("0x") else { continue }
      let name = String(words[0].replacing("_", with: " "))
      let wait = try document.wait(name)
      #expect(wait.lock == String(words[2]), "\(name)")
      #expect(wait.owner_tid ?? 0 == Int32(words[1]), "\(name)")
      seen += 1
    }
    #expect(seen == plain.count + 4)
  }

  /// The circle of one mode, as the fixture makes it.
  @Test(arguments: [
    ("two", ["ring 0", "ring 1"], 3), ("three", ["ring 0", "ring 1", "ring 2"], 0),
    ("twice", ["twice"], 0), ("join", ["joining", "joined"], 0),
    ("mixed", ["writing", "inheriting"], 0),
  ])
  func threadsThatWaitForEachOtherAreADeadlock(
    _ mode: String,
    _ members: [String],
    _ behind: Int
  ) throws {
    let service = try service(mode)
    for quiet in [false, true] {
      let document = try service.document(quiet: quiet)
      let finding = try #require(document.findings("deadlock").first)
      #expect(document.findings("deadlock").count == 1)
      #expect(Set(finding.tids) == Set(try members.map { try document.thread($0).tid }))
      let text = finding.text
      #expect(text.contains("behind them") == (behind > 0), "\(text)")
      if behind > 0 { #expect(text.contains("\(behind) more threads wait behind them"), "\(text)") }
      for member in members {
        #expect(text.contains("thread \(try document.thread(member).tid) “\(member)”"), "\(text)")
        #expect(try document.wait(member).steady == true)
      }
      #expect(
        text.contains(members.count == 1 ? "which it holds" : "wait for each other"),
        "\(text)"
      )
    }
  }

  @Test(arguments: [false, true])
  func aCircleInWhichOneGivesUpIsNoDeadlock(_ quiet: Bool) throws {
    let document = try service("timed").document(quiet: quiet)
    #expect(document.findings("deadlock").isEmpty, "\(document.findings.map(\.text))")
    let names = ["ring 0", "ring 1", "ring 2"]
    let owners = try names.map { try document.wait($0).owner_tid }
    #expect(owners == (try [1, 2, 0].map { try document.thread(names[$0]).tid }))
    #expect(try document.wait("ring 0").note == "gives up after some time")
    #expect(try document.wait("ring 1").note == nil)
  }

  @Test func aNameIsFoundHoweverManyWaitForLocksWithoutOne() throws {
    let document = try service("crowd").document()
    #expect(document.threads.count { $0.name == "contender" } == 300)
    #expect(try document.wait("last").lock_name == "g_normal")
  }

  @Test func theReportBeginsWithTheCircleAndWhereItsThreadsStand() throws {
    let service = try service("two")
    let path = try service.capture()
    let text = try runSuccessfully(Products.dumpcollect, ["report", path])
    let top = text.components(separatedBy: "\n\n")[0]
    #expect(top.contains("deadlock: 2 threads wait for each other: thread "), "\(top)")
    #expect(top.contains("(g_ring+0x28), held by thread "), "\(top)")
    #expect(top.contains(" \"ring 0\": close_ring (locks.c:"), "\(top)")
    #expect(top.contains(" \"ring 1\": close_ring (locks.c:"), "\(top)")
    #expect(text.contains("all wait for normal mutex 0x") && text.contains("\"g_ring\", held by "))
    let validation = try ReportSchema.validate(
      runSuccessfully(Products.dumpcollect, ["report", path, "--format", "json"])
    )
    #expect(validation.status == 0, "\(validation.errorText)")
  }

  @Test func aCrashBesideADeadlockTellsOfBoth() throws {
    let service = try service("two")
    let document = try WaitingService.document(of: service.crashCapture())
    #expect(document.kind == "crash")
    let finding = try #require(document.findings("deadlock").first)
    #expect(finding.tids.count == 2 && finding.text.contains("3 more threads wait behind them"))
  }

  @Test func fiftyThreadsThatWaitForOneOwnerAreContention() throws {
    let service = try service("contention")
    let document = try service.document()
    let finding = try #require(document.findings("lock-contention").first)
    #expect(document.findings.count == 1 && finding.tids.count == 50)
    let holder = try document.thread("holder").tid
    #expect(finding.text.contains("50 threads wait for normal mutex 0x"), "\(finding.text)")
    #expect(
      finding.text.contains(
        "(g_normal), held by thread \(holder) “holder”, which is in pause, in sleep_for_ever"
      ),
      "\(finding.text)"
    )
    #expect(try #require(document.locks).first?.waiter_tids.count == 50)
  }

  /// Twelve threads lock pairs of mutexes, always in the same order: there is never a circle.
  @Test func locksThatAreTakenAndGivenBackAllTheTimeAreNoDeadlock() throws {
    let service = try service("churn", settleThreads: false)
    var owners = 0
    for round in 0..<24 {
      let document = try service.document(quiet: round % 2 == 0)
      #expect(document.findings("deadlock").isEmpty, "\(document.findings.map(\.text))")
      #expect(document.findings("lock-abandoned").isEmpty, "\(document.findings.map(\.text))")
      owners += document.threads.count { $0.wait?.owner_tid != nil }
    }
    // Else nothing was tried.
    #expect(owners > 0)
  }

  @Test func aFullyStaticProgramHasOwnersToo() throws {
    let program = try WaitingService.build(
      "locks.c",
      link: Handler.staticLinkArguments,
      in: directory
    )
    let service = try WaitingService(program, ["two"], in: directory)
    let document = try service.document()
    #expect(document.findings("deadlock").first?.tids.count == 2)
    #expect(try document.wait("ring 0").lock_name == "g_ring+0x28")
  }

  @Test func withoutSymbolsALockHasItsAddress() throws {
    let program = try WaitingService.build("locks.c", options: ["-O2", "-s"], in: directory)
    let service = try WaitingService(program, ["two"], in: directory)
    let document = try service.document()
    let wait = try document.wait("ring 0")
    #expect(wait.lock != nil && wait.lock_name == nil)
    #expect(document.findings("deadlock").first?.tids.count == 2)
  }

  @Test(arguments: [false, true])
  func dataBesideALockIsNotInTheCapture(_ quiet: Bool) throws {
    let service = try service("kinds")
    let path = try service.capture(quiet: quiet)
    let document = try WaitingService.document(of: path)
    let wait = try document.wait("secret")
    #expect(wait.kind == "futex" && wait.lock_name == "g_secret+0xc" && wait.owner_tid == nil)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    for part in ["phra", "corr", "hors", "batt"] {
      #expect(bytes.firstRange(of: Data(part.utf8)) == nil, "\(part)")
    }
  }

  @Test func threadsSayWhenTheyWereCreated() throws {
    let service = try service("contention")
    let document = try service.document()
    let pid = service.program.processID
    let boot = try #require(
      String(contentsOfFile: "/proc/stat", encoding: .utf8).firstMatch(of: /btime ([0-9]+)/)
    )
    let bootTime = try #require(Double(boot.1))
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    for thread in document.threads {
      let stat = try String(contentsOfFile: "/proc/\(pid)/task/\(thread.tid)/stat", encoding: .utf8)
      let fields = try #require(stat.split(separator: ")").last).split(separator: " ")
      let expected = bootTime + (try #require(Double(fields[19]))) / 100
      let text = try #require(thread.start_time)
      // btime is a whole second, and the clock may have been set meanwhile.
      #expect(abs(try format.parse(text).timeIntervalSince1970 - expected) < 2, "\(text)")
    }
  }
}
