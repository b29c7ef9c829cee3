import CUnwind

/// The search table of the module around an address (LSB Core 5.0, 10.6.2, .eh_frame_hdr): pairs of where
/// a function begins and where its description lies, ascending.
@safe struct UnwindTable {
  /// What the module's mappings cover.
  let start: UInt64
  let end: UInt64
  let header: UInt64
  let entryCount: UInt32

  /// The first pair.
  var entries: UInt64 { @_noLocks get { header &+ 12 } }

  /// Nil where there is no module, or none with a table of the kind that all linkers make.
  @_noLocks
  init?(around address: UInt64, _ cache: LineCache) {
    var module = dc_module()
    guard unsafe dc_find_module(address, &module) != 0, module.eh_frame_header != 0,
      let first = cache.word(at: module.eh_frame_header),
      let second = cache.word(at: module.eh_frame_header &+ 8)
    else { return nil }
    // Version 1, pointer of 4 bytes, count as udata4, table of sdata4 pairs relative to the header.
    let encodings = UInt32(truncatingIfNeeded: first)
    let count = UInt32(truncatingIfNeeded: second)
    guard encodings & 0xff == 1, encodings &>> 16 & 0xff == 0x03, encodings &>> 24 == 0x3b,
      encodings &>> 8 & 0x0f == 0x0b || encodings &>> 8 & 0x0f == 0x03, count > 0
    else { return nil }
    start = module.start
    end = module.end
    header = module.eh_frame_header
    entryCount = count
  }

  /// Where the description of the last function that begins at or before an address lies.
  ///
  /// Whether that function reaches to the address its description tells.
  @_noLocks
  func description(of address: UInt64, _ cache: LineCache) -> UInt64? {
    var low: UInt32 = 0
    var high = entryCount
    while low < high {
      let middle = low &+ (high &- low) &>> 1
      guard let pair = cache.word(at: entries &+ UInt64(middle) &* 8) else { return nil }
      if place(UInt32(truncatingIfNeeded: pair)) <= address {
        low = middle &+ 1
      } else {
        high = middle
      }
    }
    guard low > 0, let pair = cache.word(at: entries &+ UInt64(low &- 1) &* 8) else { return nil }
    return place(UInt32(truncatingIfNeeded: pair &>> 32))
  }

  @_noLocks
  private func place(_ offset: UInt32) -> UInt64 {
    header &+ UInt64(bitPattern: Int64(Int32(bitPattern: offset)))
  }
}
