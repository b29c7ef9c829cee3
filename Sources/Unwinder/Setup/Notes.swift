import CUnwind

/// As declared in `dumpcollect.h`.
@c @implementation
public func dumpcollect_note(_ line: UnsafePointer<CChar>?) -> Int32 {
  guard let home = unsafe dc_get_home(), let notes = unsafe home.pointee.notes,
    unsafe home.pointee.armed != 0
  else { return 0 &- ErrorNumber.notConnected }
  guard let line = unsafe line else { return 0 &- ErrorNumber.invalid }
  unsafe NoteRing(notes).append(line)
  return 0
}
