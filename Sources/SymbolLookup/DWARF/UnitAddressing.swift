import Bytes

/// What turns a unit's values into addresses; small, for the loops that do so for every entry.
struct UnitAddressing: Sendable {
  var encoding: UnitEncoding
  /// Offset of the unit's part of `.debug_addr`.
  var addressBase: Int
  /// Offset of the unit's part of `.debug_rnglists`.
  var rangeListsBase: Int
  /// What offsets into `.debug_ranges` count from: not 0 in split units before DWARF 5.
  var rangesBase = 0
  /// The unit's low address, from which range lists count.
  var base: UInt64 = 0

  /// The address that a value states, directly or by index.
  @inline(__always)
  func address(_ value: AttributeValue, in addresses: RawSpan) -> UInt64? {
    switch value.form {
    case .address: value.bits
    case .addressIndex, .addressIndex1, .addressIndex2, .addressIndex3, .addressIndex4,
      .gnuAddressIndex:
      address(at: value.bits, in: addresses)
    case .addressIndexAndOffset:
      address(at: value.bits & 0xffff_ffff, in: addresses).flatMap { start in
        // An offset from a function that the linker dropped leads to nothing.
        isTombstone(start) ? start : start &+ value.bits >> 32
      }
    default: nil
    }
  }

  /// The address of an index into the unit's part of `.debug_addr`.
  func address(at index: UInt64, in addresses: RawSpan) -> UInt64? {
    let size = Int(encoding.addressSize)
    guard let position = tablePosition(index, size: size, base: addressBase) else { return nil }
    var cursor = ByteCursor(addresses)
    cursor.quietSeek(to: position)
    let address = cursor.quietUnsigned(byteCount: size)
    return cursor.isBad ? nil : address
  }

  /// The stretch of code that a low and a high address state; nil when it is empty, dead or damaged.
  ///
  /// A high "address" of a constant form is a length (DWARF 4, 2.17.2).
  @inline(__always)
  func range(
    lowPC: AttributeValue,
    highPC: AttributeValue,
    in addresses: RawSpan
  ) -> Range<UInt64>? {
    guard let low = address(lowPC, in: addresses), !isTombstone(low) else { return nil }
    let high: UInt64
    if let length = highPC.constant {
      let (sum, overflows) = low.addingReportingOverflow(length)
      if overflows { return nil }
      high = sum
    } else {
      // An entry with a low address alone is a label, not a stretch of code.
      guard let end = address(highPC, in: addresses) else { return nil }
      high = end
    }
    return low < high ? low..<high : nil
  }

  /// Linkers write 0, -1 or -2 where a function was that they dropped (DWARF issue 200609.1; bfd, gold, lld).
  @inline(__always)
  func isTombstone(_ address: UInt64) -> Bool {
    let last: UInt64 = encoding.addressSize == 4 ? 0xffff_ffff : .max
    return address == 0 || address >= last &- 1
  }
}

/// Where the entry of an index lies in a table; nil when it can be in no file.
func tablePosition(_ index: UInt64, size: Int, base: Int) -> Int? {
  guard let index = Int(exactly: index) else { return nil }
  let (bytes, overflows) = index.multipliedReportingOverflow(by: size)
  let (position, overflowsToo) = bytes.addingReportingOverflow(base)
  return overflows || overflowsToo ? nil : position
}
