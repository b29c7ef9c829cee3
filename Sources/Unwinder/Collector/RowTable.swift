import CUnwind

/// What is to be done at one address.
enum RowKind {
  static var byStackPointer: UInt16 { @_noLocks @inline(__always) get { 1 } }
  static var byFramePointer: UInt16 { @_noLocks @inline(__always) get { 2 } }
  static var outermost: UInt16 { @_noLocks @inline(__always) get { 3 } }
  /// A case for libunwind.
  static var odd: UInt16 { @_noLocks @inline(__always) get { 4 } }
}

/// Rows of unwind tables by address, kept for the time of one capture: the threads of a service share most of
/// their frames' addresses.
///
/// Direct mapped, 8192 rows of 16 bytes.
@safe struct RowTable {
  private let rows: UnsafeMutablePointer<dc_row>
  private let remembered: UnsafeMutablePointer<FrameRules>
  private let cache: LineCache

  private static var rowCount: Int { @_noLocks @inline(__always) get { 8192 } }
  private static var rowBytes: Int {
    @_noLocks @inline(__always) get { rowCount &* MemoryLayout<dc_row>.stride }
  }
  /// Bytes of memory that the table takes.
  static var byteCount: Int {
    @_noLocks @inline(__always) get {
      rowBytes &+ CFIProgram.rememberedLimit &* MemoryLayout<FrameRules>.stride
    }
  }

  @_noLocks
  init(_ memory: UnsafeMutablePointer<UInt8>, _ cache: LineCache) {
    let start = UnsafeMutableRawPointer(memory)
    unsafe rows = start.assumingMemoryBound(to: dc_row.self)
    unsafe remembered = unsafe (start + Self.rowBytes).assumingMemoryBound(to: FrameRules.self)
    self.cache = cache
  }

  /// Forgets everything: modules come and go between captures.
  @_noLocks
  func flush() { unsafe dc_fill(rows, 0, Self.rowBytes) }

  /// The row for an address, that of a frame's instruction or the last byte of its call.
  @_noLocks @inline(__always)
  func row(at address: UInt64) -> dc_row {
    let index = Int(truncatingIfNeeded: (address ^ address &>> 13) & 8191)
    let row = unsafe rows[index]
    return row.address == address && row.kind != 0 ? row : fill(index, address)
  }

  @_noLocks @inline(never)
  private func fill(_ index: Int, _ address: UInt64) -> dc_row {
    let row = makeRow(address)
    unsafe rows[index] = row
    return row
  }

  @_noLocks
  private func makeRow(_ address: UInt64) -> dc_row {
    var row = dc_row()
    row.address = address
    row.kind = RowKind.odd
    // A handler's return is marked as such; for its caller the address is a return address.
    guard !isTrampoline(address, cache), !isTrampoline(address &+ 1, cache),
      let table = UnwindTable(around: address, cache),
      let place = table.description(of: address, cache),
      let description = FrameDescription(at: place, covering: address, cache),
      let rules = unsafe description.rules(at: address, remembered: remembered)
    else { return row }
    if rules.isOutermost {
      row.kind = RowKind.outermost
      return row
    }
    let slot = rules.framePointerOffset / 8
    guard rules.framePointerOffset & 7 == 0, slot >= -32_768, slot <= 0,
      rules.baseOffset > 0, rules.baseOffset <= 0x7fff_ffff
    else { return row }
    row.base_offset = Int32(truncatingIfNeeded: rules.baseOffset)
    row.frame_pointer_slot = Int16(truncatingIfNeeded: slot)
    row.kind = rules.base == dc_register_sp ? RowKind.byStackPointer : RowKind.byFramePointer
    return row
  }
}
