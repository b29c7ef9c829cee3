import CUnwind

/// Goes through memory that may hold tasks, chunk by chunk.
///
/// Pages that were never used are not touched: reading them would make the kernel map them. A page that lies
/// in swap is read, since tasks that leaked long ago lie there.
@safe struct TaskScan {
  private let memory: TaskMemory
  private let pageMap: Int32
  private let ownMemory: Int32
  private(set) var scannedBytes: UInt64 = 0
  private(set) var absentBytes: UInt64 = 0
  private(set) var unreadableBytes: UInt64 = 0

  private static var pageSize: UInt64 { @_noLocks @inline(__always) get { 4096 } }

  @_noLocks
  init(_ memory: TaskMemory) {
    self.memory = memory
    pageMap = openText("/proc/self/pagemap")
    ownMemory = openText("/proc/self/mem")
  }

  @_noLocks
  func close() {
    if pageMap >= 0 { dc_close(pageMap) }
    if ownMemory >= 0 { dc_close(ownMemory) }
  }

  /// The part at the front of a range, of pages whose entries are read at once.
  @_noLocks
  func firstPiece(of range: MemoryRange) -> MemoryRange {
    let longest = UInt64(truncatingIfNeeded: TaskMemory.pageCount) &* Self.pageSize
    return MemoryRange(start: range.start, end: min(range.end, range.start &+ longest))
  }

  /// Reads the entries of a piece; false where the kernel does not tell.
  @_noLocks
  func readPages(of piece: MemoryRange) -> Bool {
    guard pageMap >= 0 else { return false }
    let count = Int(truncatingIfNeeded: (piece.end &- piece.start) / Self.pageSize)
    let read = unsafe dc_read_at(
      pageMap,
      memory.pages,
      count &* 8,
      piece.start / Self.pageSize &* 8
    )
    return read == count &* 8
  }

  /// The next stretch of used pages from an address on, at most a chunk; nil where there is none.
  @_noLocks
  mutating func nextChunk(
    from address: UInt64,
    in piece: MemoryRange,
    knowsPages: Bool
  ) -> MemoryRange? {
    let longest = UInt64(truncatingIfNeeded: TaskMemory.chunkSize)
    var start = address
    while knowsPages, start < piece.end, !isUsed(start, piece) { start &+= Self.pageSize }
    absentBytes &+= start &- address
    guard start < piece.end else { return nil }
    var end = min(start &+ longest, piece.end)
    if knowsPages {
      var next = start &+ Self.pageSize
      while next < end, isUsed(next, piece) { next &+= Self.pageSize }
      end = min(next, end)
    }
    return MemoryRange(start: start, end: end)
  }

  /// Bit 63: present; bit 62: in swap (Documentation/admin-guide/mm/pagemap.rst).
  @_noLocks @inline(__always)
  private func isUsed(_ address: UInt64, _ piece: MemoryRange) -> Bool {
    let index = Int(truncatingIfNeeded: (address &- piece.start) / Self.pageSize)
    return unsafe memory.pages[index] &>> 62 != 0
  }

  /// Copies a chunk; the bytes copied, 0 where it cannot be read.
  @_noLocks
  mutating func copy(_ chunk: MemoryRange) -> Int {
    let wanted = Int(truncatingIfNeeded: chunk.end &- chunk.start)
    var count = unsafe dc_read_memory(chunk.start, memory.chunk, wanted)
    if count < 0, count != -Int(ErrorNumber.badAddress), ownMemory >= 0 {
      count = unsafe dc_read_at(ownMemory, memory.chunk, wanted, chunk.start)
    }
    count = max(count, 0)
    scannedBytes &+= UInt64(truncatingIfNeeded: count)
    unreadableBytes &+= UInt64(truncatingIfNeeded: wanted &- count)
    return count
  }

  /// Where in the copied bytes a task may begin, from an offset on; nil where there is no more.
  ///
  /// malloc aligns to 16 bytes, and so does a task's own allocator.
  @_noLocks
  func nextCandidate(from offset: Int, count: Int, metadata: UInt64) -> Int? {
    let words = unsafe UnsafeMutableRawPointer(memory.chunk).assumingMemoryBound(to: UInt64.self)
    var index = offset / 8
    let last = count / 8
    while index &+ 8 <= last {
      let first = unsafe words[index] == metadata || words[index &+ 2] == metadata
      let second = unsafe words[index &+ 4] == metadata || words[index &+ 6] == metadata
      if first || second { break }
      index &+= 8
    }
    while index < last {
      if unsafe words[index] == metadata { return index &* 8 }
      index &+= 2
    }
    return nil
  }
}
