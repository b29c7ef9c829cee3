import CaptureFormat
import Report
import Testing

@testable import Symbolizer

/// What the words around a futex are taken for.
@Suite struct LockReadingTests {
  private static let withheld = UInt32.max

  /// The words behind the one waited on, from that one on; those before it by `before`, the nearest first.
  private func reading(
    _ words: [UInt32],
    before: [UInt32] = [],
    operation: UInt64 = 0,
    address: UInt64 = 0x1000,
    steady: Bool = true,
    timeout: UInt64 = 0,
    in functions: [String]
  ) throws -> LockReading {
    var all = [UInt32](repeating: Self.withheld, count: 11)
    for (index, word) in words.enumerated() { all[3 + index] = word }
    for (index, word) in before.enumerated() { all[2 - index] = word }
    var thread = WireThread()
    thread.syscall.number = 202
    thread.syscall.arguments = [address, operation | 128, 0, timeout, 0, 0]
    thread.lock.address = address
    thread.lock.words = all
    thread.lock.steady = steady
    thread.lock.unmoved = steady
    return try #require(LockReading(thread, functions: functions))
  }

  private let lock = ["__lll_lock_wait", "___pthread_mutex_lock"]

  @Test(arguments: [
    (UInt32(0), "normal"), (1, "recursive"), (2, "error-checking"), (3, "adaptive"),
    (16, "robust"), (17, "robust recursive"), (144, "robust"), (128, "process-shared"),
    (32, "priority-inheriting"), (34, "priority-inheriting error-checking"),
    (64, "priority-protected"), (256, "normal"),
  ])
  func aMutexSaysWhatItIs(_ kind: UInt32, _ type: String) throws {
    let target = try reading([2, 1, 77, 1, kind], in: lock).target(.mutex)
    #expect(target.lockType == type && target.kind == .mutex && target.lock == 0x1000)
  }

  @Test func theOwnerOfAMutexIsBehindItsCount() throws {
    #expect(try reading([2, 0, 77, 1, 0], in: lock).target(.mutex).ownerThreadID == 77)
    // A robust one has it in the word, with the bit of those who wait.
    let robust = try reading([0x8000_0000 | 78, 0, 77, 1, 16], in: lock).target(.mutex)
    #expect(robust.ownerThreadID == 78)
    let inheriting = try reading([0x8000_0000 | 79, 0, 77, 1, 32], operation: 6, in: lock)
    #expect(inheriting.target(.mutex).ownerThreadID == 79)
  }

  @Test func noOwnerIsNamedThatWasNotReadTwice() throws {
    let once = try reading([2, 0, 77, 1, 0], steady: false, in: lock).target(.mutex)
    #expect(once.ownerThreadID == nil && once.lockType == "normal")
    // The collector leaves out what differs.
    let changed = try reading([2, 0, Self.withheld, 1, 0], in: lock).target(.mutex)
    #expect(changed.ownerThreadID == nil)
    #expect(try reading([2, 0, 0, 1, 0], in: lock).target(.mutex).ownerThreadID == nil)
  }

  @Test(arguments: [0, 6, 9, 13])
  func whoGivesUpSomeTimeProvesNoCircle(_ operation: UInt64) throws {
    let words: [UInt32] = [0x8000_0000 | 77, 0, 77, 1, 0]
    let forEver = try reading(words, operation: operation, in: lock).target(.mutex)
    #expect(forEver.isSteady && forEver.note == nil && forEver.ownerThreadID == 77)
    let timed = try reading(words, operation: operation, timeout: 0x7ff0, in: lock).target(.mutex)
    #expect(!timed.isSteady && timed.note == "gives up after some time")
    #expect(timed.ownerThreadID == 77)
  }

  @Test func wordsThatAreNoMutexSayNothing() throws {
    let target = try reading([2, 0, 77, 1, 4096], in: lock).target(.mutex)
    #expect(target.ownerThreadID == nil && target.lockType == nil)
  }

  @Test(arguments: [6, 13])
  func anyFutexThatTheKernelHandsOnNamesItsOwner(_ operation: UInt64) throws {
    let target = try reading([0x8000_0000 | 55], operation: operation, in: ["_lockSlow"])
    #expect(target.target(.futex).ownerThreadID == 55 && target.target(.futex).kind == .mutex)
    #expect(target.target(.once).kind == .once)
    // The same words under FUTEX_WAIT are nobody's protocol.
    let plain = try reading([0x8000_0000 | 55], in: ["_lockSlow"]).target(.futex)
    #expect(plain.ownerThreadID == nil && plain.kind == nil)
  }

  @Test func aReadWriteLockIsFoundFromEachOfItsThreeWords() throws {
    let read = ["___pthread_rwlock_rdlock"]
    let write = ["___pthread_rwlock_wrlock"]
    // Readers, writers, phase, writers' word, padding twice, writer, shared.
    let written = try reading([3, 1, 0, 0, 90, 0], before: [0, 14], operation: 9, in: read)
      .target(.rwlock)
    #expect(written.lock == 0x1000 - 8 && written.ownerThreadID == 90 && written.lockType == "read")
    let behind = try reading([3, 0, 0, 90, 0], before: [3, 1, 14], operation: 9, in: write)
      .target(.rwlock)
    #expect(behind.lock == 0x1000 - 12 && behind.ownerThreadID == 90)
    let phase = try reading([2, 1, 0, 0, 0, 0], before: [0, 3 << 3 | 2], operation: 9, in: write)
      .target(.rwlock)
    #expect(phase.lock == 0x1000 - 8 && phase.readerCount == 3 && phase.ownerThreadID == nil)
    let preferring = try reading([1 << 3 | 6, 0, 2, 1, 0, 0, 0], operation: 9, in: read)
      .target(.rwlock)
    #expect(preferring.lock == 0x1000 && preferring.readerCount == 1)
    // While writers have it the readers that are counted wait.
    #expect(written.readerCount == nil)
  }

  @Test func aReadWriteLockWhosePaddingIsNoneIsNotBelieved() throws {
    let target = try reading([3, 1, 5, 0, 90, 0], before: [0, 14], in: ["pthread_rwlock_rdlock"])
      .target(.rwlock)
    #expect(target.ownerThreadID == nil && target.lock == 0x1000)
  }

  @Test func aConditionIsFoundFromEachOfItsTwoGroups() throws {
    let wait = ["__futex_abstimed_wait_common", "___pthread_cond_wait"]
    let first = try reading([0], before: [8], address: 0x2028, in: wait).target(.condition)
    #expect(first.lock == 0x2000 && first.ownerThreadID == nil)
    let second = try reading([0], before: [0, 8], address: 0x202c, in: wait).target(.condition)
    #expect(second.lock == 0x2000)
    // Nobody is counted as waiting: it is another version's.
    let other = try reading([0], before: [0], address: 0x2028, in: wait).target(.condition)
    #expect(other.lock == 0x2028)
  }

  @Test func theJoinedThreadIsTheWord() throws {
    let target = try reading([4321], operation: 9, in: ["__pthread_clockjoin_ex"]).target(.join)
    #expect(target.ownerThreadID == 4321 && target.lock == nil)
  }

  @Test func aMutexOfRustHasNoOwner() throws {
    let functions = ["syscall", "<std::sys::sync::mutex::futex::Mutex>::lock_contended"]
    let target = try reading([2, 0, 77, 1, 0], in: functions).target(.mutex)
    #expect(target.ownerThreadID == nil && target.lockType == "rust")
  }

  @Test func wordsOfAnotherCallAreNotRead() {
    var thread = WireThread()
    thread.syscall.number = 202
    thread.syscall.arguments = [0x1000, 128, 0, 0, 0, 0]
    thread.lock.address = 0x2000
    thread.lock.words = [UInt32](repeating: 0, count: 11)
    #expect(LockReading(thread, functions: []) == nil)
    thread.lock.address = 0x1000
    thread.lock.words.removeLast()
    #expect(LockReading(thread, functions: []) == nil)
    thread.lock.words.append(0)
    thread.syscall.arguments.removeLast()
    #expect(LockReading(thread, functions: []) == nil)
  }
}
