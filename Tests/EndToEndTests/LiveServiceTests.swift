import Foundation
import Glibc
import TestSupport
import Testing

/// The main job on real services: link, run, dump, symbolize, report.
@Suite struct LiveServiceTests {
  @Test(arguments: Service.all)
  func everyThreadsChainIsWhatTheSourceSays(_ service: Service) throws {
    let directory = try TemporaryDirectory()
    let program = try RunningService(service, in: directory)
    let document = try program.dumpAndReport()

    #expect(document.complete)
    #expect(document.kind == "live")
    for chain in service.chains {
      let differences = try chain.differences(from: document, source: service.source)
      #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
    for thread in document.threads {
      #expect(
        !(thread.frames ?? []).isEmpty,
        "thread \(thread.tid) \(thread.name ?? "") has no frame"
      )
    }
    let listed = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(program.processID)/task"
    )
    let missing = Set(listed.compactMap { Int32($0) }).subtracting(document.threads.map(\.tid))
    // The collector is ours and not the service's: it alone is not in the report.
    #expect(missing.count <= 1)
  }

  @Test(arguments: Service.all)
  func aDebuggerSeesTheSameReturnAddresses(_ service: Service) throws {
    let directory = try TemporaryDirectory()
    let program = try RunningService(service, in: directory)
    let document = try program.dumpAndReport()
    let debugger = try Debugger.stacks(of: program.processID)

    for name in service.stillThreads {
      let thread = try #require(document.thread(named: name))
      let ours = physicalAddresses(of: thread)
      let theirs = try #require(debugger[thread.tid], "gdb does not know thread \(thread.tid)")
      // A call that the signal interrupted stands on its system call instruction, two bytes before
      // the address that a debugger shows of the same sleep.
      let innermost = try #require(ours.first)
      let expected = try #require(theirs.first)
      #expect(innermost == expected || innermost == expected - 2, "\(name)")
      #expect(Array(ours.dropFirst()) == Array(theirs.dropFirst()), "\(name)")
    }
  }

  @Test(arguments: [Service.cServices[1], Service.swiftServices[1]])
  func theServiceStillWorksAfterAHundredDumps(_ service: Service) throws {
    let directory = try TemporaryDirectory()
    let program = try RunningService(service, in: directory)
    var before = try program.workDone()
    for _ in 0..<100 {
      _ = try program.dump()
      let after = try program.workDone()
      #expect(after > before)
      before = after
    }
    #expect(program.isRunning)
    let document = try program.report(of: program.dump())
    for chain in service.chains {
      let differences = try chain.differences(from: document, source: service.source)
      #expect(differences.isEmpty, "\(differences.joined(separator: "\n"))")
    }
  }

  /// Addresses of the frames that exist in memory: an inlined frame repeats the address of the one it is in.
  private func physicalAddresses(of thread: ReportDocument.Thread) -> [UInt64] {
    (thread.frames ?? []).filter { !$0.isInlined }.compactMap {
      UInt64($0.address.dropFirst(2), radix: 16)
    }
  }
}
