import Foundation
package import Report

/// Reports made by hand, for tests that need no ELF file.
package enum SampleReport {
  /// A small server: workers, one acceptor, threads that could not be read, every field used somewhere.
  package static func server() -> DumpReport {
    var report = DumpReport()
    report.kind = .live
    report.reason = "signal"
    report.time = Date(timeIntervalSince1970: 1_772_355_900.25)
    report.captureFile = "/var/lib/shop/dumps/shop.4711.20260301T090500Z.1.dcap"
    report.process = process()
    report.signal = ReportSignal(number: 3, code: -1)
    report.signal?.senderProcessID = 88
    report.modules = modules()
    report.frames = frames()
    report.stacks = [[0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10], [11, 2, 3, 4], [12, 13, 7, 8]]
    report.threads = threads()
    addState(to: &report)
    return report
  }

  /// The same server after a null pointer in its worker.
  package static func crash() -> DumpReport {
    var report = server()
    report.kind = .crash
    report.signal = ReportSignal(number: 11, code: 1)
    report.signal?.address = 0
    report.message = "Fatal error: Unexpectedly found nil"
    report.crashedThreadID = 4716
    let crashed = report.threads.firstIndex { $0.threadID == 4716 } ?? 0
    report.threads[crashed].fatalSignal = report.signal
    report.threads[crashed].registers = ["rax", "rdx", "rcx", "rbx", "rip"].enumerated().map {
      ThreadRegister(name: $1, value: $0 == 1 ? .max : UInt64($0) << 36)
    }
    // Another one crashed meanwhile.
    report.threads[1].fatalSignal = ReportSignal(number: 6, code: -6)
    report.threads[1].fatalSignal?.senderProcessID = 4711
    report.isComplete = false
    report.problems = ["offset 4096: record of kind 4 is damaged (CRC)"]
    var finding = Finding(kind: "deadlock", text: "two threads wait for each other's mutex")
    finding.threadIDs = [4712, 4713]
    report.findings = [finding]
    return report
  }

  /// Many threads: `distinct` stacks of `depth` frames that share few frames, as interned captures do.
  package static func large(threads: Int, distinct: Int, depth: Int) -> DumpReport {
    var report = server()
    report.frames = (0..<500).map { index in
      var frame = Frame(address: 0x5555_0000 + UInt64(index) * 16)
      frame.module = index % report.modules.count
      frame.offset = UInt64(index) * 16
      frame.function = "shop::Worker<\(index)>::step(int, char const*)"
      frame.file = "/src/shop/worker\(index % 7).cpp"
      frame.line = UInt32(index + 1)
      frame.column = 3
      frame.origin = .cfi
      return frame
    }
    report.stacks = (0..<distinct).map { stack in
      (0..<depth).map { (stack * 7 + $0 * ($0 + stack / 499)) % 499 + ($0 == 0 ? 1 : 0) }
    }
    report.threads = (0..<threads).map { index in
      var thread = ReportThread(threadID: Int32(5000 + index))
      thread.name = "worker-\(index)"
      thread.state = .sleeping
      thread.systemCall = "futex"
      thread.stack = index % distinct
      return thread
    }
    return report
  }

  private static func process() -> ReportProcess {
    var process = ReportProcess()
    process.processID = 4711
    process.name = "shop"
    process.executable = "/opt/shop/bin/shop"
    process.arguments = ["--port", "8080", "with space"]
    process.userID = 1000
    process.startTime = Date(timeIntervalSince1970: 1_772_270_000.5)
    process.host = "shop-01"
    process.cgroup = "/system.slice/shop.service"
    process.kernel = "6.1.0"
    process.threadCount = 9
    return process
  }

  private static func addState(to report: inout DumpReport) {
    report.process.vitals = vitals()
    report.descriptors = [
      DescriptorCount(kind: "socket", count: 1180), DescriptorCount(kind: "file", count: 12),
      DescriptorCount(kind: "directory", count: 2), DescriptorCount(kind: "pipe", count: 1),
    ]
    report.uncountedDescriptors = 3
    report.olderNotes = 1_204
    report.lostNotes = 2
    report.sockets = SocketCounts(tcp: 1172, udp: 1, unix: 4, other: 3, isCut: true)
    var outgoing = ReportConnection(state: "ESTABLISHED", count: 1170)
    outgoing.peer = "127.0.0.1:8081"
    var incoming = ReportConnection(state: "CLOSE_WAIT", count: 1)
    incoming.local = ":8080"
    incoming.peer = "2001:db8::1"
    var listening = ReportConnection(state: "LISTEN", count: 1)
    listening.local = "[::]:8080"
    report.connections = [outgoing, incoming, listening]
    report.environment = [
      EnvironmentVariable(name: "PATH", value: nil), EnvironmentVariable(name: "MODE", value: ""),
    ]
    var note = ReportNote(text: "cache flushed \u{1b}[31m")
    note.time = Date(timeIntervalSince1970: 1_772_355_899.125)
    note.threadID = 4712
    report.notes = [note, ReportNote(text: "no time")]
    report.snippets = [
      SourceSnippet(
        file: "/src/shop/Worker.swift",
        line: 77,
        firstLine: 76,
        lines: [
          "\tguard let job = queue.next() else { return }", "\tjob.pay() // \u{1b}[31m", "}",
        ],
        origin: .disk,
        isNewer: true
      ),
      SourceSnippet(
        file: "/src/shop/Worker.swift",
        line: 9999,
        firstLine: 9999,
        lines: ["never shown"],
        origin: .embedded
      ),
    ]
  }

  private static func vitals() -> ReportVitals {
    var vitals = ReportVitals()
    vitals.residentBytes = 142 << 20
    vitals.peakResidentBytes = 1_500_000_000
    vitals.virtualBytes = 3 << 30
    vitals.swapBytes = 0
    vitals.privateBytes = 100 << 20
    vitals.threadCount = 10
    vitals.uptime = .seconds(86_400)
    vitals.outOfMemoryScore = 12
    vitals.outOfMemoryAdjustment = -500
    vitals.limits = [
      ResourceLimit(name: "nofile", soft: 1024, hard: 1_048_576),
      ResourceLimit(name: "as", soft: nil, hard: nil),
    ]
    var group = ReportControlGroup()
    group.version = 2
    group.memoryBytes = 200 << 20
    group.memoryLimitBytes = 512 << 20
    group.memoryKills = 1
    group.taskCount = 12
    group.processorThousandths = 1500
    group.throttledPeriods = 7
    group.throttledTime = .milliseconds(90)
    var pressure = Pressure(.memory, isFull: false)
    (pressure.average10, pressure.average60, pressure.average300) = (1205, 350, 7)
    pressure.total = .milliseconds(40)
    group.pressures = [pressure, Pressure(.io, isFull: true)]
    vitals.controlGroup = group
    return vitals
  }

  private static func modules() -> [ReportModule] {
    var executable = ReportModule(
      path: "/opt/shop/bin/shop",
      buildID: "0123456789abcdef0123456789abcdef01234567",
      base: 0x5555_5555_4000,
      end: 0x5555_5565_4000
    )
    executable.status = .debugInfo
    executable.debugFile =
      "/usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"
    var library = ReportModule(
      path: "/usr/lib/x86_64-linux-gnu/libc.so.6",
      buildID: "58254ca972fe91e9d68a4dbf4c1d6b2d7d5a5a5a",
      base: 0x7fff_f7c0_0000,
      end: 0x7fff_f7e0_0000
    )
    library.status = .symbols
    library.reason = "no debug file; install libc6-dbg"
    var plugin = ReportModule(
      path: "/opt/shop/lib/plug in.so",
      buildID: nil,
      base: 0x7fff_f7b0_0000,
      end: 0x7fff_f7b1_0000
    )
    plugin.reason = "stripped, and no debug file was found"
    return [executable, library, plugin]
  }

  private static func frames() -> [Frame] {
    [
      library(0x89e39, "__futex_abstimed_wait_common"),
      library(0x8c5d3, "pthread_cond_wait@@GLIBC_2.3.2"),
      swift(
        0x4100,
        "Shop.Queue.next() -> Shop.Job",
        short: "Queue.next()",
        line: 41,
        column: 9,
        inlined: true
      ),
      swift(
        0x4100,
        "Shop.Worker.run() throws -> ()",
        short: "Worker.run()",
        line: 88,
        column: 20
      ),
      library(0x8a0f4, "start_thread"),
      library(0x10a8f4, "accept4"),
      source(0x2210, "shop::Acceptor::loop(int, std::string const&)", "acceptor.cpp", 120, 7),
      source(0x2000, "main", "main.cpp", 17, 0),
      library(0x27249, "__libc_start_main"),
      unknown(0x7fff_f7b0_1234),
      signalTrampoline(),
      swift(0x4188, "Shop.Job.pay() -> Swift.Int", short: "Job.pay()", line: 77, column: 14),
      library(0xa1b2c, "std::thread::_M_start_thread"),
      source(0x2300, "shop::Pool::open(int)", "pool.cpp", 33, 5),
    ]
  }

  private static func threads() -> [ReportThread] {
    let workers = (0..<4).map { index in
      var worker = ReportThread(threadID: Int32(4712 + index))
      worker.name = "worker-\(index + 8)"
      worker.state = .sleeping
      worker.systemCall = "futex"
      worker.waitChannel = "futex_wait_queue"
      worker.cpuUser = .milliseconds(1240)
      worker.cpuSystem = .milliseconds(20)
      worker.stack = 0
      worker.startTime = Date(timeIntervalSince1970: 1_772_270_001.25 + Double(index))
      worker.waitsFor = queue(timeout: index == 3 ? .milliseconds(1500) : nil)
      worker.createdBy = ThreadCreator(threadID: 4711)
      worker.createdBy?.name = "shop"
      worker.createdBy?.stack = 4
      return worker
    }
    var acceptor = ReportThread(threadID: 4711)
    acceptor.name = "shop"
    acceptor.state = .sleeping
    acceptor.systemCall = "accept4"
    acceptor.cpuUser = .nanoseconds(1)
    acceptor.stack = 1
    acceptor.startTime = Date(timeIntervalSince1970: 1_772_270_000.5)
    acceptor.waitsFor = listener()
    acceptor.labels = ["role": "acceptor", "tenant": "a \"b\""]
    var busy = ReportThread(threadID: 4716)
    busy.name = "worker-12"
    busy.state = .running
    busy.cpuUser = .seconds(99)
    busy.stack = 3
    // Its creator is known, the stack of it is not.
    busy.createdBy = ThreadCreator(threadID: 99)
    var plugin = ReportThread(threadID: 4717)
    plugin.name = "plug in"
    plugin.state = .disk
    plugin.systemCall = "fsync"
    plugin.status = .quiet
    plugin.reason = "blocks all signals; read without its registers"
    plugin.truncated = "no unwind information at 0x7ffff7b01234"
    plugin.stack = 2
    var silent = ReportThread(threadID: 4718)
    silent.name = "frozen"
    silent.state = .stopped
    silent.status = .noAnswer
    silent.reason = "no answer within 2s"
    var gone = ReportThread(threadID: 4719)
    gone.status = .exited
    gone.reason = "ended before it could answer"
    return [acceptor] + workers + [busy, plugin, silent, gone]
  }

  /// What idle workers wait on.
  private static func queue(timeout: Duration?) -> WaitTarget {
    var wait = WaitTarget()
    wait.lock = 0x5555_5556_40a0
    wait.lockName = "shop::queue+0x28"
    wait.timeout = timeout
    return wait
  }

  private static func listener() -> WaitTarget {
    var wait = WaitTarget()
    var descriptor = WaitDescriptor(number: 5)
    descriptor.kind = "tcp"
    descriptor.local = "[::]:8080"
    wait.descriptors = [descriptor]
    return wait
  }

  private static func library(_ offset: UInt64, _ name: String) -> Frame {
    var frame = Frame(address: 0x7fff_f7c0_0000 + offset)
    frame.module = 1
    frame.offset = offset
    frame.function = name
    frame.origin = offset == 0x89e39 ? .context : .cfi
    frame.unknown = "no debug information"
    if name == "accept4" {
      frame.aliases = ["__accept4", "__libc_accept4", "a", "b", "c\u{1b}", "d", "e"]
    }
    return frame
  }

  private static func swift(
    _ offset: UInt64,
    _ name: String,
    short: String,
    line: UInt32,
    column: UInt32,
    inlined: Bool = false
  ) -> Frame {
    var frame = source(offset, name, "Worker.swift", line, column)
    frame.shortFunction = short
    frame.linkage = "$s4Shop\(line)"
    frame.isInlined = inlined
    return frame
  }

  private static func source(
    _ offset: UInt64,
    _ name: String,
    _ file: String,
    _ line: UInt32,
    _ column: UInt32
  ) -> Frame {
    var frame = Frame(address: 0x5555_5555_4000 + offset)
    frame.module = 0
    frame.offset = offset
    frame.function = name
    frame.file = "/src/shop/\(file)"
    frame.line = line
    frame.column = column == 0 ? nil : column
    frame.origin = .cfi
    return frame
  }

  private static func unknown(_ address: UInt64) -> Frame {
    var frame = Frame(address: address)
    frame.module = 2
    frame.offset = 0x1234
    frame.origin = .scan
    frame.unknown = "no symbol table"
    return frame
  }

  private static func signalTrampoline() -> Frame {
    var frame = Frame(address: 0xffff_ffff_ff60_0000)
    frame.isSignalFrame = true
    frame.unknown = "no module holds this address"
    return frame
  }
}
