import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Services in surroundings that change, or that are meagre: identity, namespaces, disks, timers, programs.
@Suite struct SurroundingsTests {
  private func start(
    _ words: [String] = [],
    settings: String = "min-interval=none",
    directory: String? = nil,
    launcher: [String] = []
  ) throws -> Service {
    let service = try Service(
      Programs.quiet("surroundings"),
      words,
      settings: settings,
      directory: directory,
      launcher: launcher
    )
    try service.program.wait(for: "ready")
    return service
  }

  private func expectReaders(_ service: Service, _ count: Int) throws {
    let capture = try service.dump()
    let readers = capture.threads(named: "reader")
    #expect(readers.count == count)
    #expect(readers.allSatisfy { $0.status == .captured && $0.truncated == "" })
  }

  @Test func changesOfIdentityInAllThreadsGoOnDuringDumps() throws {
    try #require(getuid() == 0)
    let service = try start()
    _ = try service.ask("readers 20")
    _ = try service.ask("identity")
    for _ in 0..<50 {
      let before = try service.number("changes")
      try expectReaders(service, 20)
      try service.waitForGrowth(of: "changes", beyond: before)
    }
    // The collector changed with the others.
    let tasks = "/proc/\(service.program.processID)/task"
    for tid in try FileManager.default.contentsOfDirectory(atPath: tasks) {
      #expect(try procText("\(tasks)/\(tid)/status").contains("\nUid:\t0\t0\t0\t0\n"))
    }
  }

  @Test(arguments: [true, false])
  func aProfilerWithATimerOfEachThreadKeepsItsSignal(installedBefore: Bool) throws {
    let service = try start(installedBefore ? ["profile-before"] : [])
    if !installedBefore { #expect(try service.ask("profile") == "profile on") }
    _ = try service.ask("readers 3")
    for _ in 0..<20 { try expectReaders(service, 3) }
    let before = try service.number("profiled")
    #expect(before > 0)
    try service.waitForGrowth(of: "profiled", beyond: before)
  }

  @Test func threadsBeyondTheRoomOfTheFirstDumpAreCaptured() throws {
    let service = try start()
    var total = 0
    // Room for threads is opened by the thousand.
    for count in [10, 990, 1500] {
      _ = try service.ask("readers \(count)")
      total += count
      try expectReaders(service, total)
    }
    let resident = try procText("/proc/\(service.program.processID)/statm").split(separator: " ")[1]
    // As documented: about 8 KiB for the copy of a thread, and half a KiB to know it; with its own stack 16 KiB.
    #expect(try #require(Int(resident)) * 4 < 16_384 + total * 28)
  }

  @Test func aServiceThatClosesEveryDescriptorIsDumped() throws {
    let service = try start()
    _ = try service.ask("readers 2")
    #expect(try service.ask("close") == "close 0")
    for _ in 0..<3 { _ = try service.dump() }
    let open = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(service.program.processID)/fd"
    )
    #expect(open.sorted() == ["0", "1", "2"])
  }

  @Test func aProcessThatMayNotBeExaminedIsDumpedBySignals() throws {
    // Its files below /proc belong to root then: a service of another user cannot read those that tell registers.
    let captures = try TemporaryDirectory()
    chmod(captures.path, 0o777)
    let service = try start(
      directory: captures.path,
      launcher: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    )
    _ = try service.ask("readers 2")
    #expect(try service.ask("dumpable") == "dumpable 0")
    #expect(try service.ask("capture") == "capture 0")
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: captures.path).first { $0.hasSuffix(".dcap") }
    )
    let capture = try CaptureReader.capture(at: captures.file(name))
    #expect(capture.isComplete)
    let readers = capture.threads(named: "reader")
    #expect(readers.count == 2)
    #expect(readers.allSatisfy { $0.status == .captured && $0.truncated == "" })
    #expect(capture.process?.uid == 65534)
  }

  @Test func aProcessInNamespacesOfItsOwnIsDumped() throws {
    let captures = try TemporaryDirectory()
    // The first process of a container: it sees itself as 1.
    let service = try start(
      directory: captures.path,
      launcher: ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
    )
    _ = try service.ask("readers 2")
    #expect(try service.ask("capture") == "capture 0")
    let names = try FileManager.default.contentsOfDirectory(atPath: captures.path)
    #expect(names.contains(".dumpcollect.1.state"))
    let name = try #require(names.first { $0.hasSuffix(".dcap") })
    #expect(name.split(separator: ".")[1] == "1")
    let capture = try CaptureReader.capture(at: captures.file(name))
    #expect(capture.process?.pid == 1)
    #expect(capture.threads(named: "reader").allSatisfy { $0.status == .captured })
    #expect(capture.threads(named: "reader").count == 2)
    #expect(capture.modules.contains { $0.path.hasSuffix("/surroundingsgcc-O1") })
  }

  /// A file system of this size; gone with the value.
  private final class SmallDisk {
    let directory: TemporaryDirectory
    init(kibibytes: Int) throws {
      directory = try TemporaryDirectory()
      try runSuccessfully(
        "mount",
        ["-t", "tmpfs", "-o", "size=\(kibibytes)k", "tmpfs", directory.path]
      )
    }
    func remount(_ option: String) throws {
      try runSuccessfully("mount", ["-o", "remount,\(option)", directory.path])
    }
    // What still has a file open there keeps it until it ends.
    deinit { _ = try? run("umount", ["-l", directory.path]) }
  }

  @Test func aFullDiskFailsTheCaptureAndTheNextOneWorksWhenThereIsRoom() throws {
    let disk = try SmallDisk(kibibytes: 96)
    let service = try start(directory: disk.directory.path)
    _ = try service.ask("readers 2")
    let ballast = disk.directory.file("ballast")
    #expect(try service.ask("capture") == "capture 0")
    // Fills what is left.
    _ = try run("dd", ["if=/dev/zero", "of=\(ballast)", "bs=4096"])
    #expect(try service.ask("capture") == "capture \(-ENOSPC)")
    #expect(try service.state(in: disk.directory.path).u32(76) == UInt32(ENOSPC))
    var names = try FileManager.default.contentsOfDirectory(atPath: disk.directory.path)
    #expect(names.count { $0.hasSuffix(".dcap") } == 1)
    #expect(!names.contains { $0.hasSuffix(".partial") })
    try FileManager.default.removeItem(atPath: ballast)
    #expect(try service.ask("capture") == "capture 0")
    names = try FileManager.default.contentsOfDirectory(atPath: disk.directory.path)
    #expect(names.count { $0.hasSuffix(".dcap") } == 2)
  }

  @Test func aDirectoryOnAReadOnlyDiskIsTakenOnceItCanBeWritten() throws {
    let disk = try SmallDisk(kibibytes: 1024)
    try disk.remount("ro")
    let home = try TemporaryDirectory()
    let service = try Service(
      Programs.quiet("surroundings"),
      environment: ["HOME": home.path, "XDG_STATE_HOME": nil, "STATE_DIRECTORY": nil],
      directory: disk.directory.path
    )
    try service.program.wait(for: "ready")
    #expect(service.program.errorText.contains("cannot be written: \(disk.directory.path)"))
    #expect(try service.ask("capture") == "capture 0")
    let fallback = home.file(".local/state/dumpcollect")
    let captures = { (path: String) in
      try FileManager.default.contentsOfDirectory(atPath: path).count { $0.hasSuffix(".dcap") }
    }
    #expect(try captures(fallback) == 1 && captures(disk.directory.path) == 0)
    try disk.remount("rw")
    #expect(try service.ask("capture") == "capture 0")
    #expect(try captures(fallback) == 1 && captures(disk.directory.path) == 1)
  }

  @Test func aWarningEndsNoServiceWhoseStandardErrorNobodyReads() throws {
    // Installing without a directory says so on standard error; nobody reads that.
    let directory = try TemporaryDirectory()
    let script = try directory.write(
      """
      import os, subprocess, sys
      read, write = os.pipe()
      os.close(read)
      service = subprocess.Popen(sys.argv[1:], stdin=0, stdout=1, stderr=write)
      print("status", service.wait(), flush=True)
      """,
      to: "start.py"
    )
    let service = try Service(
      Programs.quiet("surroundings"),
      environment: ["HOME": directory.path, "XDG_STATE_HOME": nil, "STATE_DIRECTORY": nil],
      directory: "/proc/nowhere",
      launcher: ["python3", script]
    )
    try service.program.wait(for: "ready")
    #expect(try service.ask("changes") == "changes 0")
    service.program.closeInput()
    #expect(service.program.readLine() == "status 0")
  }

  @Test func withoutRoomForAnyFileTheServiceLives() throws {
    // Not even the state file can be written; the signal that goes with it must end nobody.
    let service = try start(launcher: ["sh", "-c", "ulimit -f 0; exec \"$0\" \"$@\""])
    _ = try service.ask("readers 2")
    for _ in 0..<3 { #expect(try service.ask("capture") == "capture \(-EFBIG)") }
    #expect(try service.ask("changes") == "changes 0")
    #expect(service.program.isRunning)
  }

  @Test func aThousandTriggersAreServedWithinAllLimitsAtOnce() throws {
    let service = try start(
      settings: "min-interval=20ms,max-captures=5,max-total=64KiB"
    )
    _ = try service.ask("readers 2")
    let state = try service.state()
    for _ in 0..<1000 { service.program.send(signal: SIGQUIT) }
    _ = try service.ask("changes")
    try state.wait(for: "the end of the burst") {
      state.served == state.accepted && state.served > 0
    }
    #expect(state.failed == 0)
    let files = try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
      .filter { $0.hasSuffix(".dcap") }
    #expect(files.count <= 5 && files.count > 0)
    let bytes = try files.reduce(0) { sum, name in
      let path = service.captures.file(name)
      return try sum + Data(contentsOf: URL(fileURLWithPath: path)).count
    }
    #expect(bytes <= 64 * 1024)
  }

  /// A pending signal goes along into the new program, which has no action of ours.
  @Test(arguments: [["replace", "URG"], ["replace-uninstalled", "PROF"]])
  func aServiceThatReplacesItselfDuringCapturesLives(way: [String]) throws {
    let service = try Service(
      Programs.quiet("surroundings"),
      [way[0], "100"],
      settings: "min-interval=none,max-captures=4,thread-signal=\(way[1])"
    )
    try service.program.wait(for: "replaced")
    #expect(service.program.waitForExit() == 0)
  }
}
