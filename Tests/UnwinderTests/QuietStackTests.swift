import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Stacks read without a signal: they are those that the same threads give when they are signalled, or say that they are not.
@Suite struct QuietStackTests {
  /// Dumps without and then with signals, and compares every thread that sleeps in both.
  private func expectEqualStacks(
    _ service: Service,
    atLeast threads: Int,
    running: String? = nil
  ) throws {
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep(except: running)
    let quiet = try service.dump(quiet: true)
    let signalled = try service.dump()
    var compared = 0
    for thread in quiet.threads where thread.status == .quiet {
      guard let other = signalled.threads.first(where: { $0.tid == thread.tid }),
        other.status == .captured
      else { continue }
      compared += 1
      #expect(
        thread.addresses.dropFirst() == other.addresses.dropFirst(),
        "\(thread.name): \(thread.truncated), signalled: \(other.truncated)"
      )
      // An interrupted call is made again: then its own instruction, of two bytes, comes next.
      let ahead = (thread.addresses.first ?? 0) &- (other.addresses.first ?? 0)
      #expect(ahead == 0 || ahead == 2, "\(thread.name)")
      #expect(thread.truncated == other.truncated, "\(thread.name)")
      #expect(thread.reason == "read without a signal, as asked")
    }
    #expect(compared >= threads, "\(quiet.threads.map { "\($0.name) \($0.status) \($0.reason)" })")
  }

  @Test(arguments: [
    ["gcc", "-O0", "-fno-omit-frame-pointer"], ["gcc", "-O2", "-fno-omit-frame-pointer"],
    ["gcc", "-O2", "-fomit-frame-pointer"], ["clang", "-O0", "-fomit-frame-pointer"],
    ["clang", "-O2", "-fno-omit-frame-pointer"],
  ])
  func stacksOfEveryShapeAreThoseOfSignalledThreads(build: [String]) throws {
    let options = Array(build.dropFirst())
    try expectEqualStacks(Service(Programs.quiet("stacks", build[0], options)), atLeast: 30)
  }

  @Test(arguments: [
    ["-O0", "-fno-omit-frame-pointer"], ["-O2", "-fno-omit-frame-pointer"],
  ])
  func stacksInEveryCallAreThoseOfSignalledThreads(options: [String]) throws {
    try expectEqualStacks(Service(Programs.quiet("calls", "gcc", options)), atLeast: 35)
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func stacksOfASwiftServiceAreThoseOfSignalledThreads(options: [String]) throws {
    let service = try Service(Programs.swiftService(options))
    try service.program.wait(for: "ready")
    // Its busy threads have no name of their own: only those that sleep in both captures are compared.
    let quiet = try service.dump(quiet: true)
    let signalled = try service.dump()
    var compared = 0
    for thread in quiet.threads where thread.status == .quiet && thread.state == "S" {
      guard let other = signalled.threads.first(where: { $0.tid == thread.tid }),
        other.status == .captured, other.state == "S"
      else { continue }
      compared += 1
      #expect(thread.addresses.dropFirst() == other.addresses.dropFirst(), "\(thread.truncated)")
    }
    #expect(compared >= 4)
  }

  @Test(arguments: [["-Copt-level=0"], ["-Copt-level=2", "-Cforce-frame-pointers=yes"]])
  func stacksOfARustServiceAreThoseOfSignalledThreads(options: [String]) throws {
    let service = try Service(Programs.rustService(options))
    try expectEqualStacks(service, atLeast: 2, running: "worker")
  }

  @Test func framesThatWereSearchedForAreMarked() throws {
    let options = ["-O0", "-fno-omit-frame-pointer"]
    let service = try Service(Programs.service("gcc", options), ["threads"])
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep(except: "busy")
    let symbols = try SymbolRanges(service.executable)
    let capture = try service.dump(quiet: true)
    let readers = capture.threads(named: "reader")
    #expect(readers.count == 2)
    for reader in readers {
      #expect(
        capture.chain(reader, symbols, in: service.executable) == [
          "block_in_read", "serve_request", "serve_connection", "reader",
        ]
      )
      #expect(reader.truncated == "")
      // read, which keeps no frame pointer, leaves that of block_in_read to be found: its caller is the third frame.
      let searched = reader.marks.filter { $0.foundBy == .scan }
      #expect(searched.map(\.index) == [2])
      #expect(searched.map(\.kind) == [.returnAddress])
    }
    let signalled = try service.dump()
    #expect(signalled.threads.allSatisfy { $0.marks.allSatisfy { $0.foundBy != .scan } })
  }

  @Test(arguments: [["-O0", "-fno-omit-frame-pointer"], ["-O2", "-fomit-frame-pointer"]])
  func aThreadThatWakesWhileItIsReadIsNeverShownWhereItWasNot(options: [String]) throws {
    let service = try Service(Programs.quiet("restless", "gcc", options))
    try service.program.wait(for: "ready")
    let symbols = try SymbolRanges(service.executable)
    let stacks = [
      ["nap", "first_leaf", "first", "restless"],
      ["nap", "second_leaf", "second_middle", "second", "restless"],
      ["nap", "third_leaf", "third_leaf", "third_leaf", "third_leaf", "third", "restless"],
    ]
    var whole = 0
    for _ in 0..<200 {
      let capture = try service.dump(quiet: true)
      for thread in capture.threads(named: "restless") where thread.status == .quiet {
        if thread.reason.hasPrefix("went on while it was read") { continue }
        let chain = capture.chain(thread, symbols, in: service.executable)
        // It may be asleep for want of a processor as well, between the functions: then it is not in a call.
        guard chain.first == "nap" else { continue }
        #expect(stacks.contains(chain), "\(chain) \(thread.truncated)")
        whole += 1
      }
    }
    #expect(whole > 0)
  }

  @Test func aRunningThreadSaysThatItCannotBeReadWithoutASignal() throws {
    let service = try Service(Programs.service(), ["threads"])
    try service.program.wait(for: "ready")
    let busy = try #require(service.dump(quiet: true).threads(named: "busy").first)
    #expect(busy.status == .noAnswer)
    #expect(busy.state == "R")
    #expect(busy.reason.hasPrefix("was running"))
    #expect(busy.addresses.isEmpty)
  }
}
