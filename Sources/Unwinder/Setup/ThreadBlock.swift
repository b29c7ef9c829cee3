import CUnwind

/// Where libc keeps the calling thread's id in its thread block: the kernel is to write the id of a
/// forked child's collector there, for locks that record their owner.
@_noLocks
func threadIDWord(in threadPointer: UInt64) -> UnsafeMutablePointer<UInt32>? {
  guard
    let block = unsafe UnsafeMutablePointer<UInt32>(
      bitPattern: UInt(truncatingIfNeeded: threadPointer)
    )
  else { return nil }
  let tid = UInt32(bitPattern: dc_gettid())
  var index = 0
  // struct pthread of glibc 2.36 has it at byte 720; it never was beyond 1024.
  while index < 256 {
    if unsafe block[index] == tid { return unsafe block + index }
    index &+= 1
  }
  return nil
}
