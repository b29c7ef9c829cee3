import Bytes

/// A value as it stands in the entry, with the form that says what it means.
struct AttributeValue: Equatable, Sendable {
  /// Nil when the entry does not have the attribute.
  var form: DWARFForm?
  /// The number, offset or index; of strings and blocks in place, the position of their first byte; of an index with
  /// an offset, the latter in the upper half.
  var bits: UInt64

  static var absent: AttributeValue { AttributeValue(form: nil, bits: 0) }

  var isPresent: Bool { form != nil }

  /// Bytes in place, whose position `bits` is: an expression, as older versions wrote them too.
  var isBlock: Bool {
    switch form {
    case .expression, .block, .block1, .block2, .block4: true
    default: false
    }
  }
}

extension AttributeValue {
  /// Reads one value quietly, and leaves the cursor behind it.
  ///
  /// `implicit`: the value of `implicitConstant`, which stands in the abbreviation.
  @inline(__always)
  @_lifetime(cursor: copy cursor)
  static func read(
    _ form: DWARFForm,
    implicit: Int64,
    encoding: UnitEncoding,
    from cursor: inout ByteCursor
  ) -> AttributeValue {
    var form = form
    if form == .indirect {
      // One level: a form that names itself again proves nothing but damage (DWARF 5, 7.5.3).
      guard let named = UInt16(exactly: cursor.quietULEB128()).flatMap(DWARFForm.init(rawValue:)),
        named != .indirect, named != .implicitConstant
      else {
        cursor.markBad()
        return .absent
      }
      form = named
    }
    let bits: UInt64
    switch form {
    case .flagPresent: bits = 1
    case .implicitConstant: bits = UInt64(bitPattern: implicit)
    case .data1, .flag, .reference1, .stringIndex1, .addressIndex1: bits = UInt64(cursor.quietU8())
    case .data2, .reference2, .stringIndex2, .addressIndex2: bits = UInt64(cursor.quietU16())
    case .data4, .reference4, .stringIndex4, .addressIndex4, .supplementaryReference4:
      bits = UInt64(cursor.quietU32())
    case .data8, .reference8, .typeSignature, .supplementaryReference8: bits = cursor.quietU64()
    case .signedData: bits = UInt64(bitPattern: cursor.quietSLEB128())
    default:
      switch form.extent(in: encoding) {
      case .fixed(16):
        bits = UInt64(cursor.position)
        cursor.quietSkip(16)
      case .fixed(let count): bits = cursor.quietUnsigned(byteCount: count)
      case .leb128: bits = cursor.quietULEB128()
      case .string:
        bits = UInt64(cursor.position)
        cursor.quietSkipCString()
      case .counted(let size):
        let count = cursor.quietUnsigned(byteCount: size)
        bits = UInt64(cursor.position)
        cursor.quietSkip(Int(clamping: count))
      case .countedLEB128:
        let count = cursor.quietULEB128()
        bits = UInt64(cursor.position)
        cursor.quietSkip(Int(clamping: count))
      case .leb128AndWord:
        let index = UInt64(UInt32(clamping: cursor.quietULEB128()))
        bits = UInt64(cursor.quietU32()) << 32 | index
      case .indirect:
        bits = 0
        cursor.markBad()
      }
    }
    return AttributeValue(form: form, bits: bits)
  }
}

extension AttributeValue {
  /// The address that an expression stands for, as the form that states it directly; any other value as it is.
  ///
  /// An address, or an index of one with an offset: what clang writes to share addresses (-mllvm
  /// -minimize-addr-in-v5=Expressions). Expressions that ask for more are no address.
  ///
  /// `cursor`: stands behind the value.
  @inline(__always)
  func evaluated(_ encoding: UnitEncoding, before cursor: ByteCursor) -> AttributeValue {
    form == .expression ? expression(encoding, cursor) : self
  }

  private func expression(_ encoding: UnitEncoding, _ cursor: ByteCursor) -> AttributeValue {
    var operations = cursor
    operations.quietSeek(to: Int(clamping: bits))
    operations = operations.quietPart(upTo: cursor.position)
    var value = AttributeValue.absent
    switch operations.quietU8() {
    case 0x03:  // DW_OP_addr
      value.form = .address
      value.bits = operations.quietUnsigned(byteCount: Int(encoding.addressSize))
    case 0xa1:  // DW_OP_addrx
      value.form = .addressIndex
      value.bits = operations.quietULEB128()
      if operations.isAtEnd { break }
      guard operations.quietU8() == 0x0c else { return .absent }  // DW_OP_const4u
      value.form = .addressIndexAndOffset
      value.bits = UInt64(operations.quietU32()) << 32 | UInt64(UInt32(clamping: value.bits))
      guard operations.quietU8() == 0x22 else { return .absent }  // DW_OP_plus
    default: return .absent
    }
    return operations.isBad || !operations.isAtEnd ? .absent : value
  }
}

extension AttributeValue {
  /// A plain number: a line, a column, a file.
  var constant: UInt64? {
    switch form {
    case .data1, .data2, .data4, .data8, .unsignedData, .implicitConstant, .flag, .flagPresent: bits
    case .signedData: Int64(bitPattern: bits) < 0 ? nil : bits
    default: nil
    }
  }

  /// A line, file or column number that fits; nil when absent or absurd.
  var smallConstant: UInt32? { constant.flatMap { UInt32(exactly: $0) } }

  /// An offset into another section; DWARF 2 and 3 wrote it as plain data.
  var sectionOffset: Int? {
    switch form {
    case .sectionOffset, .data4, .data8: Int(exactly: bits)
    default: nil
    }
  }

  /// The entry that is referred to.
  ///
  /// `unitOffset`: where the unit of the entry begins; most references count from there.
  func reference(unitOffset: Int, isAlternate: Bool) -> EntryReference? {
    guard let value = Int(exactly: bits) else { return nil }
    switch form {
    case .reference1, .reference2, .reference4, .reference8, .referenceUnsigned:
      let (offset, overflows) = value.addingReportingOverflow(unitOffset)
      return overflows ? nil : EntryReference(offset: offset, isAlternate: isAlternate)
    case .referenceAddress:
      return EntryReference(offset: value, isAlternate: isAlternate)
    case .gnuAlternateReference, .supplementaryReference4, .supplementaryReference8:
      // A file made by dwz refers to no third one.
      return isAlternate ? nil : EntryReference(offset: value, isAlternate: true)
    default: return nil
    }
  }
}

/// Where an entry stands.
struct EntryReference: Hashable, Sendable {
  /// Bytes from the start of `.debug_info`.
  var offset: Int
  /// In the file that `.gnu_debugaltlink` names.
  var isAlternate: Bool
}
