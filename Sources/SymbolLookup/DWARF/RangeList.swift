import Bytes

/// The code of a unit, function or block: one stretch or a list of them, dead ones left out.
///
/// Yields the ranges one by one; nothing is reserved. `isBad` at the end says that the list was damaged.
struct RangeList: ~Escapable {
  private enum Source {
    case nothing
    case single(Range<UInt64>)
    /// `.debug_ranges` (DWARF 4, 2.17.3).
    case pairs
    /// `.debug_rnglists` (DWARF 5, 2.17.3).
    case entries
  }

  private var source: Source
  private var cursor: ByteCursor
  private var base: UInt64
  private var counted: Int
  private let unit: UnitAddressing
  private let addresses: RawSpan

  /// The ranges that an entry's attributes state.
  ///
  /// `lists`: `.debug_rnglists` of DWARF 5 units, `.debug_ranges` of others.
  @_lifetime(copy lists, copy addresses)
  init(
    lowPC: AttributeValue,
    highPC: AttributeValue,
    ranges: AttributeValue,
    unit: UnitAddressing,
    lists: RawSpan,
    addresses: RawSpan
  ) {
    self.unit = unit
    self.addresses = addresses
    cursor = ByteCursor(lists)
    counted = 0
    base = unit.base
    source = .nothing
    if ranges.isPresent {
      guard let position = Self.position(of: ranges, unit: unit, lists: lists) else {
        cursor.markBad()
        return
      }
      cursor.quietSeek(to: position)
      counted = cursor.position
      source = unit.encoding.version >= 5 ? .entries : .pairs
    } else if let range = unit.range(lowPC: lowPC, highPC: highPC, in: addresses) {
      source = .single(range)
    }
  }

  /// A damaged list ends early.
  var isBad: Bool { cursor.isBad }

  /// Bytes of the list that were read since the last time this was asked.
  @_lifetime(self: copy self)
  mutating func takeByteCount() -> Int {
    defer { counted = cursor.position }
    return cursor.position - counted
  }

  /// The next range that is not empty and not dead, or nil.
  @_lifetime(self: copy self)
  mutating func next() -> Range<UInt64>? {
    switch source {
    case .nothing: return nil
    case .single(let range):
      source = .nothing
      return range
    case .pairs: return nextPair()
    case .entries: return nextEntry()
    }
  }

  @_lifetime(self: copy self)
  private mutating func nextPair() -> Range<UInt64>? {
    let size = Int(unit.encoding.addressSize)
    let last: UInt64 = size == 4 ? 0xffff_ffff : .max
    while !cursor.isAtEnd {
      let first = cursor.quietUnsigned(byteCount: size)
      let second = cursor.quietUnsigned(byteCount: size)
      if cursor.isBad || (first == 0 && second == 0) { break }
      if first == last {
        base = second
        continue
      }
      if let range = live(first &+ base, second &+ base) { return range }
    }
    source = .nothing
    return nil
  }

  @_lifetime(self: copy self)
  private mutating func nextEntry() -> Range<UInt64>? {
    let size = Int(unit.encoding.addressSize)
    while !cursor.isAtEnd {
      let range: Range<UInt64>?
      switch cursor.quietU8() {
      case 1:  // DW_RLE_base_addressx
        base = indexedAddress()
        continue
      case 2:  // DW_RLE_startx_endx
        let low = indexedAddress()
        range = live(low, indexedAddress())
      case 3:  // DW_RLE_startx_length
        let low = indexedAddress()
        range = live(low, low &+ cursor.quietULEB128())
      case 4:  // DW_RLE_offset_pair
        let low = cursor.quietULEB128() &+ base
        range = live(low, cursor.quietULEB128() &+ base)
      case 5:  // DW_RLE_base_address
        base = cursor.quietUnsigned(byteCount: size)
        continue
      case 6:  // DW_RLE_start_end
        let low = cursor.quietUnsigned(byteCount: size)
        range = live(low, cursor.quietUnsigned(byteCount: size))
      case 7:  // DW_RLE_start_length
        let low = cursor.quietUnsigned(byteCount: size)
        range = live(low, low &+ cursor.quietULEB128())
      case 0:  // DW_RLE_end_of_list
        source = .nothing
        return nil
      default:
        // How long an unknown entry is cannot be known.
        cursor.markBad()
        range = nil
      }
      if cursor.isBad { break }
      if let range { return range }
    }
    source = .nothing
    return nil
  }

  @_lifetime(self: copy self)
  private mutating func indexedAddress() -> UInt64 {
    // An index without an address is as dead as a tombstone.
    unit.address(at: cursor.quietULEB128(), in: addresses) ?? .max
  }

  private func live(_ low: UInt64, _ high: UInt64) -> Range<UInt64>? {
    // A dead base makes offsets wrap to small addresses that never were code.
    guard low < high, !unit.isTombstone(low), base == 0 || !unit.isTombstone(base) else {
      return nil
    }
    return low..<high
  }

  private static func position(
    of ranges: AttributeValue,
    unit: UnitAddressing,
    lists: RawSpan
  ) -> Int? {
    guard ranges.form == .rangeListIndex else {
      guard let offset = ranges.sectionOffset else { return nil }
      let (position, overflows) = offset.addingReportingOverflow(unit.rangesBase)
      return overflows ? nil : position
    }
    let size = Int(unit.encoding.offsetSize)
    guard let entry = tablePosition(ranges.bits, size: size, base: unit.rangeListsBase) else {
      return nil
    }
    var cursor = ByteCursor(lists)
    cursor.quietSeek(to: entry)
    let offset = cursor.quietUnsigned(byteCount: size)
    guard !cursor.isBad, let relative = Int(exactly: offset) else { return nil }
    let (position, overflows) = relative.addingReportingOverflow(unit.rangeListsBase)
    return overflows ? nil : position
  }
}
