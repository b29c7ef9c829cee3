import CommandOutput
import Glibc

/// Standard output for several threads: parts come in any order and are written in that of their numbers.
///
/// The numbers of parts are handed out ascending, and whoever has one brings its part. Parts that came before their
/// turn are kept, but no part is taken that lies a window or more behind the one that is written next: its thread
/// waits. The thread that has the next part never waits, so all come to their turn.
@safe
final class OrderedOutput: @unchecked Sendable {
  // Safe to share because everything below is read and written under the lock alone.
  private let lock: UnsafeMutablePointer<pthread_mutex_t>
  /// Told when the window has moved.
  private let moved: UnsafeMutablePointer<pthread_cond_t>
  /// The number of the part to be written next.
  private var next = 0
  private var isWriting = false
  /// Parts before their turn, by their numbers modulo the window.
  private var waiting: [[UInt8]?]
  /// Memory of parts that were written.
  private var spare: [[UInt8]] = []
  private var error: CommandError?
  /// The most parts that were kept at a time.
  private(set) var mostKept = 0
  private let sink: ([UInt8]) throws(CommandError) -> Void

  /// `window`: how many parts may be kept; `sink`: where they are written, one after the other.
  init(
    window: Int,
    sink: @escaping ([UInt8]) throws(CommandError) -> Void = { bytes throws(CommandError) in
      try StandardOutput.write(bytes)
    }
  ) {
    precondition(window > 0)
    waiting = Array(repeating: nil, count: window)
    self.sink = sink
    unsafe lock = .allocate(capacity: 1)
    unsafe moved = .allocate(capacity: 1)
    // Safe because both were just allocated, and are not moved until they are destroyed.
    unsafe pthread_mutex_init(lock, nil)
    unsafe pthread_cond_init(moved, nil)
  }

  deinit {
    // Safe because nobody has a reference any more.
    unsafe pthread_cond_destroy(moved)
    unsafe pthread_mutex_destroy(lock)
    unsafe moved.deallocate()
    unsafe lock.deallocate()
  }

  /// Memory for a part, empty.
  func buffer() -> [UInt8] {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    return spare.popLast() ?? []
  }

  /// Writes the part of a number, from 0, as soon as all before it were written; after an error nothing any more.
  ///
  /// Returns when the part is written or kept: while it lies outside the window the caller waits.
  func write(_ bytes: consuming [UInt8], as number: Int) {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    while number >= next + waiting.count { unsafe pthread_cond_wait(moved, lock) }
    waiting[number % waiting.count] = bytes
    mostKept = max(mostKept, waiting.count { $0 != nil })
    // Whoever writes now goes on with this part when its turn comes.
    guard !isWriting else { return }
    isWriting = true
    while let part = waiting[next % waiting.count].take() { writeNext(part) }
    isWriting = false
  }

  /// Writes a part, with the lock open meanwhile: the others go on.
  private func writeNext(_ part: consuming [UInt8]) {
    var part = part
    if error == nil {
      unsafe pthread_mutex_unlock(lock)
      var problem: CommandError?
      do throws(CommandError) {
        try sink(part)
      } catch {
        problem = error
      }
      unsafe pthread_mutex_lock(lock)
      error = problem
    }
    part.removeAll(keepingCapacity: true)
    spare.append(part)
    next += 1
    unsafe pthread_cond_broadcast(moved)
  }

  /// Tells what went wrong, if something did.
  func finish() throws(CommandError) {
    unsafe pthread_mutex_lock(lock)
    defer { unsafe pthread_mutex_unlock(lock) }
    if let error { throw error }
  }
}
