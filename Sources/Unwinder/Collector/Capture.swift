import CUnwind

/// One capture from the trigger to the published file: live, or of a crash.
@safe struct Capture {
  let home: Home
  let arena: Arena
  /// CLOCK_MONOTONIC, nanoseconds.
  let begin: Int64
  let deadline: Int64
  private let scratch: UnsafeMutablePointer<UInt8>
  private let scratchSize: Int
  /// The crash that it is made of; nil for a live one.
  private let crash: CrashRecord?
  private var request = CaptureRequest()
  private var phases = CapturePhases()

  /// Nil while there is no memory for it.
  @_noLocks
  init?(home: Home, arena: Arena, crash: CrashRecord? = nil) {
    guard let scratch = unsafe arena.pointee.scratch, unsafe arena.pointee.buffer != nil else {
      return nil
    }
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    unsafe self.scratch = unsafe scratch
    scratchSize = unsafe Int(truncatingIfNeeded: arena.pointee.scratch_size)
    self.crash = crash
    begin = crash?.begin ?? dc_clock(1)
    // The crashed thread waits for the whole timeout: half of it is left for what was not foreseen.
    let timeout = unsafe home.pointee.settings.timeout_ns
    deadline = begin &+ (crash == nil ? timeout : timeout / 2)
  }

  /// A live capture is given up when a thread crashes: the crash's capture is to be made at once.
  private var isGivenUp: Bool {
    @_noLocks get { unsafe crash == nil && CrashRecord.isWaiting(home) }
  }

  /// The number of the last request that the capture covers.
  var accepted: UInt64 { @_noLocks get { request.accepted } }

  /// Makes the capture; 0 or an errno.
  @_noLocks
  mutating func run() -> Int32 {
    unsafe arena.pointee.last_errno = 0
    let directory = unsafe CaptureDirectory(home: home, arena: arena, scratch: scratch)
    guard directory.open() else {
      request = unsafe CaptureRequest(arena)
      return unsafe arena.pointee.last_errno == 0 ? ErrorNumber.noEntry : arena.pointee.last_errno
    }
    let tasks = openText("/proc/self/task")
    defer { if tasks >= 0 { dc_close(tasks) } }
    let files = unsafe ThreadFiles(directory: tasks, scratch: scratch, scratchSize: scratchSize)
    guard
      unsafe ThreadList(arena: arena, directory: tasks).read(
        scratch: scratch,
        scratchSize: scratchSize
      )
    else {
      request = unsafe CaptureRequest(arena)
      return ErrorNumber.noEntry
    }
    let isQuiet = unsafe crash == nil && !CaptureRequest.hasNoisy(arena)
    unsafe ThreadSampler(home: home, arena: arena, files: files).sampleAll(isQuiet: isQuiet)
    if let crash { unsafe crash.adoptThreads(arena) }
    phases.procTime = dc_clock(1) &- begin
    if isGivenUp { return ErrorNumber.cancelled }
    request = unsafe CaptureRequest(arena)
    if !isQuiet { signalThreads(files) }
    if let crash { unsafe crash.adoptThreads(arena) }
    if isGivenUp { return ErrorNumber.cancelled }
    let failure = writeFile(tasks: tasks)
    if !isQuiet, crash == nil { round(files).shrinkPool() }
    return failure
  }

  /// Threads have half of the time to answer, or of what is left of it: looking at very many of them beforehand
  /// may have taken more than half, and then all of them would count as silent.
  @_noLocks
  private func round(_ files: ThreadFiles) -> SignalRound {
    let now = dc_clock(1)
    return unsafe SignalRound(
      home: home,
      arena: arena,
      files: files,
      deadline: max(begin &+ (deadline &- begin) / 2, now &+ (deadline &- now) / 2),
      crash: crash
    )
  }

  /// The first round, and a second one for threads whose stacks did not fit into the pool.
  @_noLocks
  private mutating func signalThreads(_ files: ThreadFiles) {
    let round = self.round(files)
    round.prepare()
    let start = dc_clock(1)
    let startTicks = dc_ticks()
    round.sendAll()
    round.waitForAnswers()
    phases.signalTime = dc_clock(1) &- start
    phases.signalTicks = dc_ticks() &- startTicks
    let used = unsafe dc_load64(dc_arena_pool_used(arena))
    // In a crash the threads stand still after their first answer: what was not copied is read as it lies there.
    if crash == nil, unsafe used > arena.pointee.pool_size,
      unsafe arena.pointee.pool_size < arena.pointee.pool_reserved
    {
      round.growPool(to: used &* 2)
      round.repeatForCutStacks()
    }
  }

  @_noLocks
  private mutating func writeFile(tasks: Int32) -> Int32 {
    var output = unsafe CaptureOutput(
      home: home,
      arena: arena,
      time: request.time,
      scratch: scratch
    )
    guard output.open(), let buffer = unsafe arena.pointee.buffer else { return output.failure }
    var file = unsafe CaptureFile(
      descriptor: output.descriptor,
      buffer: buffer,
      capacity: Int(truncatingIfNeeded: arena.pointee.buffer_size)
    )
    let canUnwind = prepareUnwinder()
    unsafe request.write(to: &file, home, canUnwind: canUnwind, crash: crash, scratch: scratch)
    let procBegin = dc_clock(1)
    unsafe ProcessRecord(home: home, arena: arena, scratch: scratch, scratchSize: 65_536).write(
      to: &file
    )
    var modules = unsafe ModuleList(buffer: scratch, bufferSize: scratchSize)
    modules.write(to: &file)
    let unwindBegin = dc_clock(1)
    phases.procTime &+= unwindBegin &- procBegin
    writeThreads(to: &file, tasks: tasks, canUnwind: canUnwind)
    if isGivenUp { return output.discard() }
    phases.unwindTime = dc_clock(1) &- unwindBegin
    // The threads are safe in the file before anything else is looked at.
    file.flush()
    unsafe TaskPart(home: home, arena: arena, isCrash: crash != nil).write(
      to: &file,
      deadline: deadline
    )
    if isGivenUp { return output.discard() }
    let stateBegin = dc_clock(1)
    unsafe ProcessState(
      home: home,
      arena: arena,
      scratch: scratch,
      scratchSize: scratchSize,
      tasks: tasks
    ).write(to: &file, deadline: deadline)
    phases.procTime &+= dc_clock(1) &- stateBegin
    unsafe phases.write(to: &file, arena, begin: begin)
    file.flush()
    if isGivenUp { return output.discard() }
    if let crash, !crash.mayPublish() { return output.discard() }
    return output.publish(file.failure, keepsPartial: crash != nil)
  }

  /// Loads libunwind where that failed before, and makes it forget the modules of the last capture.
  @_noLocks
  private func prepareUnwinder() -> Bool {
    if unsafe home.pointee.unwind.address_space == nil, unsafe home.pointee.collector_thread != 0,
      unsafe arena.pointee.is_child == 0
    {
      if unsafe dc_retry_libunwind(home) == 0 { unsafe warmUp(home, arena) }
    }
    guard unsafe home.pointee.unwind.address_space != nil,
      unsafe home.pointee.libunwind_is_broken == 0
    else {
      unsafe arena.pointee.is_degraded = 1
      return false
    }
    unsafe arena.pointee.is_degraded = 0
    // What it keeps may be broken like everything else in a process that crashes.
    if unsafe dc_recover(dc_arena_recovery(arena), flushUnwinder, home) != 0 {
      unsafe home.pointee.libunwind_is_broken = BrokenUnwinder.fault
      unsafe arena.pointee.is_degraded = 1
      return false
    }
    return true
  }

  @_noLocks
  private mutating func writeThreads(to file: inout CaptureFile, tasks: Int32, canUnwind: Bool) {
    guard let threads = unsafe arena.pointee.threads,
      let memory = unsafe WalkMemory(home: home, arena: arena)
    else { return }
    memory.cache.flush()
    let record = unsafe ThreadRecord(
      home: home,
      arena: arena,
      cache: memory.cache,
      unwinder: RowUnwinder(home: home, arena: arena, cache: memory.cache),
      cursor: memory.cursor,
      quietStack: QuietStack(directory: tasks, scratch: scratch, scratchSize: scratchSize),
      tickNanoseconds: 10_000_000,
      bootTime: UInt64(truncatingIfNeeded: dc_clock(0) &- dc_clock(7))
    )
    var walk = memory.walk
    // Who crashed comes first: it is in the file whatever happens later.
    if crash != nil {
      unsafe write(record, memory, &walk, canUnwind, threads, &file, crashed: true)
      file.flush()
    }
    unsafe write(record, memory, &walk, canUnwind, threads, &file, crashed: false)
  }

  /// Writes the threads that crashed, or the others.
  @_noLocks
  private mutating func write(
    _ record: ThreadRecord,
    _ memory: WalkMemory,
    _ walk: inout Walk,
    _ canUnwind: Bool,
    _ threads: UnsafeMutablePointer<dc_thread>,
    _ file: inout CaptureFile,
    crashed: Bool
  ) {
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count), !isGivenUp {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe (thread.pointee.reason == ThreadReason.crashed) == crashed else { continue }
      let isLate = dc_clock(1) > deadline
      unsafe dc_store32(dc_home_is_unwinding(home), 1)
      unsafe record.write(
        thread,
        &walk,
        memory.quiet,
        canUnwind: canUnwind,
        isLate: isLate,
        to: &file
      )
      unsafe dc_store32(dc_home_is_unwinding(home), 0)
      unsafe phases.count(thread)
    }
  }
}

/// Why libunwind is not used in this process any more.
enum BrokenUnwinder {
  static var forked: UInt32 { @_noLocks @inline(__always) get { 1 } }
  static var fault: UInt32 { @_noLocks @inline(__always) get { 2 } }
}

@_noLocks @c(dc_flush_unwinder)
private func flushUnwinder(_ argument: UnsafeMutableRawPointer?) {
  guard let home = unsafe argument?.assumingMemoryBound(to: dc_home.self) else { return }
  unsafe dc_unwind_flush(dc_home_unwind(home))
}

/// The collector's memory for walking one thread after the other.
@safe struct WalkMemory {
  let cache: LineCache
  let cursor: UnsafeMutableRawPointer
  let quiet: UnsafeMutablePointer<UInt64>
  let walk: Walk

  /// Registers of a thread that was not signalled: 17 words, padded.
  private static var quietSize: Int { @_noLocks @inline(__always) get { 256 } }

  @_noLocks
  static func byteCount(frames: Int) -> Int {
    dc_unwind_cursor_size &+ quietSize
      &+ frames &* (8 &+ MemoryLayout<WalkMark>.stride)
  }

  @_noLocks
  init?(home: Home, arena: Arena) {
    guard let memory = unsafe arena.pointee.walk, let lines = unsafe arena.pointee.line_cache else {
      return nil
    }
    let limit = unsafe Int(truncatingIfNeeded: home.pointee.settings.max_frames)
    let cursorSize = dc_unwind_cursor_size
    cache = unsafe LineCache(lines)
    unsafe cursor = UnsafeMutableRawPointer(memory)
    let quietMemory = unsafe UnsafeMutableRawPointer(memory + cursorSize)
    unsafe quiet = unsafe quietMemory.assumingMemoryBound(to: UInt64.self)
    let addresses = unsafe quietMemory + Self.quietSize
    walk = unsafe Walk(
      addresses: addresses.assumingMemoryBound(to: UInt64.self),
      marks: (addresses + limit &* 8).assumingMemoryBound(to: WalkMark.self),
      limit: limit
    )
  }
}
