import CommandOutput
import Synchronization

/// Standard output for several threads: parts come in any order and are written in that of their numbers.
final class OrderedOutput: Sendable {
  private struct State {
    /// The number of the part to be written next.
    var next = 0
    /// Parts that came before their turn: no more than there are threads, who wait while one of them writes.
    var waiting: [Int: [UInt8]] = [:]
    var error: CommandError?
  }

  private let state = Mutex(State())

  /// Writes the part of a number, from 0, as soon as all before it were written; after an error nothing any more.
  func write(_ bytes: [UInt8], as number: Int) {
    state.withLock { state in
      guard number == state.next else {
        state.waiting[number] = bytes
        return
      }
      Self.writeNext(bytes, &state)
      while !state.waiting.isEmpty, let part = state.waiting.removeValue(forKey: state.next) {
        Self.writeNext(part, &state)
      }
    }
  }

  private static func writeNext(_ part: [UInt8], _ state: inout State) {
    state.next += 1
    guard state.error == nil else { return }
    do throws(CommandError) {
      try StandardOutput.write(part)
    } catch {
      state.error = error
    }
  }

  /// Tells what went wrong, if something did.
  func finish() throws(CommandError) {
    if let error = state.withLock(\.error) { throw error }
  }
}
