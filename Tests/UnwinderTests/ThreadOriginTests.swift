import CUnwind
import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Unwinder

/// Records of threads name the stack that created them.
@Suite struct ThreadOriginTests {
  private func service(_ form: ThreadsForm = .archive, settings: String = "thread-origins=on")
    throws
    -> Service
  {
    let service = try Service(
      Programs.origins(form),
      settings: "min-interval=none,\(settings)"
    )
    try service.program.wait(for: "ready")
    return service
  }

  /// The functions of the executable among a thread's creators, innermost first.
  private func creators(
    _ thread: WireThread,
    in capture: CaptureFormat.Capture,
    _ symbols: SymbolRanges
  )
    -> [String]
  {
    thread.createdBy.addresses.compactMap { address in
      guard let module = capture.module(at: address - 1), module == capture.modules.first else {
        return nil
      }
      return symbols.name(at: address - 1 &- module.loadBias)
    }
  }

  @Test(arguments: [ThreadsForm.archive, .shared, .fullyStatic])
  func everyThreadNamesTheStackThatCreatedIt(form: ThreadsForm) throws {
    let service = try service(form)
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    func chain(_ name: String) -> [[String]] {
      capture.threads(named: name).map { creators($0, in: capture, symbols) }
    }
    #expect(
      chain("worker").map { Array($0.prefix(4)) }
        == Array(repeating: ["start", "start_worker", "open_pool", "main"], count: 3)
    )
    #expect(chain("logger").map { Array($0.prefix(3)) } == [["start", "open_log", "starter"]])
    #expect(chain("timer").map { Array($0.prefix(2)) } == [["open_timer", "main"]])
    let main = service.program.processID
    for worker in capture.threads(named: "worker") {
      #expect(worker.createdBy.tid == main)
      #expect(service.executable.contains(worker.createdBy.name))
    }
    // The creator has ended; its id and its name are known all the same.
    let logger = try #require(capture.threads(named: "logger").first)
    #expect(logger.createdBy.name == "starter" && logger.createdBy.tid != main)
    #expect(!capture.threads.contains { $0.tid == logger.createdBy.tid })
    #expect(capture.threads.first { $0.tid == main }?.hasCreatedBy == false)
  }

  @Test func aThreadMadeByTheLibraryOfCxxIsTracedToItsCaller() throws {
    let service = try Service(
      Programs.cxxOrigins(),
      settings: "min-interval=none,thread-origins=on"
    )
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable, demangles: true)
    let worker = try #require(capture.threads(named: "worker").first)
    #expect(
      Array(creators(worker, in: capture, symbols).prefix(2)) == [
        "pool::open[abi:cxx11]()", "main",
      ]
        || Array(creators(worker, in: capture, symbols).prefix(2)) == ["pool::open()", "main"]
    )
    let caller = try #require(worker.createdBy.addresses.first)
    #expect(try #require(capture.module(at: caller - 1)).path.contains("libstdc++"))
  }

  @Test func nothingIsNotedUnlessAskedFor() throws {
    let capture = try service(settings: "thread-origins=off").dump()
    #expect(capture.threads.count >= 6 && capture.threads.allSatisfy { !$0.hasCreatedBy })
  }

  @Test func stacksAndEntriesOfThreadsThatEndedAreUsedAgain() throws {
    let service = try service()
    #expect(try service.ask("churn 3000") == "done 3000")
    #expect(try service.ask("raw 2000") == "done 2000")
    #expect(try service.ask("worker") == "done 1")
    let capture = try service.dump()
    let symbols = try SymbolRanges(service.executable)
    let workers = capture.threads(named: "worker")
    #expect(workers.count == 4)
    #expect(workers.allSatisfy { creators($0, in: capture, symbols).contains("start_worker") })
    let last = try #require(workers.last)
    #expect(!creators(last, in: capture, symbols).contains("open_pool"))
  }

  @Test func aForkedChildKnowsTheOriginsOfItsOwnThreads() throws {
    let service = try service()
    let answer = try service.ask("fork")
    let child = try #require(answer.split(separator: " ").last.flatMap { Int32($0) })
    defer { kill(child, SIGKILL) }
    let watch = try DirectoryWatch(service.captures.path)
    kill(child, SIGQUIT)
    let name = try watch.waitForName { $0.contains(".\(child).") && $0.hasSuffix(".dcap") }
    let capture = try CaptureReader.capture(at: service.captures.file(name))
    #expect(capture.threads.count == 2)
    let logger = try #require(capture.threads(named: "logger").first)
    #expect(logger.createdBy.tid == child)
    #expect(capture.threads.first { $0.tid == child }?.hasCreatedBy == false)
  }

  @Test func anEntryOlderThanItsThreadIsNotTheThreads() throws {
    let memory = try #require(dc_reserve(UInt64(MemoryLayout<dc_origins>.size)))
    defer { dc_unmap(memory, UInt64(MemoryLayout<dc_origins>.size)) }
    let origins = memory.assumingMemoryBound(to: dc_origins.self)
    let table = OriginTable(origins)
    let frames: [UInt64] = [1, 2, 3]
    let stack = table.note(frames, 3)
    _ = try #require(table.begin(stack, 7, "creator"))
    let begin = UInt64(dc_clock(7)) / 10_000_000
    func record(startTicks: UInt64) -> Int {
      var thread = dc_thread()
      thread.tid = dc_gettid()
      thread.start_ticks = startTicks
      let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 4096)
      defer { buffer.deallocate() }
      var writer = ProtobufWriter(buffer, capacity: 4096)
      table.write(&thread, to: &writer)
      return writer.count
    }
    #expect(record(startTicks: begin - 100) > 24)
    #expect(record(startTicks: begin + 100) == 0)
  }
}
