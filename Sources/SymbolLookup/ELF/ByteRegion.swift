import Glibc

/// Bytes that stay where they are as long as a copy of this value lives.
///
/// Part of a mapped file, or memory of our own. What reads them borrows a `RawSpan` from the
/// region.
@safe
package struct ByteRegion: @unchecked Sendable {
  // Safe to share because the bytes are never written after the region was made.
  /// What keeps the bytes; nil only of the empty region.
  private let owner: AnyObject?
  private let start: UnsafeRawPointer?
  package let byteCount: Int
  /// The bytes are pages of a file that the kernel can read again.
  let isFileMapping: Bool

  /// No bytes.
  package static let empty = ByteRegion()

  private init() {
    owner = nil
    unsafe start = nil
    byteCount = 0
    isFileMapping = false
  }

  /// `byteCount` bytes from `start`, which `owner` keeps readable and unchanged.
  @unsafe
  init(owner: AnyObject, start: UnsafeRawPointer?, byteCount: Int, isFileMapping: Bool) {
    precondition(byteCount >= 0)
    self.owner = owner
    unsafe self.start = start
    self.byteCount = byteCount
    self.isFileMapping = isFileMapping
  }

  /// The bytes themselves, borrowed from this value.
  package var bytes: RawSpan {
    @_lifetime(borrow self)
    get {
      let buffer = unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
      // Safe because `owner`, which this value holds, keeps the bytes, and the span cannot outlive
      // this value.
      let span = unsafe RawSpan(_unsafeBytes: buffer)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The part at `range`, or nil when it does not lie inside.
  package func part(_ range: Range<Int>) -> ByteRegion? {
    guard range.lowerBound >= 0, range.upperBound <= byteCount, let owner else {
      return range.isEmpty && range.lowerBound == 0 ? .empty : nil
    }
    // Safe because the range was compared with the region's size.
    return unsafe ByteRegion(
      owner: owner,
      start: start.map { unsafe $0 + range.lowerBound },
      byteCount: range.count,
      isFileMapping: isFileMapping
    )
  }

  /// Gives the memory of whole pages inside `range` back; the next read fetches them from the file
  /// again.
  ///
  /// Does nothing to memory that is not a file's. Mapped pages count as the process' memory, so a
  /// long walk over a large file calls this behind itself.
  package func releasePages(_ range: Range<Int>) {
    guard isFileMapping, range.lowerBound >= 0, range.upperBound <= byteCount else { return }
    let pageSize = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = unsafe UInt(bitPattern: start)
    let first = (start + UInt(range.lowerBound) + pageSize - 1) & ~(pageSize - 1)
    let last = (start + UInt(range.upperBound)) & ~(pageSize - 1)
    guard first < last else { return }
    // Safe because only whole pages of the file's own read-only mapping are touched; a failure
    // costs memory only.
    unsafe madvise(UnsafeMutableRawPointer(bitPattern: first), Int(last - first), MADV_DONTNEED)
  }
}

/// Memory of our own that a `ByteRegion` keeps.
@safe
final class OwnedBytes {
  let start: UnsafeMutableRawPointer
  let byteCount: Int

  /// Takes over memory that `malloc` gave.
  @unsafe
  init(takingOver start: UnsafeMutableRawPointer, byteCount: Int) {
    unsafe self.start = start
    self.byteCount = byteCount
  }

  /// New memory of `byteCount` bytes, filled by `fill`; nil when there is no memory or `fill` says
  /// false.
  ///
  /// Memory is `malloc`'s, so that a large size costs nothing before it is written.
  convenience init?(byteCount: Int, fill: (UnsafeMutableRawPointer) -> Bool) {
    guard byteCount >= 0, let start = unsafe malloc(max(byteCount, 1)) else { return nil }
    unsafe self.init(takingOver: start, byteCount: byteCount)
    guard unsafe fill(start) else { return nil }
  }

  /// A copy of bytes; nil when there is no memory.
  convenience init?(copying bytes: [UInt8]) {
    unsafe self.init(byteCount: bytes.count) { target in
      // Safe because the memory is as large as the bytes.
      unsafe bytes.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(start: target, count: $0.count).copyMemory(from: $0)
      }
      return true
    }
  }

  deinit {
    unsafe free(start)
  }

  /// All of it, as a region that keeps this object.
  var region: ByteRegion {
    // Safe because the region holds this object, and nobody writes to it after `fill`.
    unsafe ByteRegion(owner: self, start: start, byteCount: byteCount, isFileMapping: false)
  }
}
