import CUnwind

/// The value of our thread signal: it names the round and the slot that the thread answers into.
///
/// 16 bits of mark, 16 of generation, 32 of slot. The dump signal's value has the mark 0x4443; another
/// one here keeps the two apart even where both use one number by mistake.
struct ThreadCookie {
  let generation: UInt32
  let slot: UInt32

  private static var mark: UInt64 { @_noLocks @inline(__always) get { 0x4454 } }

  @_noLocks @inline(__always)
  init(generation: UInt32, slot: UInt32) {
    self.generation = generation & 0xffff
    self.slot = slot
  }

  /// Nil for a value that is not ours.
  @_noLocks @inline(__always)
  init?(_ value: UInt64) {
    guard value &>> 48 == Self.mark else { return nil }
    generation = UInt32(truncatingIfNeeded: value &>> 32) & 0xffff
    slot = UInt32(truncatingIfNeeded: value)
  }

  var value: UInt64 {
    @_noLocks @inline(__always) get {
      Self.mark &<< 48 | UInt64(truncatingIfNeeded: generation) &<< 32
        | UInt64(truncatingIfNeeded: slot)
    }
  }
}
