import Bytes

/// The head of a line program with its tables of folders and files (DWARF 5, 6.2.4; DWARF 4, 6.2.4).
struct LineTableHeader: Sendable {
  /// A source file as the program names it.
  struct File: Sendable {
    var name: StringReference
    /// Index into `directories`; before DWARF 5, 0 is the compilation directory and 1 the first entry.
    var directory: UInt32
    /// The file's whole text, where the compiler put it in (DW_LNCT_LLVM_source).
    var source: StringReference?
  }

  var version: UInt16
  var addressSize: UInt8
  /// Positions of the program in the section.
  var program: Range<Int>
  var minimumInstructionLength: UInt8
  var maximumOperationsPerInstruction: UInt8
  var lineBase: Int8
  var lineRange: UInt8
  var opcodeBase: UInt8
  /// How many LEB128 numbers follow each standard opcode, from opcode 1.
  var standardOpcodeLengths: [UInt8]
  var directories: [StringReference]
  var files: [File]

  /// The file of a number as rows and call sites state it, which count from 1 before DWARF 5.
  func file(_ number: UInt32) -> File? {
    let index = version >= 5 ? Int(number) : Int(number) - 1
    return files.indices.contains(index) ? files[index] : nil
  }
}

extension LineTableHeader {
  /// Reads the header of the program that begins at the cursor.
  ///
  /// `unit`: whose program this is; it knows the tables of indexed strings and, before DWARF 5, the
  ///   size of an address.
  init(
    parsing input: inout ByteCursor,
    unit: borrowing UnitContext,
    stringOffsets: RawSpan
  ) throws(FormatError) {
    let length = try UnitHeader.Length(parsing: &input)
    var part = try input.split(length.byteCount)
    version = try part.u16()
    guard (2...5).contains(version) else {
      throw FormatError(.unsupportedVersion(UInt32(version)), offset: part.offset - 2)
    }
    addressSize = unit.header.encoding.addressSize
    if version >= 5 {
      addressSize = try part.u8()
      try part.skip(1)
    }
    let headerLength = try part.unsigned(byteCount: Int(length.offsetSize))
    guard let headerCount = Int(exactly: headerLength), headerCount <= part.remaining else {
      throw FormatError(
        .truncated(needed: Int(clamping: headerLength), available: part.remaining),
        offset: part.offset
      )
    }
    var head = try part.split(headerCount)
    program = part.position..<part.end
    minimumInstructionLength = try head.u8()
    maximumOperationsPerInstruction = version >= 4 ? try head.u8() : 1
    try head.skip(1)
    lineBase = Int8(bitPattern: try head.u8())
    lineRange = try head.u8()
    opcodeBase = try head.u8()
    standardOpcodeLengths = []
    for _ in 1..<max(opcodeBase, 1) { standardOpcodeLengths.append(try head.u8()) }
    directories = []
    files = []
    let encoding = UnitEncoding(
      version: UInt8(version),
      addressSize: addressSize,
      offsetSize: length.offsetSize
    )
    if version >= 5 {
      try readEntries(&head, encoding, unit, stringOffsets) { header, entry in
        header.directories.append(entry.name)
      }
      try readEntries(&head, encoding, unit, stringOffsets) { header, entry in
        header.files.append(entry)
      }
    } else {
      try readOldTables(&head)
    }
  }

  /// Before DWARF 5: strings in place, each table ended by an empty one.
  private mutating func readOldTables(_ head: inout ByteCursor) throws(FormatError) {
    while let name = try Self.stringInPlace(&head) { directories.append(name) }
    while let name = try Self.stringInPlace(&head) {
      let directory = try head.uleb128()
      _ = try head.uleb128()
      _ = try head.uleb128()
      files.append(File(name: name, directory: UInt32(clamping: directory)))
    }
  }

  private static func stringInPlace(
    _ head: inout ByteCursor
  ) throws(FormatError) -> StringReference? {
    let position = head.position
    return try head.cString().isEmpty ? nil : StringReference(.lines, offset: position)
  }

  /// DWARF 5: a list of what each entry states and how, then the entries.
  private mutating func readEntries(
    _ head: inout ByteCursor,
    _ encoding: UnitEncoding,
    _ unit: borrowing UnitContext,
    _ stringOffsets: RawSpan,
    append: (inout LineTableHeader, File) -> Void
  ) throws(FormatError) {
    var formats: [(content: UInt64, form: DWARFForm)] = []
    for _ in 0..<(try head.u8()) {
      let content = try head.uleb128()
      let offset = head.offset
      let number = try head.uleb128()
      guard let form = UInt16(exactly: number).flatMap(DWARFForm.init(rawValue:)) else {
        throw FormatError(
          .malformed("expected a form for the files' tables, found \(number)"),
          offset: offset
        )
      }
      formats.append((content, form))
    }
    let count = try head.uleb128()
    // Each entry takes at least one byte.
    guard count <= UInt64(head.remaining), count == 0 || !formats.isEmpty else {
      throw FormatError(
        .malformed("expected \(count) entries, found \(head.remaining) bytes"),
        offset: head.offset
      )
    }
    for _ in 0..<Int(count) {
      var name = AttributeValue.absent
      var source = AttributeValue.absent
      var directory: UInt64 = 0
      for (content, form) in formats {
        let value = AttributeValue.read(form, implicit: 0, encoding: encoding, from: &head)
        switch content {
        case 1: name = value
        case 2: directory = value.constant ?? 0
        case 0x2001: source = value
        default: break
        }
      }
      func text(_ value: AttributeValue) -> StringReference? {
        value.form == .string
          ? Int(exactly: value.bits).flatMap { StringReference(.lines, offset: $0) }
          : unit.string(value, in: stringOffsets)
      }
      // A name that cannot be read keeps its number: an empty string stands for it.
      let missing = StringReference(.lines, offset: head.end - 1)
      guard let known = text(name) ?? missing, !head.isBad else {
        throw FormatError(
          .malformed("expected the entries of a file table, found the end of the header"),
          offset: head.offset
        )
      }
      append(
        &self,
        File(name: known, directory: UInt32(clamping: directory), source: text(source))
      )
    }
  }
}
