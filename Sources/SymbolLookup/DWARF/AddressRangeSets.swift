import Bytes

/// The sets of `.debug_aranges` (DWARF 5, 6.1.2): which unit has code where, one by one.
///
/// Only a hint: clang does not write it, and a set may be missing or wrong. A set that names no unit is passed.
struct AddressRangeSets: ~Escapable {
  private var cursor: ByteCursor
  private var set: ByteCursor
  private var addressSize = 8
  private(set) var problem: FormatError?
  /// Offset of the unit that the ranges of `next` belong to.
  private(set) var unitOffset = 0

  /// The sets of a section.
  @_lifetime(copy section)
  init(_ section: RawSpan) {
    cursor = ByteCursor(section)
    set = cursor.quietPart(upTo: 0)
  }

  /// Moves to the next set; false behind the last one or at damage.
  @_lifetime(self: copy self)
  mutating func nextSet() -> Bool {
    while !cursor.isAtEnd {
      let start = cursor.position
      var offsetSize = 0
      do throws(FormatError) {
        let length = try UnitHeader.Length(parsing: &cursor)
        set = try cursor.split(length.byteCount)
        offsetSize = Int(length.offsetSize)
      } catch {
        // Without a length nobody knows where the next set begins.
        problem = problem ?? error
        return false
      }
      do throws(FormatError) {
        if try parseHeader(start: start, offsetSize: offsetSize) { return true }
      } catch {
        problem = problem ?? error
      }
    }
    return false
  }

  @_lifetime(self: copy self)
  private mutating func parseHeader(start: Int, offsetSize: Int) throws(FormatError) -> Bool {
    let version = try set.u16()
    guard version == 2 else {
      throw FormatError(.unsupportedVersion(UInt32(version)), offset: set.offset - 2)
    }
    let unit = try set.unsigned(byteCount: offsetSize)
    let size = try set.u8()
    let segmentSize = try set.u8()
    guard size == 4 || size == 8, segmentSize == 0 else { return false }
    addressSize = Int(size)
    // Tuples begin at a multiple of their size, counted from the set.
    let tuple = addressSize * 2
    let misplaced = (set.position - start) % tuple
    if misplaced != 0 { try set.skip(tuple - misplaced) }
    unitOffset = Int(clamping: unit)
    return true
  }

  /// The next range of the set that is not empty, or nil.
  ///
  /// Reads to the end of the set: linkers leave pairs of zeros where they dropped functions.
  @inline(__always)
  @_lifetime(self: copy self)
  mutating func next() -> Range<UInt64>? {
    while !set.isAtEnd {
      let low = set.quietUnsigned(byteCount: addressSize)
      let length = set.quietUnsigned(byteCount: addressSize)
      if length == 0 || low == 0 { continue }
      let (high, overflows) = low.addingReportingOverflow(length)
      if !overflows { return low..<high }
    }
    return nil
  }
}
