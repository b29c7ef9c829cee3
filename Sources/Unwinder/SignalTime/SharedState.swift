import CUnwind

/// What a forked child keeps: settings, previous actions, libunwind, the collector's stack.
typealias Home = UnsafeMutablePointer<dc_home>
/// What a forked child finds wiped: requests, slots, the stack pool.
typealias Arena = UnsafeMutablePointer<dc_arena>

/// The home and the arena in it, or nil before the first install.
@_noLocks @inline(__always)
func sharedState() -> (home: Home, arena: Arena)? {
  guard let home = unsafe dc_get_home(), let arena = unsafe home.pointee.arena else { return nil }
  return unsafe (home, arena)
}

/// Signals as the contract and the kernel number them.
enum SignalNumber {
  /// The corresponding C constant is SIGQUIT.
  static var quit: Int32 { @_noLocks @inline(__always) get { 3 } }
  /// The corresponding C constant is SIGILL.
  static var illegalInstruction: Int32 { @_noLocks @inline(__always) get { 4 } }
  /// The corresponding C constant is SIGTRAP.
  static var trap: Int32 { @_noLocks @inline(__always) get { 5 } }
  /// The corresponding C constant is SIGABRT.
  static var abort: Int32 { @_noLocks @inline(__always) get { 6 } }
  /// The corresponding C constant is SIGFPE.
  static var arithmetic: Int32 { @_noLocks @inline(__always) get { 8 } }
  /// The corresponding C constant is SIGXCPU.
  static var processorTime: Int32 { @_noLocks @inline(__always) get { 24 } }
  /// The corresponding C constant is SIGXFSZ.
  static var fileSize: Int32 { @_noLocks @inline(__always) get { 25 } }
  /// The corresponding C constant is SIGSYS.
  static var systemCall: Int32 { @_noLocks @inline(__always) get { 31 } }
  /// The corresponding C constant is SIGBUS.
  static var bus: Int32 { @_noLocks @inline(__always) get { 7 } }
  /// The corresponding C constant is SIGSEGV.
  static var segmentation: Int32 { @_noLocks @inline(__always) get { 11 } }
  /// The corresponding C constant is SIGPROF.
  static var profile: Int32 { @_noLocks @inline(__always) get { 27 } }

  /// The bit of a signal in a kernel's mask.
  @_noLocks @inline(__always)
  static func bit(_ signal: Int32) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: signal &- 1) }

  /// Every signal but those that a fault of the thread itself raises: a fault under a blocked
  /// signal would end the process without its handler.
  static var allButFaults: UInt64 {
    @_noLocks @inline(__always) get { ~(bit(segmentation) | bit(bus)) }
  }
}

/// Flags of a signal action that Swift does not see as constants.
enum ActionFlag {
  /// The corresponding C constant is SA_ONSTACK.
  static var alternateStack: UInt64 { @_noLocks @inline(__always) get { 0x0800_0000 } }
  /// The corresponding C constant is SA_RESTART.
  static var restart: UInt64 { @_noLocks @inline(__always) get { 0x1000_0000 } }
  /// The corresponding C constant is SA_NODEFER.
  static var noDefer: UInt64 { @_noLocks @inline(__always) get { 0x4000_0000 } }
  /// The corresponding C constant is SA_RESETHAND.
  static var reset: UInt64 { @_noLocks @inline(__always) get { 0x8000_0000 } }
}

/// Values of `si_code`.
enum SignalCode {
  /// The corresponding C constant is SI_QUEUE.
  static var queued: Int32 { @_noLocks @inline(__always) get { -1 } }
}

/// Error numbers this code gives or asks about.
enum ErrorNumber {
  static var permission: Int32 { @_noLocks @inline(__always) get { 1 } }
  static var noEntry: Int32 { @_noLocks @inline(__always) get { 2 } }
  static var noProcess: Int32 { @_noLocks @inline(__always) get { 3 } }
  static var badAddress: Int32 { @_noLocks @inline(__always) get { 14 } }
  static var cancelled: Int32 { @_noLocks @inline(__always) get { 125 } }
  static var interrupted: Int32 { @_noLocks @inline(__always) get { 4 } }
  static var tryAgain: Int32 { @_noLocks @inline(__always) get { 11 } }
  static var noMemory: Int32 { @_noLocks @inline(__always) get { 12 } }
  static var exists: Int32 { @_noLocks @inline(__always) get { 17 } }
  static var notDirectory: Int32 { @_noLocks @inline(__always) get { 20 } }
  static var invalid: Int32 { @_noLocks @inline(__always) get { 22 } }
  static var noSpace: Int32 { @_noLocks @inline(__always) get { 28 } }
  static var nameTooLong: Int32 { @_noLocks @inline(__always) get { 36 } }
  static var notConnected: Int32 { @_noLocks @inline(__always) get { 107 } }
  static var timedOut: Int32 { @_noLocks @inline(__always) get { 110 } }
  static var already: Int32 { @_noLocks @inline(__always) get { 114 } }
}
