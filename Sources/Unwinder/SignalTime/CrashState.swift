import CUnwind

/// What crashing threads and the collector share: kept in a mapping that a forked child finds wiped.
typealias Crash = UnsafeMutablePointer<dc_crash>
/// One thread in the handler of a fatal signal.
typealias Crasher = UnsafeMutablePointer<dc_crasher>

/// How far the capture of a crash is: a futex word.
///
/// The first crasher takes it from `idle` to `requested`, the collector to `taken`, `publishing` and
/// `published` or `failed`. Whoever gives up the other one claims the word first, so that one
/// capture comes of it.
enum CrashPhase {
  static var idle: UInt32 { @_noLocks @inline(__always) get { 0 } }
  static var claimed: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var requested: UInt32 { @_noLocks @inline(__always) get { 2 } }
  static var taken: UInt32 { @_noLocks @inline(__always) get { 3 } }
  static var publishing: UInt32 { @_noLocks @inline(__always) get { 4 } }
  static var published: UInt32 { @_noLocks @inline(__always) get { 5 } }
  static var failed: UInt32 { @_noLocks @inline(__always) get { 6 } }
  /// The collector was given up: what it still writes is not published.
  static var abandoned: UInt32 { @_noLocks @inline(__always) get { 7 } }
}

/// The word of a crasher's place.
enum CrasherPhase {
  static var free: UInt32 { @_noLocks @inline(__always) get { 0 } }
  static var filling: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var whole: UInt32 { @_noLocks @inline(__always) get { 2 } }
}

/// The table of threads that crashed.
@safe struct CrashTable {
  let home: Home
  let crash: Crash

  /// Captures of one process: one that goes on crashing and surviving is not captured for ever.
  static var captureLimit: UInt32 { @_noLocks @inline(__always) get { 3 } }

  /// Bytes that lie ready for one crasher: its handler's stack, then the copy of the crashed one.
  static var roomSize: Int {
    @_noLocks @inline(__always) get {
      Int(dc_crash_stack_size) &+ Int(dc_crash_copy_size)
    }
  }

  @_noLocks @inline(__always)
  init(_ home: Home, _ crash: Crash) {
    unsafe self.home = unsafe home
    unsafe self.crash = unsafe crash
  }

  var phase: FutexWord { @_noLocks get { unsafe FutexWord(dc_crash_phase(crash)) } }
  var round: FutexWord { @_noLocks get { unsafe FutexWord(dc_crash_round(crash)) } }

  @_noLocks
  func changePhase(_ old: UInt32, to new: UInt32) -> Bool {
    guard unsafe dc_claim32(dc_crash_phase(crash), old, new) != 0 else { return false }
    unsafe dc_futex_wake(dc_crash_phase(crash))
    return true
  }

  @_noLocks
  func crasher(_ index: UInt32) -> Crasher { unsafe dc_crash_crasher(crash, index) }

  @_noLocks
  func word(_ index: UInt32) -> UInt32 { unsafe dc_load32(dc_crasher_word(crasher(index))) }

  @_noLocks
  func setWord(_ index: UInt32, _ word: UInt32) {
    unsafe dc_store32(dc_crasher_word(crasher(index)), word)
  }

  /// The place of a thread that is in its handler now; nil for every other one.
  @_noLocks
  func place(of tid: Int32) -> UInt32? {
    var index: UInt32 = 0
    while unsafe index < home.pointee.crash_capacity {
      if word(index) != CrasherPhase.free, unsafe crasher(index).pointee.tid == tid { return index }
      index &+= 1
    }
    return nil
  }

  /// A free place, with its memory open.
  @_noLocks
  func claim(_ tid: Int32) -> UInt32? {
    var index: UInt32 = 0
    while unsafe index < home.pointee.crash_capacity {
      let isOurs =
        unsafe dc_claim32(dc_crasher_word(crasher(index)), CrasherPhase.free, CrasherPhase.filling)
        != 0
      if isOurs {
        guard openRoom(index) else {
          setWord(index, CrasherPhase.free)
          return nil
        }
        unsafe crasher(index).pointee.tid = tid
        return index
      }
      index &+= 1
    }
    return nil
  }

  @_noLocks
  private func room(_ index: UInt32) -> UnsafeMutablePointer<UInt8>? {
    guard let room = unsafe home.pointee.crash_room else { return nil }
    return unsafe room + Int(truncatingIfNeeded: index) &* Self.roomSize
  }

  /// The memory is closed until it is needed: a service that locks its memory would else hold all of it.
  @_noLocks
  func openRoom(_ index: UInt32) -> Bool {
    guard let room = unsafe room(index) else { return false }
    return unsafe dc_open_reserved(room, UInt64(truncatingIfNeeded: Self.roomSize)) == 0
  }

  /// Where the handler's own stack begins.
  @_noLocks
  func stackTop(_ index: UInt32) -> UInt64 {
    unsafe UInt64(UInt(bitPattern: room(index))) &+ UInt64(dc_crash_stack_size)
  }

  @_noLocks
  func copy(_ index: UInt32) -> UnsafeMutablePointer<UInt8>? {
    unsafe room(index).map { unsafe $0 + Int(dc_crash_stack_size) }
  }
}
