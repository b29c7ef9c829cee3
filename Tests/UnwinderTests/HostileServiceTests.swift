import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Services that do what few do: a dump must not be what ends them.
@Suite struct HostileServiceTests {
  @Test func aFramePointerAtTheEndOfTheAddressSpaceDoesNoHarm() throws {
    let service = try Service(Programs.hostile(), ["wild"])
    try service.program.wait(for: "ready")
    for _ in 0..<3 {
      let capture = try service.dump()
      #expect(capture.end?.threadsCaptured == 2)
      #expect(capture.threads.contains { $0.truncated.hasPrefix("no unwind information") })
    }
    #expect(service.program.isRunning)
  }

  @Test func lockingAllMemoryDoesNotMakeTheReservedResident() throws {
    let service = try Service(Programs.hostile(), ["lock"])
    try service.program.wait(for: "ready")
    #expect(try service.dump().end?.threadsCaptured == 1)
    let status = try String(
      contentsOfFile: "/proc/\(service.program.processID)/status",
      encoding: .utf8
    )
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
    let kibibytes = try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first)
    #expect(try #require(Int(kibibytes)) < 65_536, "\(line)")
  }

  @Test func filesThatOnlyLookLikeStateFilesAreLeftAlone() throws {
    let service = try Service(Programs.service())
    try service.program.wait(for: "ready")
    let names = [".database-of-something.state", ".dumpcollect.backup-of-mine.state"]
    for name in names {
      try Data(count: 4096).write(to: URL(fileURLWithPath: service.captures.file(name)))
    }
    for _ in 0..<2 { #expect(try service.ask("capture") == "capture 0") }
    let left = try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
    for name in names { #expect(left.contains(name)) }
  }

  @Test func afterAChangeOfTheThreadSignalBothReachTheActionsTheyHad() throws {
    let service = try Service(Programs.hostile(), ["change"])
    #expect(service.program.readLine() == "profiles 2 urgents 1")
    try service.program.wait(for: "ready")
    #expect(try service.dump().end?.threadsCaptured == 1)
  }

  @Test func aForeignThreadSignalThatMeansNothingLeavesOursArmed() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,thread-signal=SIGURG"
    )
    try service.program.wait(for: "ready")
    service.program.send(signal: SIGURG)
    // The answer comes from the main thread, which took the signal before or takes it during its read.
    #expect(try service.number("work") >= 0)
    let status = try String(
      contentsOfFile: "/proc/\(service.program.processID)/status",
      encoding: .utf8
    )
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") })
    let caught = try #require(UInt64(line.dropFirst(8), radix: 16))
    #expect(caught & (1 << UInt64(SIGURG - 1)) != 0)
    #expect(try service.dump().end?.threadsCaptured == 5)
  }

  @Test func uninstallingInTheMiddleOfACaptureDoesNoHarm() throws {
    let service = try Service(Programs.hostile(), ["come and go"])
    let words = try #require(service.program.readLine()).split(separator: " ")
    #expect(words.first == "grown")
    // Fifty rounds: each leaves the page of its state file behind, which a late handler may look at.
    #expect(try #require(Int(words[1])) < 4096, "\(words)")
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let others = capture.threads.filter { $0.status != .captured }
    #expect(capture.end?.threadsCaptured == 65, "\(others)")
  }

  @Test func aDirectoryBehindALinkIsFollowedWhereTheLinkLeadsNow() throws {
    let parent = try TemporaryDirectory()
    let link = parent.file("link")
    for name in ["first", "second"] {
      try FileManager.default.createDirectory(
        atPath: parent.file(name),
        withIntermediateDirectories: false
      )
    }
    symlink("first", link)
    let service = try Service(Programs.service(), directory: link)
    try service.program.wait(for: "ready")
    #expect(try service.ask("capture") == "capture 0")
    try FileManager.default.removeItem(atPath: parent.file("first"))
    unlink(link)
    symlink("second", link)
    #expect(try service.ask("capture") == "capture 0")
    let names = try FileManager.default.contentsOfDirectory(atPath: parent.file("second"))
    #expect(names.contains { $0.hasSuffix(".dcap") } && names.contains { $0.hasSuffix(".state") })
  }

  @Test func captureCodeCallsNeitherTheAllocatorNorTakesALockOfTheService() throws {
    // Rows and libunwind both walk every stack.
    let service = try Service(
      Programs.counting(),
      settings: "min-interval=none,unwinder=check"
    )
    try service.program.wait(for: "ready")
    let before = try service.number("all")
    for _ in 0..<20 {
      let capture = try service.dump()
      #expect(capture.end?.threadsCaptured == 4)
    }
    // The threads were at it meanwhile, and libunwind's lock of its own is seen: so would be another one.
    try service.waitForGrowth(of: "all", beyond: before)
    #expect(try service.number("libunwind") > 0)
    #expect(try service.number("ours") == 0)
    #expect(try service.number("prove") == 2)
  }

  @Test func aDirectoryFullOfCapturesIsEmptiedAFewAtATime() throws {
    let service = try Service(
      Programs.service(),
      settings: "min-interval=none,max-captures=2"
    )
    try service.program.wait(for: "ready")
    for number in 0..<100 { try service.captures.write("old", to: "old.\(number).dcap") }
    func count() throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: service.captures.path).count {
        $0.hasSuffix(".dcap")
      }
    }
    #expect(try service.ask("capture") == "capture 0")
    #expect(try (69...100).contains(count()))
    var captures = 0
    while try count() > 2, captures < 100 {
      #expect(try service.ask("capture") == "capture 0")
      captures += 1
    }
    #expect(try count() == 2)
  }

  @Test func everyCallerIsServedWhileTheDirectoryChanges() throws {
    let parent = try TemporaryDirectory()
    for name in ["first", "second"] {
      try FileManager.default.createDirectory(
        atPath: parent.file(name),
        withIntermediateDirectories: false
      )
    }
    symlink("first", parent.file("link"))
    let service = try Service(
      Programs.hostile(),
      ["callers", parent.file("link"), parent.file("new-link")],
      directory: parent.file("link")
    )
    #expect(service.program.readLine() == "failures 0")
    try service.program.wait(for: "ready")
  }
}
