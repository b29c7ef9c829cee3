import Foundation
package import Report

/// A report with a secret in every text: what tests of redaction look for.
package struct CanaryReport {
  /// In each secret, and in nothing else.
  package static let mark = "CANARY"

  package private(set) var report = DumpReport()
  private var count = 0

  /// Every field of every value is filled; those of the program's own words hold the path of somebody's file.
  package init() {
    fillCapture()
    fillProcess()
    fillCode()
    fillThreads()
    fillTasks()
    fillState()
  }

  /// A secret that nobody could know the form of.
  private mutating func secret() -> String {
    count += 1
    return "\(Self.mark)-\(count)"
  }

  /// Words that stay, with a path in them that must not.
  private mutating func words(_ text: String) -> String {
    "\(text) /home/\(secret())/my \(secret())/\(secret()).c:7"
  }

  private mutating func path() -> String {
    "/home/\(secret())/\(secret())/\(secret()).c"
  }

  private mutating func fillCapture() {
    report.kind = .crash
    report.reason = secret()
    report.time = Date(timeIntervalSince1970: 1_772_355_900)
    report.isComplete = false
    report.problems = [words("problem:")]
    report.captureFile = path()
    report.signal = signal()
    report.message = secret()
    report.crashedThreadID = 7
    var finding = Finding(kind: words("kind"), text: words("finding:"))
    finding.threadIDs = [7]
    finding.taskIDs = [1]
    report.findings = [finding]
    var note = ReportNote(text: secret())
    (note.time, note.threadID) = (report.time, 7)
    report.notes = [note]
    report.snippets = [
      SourceSnippet(file: path(), line: 7, firstLine: 7, lines: [secret()], origin: .disk)
    ]
  }

  private func signal() -> ReportSignal {
    var signal = ReportSignal(number: 11, code: 1)
    (signal.address, signal.senderProcessID) = (8, 9)
    return signal
  }

  private mutating func fillProcess() {
    var process = ReportProcess()
    process.processID = 7
    process.name = words("name")
    process.executable = path()
    process.arguments = [secret(), secret()]
    process.userID = 1000
    process.startTime = report.time
    process.host = secret()
    process.cgroup = secret()
    process.kernel = words("kernel")
    process.threadCount = 1
    var vitals = ReportVitals()
    vitals.residentBytes = 1
    vitals.peakResidentBytes = 1
    vitals.virtualBytes = 1
    vitals.peakVirtualBytes = 1
    vitals.anonymousBytes = 1
    vitals.fileBytes = 1
    vitals.sharedBytes = 1
    vitals.swapBytes = 1
    vitals.proportionalBytes = 1
    vitals.privateBytes = 1
    vitals.threadCount = 1
    vitals.uptime = .seconds(1)
    vitals.outOfMemoryScore = 1
    vitals.outOfMemoryAdjustment = 1
    vitals.limits = [ResourceLimit(name: words("limit"), soft: 1, hard: 1)]
    var group = ReportControlGroup()
    group.version = 2
    group.memoryBytes = 1
    group.memoryLimitBytes = 1
    group.memoryHighBytes = 1
    group.memoryKills = 1
    group.taskCount = 1
    group.taskLimit = 1
    group.processorThousandths = 1
    group.throttledPeriods = 1
    group.throttledTime = .seconds(1)
    group.pressures = [Pressure(.cpu, isFull: true)]
    vitals.controlGroup = group
    process.vitals = vitals
    report.process = process
  }

  private mutating func fillCode() {
    var module = ReportModule(path: path(), buildID: words("build"), base: 0x1000, end: 0x9000)
    module.status = .debugInfo
    module.debugFile = path()
    module.reason = words("reason:")
    report.modules = [module]
    var frame = Frame(address: 0x1100)
    frame.module = 0
    frame.offset = 0x100
    frame.function = words("function")
    frame.linkage = words("linkage")
    frame.aliases = [words("alias")]
    frame.shortFunction = words("short")
    frame.file = path()
    frame.line = 7
    frame.column = 3
    frame.origin = .cfi
    frame.unknown = words("unknown:")
    // A frame without a name shows the file of its module.
    var nameless = frame
    (nameless.function, nameless.shortFunction, nameless.linkage) = (nil, nil, nil)
    report.frames = [frame, nameless]
    report.stacks = [[0, 1]]
  }

  private mutating func fillThreads() {
    var thread = ReportThread(threadID: 7)
    thread.name = words("thread")
    thread.state = .sleeping
    thread.status = .quiet
    thread.reason = words("reason:")
    thread.cpuUser = .seconds(1)
    thread.cpuSystem = .seconds(1)
    thread.systemCall = words("call")
    thread.waitChannel = words("channel")
    thread.policy = words("policy")
    thread.realtimePriority = 1
    thread.nice = 1
    thread.labels = [words("key"): secret()]
    thread.truncated = words("truncated:")
    thread.stack = 0
    thread.fatalSignal = signal()
    thread.registers = [ThreadRegister(name: secret(), value: 1)]
    thread.createdBy = ThreadCreator(threadID: 8)
    thread.createdBy?.name = words("creator")
    thread.createdBy?.stack = 0
    thread.task = 1
    thread.executor = 0x8000
    thread.startTime = report.time
    thread.waitsFor = target()
    var silent = ReportThread(threadID: 8)
    silent.status = .noAnswer
    silent.reason = words("silent:")
    report.threads = [thread, silent]
  }

  private mutating func target() -> WaitTarget {
    var target = WaitTarget()
    target.kind = .mutex
    target.lock = 0x8800
    target.lockName = words("lock")
    target.lockType = words("type")
    target.ownerThreadID = 8
    target.readerCount = 1
    target.note = words("note:")
    target.childProcessID = 9
    target.timeout = .seconds(1)
    target.descriptors = ["tcp", "unix", words("kind")].map { kind in
      var descriptor = WaitDescriptor(number: 3)
      descriptor.kind = kind
      descriptor.local = "[\(secret())]:8080"
      descriptor.peer = kind == "unix" ? "/run/\(secret())/\(secret())" : "\(secret()):443"
      descriptor.path = "/var/lib/\(secret())/\(secret()).db"
      return descriptor
    }
    return target
  }

  private mutating func fillTasks() {
    var task = ReportTask(id: 1, address: 0x8100, state: .suspended)
    task.name = words("task")
    task.priority = 21
    task.basePriority = 9
    task.parent = 2
    task.group = 0x8200
    task.dependency = .executor
    task.awaitedTask = 2
    task.awaitedGroup = 0x8300
    task.awaitedAddress = 0x8400
    task.executor = 0
    task.stack = 0
    task.truncated = words("truncated:")
    task.threadID = 7
    task.doubt = words("doubt:")
    report.tasks = [task]
    var executor = ReportExecutor(address: 0x8000, kind: .actor)
    executor.type = words("type")
    executor.holderTask = 1
    executor.holderThreadID = 7
    executor.unknown = words("unknown:")
    report.executors = [executor]
    var summary = ReportTaskSummary(runtime: .shared, isDecoded: true)
    summary.reason = words("reason:")
    summary.layoutVersion = 1
    summary.skipped = [
      ReportTaskSummary.SkippedMemory(reason: words("skipped:"), byteCount: 1)
    ]
    (summary.scanTime, summary.walkTime) = (.seconds(1), .seconds(1))
    report.taskSummary = summary
  }

  private mutating func fillState() {
    report.descriptors = [DescriptorCount(kind: words("kind"), count: 1)]
    report.sockets = SocketCounts(tcp: 1, udp: 1, unix: 1, other: 1, isCut: true)
    var connection = ReportConnection(state: words("state"), count: 1)
    connection.local = "\(secret()):8080"
    connection.peer = "[\(secret())]:443"
    report.connections = [connection]
    report.environment = [EnvironmentVariable(name: words("variable"), value: secret())]
  }
}

extension CanaryReport {
  /// Places in a value that hold no secret though they could: texts without one, nothing, empty lists.
  ///
  /// By reflection, so that a field that is added to a report later is named here until it is filled above.
  package static func emptyPlaces(in value: Any, at place: String = "report") -> [String] {
    switch value {
    case let text as String: return text.contains(mark) || isWord(text, place) ? [] : [place]
    case let set as Set<SourceSnippet>:
      return set.isEmpty ? [place] : emptyPlaces(in: Array(set), at: place)
    case is Date, is Duration: return []
    default: break
    }
    let mirror = Mirror(reflecting: value)
    switch mirror.displayStyle {
    case .optional, .collection, .set, .dictionary:
      guard !mirror.children.isEmpty else { return [place] }
      return mirror.children.flatMap { emptyPlaces(in: $0.value, at: "\(place)[]") }
    case .struct, .tuple, .class:
      return mirror.children.flatMap {
        emptyPlaces(in: $0.value, at: "\(place).\($0.label ?? "?")")
      }
    default: return []
    }
  }

  /// Words of this program's that tell how another field is to be read.
  private static func isWord(_ text: String, _ place: String) -> Bool {
    place == "report.threads[].waitsFor[].descriptors[].kind" && ["tcp", "unix"].contains(text)
  }
}
