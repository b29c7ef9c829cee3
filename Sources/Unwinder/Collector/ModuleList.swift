import CUnwind

/// Writes a record for each ELF module of /proc/self/maps.
///
/// The kernel's list needs no lock of the loader and shows modules that the loader does not know.
@safe struct ModuleList {
  private let buffer: UnsafeMutablePointer<UInt8>
  private let bufferSize: Int
  private var nextID: UInt32 = 1
  private var module = OpenModule()

  /// A mapped file whose mappings are being gathered.
  private struct OpenModule {
    var path: (start: Int, count: Int) = (0, 0)
    var isDeleted = false
    var isVDSO = false
    var major: UInt64 = 0
    var minor: UInt64 = 0
    var inode: UInt64 = 0
    var segments = 0
    /// One past the highest mapping, kept or not.
    var end: UInt64 = 0
    @_noLocks init() {}
  }

  private static var segmentLimit: Int { @_noLocks @inline(__always) get { 2048 } }
  private static var pathLimit: Int { @_noLocks @inline(__always) get { 4096 } }
  /// Segments and the path of the open module lie at the end of the buffer.
  private static var reservedSize: Int {
    @_noLocks @inline(__always) get { segmentLimit &* 32 &+ pathLimit }
  }

  private var segments: UnsafeMutablePointer<UInt64> {
    @_noLocks get {
      unsafe UnsafeMutableRawPointer(buffer + (bufferSize &- Self.reservedSize))
        .assumingMemoryBound(to: UInt64.self)
    }
  }
  private var pathBytes: UnsafeMutablePointer<UInt8> {
    @_noLocks get { unsafe buffer + (bufferSize &- Self.pathLimit) }
  }

  /// `buffer`: at least 128 KiB, aligned to 8 bytes.
  @_noLocks
  init(buffer: UnsafeMutablePointer<UInt8>, bufferSize: Int) {
    unsafe self.buffer = unsafe buffer
    self.bufferSize = bufferSize & ~7
  }

  /// Reads the list and writes the modules into the file, in ascending order.
  @_noLocks
  mutating func write(to file: inout CaptureFile) {
    let descriptor = openText("/proc/self/maps")
    guard descriptor >= 0 else { return }
    let room = bufferSize &- Self.reservedSize
    var held = 0
    while true {
      let count = unsafe dc_read(descriptor, buffer + held, room &- held)
      guard count > 0 else { break }
      held &+= count
      var start = 0
      while let end = lineEnd(from: start, to: held) {
        takeLine(from: start, to: end, &file)
        start = end &+ 1
      }
      // A line longer than the buffer cannot be; one that were would be dropped here.
      if start == 0, held == room { start = held }
      unsafe dc_move(buffer, buffer + start, held &- start)
      held &-= start
    }
    close(&file)
    dc_close(descriptor)
  }

  @_noLocks
  private func lineEnd(from start: Int, to end: Int) -> Int? {
    var index = start
    while index < end {
      if unsafe buffer[index] == 0x0a { return index }
      index &+= 1
    }
    return nil
  }

  /// One line: `start-end perms offset major:minor inode path` (proc(5)).
  @_noLocks
  private mutating func takeLine(from lineStart: Int, to lineEnd: Int, _ file: inout CaptureFile) {
    var fields = unsafe FieldReader(buffer, from: lineStart, to: lineEnd)
    let start = fields.nextHexadecimal()
    fields.skip(byte: 0x2d)
    let end = fields.nextHexadecimal()
    var protection: UInt64 = 0
    if fields.nextByte() == 0x72 { protection |= 1 }
    if fields.nextByte() == 0x77 { protection |= 2 }
    if fields.nextByte() == 0x78 { protection |= 4 }
    fields.skip(1)
    let offset = fields.nextHexadecimal()
    let major = fields.nextHexadecimal()
    fields.skip(byte: 0x3a)
    let minor = fields.nextHexadecimal()
    let inode = fields.nextDecimal()
    let path = fields.rest()
    let isVDSO =
      unsafe path.count == 6 && buffer[path.start] == 0x5b && buffer[path.start &+ 1] == 0x76
      && buffer[path.start &+ 2] == 0x64
    // Anonymous memory between two mappings of a file is its .bss or a gap.
    guard inode != 0 || isVDSO else { return }
    if module.segments > 0, module.inode == inode, module.major == major, module.minor == minor,
      !isVDSO, offset != 0 || !beginsImage(start)
    {
      append(start, end, offset, protection)
      return
    }
    close(&file)
    guard offset == 0, hasMagic(start) else { return }
    module.isVDSO = isVDSO
    module.major = major
    module.minor = minor
    module.inode = inode
    keepPath(path)
    append(start, end, offset, protection)
  }

  @_noLocks
  private mutating func append(
    _ start: UInt64,
    _ end: UInt64,
    _ offset: UInt64,
    _ protection: UInt64
  ) {
    module.end = end
    guard module.segments < Self.segmentLimit else { return }
    let segment = unsafe segments + module.segments &* 4
    unsafe segment[0] = start
    unsafe segment[1] = end
    unsafe segment[2] = offset
    unsafe segment[3] = protection
    module.segments &+= 1
  }

  /// Takes " (deleted)" off, and the octal escapes that the kernel writes for line feeds.
  @_noLocks
  private mutating func keepPath(_ path: (start: Int, count: Int)) {
    var count = min(path.count, Self.pathLimit)
    let suffix: StaticString = " (deleted)"
    module.isDeleted = unsafe count > 10 && ends(path, with: suffix.utf8Start, count: 10)
    if module.isDeleted { count &-= 10 }
    var from = 0
    var into = 0
    while from < count {
      let byte = unsafe buffer[path.start &+ from]
      if byte == 0x5c, from &+ 3 < count, unsafe buffer[path.start &+ from &+ 1] == 0x30,
        unsafe buffer[path.start &+ from &+ 2] == 0x31,
        unsafe buffer[path.start &+ from &+ 3] == 0x32
      {
        unsafe pathBytes[into] = 0x0a
        from &+= 4
      } else {
        unsafe pathBytes[into] = byte
        from &+= 1
      }
      into &+= 1
    }
    module.path = (0, into)
  }

  @_noLocks
  private func ends(
    _ path: (start: Int, count: Int),
    with suffix: UnsafePointer<UInt8>,
    count: Int
  ) -> Bool {
    var index = 0
    while index < count {
      if unsafe buffer[path.start &+ path.count &- count &+ index] != suffix[index] { return false }
      index &+= 1
    }
    return true
  }

  /// Whether a mapping of the open module's first page is a second image of the file, and no segment of the open one.
  ///
  /// lld puts the segments of a file together without padding: those of a small program all begin in its first page, and each is a
  /// mapping of it.
  @_noLocks
  private func beginsImage(_ start: UInt64) -> Bool {
    guard hasMagic(start) else { return false }
    return unsafe start >= ModuleImage(base: segments[0], end: segments[1]).imageEnd
  }

  @_noLocks
  private func hasMagic(_ address: UInt64) -> Bool {
    var magic: UInt32 = 0
    return unsafe dc_read_memory(address, &magic, 4) == 4 && magic == 0x464c_457f
  }

  /// Writes the gathered module, unless nothing of it can be executed.
  @_noLocks
  private mutating func close(_ file: inout CaptureFile) {
    defer { module = OpenModule() }
    var isExecutable = false
    var index = 0
    while index < module.segments {
      isExecutable = unsafe isExecutable || segments[index &* 4 &+ 3] & 4 != 0
      index &+= 1
    }
    guard isExecutable else { return }
    let base = unsafe segments[0]
    let last = module.end
    let image = unsafe ModuleImage(base: base, end: segments[1])
    let imageSize = module.isVDSO ? Int(truncatingIfNeeded: min(last &- base, 65_536)) : 0
    // The path, and four numbers with their tags for each mapping.
    var record = file.beginRecord(room: 16_384 &+ module.segments &* 40 &+ imageSize)
    record.field(1, varint: UInt64(nextID))
    unsafe record.field(2, text: pathBytes, count: module.path.count)
    image.writeBuildID(3, &record)
    record.field(4, fixed64: base)
    record.field(5, fixed64: last)
    record.field(6, fixed64: image.loadBias)
    record.field(7, varint: module.isDeleted ? 1 : 0)
    writeSegments(&record)
    if imageSize > 0,
      let bytes = unsafe UnsafePointer<UInt8>(bitPattern: UInt(truncatingIfNeeded: base))
    {
      // Safe because the vDSO is never unmapped.
      unsafe record.field(9, bytes: bytes, count: imageSize)
    }
    record.field(10, varint: module.major)
    record.field(11, varint: module.minor)
    record.field(12, varint: module.inode)
    file.endRecord(RecordKind.module, record)
    nextID &+= 1
  }

  @_noLocks
  private func writeSegments(_ record: inout ProtobufWriter) {
    var index = 0
    while index < module.segments {
      let segment = unsafe segments + index &* 4
      let message = record.beginMessage(8)
      unsafe record.field(1, fixed64: segment[0])
      unsafe record.field(2, fixed64: segment[1])
      unsafe record.field(3, varint: segment[2])
      unsafe record.field(4, varint: segment[3])
      record.endMessage(message)
      index &+= 1
    }
  }
}

/// Opens a file for reading, by absolute path; negative when it cannot be.
@_noLocks @inline(__always)
func openText(_ path: StaticString) -> Int32 {
  let text = unsafe UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self)
  return unsafe Int32(truncatingIfNeeded: dc_open_at(dc_no_directory(), text, dc_flags_read, 0))
}
