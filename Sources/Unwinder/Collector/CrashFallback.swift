import CUnwind

/// The last resort of a crash whose collector does not work: a small capture with the registers and raw stacks of
/// the threads that crashed, and what /proc says of the others.
///
/// It runs on a thread made for it, so that the crashed one can go on when a disk does not answer, and so that it has
/// descriptors of its own where the service has used up all.
@safe struct CrashFallback {
  private let home: Home
  private let arena: Arena
  private let table: CrashTable

  private static var stackSize: Int { @_noLocks @inline(__always) get { 65_536 } }
  private static var bufferSize: Int { @_noLocks @inline(__always) get { 524_288 } }
  /// As the collector's: lists of modules need more than half of it.
  private static var scratchSize: Int { @_noLocks @inline(__always) get { 262_144 } }
  /// Names of the file, and the few frames that are known without unwinding.
  private static var smallSize: Int { @_noLocks @inline(__always) get { 8192 } }
  /// Further threads are left out.
  private static var threadLimit: Int { @_noLocks @inline(__always) get { 4096 } }

  /// Memory that is reserved for it at install.
  static var byteCount: Int {
    @_noLocks @inline(__always) get { stackSize &+ bufferSize &+ scratchSize &+ smallSize }
  }

  @_noLocks
  init(home: Home, arena: Arena, table: CrashTable) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.table = table
  }

  /// Starts the thread, or writes here where there can be none; the phase says when it is through.
  @_noLocks
  func start() {
    guard let memory = unsafe home.pointee.crash_fallback,
      unsafe dc_open_reserved(memory, UInt64(truncatingIfNeeded: Self.byteCount)) == 0
    else {
      _ = table.changePhase(CrashPhase.abandoned, to: CrashPhase.failed)
      return
    }
    let top = UInt64(UInt(bitPattern: memory)) &+ UInt64(truncatingIfNeeded: Self.stackSize)
    // It shares this thread's thread block, of which it only reads the stack guard's value.
    let tid = unsafe dc_clone_thread(
      writeLastResort,
      home,
      top,
      dc_thread_pointer(),
      dc_crash_helper_tid(table.crash)
    )
    if tid < 0 { unsafe dc_call_on_stack(writeHere, home, top) }
  }

  @_noLocks
  fileprivate func run() {
    let failure = write()
    let phase = failure == 0 ? CrashPhase.published : CrashPhase.failed
    _ = table.changePhase(CrashPhase.abandoned, to: phase)
  }

  @_noLocks
  private func write() -> Int32 {
    guard let memory = unsafe home.pointee.crash_fallback else { return ErrorNumber.noMemory }
    let directory = openDirectory()
    guard directory >= 0 else { return 0 &- directory }
    defer { dc_close(directory) }
    let buffer = unsafe memory + Self.stackSize
    let scratch = unsafe buffer + Self.bufferSize
    let small = unsafe scratch + Self.scratchSize
    var output = unsafe CaptureOutput(
      home: home,
      arena: arena,
      time: table.crash.pointee.time_ns,
      names: small,
      directory: directory
    )
    guard output.open() else { return output.failure }
    var file = unsafe CaptureFile(
      descriptor: output.descriptor,
      buffer: buffer,
      capacity: Self.bufferSize
    )
    unsafe writeHeader(scratch, &file)
    let tasks = openText("/proc/self/task")
    defer { if tasks >= 0 { dc_close(tasks) } }
    let half = Self.scratchSize / 2
    let quietStack = unsafe QuietStack(
      directory: tasks,
      scratch: scratch + half,
      scratchSize: half
    )
    unsafe writeCrashers(small + 1024, quietStack, &file)
    // Who crashed is safe in the file before anything else is looked at.
    file.flush()
    unsafe ProcessRecord(home: home, arena: arena, scratch: scratch, scratchSize: 8192).write(
      to: &file
    )
    var modules = unsafe ModuleList(buffer: scratch, bufferSize: Self.scratchSize)
    modules.write(to: &file)
    unsafe writeOthers(scratch, small + 1024, quietStack, &file)
    let records = UInt64(file.records)
    var record = file.beginRecord(room: 256)
    record.field(1, varint: records)
    let begin = unsafe table.crash.pointee.begin_ns
    record.field(6, varint: UInt64(truncatingIfNeeded: dc_clock(1) &- begin))
    file.endRecord(RecordKind.end, record)
    file.flush()
    return output.publish(file.failure, keepsPartial: true)
  }

  /// The directory in use, else the first that can be opened; a descriptor or -errno.
  @_noLocks
  private func openDirectory() -> Int32 {
    var index = unsafe arena.pointee.directory_index
    var result = open(index)
    let count = unsafe home.pointee.settings.directory_count
    index = 0
    while result < 0, index < count {
      result = open(index)
      index &+= 1
    }
    return result
  }

  @_noLocks
  private func open(_ index: UInt32) -> Int32 {
    unsafe Int32(
      truncatingIfNeeded: dc_open_at(
        dc_no_directory(),
        dc_directory(home, index),
        dc_flags_directory,
        0
      )
    )
  }

  @_noLocks
  private func writeHeader(_ scratch: UnsafeMutablePointer<UInt8>, _ file: inout CaptureFile) {
    var record = file.beginRecord(room: 16_384)
    record.field(1, varint: 1)
    unsafe record.field(3, fixed64: UInt64(truncatingIfNeeded: table.crash.pointee.time_ns))
    unsafe record.field(4, text: dc_version().asBytes, count: textLength(dc_version(), limit: 63))
    record.field(5, varint: UInt64(truncatingIfNeeded: dc_elf_machine))
    unsafe CrashRecord(table).writeHeader(&record, scratch: scratch)
    record.field(9, text: "the collector did not work: registers and raw stacks of crashed threads")
    record.field(10, varint: 1)
    file.endRecord(RecordKind.header, record)
  }

  /// `small`: a few words for the frames.
  @_noLocks
  private func writeCrashers(
    _ small: UnsafeMutablePointer<UInt8>,
    _ quietStack: QuietStack,
    _ file: inout CaptureFile
  ) {
    var index: UInt32 = 0
    while unsafe index < home.pointee.crash_capacity {
      if table.word(index) == CrasherPhase.whole {
        var thread = dc_thread()
        unsafe thread.tid = table.crasher(index).pointee.tid
        thread.state = 0x52
        thread.reason = ThreadReason.crashed
        thread.slot = index
        unsafe writeThread(&thread, small, quietStack, &file)
      }
      index &+= 1
    }
  }

  @_noLocks
  private func writeThread(
    _ thread: UnsafeMutablePointer<dc_thread>,
    _ small: UnsafeMutablePointer<UInt8>,
    _ quietStack: QuietStack,
    _ file: inout CaptureFile
  ) {
    let words = unsafe UnsafeMutableRawPointer(small).assumingMemoryBound(to: UInt64.self)
    var walk = unsafe Walk(
      addresses: words + 32,
      marks: UnsafeMutableRawPointer(words + 48).assumingMemoryBound(to: WalkMark.self),
      limit: 8
    )
    let record = unsafe ThreadRecord(
      home: home,
      arena: arena,
      // Nothing is unwound, so nothing is read through it.
      cache: LineCache(small),
      unwinder: RowUnwinder(idleBeside: home, arena),
      cursor: small,
      quietStack: quietStack,
      tickNanoseconds: 10_000_000,
      bootTime: UInt64(truncatingIfNeeded: dc_clock(0) &- dc_clock(7))
    )
    unsafe record.write(thread, &walk, words, canUnwind: false, isLate: true, to: &file)
  }

  /// Names and system calls of the threads that did not crash.
  @_noLocks
  private func writeOthers(
    _ scratch: UnsafeMutablePointer<UInt8>,
    _ small: UnsafeMutablePointer<UInt8>,
    _ quietStack: QuietStack,
    _ file: inout CaptureFile
  ) {
    let files = quietStack.files
    var left = Self.threadLimit
    unsafe forEachEntry(of: files.directory, scratch: scratch, scratchSize: Self.scratchSize / 2) {
      name,
      length in
      guard let value = unsafe decimal(name.asBytes, count: length), left > 0 else { return }
      let tid = Int32(truncatingIfNeeded: value)
      let isOwn =
        unsafe tid == dc_gettid() || tid == arena.pointee.collector_tid
        || tid == home.pointee.guardian_tid
      guard !isOwn, table.place(of: tid) == nil else { return }
      left &-= 1
      var thread = dc_thread()
      thread.tid = tid
      thread.status = ThreadStatus.quiet
      thread.reason = ThreadReason.noCollector
      unsafe files.readSyscall(&thread)
      guard unsafe files.readStatus(&thread) else { return }
      unsafe writeThread(&thread, small, quietStack, &file)
    }
  }
}

@_noLocks @c(dc_write_last_resort)
private func writeLastResort(_ argument: UnsafeMutableRawPointer?) {
  _ = dc_own_descriptors()
  unsafe writeHere(argument)
  dc_exit_thread()
}

@_noLocks @c(dc_write_here)
private func writeHere(_ argument: UnsafeMutableRawPointer?) {
  guard let home = unsafe argument?.assumingMemoryBound(to: dc_home.self),
    let arena = unsafe home.pointee.arena, let crash = unsafe home.pointee.crash
  else { return }
  unsafe CrashFallback(home: home, arena: arena, table: CrashTable(home, crash)).run()
}
