import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Descriptors, directories and limits.
@Suite struct ResourceTests {
  private func captures(in directory: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".dcap") }
  }

  @Test func aServiceWithoutAFreeDescriptorIsDumped() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    #expect(try service.ask("descriptors") == "descriptors used up")
    for _ in 0..<3 { #expect(try service.dump().end?.threadsCaptured == 5) }
  }

  @Test func threadVariablesLargerThanTheCollectorsStackDoNoHarm() throws {
    let service = try Service(Programs.largeThreadVariables())
    try service.program.wait(for: "ready")
    #expect(try service.dump().end?.threadsCaptured == 1)
  }

  @Test func theServiceSeesNoDescriptorOfOurs() throws {
    func links(_ service: Service) throws -> Set<String> {
      let path = "/proc/\(service.program.processID)/fd"
      return try Set(
        FileManager.default.contentsOfDirectory(atPath: path).compactMap {
          try? FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/\($0)")
        }
      )
    }
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let before = try links(service)
    #expect(!before.contains { $0.contains("dumpcollect.") || $0.hasSuffix("/task") }, "\(before)")
    _ = try service.dump()
    #expect(try links(service) == before)
  }

  @Test func filesHaveTheNamesAndModesOfTheContract() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    _ = try service.dump()
    _ = try service.dump()
    let pid = service.program.processID
    let comm = try procText("/proc/\(pid)/comm").trimmingCharacters(
      in: .newlines
    )
    let names = try captures(in: service.captures.path).sorted()
    #expect(names.count == 2)
    for (index, name) in names.enumerated() {
      let fields = name.split(separator: ".")
      #expect(fields.count == 5)
      #expect(String(fields[0]) == comm.replacing(/[^A-Za-z0-9_.-]/, with: "_"))
      #expect(Int32(fields[1]) == pid)
      #expect(fields[2].wholeMatch(of: /\d{8}T\d{6}Z/) != nil)
      #expect(Int(fields[3]) == index + 1)
      var status = stat()
      stat(service.captures.file(name), &status)
      #expect(status.st_mode & 0o7777 == 0o600)
    }
  }

  @Test func theProcessItselfIsDescribed() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let before = Date()
    let capture = try service.dump()
    let process = try #require(capture.process)
    #expect(process.pid == service.program.processID)
    #expect(process.parentPid == getpid())
    #expect(process.executable == service.executable)
    #expect(process.uid == getuid() && process.gid == getgid())
    #expect(process.threadCount == 5)
    let started = Double(process.startTimeNs) / 1e9
    #expect(abs(started - before.timeIntervalSince1970) < 3600)
    let time = Double(try #require(capture.header?.timeNs)) / 1e9
    #expect(time >= before.timeIntervalSince1970 && time <= Date().timeIntervalSince1970)
    // The same modules, with the same build IDs, as other tools see.
    let executable = try #require(capture.modules.first { $0.path == service.executable })
    let notes = try runSuccessfully("readelf", ["-n", service.executable])
    let hex = executable.buildID.map { String(format: "%02x", $0) }.joined()
    #expect(hex.count == 40 && notes.contains(hex))
    let vdso = try #require(capture.modules.first { $0.path == "[vdso]" })
    #expect(vdso.image.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
    #expect(capture.modules.contains { $0.path.hasSuffix("/libc.so.6") && $0.buildID.count == 20 })
  }

  @Test func aDirectoryThatCannotBeWrittenIsSaidAndAnotherOneTaken() throws {
    let home = try TemporaryDirectory()
    let service = try Service(
      Programs.service(),
      ["threads"],
      environment: ["HOME": home.path, "XDG_STATE_HOME": nil, "STATE_DIRECTORY": nil],
      directory: "/proc/nowhere"
    )
    try service.program.wait(for: "ready")
    #expect(service.program.errorText.contains("cannot be written: /proc/nowhere"))
    let fallback = home.file(".local/state/dumpcollect")
    #expect(service.program.errorText.contains(fallback))
    var status = stat()
    stat(fallback, &status)
    #expect(status.st_mode & 0o7777 == 0o700)
    let state = try service.state(in: fallback)
    service.program.send(signal: SIGQUIT)
    try state.waitUntilServed(beyond: 0)
    #expect(state.lastCapture.hasPrefix(fallback))
    #expect(state.text(320, 1024) == fallback)
  }

  @Test func aDirectoryThatAppearsLaterIsTakenThen() throws {
    let parent = try TemporaryDirectory()
    let home = try TemporaryDirectory()
    let late = parent.file("not/yet")
    let service = try Service(
      Programs.service(),
      ["threads"],
      environment: ["HOME": home.path, "XDG_STATE_HOME": nil, "STATE_DIRECTORY": nil],
      directory: late
    )
    try service.program.wait(for: "ready")
    #expect(service.program.errorText.contains("cannot be written"))
    try FileManager.default.createDirectory(atPath: late, withIntermediateDirectories: true)
    let watch = try DirectoryWatch(late)
    service.program.send(signal: SIGQUIT)
    let name = try watch.waitForName { $0.hasSuffix(".dcap") }
    #expect(try CaptureReader.capture(at: "\(late)/\(name)").end?.threadsCaptured == 5)
    #expect(try service.state(in: late).text(320, 1024) == late)
  }

  @Test func aDirectoryThatIsRemovedComesBack() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    _ = try service.dump()
    try FileManager.default.removeItem(atPath: service.captures.path)
    #expect(try service.ask("capture") == "capture 0")
    #expect(try captures(in: service.captures.path).count == 1)
  }

  @Test func aFullFileSystemFailsTheCaptureAndLeavesNothing() throws {
    // RLIMIT_FSIZE stands for the disk: writes beyond it fail.
    let service = try Service(
      Programs.service(),
      ["threads"],
      launcher: ["sh", "-c", "ulimit -f 8; exec \"$0\" \"$@\""]
    )
    try service.program.wait(for: "ready")
    #expect(try service.ask("capture") == "capture \(-EFBIG)")
    #expect(try captures(in: service.captures.path) == [])
    let state = try service.state()
    #expect(state.failed == 1 && state.published == 0)
    #expect(state.u32(76) == UInt32(EFBIG))
    #expect(state.lastFailure.contains(service.captures.path))
    let names = try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
    #expect(!names.contains { $0.hasSuffix(".partial") })
    #expect(try service.number("work") > 0)
  }

  @Test func theIntervalHoldsBackSignalsAndRefusesCalls() throws {
    let service = try Service(Programs.service(), ["threads"], settings: "min-interval=1h")
    try service.program.wait(for: "ready")
    _ = try service.dump()
    for _ in 0..<1000 { service.program.send(signal: SIGQUIT) }
    #expect(try service.ask("capture") == "capture \(-EAGAIN)")
    #expect(try captures(in: service.captures.path).count == 1)
    let state = try service.state()
    #expect(state.accepted > state.served)
  }

  @Test func aBurstIsServedByFewCaptures() throws {
    let service = try Service(Programs.service(), ["threads"], settings: "min-interval=50ms")
    try service.program.wait(for: "ready")
    let state = try service.state()
    for _ in 0..<1000 { service.program.send(signal: SIGQUIT) }
    _ = try service.ask("work")
    try state.wait(for: "the end of the burst") {
      state.served == state.accepted && state.served > 0
    }
    #expect(state.published < 100)
    #expect(try captures(in: service.captures.path).count == Int(state.published))
  }

  @Test func theOldestCapturesGoFirst() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,max-captures=3"
    )
    try service.program.wait(for: "ready")
    for _ in 0..<6 { _ = try service.dump() }
    let names = try captures(in: service.captures.path).map { $0.split(separator: ".")[3] }.sorted()
    #expect(names == ["4", "5", "6"])
  }

  @Test func crashCapturesOutliveLiveOnesAndStrangersAreLeftAlone() throws {
    let directory = try TemporaryDirectory()
    var header = CaptureBytes()
    header.add(kind: 1, [0x08, 0x01])
    try Data(header.bytes).write(to: URL(fileURLWithPath: directory.file("old.1.x.1.dcap")))
    try directory.write("not ours", to: "notes.txt")
    try FileManager.default.createSymbolicLink(
      atPath: directory.file("link.dcap"),
      withDestinationPath: directory.file("notes.txt")
    )
    for name in ["old.1.x.1.dcap", "notes.txt"] {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1000)],
        ofItemAtPath: directory.file(name)
      )
    }
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,max-captures=2",
      directory: directory.path
    )
    try service.program.wait(for: "ready")
    for _ in 0..<4 {
      #expect(try service.ask("capture") == "capture 0")
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(names.contains("old.1.x.1.dcap"))
    #expect(names.contains("notes.txt") && names.contains("link.dcap"))
    #expect(
      names.filter { $0.hasSuffix(".dcap") && !$0.hasPrefix("old") && $0 != "link.dcap" }.count == 1
    )
  }

  @Test func bytesAreLimitedToo() throws {
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: "min-interval=none,max-captures=none,max-total=40KiB"
    )
    try service.program.wait(for: "ready")
    for _ in 0..<8 { _ = try service.dump() }
    let total = try captures(in: service.captures.path).reduce(0) {
      $0
        + ((try FileManager.default.attributesOfItem(atPath: service.captures.file($1))[.size])
          as? Int ?? 0)
    }
    #expect(total > 0 && total <= 40 * 1024)
  }

  @Test func stateFilesOfProcessesThatAreGoneAreSwept() throws {
    let first = try Service(Programs.service())
    try first.program.wait(for: "ready")
    let name = ".dumpcollect.\(first.program.processID).state"
    let living = try Service(Programs.service(), directory: first.captures.path)
    try living.program.wait(for: "ready")
    first.program.send(signal: SIGKILL)
    _ = first.program.waitForExit()
    let third = try Service(Programs.service(), directory: first.captures.path)
    try third.program.wait(for: "ready")
    #expect(try third.ask("capture") == "capture 0")
    let names = try FileManager.default.contentsOfDirectory(atPath: first.captures.path)
    #expect(!names.contains(name))
    #expect(names.contains(".dumpcollect.\(living.program.processID).state"))
    #expect(names.contains(".dumpcollect.\(third.program.processID).state"))
  }

  /// process_vm_readv, close_range, rt_tgsigqueueinfo, ptrace: what filters of containers are known to refuse.
  @Test(arguments: [310, 436, 297, 101])
  func aRefusedSystemCallCostsNoThread(number: Int) throws {
    let service = try Service(
      Programs.service("gcc", ["-O2", "-fomit-frame-pointer"]),
      ["threads"],
      launcher: [Programs.refuse(), "\(number)"]
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let readers = capture.threads(named: "reader")
    #expect(readers.count == 2)
    for reader in readers {
      #expect(
        capture.chain(reader, symbols, in: service.executable) == [
          "block_in_read", "serve_request", "serve_connection", "reader",
        ]
      )
      // Without a way to signal one thread with a value, all are read quietly.
      #expect((reader.status == .captured) == (number != 297), "\(reader.reason)")
    }
    #expect(capture.modules.contains { $0.path == service.executable && $0.buildID.count == 20 })
    #expect(try service.number("work") > 0)
  }

  /// The C service where no libunwind can be loaded.
  private func serviceWithoutLibunwind(_ libraries: TemporaryDirectory, settings: String) throws
    -> Service
  {
    // The loader looks for a library in this folder first, and finds one that is none.
    try libraries.write("no ELF", to: "libunwind-x86_64.so.8")
    let service = try Service(
      Programs.service(),
      ["threads"],
      settings: settings,
      environment: ["LD_LIBRARY_PATH": libraries.path]
    )
    try service.program.wait(for: "ready")
    #expect(service.program.errorText.contains("libunwind-x86_64.so.8 cannot be loaded"))
    #expect(try service.state().u32(24) & 8 == 8)
    return service
  }

  @Test func withoutLibunwindPlainStacksHaveFramesAllTheSame() throws {
    // Each dump tries again to load it: the folder is there until the end.
    let libraries = try TemporaryDirectory()
    defer { withExtendedLifetime(libraries) {} }
    let service = try serviceWithoutLibunwind(libraries, settings: "min-interval=none")
    let capture = try service.dump()
    #expect(capture.header?.degraded.contains("libunwind") == true)
    let symbols = try SymbolRanges(service.executable)
    let readers = capture.threads(named: "reader")
    #expect(readers.count == 2)
    for reader in readers {
      #expect(
        capture.chain(reader, symbols, in: service.executable)
          == ["block_in_read", "serve_request", "serve_connection", "reader"]
      )
      #expect(reader.truncated == "" && reader.stack.isEmpty)
    }
    // The main thread may be on its way out of the dump signal's action.
    #expect(capture.end?.threadsByRows ?? 0 >= 4)
  }

  @Test func withoutAnyUnwinderTheStacksAreRaw() throws {
    let libraries = try TemporaryDirectory()
    defer { withExtendedLifetime(libraries) {} }
    let service = try serviceWithoutLibunwind(
      libraries,
      settings: "min-interval=none,unwinder=libunwind"
    )
    let capture = try service.dump()
    for thread in capture.threads {
      #expect(thread.status == .captured)
      #expect(thread.addresses.count == 1)
      #expect(thread.truncated.contains("libunwind"))
      #expect(thread.registers.values.count == 17)
      #expect(thread.stack.count > 128)
      #expect(thread.stackAddress == thread.registers.values[7] - 128)
    }
  }
}
