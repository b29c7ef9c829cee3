import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct CaptureSymbolizerTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func report(
    _ capture: String,
    debugDirectories: [String] = [],
    sysroot: String? = nil,
    jobs: Int? = nil
  ) throws -> DumpReport {
    var options = SymbolizerOptions()
    options.debugDirectories = debugDirectories
    options.sysroot = sysroot
    options.jobs = jobs
    var log = Logger(label: "test")
    log.logLevel = .critical
    return try CaptureSymbolizer(options: options, log: log).report(ofCaptureAt: capture)
  }

  private func frames(_ report: DumpReport, thread: Int = 0) throws -> [Frame] {
    let stack = try #require(report.threads[thread].stack)
    return report.stacks[stack].map { report.frames[$0] }
  }

  private func module(_ report: DumpReport, _ name: String) throws -> ReportModule {
    try #require(report.modules.first { $0.path.hasSuffix("/\(name)") || $0.path == name })
  }

  /// The witness' frames, outermost `main`, as its source says.
  private static let chain = [
    "on_trap", "trap_at_entry", "service::Worker<long>::serve(int)",
    "service::dispatch(service::Worker<long>&)",
    "service::accept_all(service::Worker<long>&)", "run_forever(service::Worker<long>&)", "main",
  ]

  private func expectChain(_ frames: [Frame], hasLines: Bool = true) throws {
    let names = Self.chain.filter { hasLines || !$0.contains("dispatch") }
    var rest = frames[...]
    for name in names {
      guard let position = rest.firstIndex(where: { $0.function?.hasPrefix(name) == true }) else {
        Issue.record("\(name) is missing in \(frames.map { $0.function ?? $0.unknown ?? "?" })")
        return
      }
      let frame = rest[position]
      rest = rest[(position + 1)...]
      guard let mark = name.firstMatch(of: /(serve|dispatch|accept_all|run_forever|main)/)?.1 else {
        continue
      }
      if hasLines {
        #expect(frame.line == (try Witness.line(String(mark))), "\(name)")
        #expect(frame.file?.hasSuffix("Tests/Fixtures/symbolizer/witness.cpp") == true)
      } else {
        #expect(frame.line == nil)
        #expect(frame.unknown == "no debug information")
      }
      #expect(frame.isInlined == (mark == "dispatch"))
    }
  }

  @Test(arguments: [
    ("g++", ["-g", "-O1"]), ("g++", ["-g", "-O0"]), ("g++", ["-gdwarf-4", "-O2"]),
    ("clang++", ["-g", "-O1", "-Wl,--build-id"]), ("g++", ["-g", "-O1", "-no-pie"]),
    ("g++", ["-g", "-O1", "-static-pie"]), ("g++", ["-g", "-O1", "-static"]),
    ("g++", ["-g", "-O1", "-gz"]),
  ])
  func theChainIsAsTheSourceSays(compiler: String, options: [String]) throws {
    let witness = try Witness(compiler: compiler, options, in: directory)
    let report = try report(witness.capture(in: directory))
    #expect(report.isComplete)
    #expect(report.problems.isEmpty, "\(report.problems)")
    let frames = try frames(report)
    try expectChain(frames)
    let trampoline = try #require(frames.first { $0.isSignalFrame })
    #expect(trampoline.address == witness.frames[1])
    let interrupted = try #require(frames.first { $0.function == "trap_at_entry" })
    #expect(interrupted.address == witness.frames[2])
    let program = try module(report, "witness")
    #expect(program.status == .debugInfo)
    #expect(program.buildID == (try witness.buildID(of: witness.program)))
    #expect(program.reason == nil)
    for frame in frames where frame.module == report.modules.firstIndex(of: program) {
      let bias = options.contains { $0 == "-static" || $0 == "-no-pie" } ? 0 : program.base
      #expect(frame.offset == frame.address - bias)
    }
  }

  @Test func theHeadOfTheReportIsThatOfTheCapture() throws {
    let witness = try Witness(in: directory)
    let path = try witness.capture(in: directory)
    let report = try report(path)
    #expect(report.kind == .live)
    #expect(report.reason == "signal")
    #expect(report.time == Date(timeIntervalSince1970: 1_767_225_600.25))
    #expect(report.captureFile == path)
    #expect(
      report.signal
        == {
          var signal = ReportSignal(number: 3, code: 0)
          signal.senderProcessID = 77
          return signal
        }()
    )
    #expect(report.process.processID == 4711)
    #expect(report.process.name == "witness")
    #expect(report.process.threadCount == 1)
    let thread = report.threads[0]
    #expect(thread.threadID == 100)
    #expect(thread.name == "worker")
    #expect(thread.state == .sleeping)
    #expect(thread.systemCall == "futex")
    #expect(thread.waitChannel == "futex_wait_queue")
    #expect(thread.cpuUser == .milliseconds(30))
    #expect(thread.cpuSystem == .zero)
  }

  @Test func strippedProgramsUseTheFileBesideThem() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let debug = directory.file("witness.debug")
    try runSuccessfully("objcopy", ["--only-keep-debug", witness.program, debug])
    try runSuccessfully("strip", [witness.program])
    let stripped = try report(capture)
    #expect(try module(stripped, "witness").status == .symbols)
    #expect(try module(stripped, "witness").reason?.hasPrefix("stripped; no debug file") == true)
    try runSuccessfully("objcopy", ["--add-gnu-debuglink=\(debug)", witness.program])
    for place in ["witness.debug", ".debug/witness.debug"] {
      if place.hasPrefix(".") {
        try FileManager.default.createDirectory(
          atPath: directory.file(".debug"),
          withIntermediateDirectories: true
        )
        try FileManager.default.moveItem(atPath: debug, toPath: directory.file(place))
      }
      let report = try report(capture)
      try expectChain(try frames(report))
      #expect(try module(report, "witness").status == .debugInfo)
      #expect(try module(report, "witness").debugFile == directory.file(place))
    }
  }

  @Test(arguments: ["build-id", "link", "name", "folder", "unstripped"])
  func debugDirectoriesAreSearched(layout: String) throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let buildID = try witness.buildID(of: witness.program)
    let place =
      switch layout {
      case "build-id": ".build-id/\(buildID.prefix(2))/\(buildID.dropFirst(2)).debug"
      case "link": "linked.debug"
      case "folder": "\(directory.path.dropFirst())/linked.debug"
      default: "witness"
      }
    let debug = try TemporaryDirectory()
    let path = debug.file(place)
    try FileManager.default.createDirectory(
      atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
      withIntermediateDirectories: true
    )
    let option = layout == "unstripped" ? [] : ["--only-keep-debug"]
    try runSuccessfully("objcopy", option + [witness.program, path])
    let named = directory.file("linked.debug")
    try FileManager.default.copyItem(atPath: path, toPath: named)
    try runSuccessfully("strip", [witness.program])
    try runSuccessfully("objcopy", ["--add-gnu-debuglink=\(named)", witness.program])
    try FileManager.default.removeItem(atPath: named)
    let report = try report(capture, debugDirectories: ["/no/such/folder", debug.path])
    try expectChain(try frames(report))
    #expect(try module(report, "witness").debugFile == path)
    #expect(report.problems.isEmpty)
  }

  @Test func aDebugFileServesWhereTheProgramIsGone() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let debug = try TemporaryDirectory()
    try runSuccessfully("objcopy", ["--only-keep-debug", witness.program, debug.file("witness")])
    try FileManager.default.removeItem(atPath: witness.program)
    let without = try report(capture)
    #expect(try module(without, "witness").status == .none)
    #expect(try module(without, "witness").reason?.contains("No such file") == true)
    #expect(try frames(without)[0].unknown == "the module's file is missing")
    try expectChain(try frames(try report(capture, debugDirectories: [debug.path])))
  }

  @Test func aDebugFileOfAnotherBuildIsRefusedAndNamed() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let other = try Witness(["-g", "-O0"], in: directory, named: "other")
    let debug = try TemporaryDirectory()
    let wrong = debug.file("witness")
    try runSuccessfully("objcopy", ["--only-keep-debug", other.program, wrong])
    try runSuccessfully("strip", [witness.program])
    let report = try report(capture, debugDirectories: [debug.path])
    let program = try module(report, "witness")
    #expect(program.status == .symbols)
    #expect(program.debugFile == nil)
    let (found, expected) = (
      try witness.buildID(of: other.program), try witness.buildID(of: witness.program)
    )
    #expect(found != expected)
    #expect(program.reason?.contains("\(wrong): build ID \(found), expected \(expected)") == true)
    #expect(report.problems.contains { $0.contains(wrong) })
  }

  @Test func withoutBuildIDsTheLinksChecksumDecides() throws {
    let witness = try Witness(["-g", "-O1", "-Wl,--build-id=none"], in: directory)
    let capture = try witness.capture(in: directory)
    let debug = directory.file("witness.debug")
    try runSuccessfully("objcopy", ["--only-keep-debug", witness.program, debug])
    try runSuccessfully("strip", [witness.program])
    try runSuccessfully("objcopy", ["--add-gnu-debuglink=\(debug)", witness.program])
    let right = try report(capture)
    try expectChain(try frames(right))
    #expect(try module(right, "witness").buildID == nil)
    #expect(try module(right, "witness").reason?.contains("no build ID") == true)
    // One byte more is another checksum.
    let file = try #require(FileHandle(forWritingAtPath: debug))
    try file.seekToEnd()
    try file.write(contentsOf: Data([0]))
    try file.close()
    let wrong = try report(capture)
    #expect(try module(wrong, "witness").status == .symbols)
    #expect(try module(wrong, "witness").reason?.contains("checksum ") == true)
    #expect(wrong.problems.contains { $0.contains(debug) })
  }

  @Test func aProgramThatWasReplacedIsRefusedAndNamed() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let captured = try witness.buildID(of: witness.program)
    let other = try Witness(["-g", "-O0"], in: directory, named: "other")
    let found = try witness.buildID(of: other.program)
    try FileManager.default.removeItem(atPath: witness.program)
    try FileManager.default.copyItem(atPath: other.program, toPath: witness.program)
    let report = try report(capture)
    let program = try module(report, "witness")
    let reason = "file replaced since: build ID \(found), captured \(captured)"
    #expect(program.status == .none)
    #expect(program.reason?.contains(reason) == true)
    let frame = try #require(try frames(report).first { $0.address == witness.frames[3] })
    #expect(frame.function == nil)
    #expect(frame.unknown == "the module's file was replaced")
    #expect(report.problems.contains { $0.contains(witness.program) })
  }

  @Test func modulesAreLookedUpBelowTheSysroot() throws {
    let witness = try Witness(in: directory)
    let modules = try witness.modules { path in
      path == witness.program ? ("/srv/app/witness", try? witness.buildID(of: path)) : nil
    }
    let capture = try witness.capture(modules: modules, in: directory)
    #expect(try module(try report(capture), "witness").status == .none)
    let root = try TemporaryDirectory()
    try FileManager.default.createDirectory(
      atPath: root.file("srv/app"),
      withIntermediateDirectories: true
    )
    try FileManager.default.copyItem(atPath: witness.program, toPath: root.file("srv/app/witness"))
    let report = try report(capture, sysroot: root.path + "/")
    #expect(try module(report, "witness").status == .debugInfo)
    let frames = try frames(report).filter { $0.function?.hasPrefix("service::") == true }
    #expect(frames.count == 3)
    // The machine's own C library lies outside.
    #expect(try module(report, "libc.so.6").status == .none)
  }

  @Test func aDeletedModuleIsFoundByItsBuildID() throws {
    let witness = try Witness(in: directory)
    let modules = try witness.modules { path in
      path == witness.program ? (path + " (deleted)", try? witness.buildID(of: path)) : nil
    }
    let report = try report(try witness.capture(modules: modules, in: directory))
    #expect(try module(report, "witness").status == .debugInfo)
    try expectChain(try frames(report))
  }

  @Test func theVDSOIsReadFromTheCapture() throws {
    let witness = try Witness(in: directory)
    try #require(!witness.vdso.isEmpty, "the kernel gave this process no vDSO")
    let file = directory.file("vdso.so")
    let listed = try runSuccessfully("nm", ["-D", file])
      .firstMatch(of: /([0-9a-f]+) [TW] (__vdso_[a-z_]+)/)
    let symbol = try #require(listed)
    let address = try #require(UInt64(symbol.1, radix: 16)) + (try witness.base("[vdso]")) + 4
    let thread = witness.thread(addresses: [address], isMarked: false)
    let report = try report(try witness.capture(threads: [thread], in: directory))
    let frame = try frames(report)[0]
    #expect(frame.function == String(symbol.2))
    #expect(try module(report, "[vdso]").status == .symbols)
  }

  @Test func addressesOfNoModuleSayWhy() throws {
    let witness = try Witness(in: directory)
    let stack = try #require(witness.mappings.first { $0.path == "[stack]" })
    let addresses = [0, 8, stack.start + 64, UInt64.max, 0x1234_5678_9abc_def0]
    let thread = witness.thread(addresses: addresses, isMarked: false)
    let report = try report(try witness.capture(threads: [thread], in: directory))
    let frames = try frames(report)
    #expect(frames.map(\.address) == addresses)
    #expect(frames.allSatisfy { $0.module == nil && $0.function == nil && $0.offset == nil })
    #expect(frames[0].unknown == "null address")
    #expect(frames[1].unknown == "wild address near null")
    #expect(frames[2].unknown?.hasPrefix("in no module") == true)
    #expect(frames[3].unknown == "in the kernel's part of memory")
    #expect(frames[4].unknown == "no address of this machine")
  }

  @Test func withoutMarksAReturnAddressIsLookedUpInsideItsCall() throws {
    let witness = try Witness(in: directory)
    // The trap's address as a return address belongs to the function before it.
    let thread = witness.thread(addresses: [witness.frames[0], witness.frames[2]], isMarked: false)
    let report = try report(try witness.capture(threads: [thread], in: directory))
    #expect(try frames(report).last?.function == "before_trap")
    #expect(try frames(report).last?.address == witness.frames[2])
  }

  @Test func theStackThatCreatedAThreadHasNamesAndIsKeptOnce() throws {
    let witness = try Witness(in: directory)
    // The trap's address, as the return address it is here, belongs to the function before it.
    let addresses = Array(witness.frames[2...])
    var origin = ProtobufField.varint(1, 77) + ProtobufField.string(2, "starter")
    origin += ProtobufField.packed(3, addresses)
    let threads = (1...50).map { id in
      witness.thread(id: Int32(id)) + (id == 50 ? [] : ProtobufField.bytes(20, origin))
    }
    let report = try report(try witness.capture(threads: threads, in: directory))
    #expect(report.stacks.count == 2)
    let creators = report.threads.map(\.createdBy)
    #expect(creators.dropLast().allSatisfy { $0 != nil && $0 == creators[0] })
    #expect(report.threads[49].createdBy == nil)
    let creator = try #require(creators[0])
    #expect(creator.threadID == 77 && creator.name == "starter")
    let frames = report.stacks[try #require(creator.stack)].map { report.frames[$0] }
    #expect(frames.first?.function == "before_trap" && frames.first?.address == addresses[0])
    #expect(frames.contains { $0.function?.hasPrefix("main") == true && $0.line != nil })
    let groups = report.groups()
    #expect(groups.count == 1 && groups[0].createdBy == nil)
  }

  @Test func aWatchdogThatCrossedItsLimitIsAFinding() throws {
    var bytes = CaptureBytes()
    var alarm = ProtobufField.string(1, "event loop") + ProtobufField.varint(2, 4712)
    alarm += ProtobufField.varint(3, 1_000_000_000) + ProtobufField.varint(4, 1_259_999_999)
    bytes.add(kind: 1, ProtobufField.string(2, "watchdog") + ProtobufField.bytes(14, alarm))
    let path = directory.file("a.dcap")
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
    var finding = Finding(
      kind: "watchdog",
      text: "event loop had no tick for at least 1.25 s (limit 1.00 s)"
    )
    finding.threadIDs = [4712]
    #expect(try report(path).findings == [finding])
  }

  @Test func framesAndStacksAreKeptOnce() throws {
    let witness = try Witness(in: directory)
    let threads = (0..<3000).map { witness.thread(id: Int32($0 + 1)) }
    let single = try report(try witness.capture(in: directory, named: "one.dcap"))
    let report = try report(try witness.capture(threads: threads, in: directory))
    #expect(report.threads.count == 3000)
    #expect(report.stacks.count == 1)
    #expect(report.frames == single.frames)
    #expect(Set(report.threads.map(\.stack)) == [0])
  }

  @Test func oneThreadAndManyGiveTheSameReport() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(in: directory)
    let one = try report(capture, jobs: 1)
    #expect(try report(capture, jobs: 4) == one)
  }

  @Test func aCutCaptureGivesWhatIsWhole() throws {
    let witness = try Witness(in: directory)
    let capture = try witness.capture(
      threads: [witness.thread(id: 1), witness.thread(id: 2)],
      in: directory
    )
    let bytes = try Data(contentsOf: URL(fileURLWithPath: capture))
    // Somewhere in the second thread's record: the end record is 16 + 4 bytes or so.
    let path = directory.file("cut.dcap")
    try bytes.prefix(bytes.count - 60).write(to: URL(fileURLWithPath: path))
    let report = try report(path)
    #expect(!report.isComplete)
    #expect(report.threads.map(\.threadID) == [1])
    try expectChain(try frames(report))
    #expect(report.problems.contains { $0.contains("1 thread of 2 missing") })
  }

  @Test func filesThatAreNoCapturesAreErrors() throws {
    let text = try directory.write("no capture\n", to: "text")
    for path in [text, directory.file("none"), directory.path] {
      let error = #expect(throws: SymbolizerError.self) { try report(path) }
      #expect(error?.file == path)
      #expect(error?.hint != nil)
    }
  }

  @Test(arguments: [
    (
      "swiftc", "client.swift", ["-g", "-O", "-parse-as-library", "-module-name", "client"],
      "keepAlive"
    ),
    ("rustc", "client.rs", ["-g", "-O"], "keep_alive"),
  ])
  func functionsOfOtherLanguagesAreReadableAndPlaced(
    compiler: String,
    source: String,
    options: [String],
    word: String
  ) throws {
    let program = try Fixture.build(
      ["symbolizer/\(source)"],
      compiler: compiler,
      arguments: options,
      into: directory,
      named: "client"
    )
    let symbol = try #require(
      try runSuccessfully("nm", [program]).split(separator: "\n").first {
        $0.contains(word) && $0.contains(/\ [tT]\ /) && !$0.contains(".")
      }
    )
    let parts = symbol.split(separator: " ")
    let address = try #require(UInt64(parts[0], radix: 16))
    // Any place will do for a program that is not run.
    let bias: UInt64 = 0x5555_0000_0000
    var module = ProtobufField.string(2, program)
    module += ProtobufField.fixed64(4, bias) + ProtobufField.fixed64(5, bias + 0x1000_0000)
    module += ProtobufField.fixed64(6, bias)
    var thread = ProtobufField.varint(1, 1)
    thread += ProtobufField.packed(10, [bias + address, bias + address + 1])
    var bytes = CaptureBytes()
    bytes.add(kind: 1, ProtobufField.varint(5, 62))
    bytes.add(kind: 2, ProtobufField.varint(1, 1))
    bytes.add(kind: 3, module)
    bytes.add(kind: 4, thread)
    bytes.add(kind: 255, ProtobufField.varint(1, 4) + ProtobufField.varint(2, 1))
    let path = directory.file("client.dcap")
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
    let report = try report(path)
    let frames = try frames(report)
    for frame in frames where !frame.isInlined {
      #expect(frame.linkage == String(parts[2]))
      #expect(frame.file?.hasSuffix("Tests/Fixtures/symbolizer/\(source)") == true)
      #expect((frame.line ?? 0) > 0)
      if compiler == "swiftc" {
        #expect(
          frame.function
            == "client.Client.keepAlive(timeout: Swift.Int, host: Swift.String) -> Swift.Int"
        )
        #expect(frame.shortFunction == "Client.keepAlive(timeout:host:)")
      } else {
        #expect(frame.function == "client::Client::keep_alive")
        #expect(frame.shortFunction == nil)
      }
    }
    #expect(frames.count >= 2)
  }
}
