import CUnwind

/// The action of SIGSEGV and SIGBUS: a copy that ran into an unreadable page goes on behind it,
/// everything else happens as if we were not there.
@_noLocks @c(dc_on_fault)
func onFault(
  _ signal: Int32,
  _ info: UnsafeMutablePointer<siginfo_t>?,
  _ context: UnsafeMutableRawPointer?
) {
  guard let info = unsafe info, let context = unsafe context, let home = unsafe dc_get_home() else {
    return
  }
  if unsafe info.pointee.si_code > 0 {
    let recovery = unsafe dc_recovery_address(
      UInt(truncatingIfNeeded: dc_get_program_counter(context))
    )
    if recovery != 0 {
      unsafe dc_set_program_counter(context, UInt64(truncatingIfNeeded: recovery))
      return
    }
  }
  let previous =
    unsafe signal == SignalNumber.bus ? dc_home_previous_bus(home) : dc_home_previous_segv(home)
  unsafe dc_perform(previous, signal, info, context)
}
