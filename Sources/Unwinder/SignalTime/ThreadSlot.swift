import CUnwind

/// Why a slot has fewer stack bytes than the thread's stack.
enum StackCut {
  static var none: UInt32 { @_noLocks @inline(__always) get { 0 } }
  /// The stack is longer than one copy may be.
  static var limit: UInt32 { @_noLocks @inline(__always) get { 1 } }
  /// A page could not be read.
  static var fault: UInt32 { @_noLocks @inline(__always) get { 2 } }
  /// All threads together wanted more than the pool has.
  static var pool: UInt32 { @_noLocks @inline(__always) get { 3 } }
}

/// The word of a slot: who may write it now, and for which round.
///
/// A late signal of an old round finds another generation and does nothing. Only the collector
/// starts rounds; a slot that is still `copying` is left alone until its thread is through.
struct SlotWord: Equatable {
  let raw: UInt32

  private static var waitingPhase: UInt32 { @_noLocks @inline(__always) get { 1 } }
  private static var copyingPhase: UInt32 { @_noLocks @inline(__always) get { 2 } }
  private static var answeredPhase: UInt32 { @_noLocks @inline(__always) get { 3 } }

  @_noLocks @inline(__always) init(raw: UInt32) { self.raw = raw }

  @_noLocks @inline(__always)
  private init(generation: UInt32, phase: UInt32) { raw = generation &<< 3 | phase }

  @_noLocks @inline(__always)
  static func idle(_ generation: UInt32) -> SlotWord { SlotWord(generation: generation, phase: 0) }
  @_noLocks @inline(__always)
  static func waiting(_ generation: UInt32) -> SlotWord {
    SlotWord(generation: generation, phase: waitingPhase)
  }

  var generation: UInt32 { @_noLocks @inline(__always) get { raw &>> 3 } }
  var isWaiting: Bool { @_noLocks @inline(__always) get { raw & 7 == Self.waitingPhase } }
  var isCopying: Bool { @_noLocks @inline(__always) get { raw & 7 == Self.copyingPhase } }
  var isAnswered: Bool { @_noLocks @inline(__always) get { raw & 7 == Self.answeredPhase } }
  var copying: SlotWord {
    @_noLocks @inline(__always) get {
      SlotWord(generation: generation, phase: Self.copyingPhase)
    }
  }
  var answered: SlotWord {
    @_noLocks @inline(__always) get {
      SlotWord(generation: generation, phase: Self.answeredPhase)
    }
  }
}

/// The place one thread answers into.
@safe struct ThreadSlot {
  let slot: UnsafeMutablePointer<dc_slot>

  @_noLocks @inline(__always)
  init(_ slot: UnsafeMutablePointer<dc_slot>) { unsafe self.slot = unsafe slot }

  var word: SlotWord {
    @_noLocks @inline(__always) get { unsafe SlotWord(raw: dc_load32(dc_slot_word(slot))) }
  }

  /// Changes the word if nobody else did; false otherwise.
  @_noLocks @inline(__always)
  func change(_ old: SlotWord, to new: SlotWord) -> Bool {
    unsafe dc_claim32(dc_slot_word(slot), old.raw, new.raw) != 0
  }

  @_noLocks @inline(__always)
  func set(_ word: SlotWord) { unsafe dc_store32(dc_slot_word(slot), word.raw) }
}
