import CUnwind

/// A word that threads of this or another process sleep on until it changes.
@safe struct FutexWord {
  let word: UnsafeMutablePointer<UInt32>

  @_noLocks @inline(__always)
  init(_ word: UnsafeMutablePointer<UInt32>) { unsafe self.word = unsafe word }

  var value: UInt32 { @_noLocks @inline(__always) get { unsafe dc_load32(word) } }

  /// Changes the word and wakes all who sleep on it.
  @_noLocks
  func bump() {
    unsafe dc_add32(word, 1)
    unsafe dc_futex_wake(word)
  }

  /// Sets the word and wakes all who sleep on it.
  @_noLocks
  func set(_ value: UInt32) {
    unsafe dc_store32(word, value)
    unsafe dc_futex_wake(word)
  }

  /// Sleeps while the word has the value, at most so long.
  ///
  /// May return early: look again.
  @_noLocks
  func wait(while value: UInt32, nanoseconds: Int64) {
    unsafe dc_futex_wait(word, value, nanoseconds)
  }
}
