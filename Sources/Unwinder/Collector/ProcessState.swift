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
  /// /proc/self/task, open.
  let tasks: Int32

  /// At most this long, and this long where the capture's own time is over already.
  private static var longest: Int64 { @_noLocks @inline(__always) get { 500_000_000 } }
  private static var shortest: Int64 { @_noLocks @inline(__always) get { 20_000_000 } }

  @_noLocks
  init(
    home: Home,
    arena: Arena,
    scratch: UnsafeMutablePointer<UInt8>,
    scratchSize: Int,
    tasks: Int32
  ) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
    self.scratchSize = scratchSize
    self.tasks = tasks
  }

  /// Writes one record each; `deadline` is the capture's.
  @_noLocks
  func write(to file: inout CaptureFile, deadline: Int64) {
    let now = dc_clock(1)
    let end = min(max(deadline, now &+ Self.shortest), now &+ Self.longest)
    unsafe VitalsRecord(scratch: scratch, scratchSize: scratchSize).write(to: &file)
    if let census = unsafe arena.pointee.census {
      let awaited = unsafe AwaitedDescriptors(arena)
      unsafe awaited?.gather(scratch, deadline: end)
      unsafe DescriptorCensus(
        census: census,
        scratch: scratch,
        scratchSize: scratchSize,
        deadline: end,
        awaited: awaited
      ).take(arena)
      unsafe ConnectionCensus(
        census: census,
        scratch: scratch,
        scratchSize: scratchSize,
        deadline: end,
        awaited: awaited
      ).take()
      unsafe awaited?.findUnixPeers(scratch, deadline: end)
      unsafe DescriptorsRecord(census).write(to: &file)
      unsafe awaited?.write(
        to: &file,
        ThreadFiles(directory: tasks, scratch: scratch, scratchSize: scratchSize),
        isHeld: dc_load32(dc_arena_held(arena)) != 0
      )
    }
    unsafe EnvironmentRecord(
      hasValues: home.pointee.settings.environment > 0,
      scratch: scratch,
      scratchSize: scratchSize
    ).write(to: &file)
    if let notes = unsafe home.pointee.notes { unsafe NoteRing(notes).write(to: &file) }
  }
}
