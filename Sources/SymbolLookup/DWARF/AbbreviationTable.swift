import Bytes

/// The shapes of a unit's entries (DWARF 5, 7.5.3), each compiled into a program that passes an entry quickly.
struct AbbreviationTable: Sendable {
  /// What the walk does with an entry.
  enum Role: UInt8, Sendable {
    /// Passed, with all below it.
    case other
    /// A function, perhaps with code.
    case subprogram
    /// A function's body in the place of a call.
    case inlined
    /// A block of a function, which may hold inlined bodies.
    case block
    /// A namespace or module: functions stand in it as they stand in a unit.
    case namespace
    /// A type, whose member functions may be defined in place.
    case type
  }

  /// One shape.
  struct Abbreviation: Sendable {
    var tag: DWARFTag
    var role: Role
    var hasChildren: Bool
    /// Has a low address or ranges.
    var hasCode: Bool
    /// Only declares what is defined elsewhere.
    var isDeclaration: Bool
    /// All attributes together, when their size does not depend on their values; otherwise -1.
    var fixedByteCount: Int32
    /// Where a `DW_AT_sibling` of 4 bytes lies in an entry of fixed size; otherwise -1.
    var siblingOffset: Int32
    var firstAttribute: UInt32
    var attributeCount: UInt32
    var firstStep: UInt32
    var stepCount: UInt32

    /// Indices into `attributes`.
    var attributes: Range<Int> {
      Int(firstAttribute)..<(Int(firstAttribute) + Int(attributeCount))
    }

    /// Indices into `steps`.
    var steps: Range<Int> { Int(firstStep)..<(Int(firstStep) + Int(stepCount)) }
  }

  /// An attribute of a shape.
  struct Specification: Sendable {
    var attribute: DWARFAttribute
    /// Nil for a form that is not known, whose size is not known either.
    var form: DWARFForm?
    /// The value of `implicitConstant`.
    var implicit: Int64
  }

  /// One step over an entry; forms of fixed size that follow each other are one step.
  enum Step: Equatable, Sendable {
    case fixed(UInt32)
    case leb128
    case string
    case counted(UInt8)
    case countedLEB128
    /// A LEB128 number and 4 bytes.
    case leb128AndWord
    /// The form stands in the entry.
    case indirect
    /// The sibling's offset from the start of the unit, in a form of so many bytes; 0 is a LEB128 number.
    case sibling(UInt8)
    /// The entry cannot be passed.
    case impossible
  }

  private(set) var abbreviations: [Abbreviation] = []
  private(set) var attributes: [Specification] = []
  private(set) var steps: [Step] = []
  /// Bytes that were read, for budgets.
  private(set) var byteCount = 0
  /// Where codes do not count 1, 2, 3, …: ascending; no dictionary, whose mere type costs as much as a small answer.
  private var sparse: [SparseCode] = []

  private struct SparseCode {
    var code: UInt64
    var index: Int
  }

  /// The index of a code's shape, or nil.
  @inline(__always)
  func index(of code: UInt64) -> Int? {
    let index = code &- 1
    if sparse.isEmpty { return index < UInt64(abbreviations.count) ? Int(index) : nil }
    return sparseIndex(of: code)
  }

  private func sparseIndex(of code: UInt64) -> Int? {
    var (low, high) = (0, sparse.count)
    while low < high {
      let middle = (low + high) / 2
      if sparse[middle].code < code { low = middle + 1 } else { high = middle }
    }
    return low < sparse.count && sparse[low].code == code ? sparse[low].index : nil
  }
}

extension AbbreviationTable {
  /// Reads declarations up to the one with code 0, or to the end of the section.
  ///
  /// `last`: the only code that is wanted; what follows it is not read.
  init(
    parsing input: inout ByteCursor,
    encoding: UnitEncoding,
    upTo last: UInt64? = nil
  ) throws(FormatError) {
    let start = input.position
    if let last, Self.skip(to: last, &input) {
      try appendDeclaration(&input, encoding)
      sparse = [SparseCode(code: last, index: 0)]
      byteCount = input.position - start
      return
    }
    var isDense = true
    var codes: [UInt64] = []
    while !input.isAtEnd {
      let code = try input.uleb128()
      if code == 0 { break }
      if code != UInt64(codes.count) + 1 { isDense = false }
      codes.append(code)
      try appendDeclaration(&input, encoding)
      if code == last { break }
    }
    byteCount = input.position - start
    if !isDense {
      // Of two declarations with one code the first counts, as in other readers.
      sparse = codes.enumerated().map { SparseCode(code: $1, index: $0) }
        .sorted { ($0.code, $0.index) < ($1.code, $1.index) }
    }
  }

  /// Passes declarations up to the one of a code, and that code itself.
  ///
  /// Compilers number shapes by how often they are used: a unit's own is among the last. False, with the cursor
  /// where it was, when there is no such code, or when what is wrong has to be told.
  @_lifetime(input: copy input)
  private static func skip(to code: UInt64, _ input: inout ByteCursor) -> Bool {
    var cursor = input
    while !cursor.isAtEnd {
      let found = cursor.quietULEB128()
      if found == 0 || cursor.isBad { return false }
      if found == code {
        input = cursor
        return true
      }
      cursor.quietSkipLEB128()
      cursor.quietSkip(1)
      var count = 0
      while true {
        let name = cursor.quietULEB128()
        let form = cursor.quietULEB128()
        if name == 0, form == 0 { break }
        if form == UInt64(DWARFForm.implicitConstant.rawValue) { cursor.quietSkipLEB128() }
        count += 1
        if count > mostAttributes { return false }
      }
      if cursor.isBad { return false }
    }
    return false
  }

  /// More attributes no compiler writes; an entry of many attributes without bytes would take long to pass.
  static let mostAttributes = 512

  private mutating func appendDeclaration(
    _ input: inout ByteCursor,
    _ encoding: UnitEncoding
  ) throws(FormatError) {
    let tag = DWARFTag(rawValue: UInt16(truncatingIfNeeded: try input.uleb128()))
    let hasChildren = try input.u8() != 0
    let firstAttribute = attributes.count
    while true {
      let name = try input.uleb128()
      let form = try input.uleb128()
      if name == 0, form == 0 { break }
      guard attributes.count - firstAttribute < Self.mostAttributes else {
        throw FormatError(
          .malformed("expected at most \(Self.mostAttributes) attributes, found more"),
          offset: input.offset
        )
      }
      let known = UInt16(exactly: form).flatMap(DWARFForm.init(rawValue:))
      attributes.append(
        Specification(
          attribute: DWARFAttribute(rawValue: UInt16(exactly: name) ?? 0),
          form: known,
          implicit: known == .implicitConstant ? try input.sleb128() : 0
        )
      )
    }
    var abbreviation = Abbreviation(
      tag: tag,
      role: Role(tag),
      hasChildren: hasChildren,
      hasCode: false,
      isDeclaration: false,
      fixedByteCount: 0,
      siblingOffset: -1,
      firstAttribute: UInt32(clamping: firstAttribute),
      attributeCount: UInt32(clamping: attributes.count - firstAttribute),
      firstStep: 0,
      stepCount: 0
    )
    compile(&abbreviation, encoding)
    abbreviations.append(abbreviation)
  }

  /// Merges the attributes into steps, and notes what the walk wants to know of the shape.
  private mutating func compile(_ abbreviation: inout Abbreviation, _ encoding: UnitEncoding) {
    let firstStep = steps.count
    var pending = 0
    var isFixed = true
    var total = 0
    func flushed(_ steps: inout [Step]) {
      if pending > 0 { steps.append(.fixed(UInt32(clamping: pending))) }
      pending = 0
    }
    for specification in attributes[abbreviation.attributes] {
      switch specification.attribute {
      case .lowPC, .ranges: abbreviation.hasCode = true
      case .declaration: abbreviation.isDeclaration = true
      default: break
      }
      guard let form = specification.form else {
        flushed(&steps)
        steps.append(.impossible)
        isFixed = false
        break
      }
      let extent = form.extent(in: encoding)
      if specification.attribute == .sibling, let size = siblingSize(form) {
        if size == 4, isFixed { abbreviation.siblingOffset = Int32(clamping: total) }
        if size != 4 { isFixed = false }
        total += size
        flushed(&steps)
        steps.append(.sibling(UInt8(size)))
      } else if case .fixed(let count) = extent {
        pending += count
        total += count
      } else {
        flushed(&steps)
        steps.append(Step(extent))
        isFixed = false
      }
    }
    flushed(&steps)
    abbreviation.firstStep = UInt32(clamping: firstStep)
    abbreviation.stepCount = UInt32(clamping: steps.count - firstStep)
    abbreviation.fixedByteCount = isFixed ? Int32(clamping: total) : -1
  }

  private func siblingSize(_ form: DWARFForm) -> Int? {
    switch form {
    case .reference1: 1
    case .reference2: 2
    case .reference4: 4
    case .reference8: 8
    case .referenceUnsigned: 0
    default: nil
    }
  }
}

extension AbbreviationTable.Step {
  init(_ extent: FormExtent) {
    self =
      switch extent {
      case .fixed(let count): .fixed(UInt32(clamping: count))
      case .leb128: .leb128
      case .string: .string
      case .counted(let size): .counted(UInt8(clamping: size))
      case .countedLEB128: .countedLEB128
      case .leb128AndWord: .leb128AndWord
      case .indirect: .indirect
      }
  }
}

extension AbbreviationTable.Role {
  init(_ tag: DWARFTag) {
    self =
      switch tag {
      case .subprogram, .entryPoint: .subprogram
      case .inlinedSubroutine: .inlined
      case .lexicalBlock, .withStatement, .tryBlock, .catchBlock: .block
      case .namespace, .module: .namespace
      case .classType, .structureType, .unionType, .enumerationType, .interfaceType: .type
      default: .other
      }
  }
}
