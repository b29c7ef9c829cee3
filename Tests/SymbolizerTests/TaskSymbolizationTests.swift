import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Tasks of a real program: its functions, lines and types as swiftc writes them.
@Suite struct TaskSymbolizationTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func report(_ capture: String) throws -> DumpReport {
    var log = Logger(label: "test")
    log.logLevel = .critical
    return try CaptureSymbolizer(options: SymbolizerOptions(), log: log)
      .report(ofCaptureAt: capture)
  }

  /// The frames of a stack of these functions.
  private func frames(_ names: [String], of program: AsyncProgram) throws -> [Frame] {
    let addresses = try names.map { try program.address($0) }
    let path = try program.capture(
      stacks: [1: addresses],
      tasks: [AsyncProgram.task(1, stack: 1)],
      in: directory
    )
    let report = try report(path)
    #expect(report.problems.isEmpty, "\(report.problems)")
    let stack = try #require(report.tasks.first?.stack)
    return report.stacks[stack].map { report.frames[$0] }
  }

  /// Linkage names of functions, with the marks of their awaits in the source.
  private static let functions = [
    ("$s4bank5VaultC7deposityS2iYaF", "deposit"), ("$s4bank5VaultC4holdyyYaF", "hold"),
    ("$s4bank6ClientV5serveyS2iYaKF", "serve"), ("$s4bank6ClientV3allSiyYaF", "all"),
    ("$s4bank6ClientV3allSiyYaFSiScGySiGzYaXEfU_", "all"),
    ("$s4bank6ClientV3allSiyYaFSiScGySiGzYaXEfU_SiyYacfU_", "closure in all"),
    ("$s4bank6ClientV6listen2toyScSySiG_tYaF", "listen"),
    ("$s4bank4MainV4mainyyYaKFZSiyYaKcfU_", "closure in main"),
  ]

  @Test(arguments: [["-g", "-Onone"], ["-g", "-O"], ["-g", "-O", "-static-stdlib"]])
  func aPartGoesOnAtTheLineOfItsAwait(_ arguments: [String]) throws {
    let program = try AsyncProgram(arguments, in: directory)
    var shown: [String: Set<UInt32>] = [:]
    for (function, mark) in Self.functions {
      let parts = program.awaits(of: function)
      #expect(!parts.isEmpty, "\(function)")
      for part in parts {
        let frames = try frames([part], of: program)
        let outermost = try #require(frames.last)
        // A part that passes on what a specialized one returned has no rows at all.
        guard let line = outermost.line else {
          #expect(frames.last?.file == nil)
          continue
        }
        let lines = try AsyncProgram.lines(mark)
        #expect(lines.contains(line), "\(part): line \(line)")
        #expect(outermost.file?.hasSuffix("/Tests/Fixtures/symbolizer/tasks.swift") == true)
        #expect(frames[0].column == 0 || frames[0].line == nil)
        shown[mark, default: []].insert(line)
      }
    }
    for mark in Set(Self.functions.map(\.1)) {
      let lines = try AsyncProgram.lines(mark)
      #expect(shown[mark] == lines, "\(mark)")
    }
  }

  @Test(arguments: ["-Onone", "-O"])
  func whatIsWrittenInTheServiceIsToldFromThunksAndTheLibrary(_ optimization: String) throws {
    let program = try AsyncProgram(["-g", optimization], in: directory)
    let sleep = try #require(
      program.symbols.keys.filter { $0.hasPrefix("$ss5ClockPsE5sleep3for9tolerance") }
        .first { $0.contains("TQ") }
    )
    let closure = "$s4bank4MainV4mainyyYaKFZSiyYaKcfU_"
    let part = try #require(program.awaits(of: closure).first)
    let thunk = "\(closure)TATQ0_"
    let wrapper = "$s4bank4MainV5$mainyyYaKFZTQ0_"
    let names = [sleep, part, thunk, wrapper]
    let frames = try frames(names, of: program).filter { !$0.isInlined }
    #expect(frames.map(\.isRuntime) == [true, false, true, true])
    #expect(frames.map(\.isAsync) == [true, true, true, true])
    #expect(frames.map(\.linkage) == names)
    #expect(
      frames[1].function
        == "closure #1 () async throws -> Swift.Int in static bank.Main.main() async throws -> ()"
    )
    #expect(frames[1].shortFunction == "closure #1 in static Main.main()")
    #expect(frames[2].shortFunction == "partial apply for closure #1 in static Main.main()")
    let functions = frames.compactMap(\.function)
    #expect(functions.count == 4 && !functions.joined().contains("partial function"))
    #expect(frames[0].shortFunction == "Clock.sleep(for:tolerance:)")
  }

  @Test func aSleepIsToldByTheStack() throws {
    let program = try AsyncProgram(["-g", "-Onone"], in: directory)
    let sleep = try #require(
      program.symbols.keys.filter { $0.hasPrefix("$sScTss5NeverORszABRs_rlE5sleep3for") }
        .first { $0.hasSuffix("TQ0_") }
    )
    let addresses = try [sleep, "$s4bank6ClientV5serveyS2iYaKFTQ5_"].map(program.address)
    let path = try program.capture(
      stacks: [3: addresses],
      tasks: [AsyncProgram.task(1, stack: 3, ProtobufField.varint(11, 1))],
      in: directory
    )
    let report = try report(path)
    #expect(
      TaskWaits(report)[report.tasks[0]]
        == TaskWait(kind: .sleep, detail: "Task.sleep(for:tolerance:clock:)")
    )
    let own = report.tasks[0].stack.flatMap(FrameRoles(report).ownFrame)
    #expect(own.map { report.frames[$0].shortFunction } == "Client.serve(_:)")
  }

  // MARK: Actors

  private func executor(ofType type: UInt64, kind: UInt64 = 1) -> [UInt8] {
    var executor = ProtobufField.varint(1, 7) + ProtobufField.fixed64(2, 0x7f12_3450)
    executor += ProtobufField.fixed64(3, type) + ProtobufField.varint(4, kind)
    return executor + ProtobufField.varint(6, 4712) + ProtobufField.varint(7, 9)
  }

  private func executor(
    _ record: [UInt8],
    of program: AsyncProgram
  ) throws -> ReportExecutor {
    let path = try program.capture(
      stacks: [:],
      tasks: [AsyncProgram.task(1, stack: 0, ProtobufField.varint(14, 7))],
      executors: [record],
      in: directory
    )
    let report = try report(path)
    #expect(report.tasks[0].executor == 0)
    return try #require(report.executors.first)
  }

  @Test(arguments: [["-g", "-Onone"], ["-O"], ["-O", "-static-stdlib"]])
  func anActorHasTheTypeThatItsMetadataIsNamedAfter(_ arguments: [String]) throws {
    let program = try AsyncProgram(arguments, in: directory)
    let type = try program.address("$s4bank5VaultCN")
    let actor = try executor(executor(ofType: type), of: program)
    #expect(actor.type == "bank.Vault" && actor.unknown == nil)
    #expect(actor.holderTask == 9 && actor.holderThreadID == 4712)
    #expect(actor.kind == .actor && actor.address == 0x7f12_3450)
    // Where only the whole metadata has a symbol.
    try runSuccessfully("objcopy", ["--strip-symbol=$s4bank5VaultCN", program.path])
    #expect(try executor(executor(ofType: type), of: program).type == "bank.Vault")
    try runSuccessfully("strip", [program.path])
    let unknown = try executor(executor(ofType: type), of: program)
    #expect(unknown.type == nil && unknown.unknown == "no symbol covers its metadata")
  }

  @Test func metadataThatWasMadeAtRunTimeIsCalledSo() throws {
    let program = try AsyncProgram(["-Onone"], in: directory)
    let generic = try executor(executor(ofType: 0x7f99_0000_0000), of: program)
    #expect(generic.unknown == "its metadata was made at run time, as that of generic types is")
    #expect(try executor(executor(ofType: 0), of: program).unknown == "its type was not read")
    // The process's own name for the class stands in, where there is none by symbols.
    let named = executor(ofType: 0x7f99_0000_0000) + ProtobufField.string(8, "Cache")
    let cache = try executor(named, of: program)
    #expect(cache.type == "Cache" && cache.unknown == nil)
    let vault = try program.address("$s4bank5VaultCN")
    let full = executor(ofType: vault) + ProtobufField.string(8, "Vault")
    #expect(try executor(full, of: program).type == "bank.Vault")
    let main = try executor(executor(ofType: 0, kind: 2), of: program)
    #expect(main.kind == .mainActor && main.type == "Swift.MainActor" && main.unknown == nil)
  }

  // MARK: Running tasks

  @Test func aRunningTaskHasTheFramesOfItsThreadFirstAndTheThreadKeepsThem() throws {
    // The runtime's function that runs a task is among the program's own.
    let program = try AsyncProgram(["-g", "-Onone", "-static-stdlib"], in: directory)
    let boundary = "_ZN5swift34runJobInEstablishedExecutorContextEPNS_3JobE"
    let block = try program.address("$s4bank5VaultC5blockyyF")
    let run = try program.address(boundary)
    let part = "$s4bank6ClientV3allSiyYaFTQ1_"
    func thread(_ id: UInt64, _ addresses: [UInt64]) -> [UInt8] {
      ProtobufField.varint(1, id) + ProtobufField.string(3, "R")
        + ProtobufField.packed(10, addresses) + ProtobufField.varint(22, id - 4700)
    }
    func running(_ id: UInt64, on thread: UInt64) -> [UInt8] {
      AsyncProgram.task(id, stack: 1, ProtobufField.varint(3, 2) + ProtobufField.varint(16, thread))
    }
    let path = try program.capture(
      stacks: [1: [try program.address(part)]],
      tasks: [running(12, on: 4712), running(13, on: 4713), running(14, on: 99)],
      threads: [
        thread(4712, [block + 4, run + 40, try program.address("swift_job_run") + 20]),
        thread(4713, [block + 4]),
      ],
      runtime: 2,
      in: directory
    )
    let report = try report(path)
    func names(_ stack: Int?) throws -> [String?] {
      report.stacks[try #require(stack)].map {
        report.frames[$0].linkage ?? report.frames[$0].function
      }
    }
    #expect(try names(report.tasks[0].stack) == ["$s4bank5VaultC5blockyyF", part])
    #expect(report.tasks[0].doubt == nil)
    #expect(
      try names(report.threads[0].stack) == ["$s4bank5VaultC5blockyyF", boundary, "swift_job_run"]
    )
    #expect(report.threads.map(\.task) == [12, 13])
    #expect(
      report.stacks[report.threads[0].stack ?? 0].map { report.frames[$0].isRuntime } == [
        false, true, true,
      ]
    )
    // The thread does not show where the task begins, or is not there.
    #expect(try names(report.tasks[1].stack) == [part])
    #expect(report.tasks[1].doubt == "its thread's frames do not show where the task begins")
    #expect(try names(report.tasks[2].stack) == [part])
  }

  // MARK: What is missing

  @Test func tasksThatWereLostOrNotWrittenMakeAReportIncomplete() throws {
    let program = try AsyncProgram(["-Onone"], in: directory)
    let skipped = ProtobufField.bytes(
      18,
      ProtobufField.string(1, "the capture ran out of time") + ProtobufField.varint(2, 8 << 20)
    )
    let path = try program.capture(
      stacks: [:],
      tasks: [AsyncProgram.task(1, stack: 5)],
      summary: ProtobufField.varint(5, 4) + ProtobufField.varint(19, 2) + skipped,
      in: directory
    )
    let report = try report(path)
    #expect(!report.isComplete)
    #expect(
      report.problems == [
        "3 tasks of 4 missing from the capture", "2 more tasks found and not written: a limit",
        "8192 KiB of memory not searched for tasks: the capture ran out of time",
      ]
    )
    #expect(report.tasks.map(\.stack) == [nil])
    #expect(report.taskSummary?.skipped.map(\.byteCount) == [8 << 20])
  }
}
