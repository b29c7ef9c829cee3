import CaptureFormat
import Report

/// The words around a futex, and what they are of a lock of a known kind.
///
/// Layouts are those of glibc (struct_mutex.h, struct_rwlock.h, thread-shared-types.h of x86_64; the same since 2.25, the
/// condition variable up to 2.40) and of the kernel's own protocol for words that hold the id of their owner (futex(2)).
struct LockReading {
  /// Id of a thread in a word that FUTEX_LOCK_PI or the robust list uses; the corresponding C constant is FUTEX_TID_MASK.
  private static let threadMask: UInt32 = 0x3fff_ffff

  private let record: WireLockWords
  private let operation: UInt64
  private let hasTimeout: Bool
  /// The functions that the thread is in, innermost first.
  private let functions: [String]

  /// Nil unless the words are those of the call's own address.
  init?(_ thread: WireThread, functions: [String]) {
    guard thread.hasLock, thread.syscall.arguments.count == 6,
      thread.lock.words.count == 11, thread.lock.address == thread.syscall.arguments[0]
    else { return nil }
    record = thread.lock
    // Without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
    operation = thread.syscall.arguments[1] & 127
    hasTimeout = thread.syscall.arguments[3] != 0
    self.functions = functions
  }

  /// The word at a distance of so many words from the one waited on; nil where it is none of a lock.
  private subscript(_ distance: Int) -> UInt32? {
    let word = record.words[distance + 3]
    return word == .max ? nil : word
  }

  /// The kernel itself gives the lock to a thread; the corresponding C constants are FUTEX_LOCK_PI and FUTEX_LOCK_PI2.
  private var isHandedByKernel: Bool { operation == 6 || operation == 13 }

  /// What the thread waits for, where its stack says that it is a lock of this kind; owners are still unchecked.
  func target(_ kind: ThreadWait.Kind) -> WaitTarget {
    var target = WaitTarget()
    target.lock = record.address
    // A circle in which one gives up is none for long.
    target.isSteady = record.unmoved && !hasTimeout
    switch kind {
    case .mutex: readMutex(&target)
    case .rwlock: readReadWriteLock(&target)
    case .condition: readCondition(&target)
    case .join: readJoin(&target)
    // A word of the thread's own, on its stack: whoever drains the queue wakes it there.
    case .queue where !isHandedByKernel: return WaitTarget()
    default:
      guard isHandedByKernel else { break }
      target.kind = kind == .futex ? .mutex : kind
      target.lockType = "priority-inheriting"
      target.ownerThreadID = owner(self[0])
    }
    if hasTimeout, target.ownerThreadID != nil { target.note = "gives up after some time" }
    return target
  }

  /// A thread's id where two looks found the same one.
  private func owner(_ word: UInt32?) -> Int32? {
    guard record.steady, let word, word & Self.threadMask != 0 else { return nil }
    return Int32(word & Self.threadMask)
  }
}

// MARK: - Kinds of locks

extension LockReading {
  /// Bits of `__kind`; the corresponding C constants are PTHREAD_MUTEX_ROBUST_NORMAL_NP, PTHREAD_MUTEX_PRIO_INHERIT_NP,
  /// PTHREAD_MUTEX_PRIO_PROTECT_NP and PTHREAD_MUTEX_PSHARED_BIT.
  private enum MutexBit {
    static let robust: UInt32 = 16
    static let inherits: UInt32 = 32
    static let protects: UInt32 = 64
    static let shared: UInt32 = 128
  }

  /// `__lock`, `__count`, `__owner`, `__nusers`, `__kind`; threads wait on the first.
  private func readMutex(_ target: inout WaitTarget) {
    target.kind = .mutex
    guard isOfCLibrary else {
      // Rust's and others' own: 0, 1, 2 and no owner, unless the kernel knows one.
      target.lockType = isHandedByKernel ? "priority-inheriting" : isOfRust ? "rust" : nil
      target.ownerThreadID = isHandedByKernel ? owner(self[0]) : nil
      if !isHandedByKernel, isOfRust { target.note = "keeps no owner" }
      return
    }
    guard let kind = self[4], kind < 1024 else { return }
    let isOwnedByWord = isHandedByKernel || kind & MutexBit.robust != 0
    target.ownerThreadID = owner(isOwnedByWord ? self[0] : self[2])
    var words: [String] = []
    // glibc sets the bit in every robust mutex.
    if kind & MutexBit.shared != 0, kind & MutexBit.robust == 0 { words.append("process-shared") }
    if kind & MutexBit.robust != 0 { words.append("robust") }
    if kind & MutexBit.inherits != 0 || isHandedByKernel { words.append("priority-inheriting") }
    if kind & MutexBit.protects != 0 { words.append("priority-protected") }
    let basic = ["normal", "recursive", "error-checking", "adaptive"][Int(kind & 3)]
    if words.isEmpty || basic != "normal" { words.append(basic) }
    target.lockType = words.joined(separator: " ")
  }

  /// `__readers`, `__writers`, `__wrphase_futex`, `__writers_futex`, two words of padding, `__cur_writer`.
  ///
  /// Threads wait on the third or fourth word, or, to read where writers go first, on the first.
  private func readReadWriteLock(_ target: inout WaitTarget) {
    target.kind = .rwlock
    guard isOfCLibrary else {
      target.lockType = isOfRust ? "rust" : nil
      if isOfRust { target.note = "keeps no owner" }
      return
    }
    let isWriting = functions.contains { $0.contains("wrlock") }
    target.lockType = isWriting ? "write" : "read"
    guard let offset = wordOfReadWriteLock(isWriting: isWriting) else { return }
    target.lock = record.address &- UInt64(offset * 4)
    let writer = self[6 - offset]
    // Bit 0: a writer has it, or the last one has not given it to the readers yet.
    if let writer, writer != 0 {
      target.ownerThreadID = owner(writer)
    } else if offset <= 3, let readers = self[0 - offset], readers & 1 == 0 {
      target.readerCount = Int(readers >> 3)
    }
  }

  /// Which word of a read-write lock is the one waited on; nil where the others do not fit.
  private func wordOfReadWriteLock(isWriting: Bool) -> Int? {
    guard let word = self[0] else { return nil }
    // A number of readers, shifted by three; the other two words are 0 to 3.
    if !isWriting, word > 3 { return 0 }
    // Who waits for the phase to write is the first writer, whose word is then not 0; behind the fourth word is padding.
    if isWriting, self[1] == 0 { return self[2] == 0 ? 3 : nil }
    return self[2] == 0 && self[3] == 0 ? 2 : nil
  }

  /// `__wseq`, `__g1_start`, `__g_refs`, `__g_size`, `__g1_orig_size`, `__wrefs`, `__g_signals`: threads wait on one of the
  /// last two words.
  private func readCondition(_ target: inout WaitTarget) {
    target.kind = .condition
    guard isOfCLibrary else {
      target.lockType = isOfRust ? "rust" : nil
      return
    }
    let isFirst = record.address % 8 == 0
    // `__wrefs`: eight for each thread that waits.
    guard let waiters = self[isFirst ? -1 : -2], waiters >> 3 > 0 else { return }
    target.lock = record.address &- (isFirst ? 40 : 44)
  }

  /// The id in the joined thread's descriptor, which the kernel clears when it ends.
  private func readJoin(_ target: inout WaitTarget) {
    target.kind = .join
    target.lock = nil
    target.ownerThreadID = owner(self[0])
  }

  private var isOfCLibrary: Bool {
    functions.contains { $0.drop { $0 == "_" }.hasPrefix("pthread_") }
  }

  private var isOfRust: Bool { functions.contains { $0.contains("std::sys::") } }
}
