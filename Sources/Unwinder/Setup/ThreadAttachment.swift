import CUnwind

/// As declared in `dumpcollect.h`.
@c @implementation
public func dumpcollect_thread_attach() -> Int32 {
  guard let home = unsafe dc_get_home(), unsafe home.pointee.armed != 0 else {
    return 0 &- ErrorNumber.notConnected
  }
  return dc_attach_alternate_stack()
}

/// As declared in `dumpcollect.h`.
@c @implementation
public func dumpcollect_thread_detach() -> Int32 {
  dc_detach_alternate_stack()
}
