import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// What a capture says besides stacks, of services whose descriptors, connections and notes are known.
@Suite struct ProcessStateTests {
  private func start(
    _ arguments: [String] = [],
    settings: String = "min-interval=none",
    environment: [String: String?] = [:]
  ) throws -> Service {
    let service = try Service(
      Programs.state(),
      arguments,
      settings: settings,
      environment: environment
    )
    try service.program.wait(for: "ready")
    return service
  }

  private typealias Kind = WireDescriptorCount.Kind

  private func kinds(_ capture: Capture) throws -> [Kind: Int] {
    let counts = try #require(capture.descriptors).counts
    return Dictionary(uniqueKeysWithValues: counts.map { ($0.kind, Int($0.count)) })
  }

  /// The file of /proc that another process sees.
  private func proc(_ service: Service, _ file: String) throws -> String {
    try String(contentsOfFile: "/proc/\(service.program.processID)/\(file)", encoding: .utf8)
  }

  // MARK: Descriptors

  private static let opened: [WireDescriptorCount.Kind: Int] = [
    .pipe: 2, .eventfd: 3, .epoll: 4, .inotify: 5, .timerfd: 6, .signalfd: 7, .memfd: 8, .file: 9,
    .deletedFile: 10, .directory: 11, .device: 12, .socket: 5,
  ]

  @Test(arguments: [[], ["no-main"]])
  func descriptorsAreCountedByKind(_ arguments: [String]) throws {
    let directory = try TemporaryDirectory()
    let service = try start(arguments)
    let before = try service.dump()
    #expect(try service.ask("kinds \(directory.path)") == "opened")
    let after = try service.dump()
    let counts = try kinds(after)
    for (kind, count) in Self.opened {
      #expect(try counts[kind, default: 0] - (kinds(before)[kind] ?? 0) == count, "\(kind)")
    }
    // A pidfd is an anonymous inode, on newer kernels a file system of its own.
    let rest = counts[.anonymous, default: 0] + counts[.other, default: 0]
    #expect(try rest - (kinds(before)[.anonymous] ?? 0) - (kinds(before)[.other] ?? 0) == 1)
    let total = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(service.program.processID)/task/\(after.threads.last?.tid ?? 0)/fd"
    )
    #expect(counts.values.reduce(0, +) == total.count)
    let record = try #require(after.descriptors)
    #expect(record.unixSockets == (before.descriptors?.unixSockets ?? 0) + 4)
    #expect(record.skipped == 0 && !record.cut)
  }

  @Test func socketsOfOtherFamiliesAreCounted() throws {
    let service = try start()
    let before = try #require(service.dump().descriptors)
    #expect(try service.ask("udp") == "udp")
    let after = try #require(service.dump().descriptors)
    #expect(after.udpSockets == before.udpSockets + 1)
    // A TCP socket that was never bound or connected is in no list.
    #expect(after.otherSockets == before.otherSockets + 1)
  }

  @Test func descriptorsAreCountedWhenNoneIsLeft() throws {
    let service = try start()
    #expect(try service.ask("exhaust") == "exhausted")
    let capture = try service.dump()
    #expect(try kinds(capture).values.reduce(0, +) == 96)
    let limit = try #require(capture.vitals?.limits.first { $0.resource == 7 })
    #expect((limit.soft, limit.hard) == (96, 96))
  }

  private static var mayOpenEnough: Bool {
    var limit = rlimit()
    return getrlimit(__rlimit_resource_t(7), &limit) == 0 && limit.rlim_max >= 70_000
  }

  @Test(.enabled(if: mayOpenEnough, "needs a hard limit of 70,000 descriptors (ulimit -Hn)"))
  func moreDescriptorsThanTheLimitAreCountedAsSkipped() throws {
    let service = try Service(
      Programs.state(),
      launcher: ["/bin/sh", "-c", "ulimit -n 70000; exec \"$0\""]
    )
    try service.program.wait(for: "ready")
    #expect(try service.ask("files 66000") == "opened")
    let record = try #require(service.dump().descriptors)
    let counted = record.counts.reduce(0) { $0 + $1.count }
    #expect(counted <= 65_536)
    #expect(counted + record.skipped == 66_003)
  }

  // MARK: Connections

  private func connections(_ capture: Capture) throws -> [String] {
    try #require(capture.descriptors).connections.map { connection in
      let local = Array(connection.localAddress).map(String.init).joined(separator: ".")
      let peer = Array(connection.peerAddress).map(String.init).joined(separator: ".")
      return "\(connection.count) \(connection.state) \(local):\(connection.localPort) "
        + "\(peer):\(connection.peerPort)"
    }.sorted()
  }

  /// The connections of a dump, taken again while they are not the expected ones.
  ///
  /// The kernel's lists are no snapshots (proc_pid_net(5)): while other processes of the machine open and
  /// close connections, a read may pass over a line or see one twice.
  private func connections(
    of service: Service,
    until expected: [String],
    where isWanted: (String) -> Bool = { _ in true }
  ) throws -> [String] {
    var found: [String] = []
    for _ in 0..<20 {
      found = try connections(service.dump()).filter(isWanted)
      if found == expected { break }
    }
    return found
  }

  @Test(arguments: [[], ["no-main"]])
  func connectionsAreCountedByStateAndPeer(_ arguments: [String]) throws {
    let service = try start(arguments)
    let port = try service.number("tcp4 7 2")
    let expected = [
      "1 10 127.0.0.1:\(port) :0",  // LISTEN
      "2 8 :0 127.0.0.1:\(port)",  // CLOSE_WAIT: the other end was closed
      "5 1 :0 127.0.0.1:\(port)",  // ESTABLISHED, as clients
      "5 1 :\(port) 127.0.0.1:0",  // and as servers
    ]
    let found = try connections(of: service, until: expected)
    #expect(found == expected)
    let port6 = try service.number("tcp6 3 1")
    let loopback = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1"
    let expected6 = [
      "1 10 \(loopback):\(port6) :0", "1 8 :0 \(loopback):\(port6)",
      "2 1 :0 \(loopback):\(port6)", "2 1 :\(port6) \(loopback):0",
    ]
    let found6 = try connections(of: service, until: expected6) { $0.contains(loopback) }
    #expect(found6 == expected6)
    // Sockets whose other end this process closed belong to nobody any more.
    let all = try connections(of: service, until: (expected6 + expected).sorted())
    #expect(Set(all) == Set(expected + expected6))
  }

  @Test func connectionsOfOthersAreNotCounted() throws {
    let other = try start()
    let port = try other.number("tcp4 4 0")
    let service = try start()
    #expect(try service.ask("connect \(port) 3") == "connected 3")
    let expected = ["3 1 :0 127.0.0.1:\(port)"]
    let found = try connections(of: service, until: expected)
    #expect(found == expected)
  }

  // MARK: Vitals

  @Test func limitsAreThoseOfProc() throws {
    let service = try start()
    let record = try #require(service.dump().vitals)
    // Name, soft, hard, unit: columns of 26 and 21 characters.
    let lines = try proc(service, "limits").split(separator: "\n").dropFirst()
    let names = [
      "Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size",
      "Max resident set", "Max processes", "Max open files", "Max locked memory",
      "Max address space", "Max file locks", "Max pending signals", "Max msgqueue size",
      "Max nice priority", "Max realtime priority", "Max realtime timeout",
    ]
    #expect(record.limits.count == names.count && lines.count == names.count)
    for limit in record.limits {
      let name = names[Int(limit.resource)]
      let line = try #require(lines.first { $0.hasPrefix(name + " ") })
      let values = line.dropFirst(name.count).split(separator: " ")
      func number(_ text: Substring) -> UInt64? { text == "unlimited" ? .max : UInt64(text) }
      #expect(limit.soft == number(values[0]), "\(name)")
      #expect(limit.hard == number(values[1]), "\(name)")
    }
  }

  @Test(arguments: [[], ["no-main"]])
  func memoryAndAgeAreThoseOfProc(_ arguments: [String]) throws {
    let service = try start(arguments)
    let capture = try service.dump()
    let record = try #require(capture.vitals)
    let tid = try #require(capture.threads.last).tid
    let status = try proc(service, "task/\(tid)/status")
    func kibibytes(_ key: String) throws -> UInt64 {
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(key + ":") })
      let words = line.split { $0 == " " || $0 == "\t" }
      return try #require(words.count > 1 ? UInt64(words[1]) : nil)
    }
    // The service waits: only the handler's own memory may still have grown.
    #expect(record.residentBytes > 0)
    #expect(try record.residentBytes <= kibibytes("VmHWM") * 1024)
    #expect(try record.virtualBytes <= kibibytes("VmPeak") * 1024)
    #expect(try record.peakVirtualBytes <= kibibytes("VmPeak") * 1024)
    #expect(record.hasSwapBytes && record.hasAnonymousBytes && record.hasFileBytes)
    #expect(record.residentBytes == record.anonymousBytes + record.fileBytes + record.sharedBytes)
    // The handler's own are counted too.
    #expect(record.threadCount > 0 && record.threadCount < 5)
    #expect(record.uptimeNs > 0 && record.uptimeNs < 600_000_000_000)
    #expect(try String(record.oomScoreAdjustment) + "\n" == proc(service, "oom_score_adj"))
    if arguments.isEmpty {
      #expect(record.proportionalBytes > 0 && record.privateBytes > 0)
      #expect(record.proportionalBytes <= record.residentBytes + 1_048_576)
    }
  }

  @Test func theControlGroupIsThatOfTheProcess() throws {
    let service = try start()
    let group = try #require(service.dump().vitals).controlGroup
    let groups = try proc(service, "cgroup").split(separator: "\n")
    let memory = groups.first { $0.split(separator: ":")[1] == "memory" }
    #expect(group.version == (memory == nil ? 2 : 1))
    // Whatever is there to be read was read.
    let path =
      (memory ?? groups.first { $0.hasPrefix("0::") } ?? "0::/").split(
        separator: ":",
        maxSplits: 2
      ).last ?? "/"
    let root = memory == nil ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
    let file = memory == nil ? "memory.current" : "memory.usage_in_bytes"
    let isThere = ["\(root)\(path)/\(file)", "\(root)/\(file)"].contains { file in
      FileManager.default.isReadableFile(atPath: file)
    }
    #expect(group.hasMemoryBytes == isThere)
  }

  @Test func threadsSayHowTheyAreScheduled() throws {
    let service = try start()
    #expect(try service.ask("nice") == "nice")
    let threads = try service.dump().threads
    let batch = try #require(threads.first { $0.name == "batch" })
    #expect((batch.policy, batch.nice, batch.realtimePriority) == (3, 7, 0))
    let main = try #require(threads.first { $0.name == "state" })
    #expect(main.policy == 0)
  }

  // MARK: Environment

  private static let variables: [String: String?] = [
    "SECRET_TOKEN": "hunter2=hunter3", "EMPTY": "", "odd name": "never shown",
  ]

  @Test func environmentHasNamesAndNoValuesByDefault() throws {
    let service = try start(environment: Self.variables)
    let capture = try service.dump()
    let environment = try #require(capture.environment)
    #expect(environment.variables.map(\.name).contains("SECRET_TOKEN"))
    #expect(environment.variables.map(\.name).contains("EMPTY"))
    #expect(!environment.variables.contains { $0.hasValue || $0.name.contains("odd") })
    #expect(environment.skipped >= 1)
    let path = try service.state().lastCapture
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(bytes.range(of: Data("hunter2".utf8)) == nil)
    #expect(bytes.range(of: Data("never shown".utf8)) == nil)
  }

  @Test func environmentHasValuesWhereAsked() throws {
    let service = try start(
      settings: "min-interval=none,environment=on",
      environment: Self.variables
    )
    let variables = try #require(service.dump().environment).variables
    #expect(variables.first { $0.name == "SECRET_TOKEN" }?.value == "hunter2=hunter3")
    let empty = try #require(variables.first { $0.name == "EMPTY" })
    #expect(empty.hasValue && empty.value == "")
  }

  // MARK: Notes

  @Test func theLastNotesAreCaptured() throws {
    let service = try Service(Programs.state())
    #expect(service.program.readLine() == "before -107")
    try service.program.wait(for: "ready")
    #expect(try service.dump().notes == nil)
    #expect(try service.ask("no note") == "note -22")
    let begin = UInt64(Date().timeIntervalSince1970 * 1e9)
    for number in 1...300 { #expect(try service.ask("note line \(number)") == "note 0") }
    #expect(try service.ask("long note") == "note 0")
    let notes = try #require(service.dump().notes)
    #expect(notes.notes.count == 256 && notes.older == 45 && notes.lost == 0)
    #expect(notes.notes.dropLast().map(\.text) == (46...300).map { "line \($0)" })
    #expect(notes.notes.last?.text == String(repeating: "x", count: 486))
    #expect(notes.notes.allSatisfy { $0.tid == service.program.processID })
    #expect(notes.notes.allSatisfy { $0.timeNs + 1_000_000 > begin })
    // The report says how many are missing.
    let report = try runSuccessfully(
      Products.dumpcollect,
      ["report", service.state().lastCapture, "--format", "json"]
    )
    #expect(report.contains("\"notes_older\":45"))
  }

  @Test func notesOfManyThreadsAreWhole() throws {
    let service = try start()
    #expect(try service.ask("notes 16 10000") == "noted")
    let notes = try #require(service.dump().notes)
    #expect(notes.older == 160_000 - 256)
    #expect(notes.notes.count <= 256 && notes.notes.count + Int(notes.lost) >= 256)
    for note in notes.notes {
      let words = note.text.split(separator: " ")
      #expect(words.count == 4 && words[0] == "thread" && words[2] == "line", "\(note.text)")
      #expect(Int(words[3]).map { (0..<10_000).contains($0) } == true)
    }
    // Each thread's lines are in the order in which it gave them.
    for (_, own) in Dictionary(grouping: notes.notes, by: \.tid) {
      let numbers = own.compactMap { $0.text.split(separator: " ").last.flatMap { Int($0) } }
      #expect(numbers == numbers.sorted())
    }
  }

  @Test func capturesDuringNotesHaveOnlyWholeOnes() throws {
    let service = try start()
    try service.program.write(line: "notes 8 2000000")
    for _ in 0..<20 {
      for note in try service.dump().notes?.notes ?? [] {
        #expect(note.text.wholeMatch(of: /thread \d line \d+/) != nil, "\(note.text)")
      }
    }
  }

  @Test func aForkedChildBeginsWithoutNotes() throws {
    let service = try start()
    #expect(try service.ask("note of the parent") == "note 0")
    let answer = try service.ask("fork").split(separator: " ")
    #expect(answer.last == "0")
    let child = try #require(Int32(answer[1]))
    defer { kill(child, SIGKILL) }
    kill(child, SIGQUIT)
    // The child makes its state file at its first capture.
    let deadline = ContinuousClock.now + .seconds(30)
    var state = try? service.state(pid: child)
    while state == nil, ContinuousClock.now < deadline {
      sched_yield()
      state = try? service.state(pid: child)
    }
    let found = try #require(state)
    try found.waitUntilServed(beyond: 0)
    let capture = try CaptureReader.capture(at: found.lastCapture)
    #expect(capture.notes?.notes.map(\.text) == ["from the child"])
  }
}
