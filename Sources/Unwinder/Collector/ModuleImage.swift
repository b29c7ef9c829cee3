import CUnwind

/// The ELF headers of a mapped module, read from memory: the file may have been replaced since.
///
/// Memory is read safely, as a module may be unmapped meanwhile. gabi, ELF Header, Program Header.
struct ModuleImage {
  private let base: UInt64
  /// End of the first mapping: headers beyond it are not looked at.
  private let end: UInt64
  private var headers: UInt64 = 0
  private var headerCount: UInt64 = 0
  /// Runtime address minus ELF address, modulo 2^64.
  private(set) var loadBias: UInt64 = 0

  private static var loadSegment: UInt32 { @_noLocks @inline(__always) get { 1 } }
  private static var noteSegment: UInt32 { @_noLocks @inline(__always) get { 4 } }
  private static var headerSize: UInt64 { @_noLocks @inline(__always) get { 56 } }

  @_noLocks
  init(base: UInt64, end: UInt64) {
    self.base = base
    self.end = end
    // e_phoff at 32, e_phentsize at 54, e_phnum at 56; 64-bit only.
    guard word(at: base) & 0xff_0000_0000 == 0x02_0000_0000 else { return }
    let offset = word(at: base &+ 32)
    let count = word(at: base &+ 56) & 0xffff
    guard offset < end &- base, count &* Self.headerSize <= end &- base &- offset else { return }
    headers = base &+ offset
    headerCount = count
    loadBias = base
    forEachHeader { type, header in
      // The first loaded segment holds the start of the file.
      guard type == Self.loadSegment, word(at: header &+ 8) & ~4095 == 0 else { return true }
      loadBias = base &- (word(at: header &+ 16) & ~4095)
      return false
    }
  }

  /// One past the last byte of the segments, by the headers; the base where there are none.
  var imageEnd: UInt64 {
    @_noLocks get {
      var last = base
      forEachHeader { type, header in
        guard type == Self.loadSegment else { return true }
        last = max(last, loadBias &+ word(at: header &+ 16) &+ word(at: header &+ 40))
        return true
      }
      return last
    }
  }

  @_noLocks
  private func word(at address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    return unsafe dc_read_memory(address, &value, 8) == 8 ? value : 0
  }

  @_noLocks
  private func forEachHeader(_ body: (UInt32, UInt64) -> Bool) {
    var index: UInt64 = 0
    while index < headerCount {
      let header = headers &+ index &* Self.headerSize
      guard body(UInt32(truncatingIfNeeded: word(at: header)), header) else { return }
      index &+= 1
    }
  }

  /// Writes the descriptor of NT_GNU_BUILD_ID, if there is one, as a field of bytes.
  @_noLocks
  func writeBuildID(_ field: Int, _ record: inout ProtobufWriter) {
    var index: UInt64 = 0
    while index < headerCount {
      let header = headers &+ index &* Self.headerSize
      index &+= 1
      guard UInt32(truncatingIfNeeded: word(at: header)) == Self.noteSegment else { continue }
      let start = loadBias &+ word(at: header &+ 16)
      if writeBuildID(field, in: start, size: word(at: header &+ 40), &record) { return }
    }
  }

  /// gabi, Note Section: name size, descriptor size, type, name, descriptor, each padded to 4 bytes.
  @_noLocks
  private func writeBuildID(
    _ field: Int,
    in start: UInt64,
    size: UInt64,
    _ record: inout ProtobufWriter
  ) -> Bool {
    var note = start
    let end = start &+ min(size, 65_536)
    while note &+ 16 <= end {
      let sizes = word(at: note)
      let nameSize = sizes & 0xffff_ffff
      let descriptorSize = sizes &>> 32
      let typeAndName = word(at: note &+ 8)
      let descriptor = note &+ 12 &+ ((nameSize &+ 3) & ~3)
      guard nameSize < 65_536, descriptorSize < 65_536 else { return false }
      // Type 3, name "GNU".
      if typeAndName == 0x0055_4e47_0000_0003, nameSize == 4, descriptorSize <= 64 {
        var bytes: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
          (0, 0, 0, 0, 0, 0, 0, 0)
        let count = Int(truncatingIfNeeded: descriptorSize)
        guard unsafe dc_read_memory(descriptor, &bytes, count) == count else { return false }
        unsafe writeBytes(field, &bytes, count, &record)
        return true
      }
      note = descriptor &+ ((descriptorSize &+ 3) & ~3)
    }
    return false
  }

  @_noLocks
  private func writeBytes(
    _ field: Int,
    _ bytes: UnsafeMutableRawPointer,
    _ count: Int,
    _ record: inout ProtobufWriter
  ) {
    unsafe record.field(field, bytes: bytes.assumingMemoryBound(to: UInt8.self), count: count)
  }
}
