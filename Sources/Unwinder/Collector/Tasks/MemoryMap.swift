import CUnwind

/// Which mappings may hold tasks, and which hold code, as /proc/self/maps says.
///
/// Tasks are allocated by malloc: they lie in private writable memory of no file.
@safe struct MemoryMap {
  private let scanned: UnsafeMutablePointer<MemoryRange>
  private let code: UnsafeMutablePointer<MemoryRange>
  private(set) var scannedCount = 0
  private(set) var codeCount = 0
  /// Bytes of mappings that there was no room to note.
  private(set) var skippedBytes: UInt64 = 0
  /// Our own memory, ascending.
  private let own: OwnMemory

  @_noLocks
  init(_ memory: TaskMemory, own: OwnMemory) {
    unsafe scanned = unsafe memory.scanned
    unsafe code = unsafe memory.code
    self.own = own
  }

  @_noLocks
  func scannedRange(_ index: Int) -> MemoryRange { unsafe scanned[index] }

  /// False when the list cannot be read.
  @_noLocks
  mutating func read(_ buffer: UnsafeMutablePointer<UInt8>, _ bufferSize: Int) -> Bool {
    let descriptor = openText("/proc/self/maps")
    guard descriptor >= 0 else { return false }
    defer { dc_close(descriptor) }
    var held = 0
    while true {
      let count = unsafe dc_read(descriptor, buffer + held, bufferSize &- held)
      guard count > 0 else { return count == 0 && codeCount > 0 }
      held &+= count
      var start = 0
      var index = 0
      while index < held {
        if unsafe buffer[index] == 0x0a {
          unsafe takeLine(buffer, from: start, to: index)
          start = index &+ 1
        }
        index &+= 1
      }
      // A line longer than the buffer cannot be.
      if start == 0, held == bufferSize { start = held }
      unsafe dc_move(buffer, buffer + start, held &- start)
      held &-= start
    }
  }

  /// One line: `start-end perms offset major:minor inode path` (proc(5)).
  @_noLocks
  private mutating func takeLine(
    _ buffer: UnsafeMutablePointer<UInt8>,
    from lineStart: Int,
    to lineEnd: Int
  ) {
    var fields = unsafe FieldReader(buffer, from: lineStart, to: lineEnd)
    let start = fields.nextHexadecimal()
    fields.skip(byte: 0x2d)
    let end = fields.nextHexadecimal()
    let isReadable = fields.nextByte() == 0x72
    let isWritable = fields.nextByte() == 0x77
    let isExecutable = fields.nextByte() == 0x78
    let isPrivate = fields.nextByte() == 0x70
    guard end > start else { return }
    if isExecutable { appendCode(start, end) }
    guard isReadable, isWritable, isPrivate else { return }
    fields.skip(2)
    guard fields.nextDecimal() == 0 else { return }
    let path = fields.rest()
    // The main stack, [vvar] and their kin; [heap] and memory that somebody named with prctl hold allocations.
    if path.count > 0 {
      guard path.count > 5, unsafe buffer[path.start] == 0x5b else { return }
      let letter = unsafe buffer[path.start &+ 1]
      guard letter == 0x68 || letter == 0x61 else { return }
    }
    appendScanned(start, end)
  }

  @_noLocks
  private mutating func appendCode(_ start: UInt64, _ end: UInt64) {
    if codeCount > 0, unsafe code[codeCount &- 1].end == start {
      unsafe code[codeCount &- 1].end = end
    } else if codeCount < TaskMemory.rangeLimit {
      unsafe code[codeCount] = MemoryRange(start: start, end: end)
      codeCount &+= 1
    }
  }

  /// Leaves out exactly what is ours: other memory may lie in the same mapping.
  @_noLocks
  private mutating func appendScanned(_ start: UInt64, _ end: UInt64) {
    var next = start
    var index = 0
    while index < own.count {
      let hole = own.range(index)
      index &+= 1
      guard hole.end > next, hole.start < end else { continue }
      if hole.start > next { appendPart(next, hole.start) }
      next = max(next, hole.end)
    }
    if next < end { appendPart(next, end) }
  }

  @_noLocks
  private mutating func appendPart(_ start: UInt64, _ end: UInt64) {
    guard scannedCount < TaskMemory.rangeLimit else {
      skippedBytes &+= end &- start
      return
    }
    unsafe scanned[scannedCount] = MemoryRange(start: start, end: end)
    scannedCount &+= 1
  }

  /// Whether code may lie at an address, of a module too that was loaded since.
  @_noLocks
  func isCode(_ address: UInt64) -> Bool {
    let place = firstCode(endingBehind: address)
    if unsafe place < codeCount && code[place].start <= address { return true }
    var module = dc_module()
    guard unsafe dc_find_module(address, &module) != 0 else { return false }
    let next = firstCode(endingBehind: module.start)
    return unsafe next >= codeCount || code[next].start >= module.end
  }

  @_noLocks
  private func firstCode(endingBehind address: UInt64) -> Int {
    var low = 0
    var high = codeCount
    while low < high {
      let middle = (low &+ high) &>> 1
      if unsafe code[middle].end <= address { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}

/// Memory of the handler, where copies of tasks may lie: it is no place to look for them.
@safe struct OwnMemory {
  private let ranges: UnsafeMutablePointer<MemoryRange>
  private(set) var count = 0

  @_noLocks
  init(home: Home, arena: Arena, _ memory: TaskMemory) {
    unsafe ranges = unsafe memory.own
    unsafe add(arena.pointee.scratch, arena.pointee.scratch_size)
    unsafe add(arena.pointee.buffer, arena.pointee.buffer_size)
    unsafe add(arena.pointee.pool, arena.pointee.pool_reserved)
    unsafe add(
      arena.pointee.line_cache,
      UInt64(truncatingIfNeeded: LineCache.byteCount)
    )
    unsafe add(
      MemoryRange(
        start: home.pointee.collector_stack,
        end: home.pointee.collector_stack &+ home.pointee.collector_stack_size
      )
    )
    add(memory.range)
  }

  @_noLocks
  private mutating func add(_ start: UnsafeMutablePointer<UInt8>?, _ size: UInt64) {
    let address = UInt64(UInt(bitPattern: start))
    if address != 0 { add(MemoryRange(start: address, end: address &+ size)) }
  }

  /// Keeps them ascending.
  @_noLocks
  private mutating func add(_ range: MemoryRange) {
    guard range.end > range.start, count < TaskMemory.ownLimit else { return }
    var place = count
    while place > 0, self.range(place &- 1).start > range.start {
      unsafe ranges[place] = self.range(place &- 1)
      place &-= 1
    }
    unsafe ranges[place] = range
    count &+= 1
  }

  @_noLocks
  func range(_ index: Int) -> MemoryRange { unsafe ranges[index] }
}
