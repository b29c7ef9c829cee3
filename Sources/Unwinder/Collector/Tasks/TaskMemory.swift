import CUnwind

/// What reading tasks needs, mapped for one capture and given back behind it.
///
/// Pages are taken only as far as used: about 3 MiB for 100,000 tasks of a few stacks.
@safe struct TaskMemory {
  private let memory: UnsafeMutablePointer<UInt8>

  static var rangeLimit: Int { @_noLocks @inline(__always) get { 32_768 } }
  static var stackTableSize: Int { @_noLocks @inline(__always) get { 131_072 } }
  static var executorLimit: Int { @_noLocks @inline(__always) get { 4096 } }
  static var runnerLimit: Int { @_noLocks @inline(__always) get { 4096 } }
  /// Pages whose entries of /proc/self/pagemap are read at once.
  static var pageCount: Int { @_noLocks @inline(__always) get { 8192 } }
  static var chunkSize: Int { @_noLocks @inline(__always) get { 262_144 } }
  static var windowSize: Int { @_noLocks @inline(__always) get { 1024 } }
  static var batchSize: Int { @_noLocks @inline(__always) get { 65_536 } }
  /// A chain never has more frames; `max_frames` may be less.
  static var frameLimit: Int { @_noLocks @inline(__always) get { 16_384 } }

  private static var rangesSize: Int { @_noLocks @inline(__always) get { rangeLimit &* 16 } }
  private static var framesSize: Int { @_noLocks @inline(__always) get { frameLimit &* 8 } }
  private static var size: Int {
    @_noLocks get {
      2 &* rangesSize &+ stackTableSize &* 16 &+ executorLimit &* 2 &* MemoryLayout<UInt64>.size
        &+ executorLimit &* MemoryLayout<TaskExecutor>.stride
        &+ runnerLimit &* MemoryLayout<TaskRunner>.stride
        &+ pageCount &* 8 &+ chunkSize &+ 4096 &+ BlockCache.byteCount &+ framesSize
        &+ batchSize &+ batchSize &+ framesSize
    }
  }

  /// Nil where there is no memory.
  @_noLocks
  init?() {
    let size = UInt64(truncatingIfNeeded: Self.size)
    guard let memory = unsafe dc_map(size) else { return nil }
    unsafe dc_leave_out_of_fork(memory, size)
    unsafe self.memory = unsafe memory.assumingMemoryBound(to: UInt8.self)
  }

  @_noLocks
  func release() { unsafe dc_unmap(memory, UInt64(truncatingIfNeeded: Self.size)) }

  var range: MemoryRange {
    @_noLocks get {
      let start = UInt64(UInt(bitPattern: unsafe memory))
      return MemoryRange(start: start, end: start &+ UInt64(truncatingIfNeeded: Self.size))
    }
  }

  @_noLocks
  private func part<Element>(_ offset: Int, _ type: Element.Type) -> UnsafeMutablePointer<Element> {
    unsafe UnsafeMutableRawPointer(memory + offset).assumingMemoryBound(to: Element.self)
  }

  private static var codeOffset: Int { @_noLocks @inline(__always) get { rangesSize } }
  private static var stacksOffset: Int { @_noLocks get { codeOffset &+ rangesSize } }
  private static var slotsOffset: Int { @_noLocks get { stacksOffset &+ stackTableSize &* 16 } }
  private static var executorsOffset: Int { @_noLocks get { slotsOffset &+ executorLimit &* 16 } }
  private static var runnersOffset: Int {
    @_noLocks get { executorsOffset &+ executorLimit &* MemoryLayout<TaskExecutor>.stride }
  }
  private static var pagesOffset: Int {
    @_noLocks get { runnersOffset &+ runnerLimit &* MemoryLayout<TaskRunner>.stride }
  }
  private static var chunkOffset: Int { @_noLocks get { pagesOffset &+ pageCount &* 8 } }
  private static var windowOffset: Int { @_noLocks get { chunkOffset &+ chunkSize } }
  private static var blocksOffset: Int { @_noLocks get { windowOffset &+ 4096 } }
  private static var framesOffset: Int { @_noLocks get { blocksOffset &+ BlockCache.byteCount } }
  private static var tasksOffset: Int { @_noLocks get { framesOffset &+ framesSize } }
  private static var batchesOffset: Int { @_noLocks get { tasksOffset &+ batchSize } }

  /// Mappings that may hold tasks, and those that hold code.
  var scanned: UnsafeMutablePointer<MemoryRange> {
    @_noLocks get { unsafe part(0, MemoryRange.self) }
  }
  var code: UnsafeMutablePointer<MemoryRange> {
    @_noLocks get { unsafe part(Self.codeOffset, MemoryRange.self) }
  }
  var stacks: UnsafeMutablePointer<InternedStack> {
    @_noLocks get { unsafe part(Self.stacksOffset, InternedStack.self) }
  }
  /// Twice as many as there can be executors: 1 + the index of one, or 0.
  var executorSlots: UnsafeMutablePointer<UInt64> {
    @_noLocks get { unsafe part(Self.slotsOffset, UInt64.self) }
  }
  var executors: UnsafeMutablePointer<TaskExecutor> {
    @_noLocks get { unsafe part(Self.executorsOffset, TaskExecutor.self) }
  }
  var runners: UnsafeMutablePointer<TaskRunner> {
    @_noLocks get { unsafe part(Self.runnersOffset, TaskRunner.self) }
  }
  var pages: UnsafeMutablePointer<UInt64> {
    @_noLocks get { unsafe part(Self.pagesOffset, UInt64.self) }
  }
  var chunk: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.chunkOffset, UInt8.self) }
  }
  var window: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.windowOffset, UInt8.self) }
  }
  var blocks: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.blocksOffset, UInt8.self) }
  }
  /// Behind the window, on its page.
  var own: UnsafeMutablePointer<MemoryRange> {
    @_noLocks get { unsafe part(Self.windowOffset &+ 2048, MemoryRange.self) }
  }
  /// Behind those.
  var name: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.windowOffset &+ 3072, UInt8.self) }
  }
  static var nameLimit: Int { @_noLocks @inline(__always) get { 255 } }
  static var ownLimit: Int { @_noLocks @inline(__always) get { 16 } }
  var frames: UnsafeMutablePointer<UInt64> {
    @_noLocks get { unsafe part(Self.framesOffset, UInt64.self) }
  }
  var taskBatch: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.tasksOffset, UInt8.self) }
  }
  var stackBatch: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe part(Self.batchesOffset, UInt8.self) }
  }
  static var stackBatchSize: Int { @_noLocks get { batchSize &+ framesSize } }
}

/// Addresses from `start` up to, not including, `end`.
struct MemoryRange {
  var start: UInt64
  var end: UInt64

  @_noLocks @inline(__always)
  init(start: UInt64, end: UInt64) {
    self.start = start
    self.end = end
  }
}

/// Bytes of one stretch of memory as they were a moment ago, and a way to read elsewhere.
@safe struct MemoryCopy {
  private let bytes: UnsafePointer<UInt8>
  private let start: UInt64
  private let count: UInt64
  private let cache: BlockCache

  @_noLocks
  init(_ bytes: UnsafePointer<UInt8>, start: UInt64, count: Int, cache: BlockCache) {
    unsafe self.bytes = unsafe bytes
    self.start = start
    self.count = UInt64(truncatingIfNeeded: count)
    self.cache = cache
  }

  /// The eight bytes at an address, nil where they cannot be read.
  @_noLocks @inline(__always)
  func word(at address: UInt64) -> UInt64? {
    let offset = address &- start
    if offset < count, count &- offset >= 8 {
      return unsafe UnsafeRawPointer(bytes + Int(truncatingIfNeeded: offset))
        .loadUnaligned(as: UInt64.self)
    }
    return cache.word(at: address)
  }

  @_noLocks @inline(__always)
  func half(at address: UInt64) -> UInt32? {
    guard let word = word(at: address & ~7) else { return nil }
    return UInt32(truncatingIfNeeded: address & 4 == 0 ? word : word &>> 32)
  }
}
