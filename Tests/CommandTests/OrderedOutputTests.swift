import CommandOutput
import Foundation
import Synchronization
import Testing

@testable import Resolving

struct OrderedOutputTests {
  /// What a sink was given.
  private final class Written: Sendable {
    let bytes = Mutex<[UInt8]>([])
  }

  private func bytes(of number: Int) -> [UInt8] {
    [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1 + number % 5)
  }

  @Test(arguments: [1, 2, 5])
  func partsAreWrittenInTheirOrderAndNoMoreThanTheWindowAreKept(_ window: Int) throws {
    let written = Written()
    let output = OrderedOutput(window: window) { bytes in written.bytes.withLock { $0 += bytes } }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < 2000 else { return }
        output.write(output.buffer() + bytes(of: number), as: number)
      }
    }
    try output.finish()
    #expect(written.bytes.withLock { $0 } == (0..<2000).flatMap { bytes(of: $0) })
    #expect((1...window).contains(output.mostKept))
  }

  /// The thread that has the next part may get no processor for long: what the others bring meanwhile must not pile up.
  @Test func whoIsAWindowAheadWaitsForTheOnesBehind() throws {
    let written = Written()
    let output = OrderedOutput(window: 3) { bytes in written.bytes.withLock { $0 += bytes } }
    let thread = Atomic<Int>(0)
    let hasReturned = Atomic<Bool>(false)
    let done = DispatchSemaphore(value: 0)
    output.write([1], as: 1)
    output.write([2], as: 2)
    Thread.detachNewThread {
      let path =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
      thread.store(Int(path.split(separator: "/").last ?? "") ?? -1, ordering: .releasing)
      output.write([3], as: 3)
      hasReturned.store(true, ordering: .releasing)
      done.signal()
    }
    // Until it sleeps, which it does nowhere else, or has come back.
    var state = ""
    while state != "S", !hasReturned.load(ordering: .acquiring) {
      let number = thread.load(ordering: .acquiring)
      if number != 0 {
        let stat = try String(contentsOfFile: "/proc/self/task/\(number)/stat", encoding: .utf8)
        state = String(stat.split(separator: ")").last?.split(separator: " ").first ?? "")
      }
    }
    let isAhead = hasReturned.load(ordering: .acquiring)
    #expect(!isAhead)
    #expect(written.bytes.withLock { $0 }.isEmpty)
    output.write([0], as: 0)
    done.wait()
    #expect(written.bytes.withLock { $0 } == [0, 1, 2, 3])
    #expect(output.mostKept == 3)
  }

  @Test func nothingIsWrittenAfterAnErrorAndNobodyWaitsForEver() {
    let written = Written()
    let output = OrderedOutput(window: 2) { bytes throws(CommandError) in
      if bytes == [3] { throw CommandError("no room") }
      written.bytes.withLock { $0 += bytes }
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 3) { _ in
      while true {
        let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard number < 100 else { return }
        output.write([UInt8(number)], as: number)
      }
    }
    #expect(written.bytes.withLock { $0 } == [0, 1, 2])
    #expect(throws: CommandError.self) { try output.finish() }
  }

  @Test func theMemoryOfAPartServesForTheNextOne() {
    let output = OrderedOutput(window: 1) { _ in }
    var part = output.buffer()
    part.reserveCapacity(1 << 16)
    part.append(1)
    output.write(part, as: 0)
    let next = output.buffer()
    #expect(next.isEmpty && next.capacity >= 1 << 16)
  }
}
