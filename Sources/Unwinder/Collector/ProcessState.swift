import CUnwind

/// Writes what a capture says of the process besides its threads: vitals, descriptors, connections,
/// environment, notes.
///
/// Everything comes from the kernel's own file systems, which answer from memory. Each part is bounded in
/// number and bytes, and all of it in time.
@safe struct ProcessState {
  let home: Home
  let arena: Arena
  let scratch: UnsafeMutablePointer<UInt8>
  let scratchSize: Int

  /// At most this long, and this long where the capture's own time is over already.
  private static var longest: Int64 { @_noLocks @inline(__always) get { 500_000_000 } }
  private static var shortest: Int64 { @_noLocks @inline(__always) get { 20_000_000 } }

  @_noLocks
  init(home: Home, arena: Arena, scratch: UnsafeMutablePointer<UInt8>, scratchSize: Int) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
  }

  /// Writes one record each; `deadline` is the capture's.
  @_noLocks
  func write(to file: inout CaptureFile, deadline: Int64) {
    let now = dc_clock(1)
    let end = min(max(deadline, now &+ Self.shortest), now &+ Self.longest)
    unsafe VitalsRecord(scratch: scratch, scratchSize: scratchSize).write(to: &file)
    if let census = unsafe arena.pointee.census {
      unsafe DescriptorCensus(
        census: census,
        scratch: scratch,
        scratchSize: scratchSize,
        deadline: end
      ).take(arena)
      unsafe ConnectionCensus(
        census: census,
        scratch: scratch,
        scratchSize: scratchSize,
        deadline: end
      ).take()
      unsafe DescriptorsRecord(census).write(to: &file)
    }
    unsafe EnvironmentRecord(
      hasValues: home.pointee.settings.environment > 0,
      scratch: scratch,
      scratchSize: scratchSize
    ).write(to: &file)
    if let notes = unsafe home.pointee.notes { unsafe NoteRing(notes).write(to: &file) }
  }
}
