import Bytes

/// Finds the variables of a unit that lie at one address: those of files, classes and namespaces, and static ones of
/// functions.
enum VariableWalk {
  /// Calls `body` with the address of each such variable and where its entry begins, up to where the unit is damaged.
  static func run(
    _ unit: borrowing LoadedUnit,
    info: RawSpan,
    addresses: RawSpan,
    _ body: (UInt64, Int) -> Void
  ) {
    let header = unit.context.header
    let abbreviations = unit.abbreviations.abbreviations.span
    let steps = unit.abbreviations.steps.span
    var cursor = ByteCursor(info)
    cursor.quietSeek(to: header.entryOffset)
    cursor = cursor.quietPart(upTo: header.end)
    while !cursor.isAtEnd {
      let offset = cursor.position
      let code = cursor.quietULEB128()
      // Whose child an entry is says nothing here.
      if code == 0 { continue }
      guard let index = unit.abbreviations.index(of: code) else { return }
      if abbreviations[index].tag == .variable {
        let address = address(of: index, unit, addresses, &cursor)
        if let address, !unit.context.addressing.isTombstone(address) { body(address, offset) }
        continue
      }
      let sibling = FunctionWalk.pass(index, abbreviations, steps, header, &cursor)
      // Of a class there are declarations only.
      if abbreviations[index].role == .type, sibling > cursor.position {
        cursor.quietSeek(to: sibling)
      }
    }
  }

  /// Reads a variable's entry behind its code; nil where it has no place or more than one.
  @_lifetime(cursor: copy cursor)
  private static func address(
    of index: Int,
    _ unit: borrowing LoadedUnit,
    _ addresses: RawSpan,
    _ cursor: inout ByteCursor
  ) -> UInt64? {
    let encoding = unit.context.header.encoding
    var address: UInt64?
    for position in unit.abbreviations.abbreviations[index].attributes {
      let attribute = unit.abbreviations.attributes[position]
      guard let form = attribute.form else {
        cursor.markBad()
        return nil
      }
      let value = AttributeValue.read(
        form,
        implicit: attribute.implicit,
        encoding: encoding,
        from: &cursor
      )
      guard attribute.attribute == .location, value.isBlock else { continue }
      var operations = cursor
      operations.quietSeek(to: Int(clamping: value.bits))
      operations = operations.quietPart(upTo: cursor.position)
      address = Self.address(&operations, unit.context.addressing, addresses)
    }
    return cursor.isBad ? nil : address
  }

  /// The address that an expression states, directly or by its index, perhaps with an offset behind it.
  @_lifetime(operations: copy operations)
  private static func address(
    _ operations: inout ByteCursor,
    _ addressing: UnitAddressing,
    _ addresses: RawSpan
  ) -> UInt64? {
    var address: UInt64
    switch operations.quietU8() {
    case 0x03:  // DW_OP_addr
      address = operations.quietUnsigned(byteCount: Int(addressing.encoding.addressSize))
    case 0xa1, 0xfb:  // DW_OP_addrx, DW_OP_GNU_addr_index
      let index = operations.quietULEB128()
      guard let known = addressing.address(at: index, in: addresses) else { return nil }
      address = known
    default: return nil
    }
    if !operations.isAtEnd {
      guard operations.quietU8() == 0x23 else { return nil }  // DW_OP_plus_uconst
      address &+= operations.quietULEB128()
    }
    return operations.isBad || !operations.isAtEnd ? nil : address
  }
}
