import Bytes

/// A function, or its body in the place of a call, that holds an address that was asked for.
struct FunctionNode: Sendable, Equatable {
  /// Index of the node that this one was inlined into; -1 of a function itself.
  var parent: Int32
  /// How many nodes this one was inlined into, one into the other.
  var depth: UInt16 = 0
  /// The entry that leads to the name.
  var name: EntryReference
  /// Where the node's own entry begins, in the section that was walked.
  var entry: Int
  /// The place of the call, in the unit's own file numbers; 0 where it is not stated.
  var callFile: UInt32 = 0
  var callLine: UInt32 = 0
  var callColumn: UInt32 = 0
  /// Whether the call's file is stated: number 0 is a file in DWARF 5.
  var hasCallFile = false
}

/// A stretch of a function's code, and where the function's entry begins.
struct FunctionExtent: Sendable {
  var low: UInt64
  var high: UInt64
  var offset: Int
}

/// What a walk over a unit's entries found for the addresses that were asked for.
struct FunctionFindings: Sendable {
  var nodes: [FunctionNode] = []
  /// By index of the address: the innermost node that holds it, or -1.
  var nodeOfAddress: [Int32]
  /// Addresses without a node.
  var openCount: Int
  /// The walk is to pass all functions, although each address has one: a linker may have folded some into one.
  var isToFindRivals = false
  /// Functions that hold addresses which had one already.
  private(set) var rivals: [FunctionRival] = []
  /// Entries were passed that may hold functions nested in others.
  var hasSkipped = false
  /// The unit's entries are damaged from somewhere on.
  var isDamaged = false
  /// Range lists and comparisons that are left; below 0 the walk was given up.
  var rangeSteps: Int
  /// The walk is to note which functions there are, instead of finding those of addresses.
  private(set) var isRecording = false
  /// The functions with code, in the order of the walk.
  var extents: [FunctionExtent] = []

  /// What a walk finds that passes all functions.
  init(recordingWith rangeSteps: Int) {
    self.init(addressCount: 0, rangeSteps: rangeSteps)
    isRecording = true
    // The walk ends when no address is open.
    openCount = 1
  }

  init(addressCount: Int, rangeSteps: Int) {
    self.rangeSteps = rangeSteps
    nodeOfAddress = [Int32](repeating: -1, count: addressCount)
    openCount = addressCount
  }

  /// Linkers fold a few functions of a unit into one: only damage has more than this.
  private static let mostRivals = 1 << 16

  fileprivate mutating func addRival(_ entry: Int, at low: UInt64, of address: Int) {
    guard isToFindRivals, rivals.count < Self.mostRivals else { return }
    rivals.append(FunctionRival(address: Int32(clamping: address), low: low, entry: entry))
  }

  /// The node of the function that an address lies in, behind all that is inlined there; nil where there is none.
  func outermost(ofAddress index: Int) -> FunctionNode? {
    var node = nodeOfAddress[index]
    guard node >= 0 else { return nil }
    while nodes[Int(node)].parent >= 0 { node = nodes[Int(node)].parent }
    return nodes[Int(node)]
  }

  /// Puts the nodes of another function in the place of those of some addresses.
  ///
  /// `other`: what was found for the addresses of `indices`, in their order; those that do not lie in the function,
  /// whose entry begins at `entry`, keep theirs.
  mutating func replaceNodes(at indices: [Int], by other: FunctionFindings, of entry: Int) {
    let first = Int32(clamping: nodes.count)
    guard Int(first) + other.nodes.count < Int(Int32.max) else { return }
    nodes += other.nodes.map { node in
      var node = node
      if node.parent >= 0 { node.parent += first }
      return node
    }
    for (position, index) in indices.enumerated()
    where other.outermost(ofAddress: position)?.entry == entry {
      nodeOfAddress[index] = first + other.nodeOfAddress[position]
    }
  }
}

/// A function that holds an address which another one holds too.
struct FunctionRival: Sendable {
  /// Index of the address.
  var address: Int32
  /// Where the stretch begins that holds it.
  var low: UInt64
  /// Where the function's entry begins.
  var entry: Int
}

/// Finds the functions that hold sorted addresses by walking over a unit's entries (DWARF 5, 3.3).
///
/// All is static over local spans: a method on a value of this size would copy it for every entry. The walk
/// passes what cannot hold an address by `DW_AT_sibling`; where siblings are not written (clang) it passes entry
/// by entry. Of two functions that claim an address the first counts, whatever else was asked for, so that
/// an answer does not depend on the batch it was part of; the others are noted where that is wanted.
enum FunctionWalk {
  /// How much is passed.
  enum Depth {
    /// Functions of the unit and its namespaces, and what is inlined into those that hold an address.
    case quick
    /// Also functions nested in functions and types that hold no address themselves: local classes, lambdas.
    case nested
  }

  /// Deeper inlining is left out: compilers end far below.
  static let deepestInlining = 255

  /// What the entries below one entry are looked at for.
  ///
  /// A node's index, into which children may be inlined, or one of these.
  private enum Scope {
    static var outside: Int32 { -1 }
    /// Inside a function, or a part of one, that holds no address.
    static var dead: Int32 { -2 }
  }

  /// The attributes of a function, block or inlined body.
  private struct CodeEntry {
    var lowPC = AttributeValue.absent
    var highPC = AttributeValue.absent
    var ranges = AttributeValue.absent
    var origin = AttributeValue.absent
    var callFile = AttributeValue.absent
    var callLine = AttributeValue.absent
    var callColumn = AttributeValue.absent
    var sibling = 0
  }

  /// The sections that a walk reads.
  struct Input: ~Escapable {
    let info: RawSpan
    let addresses: RawSpan
    /// `.debug_rnglists` of DWARF 5 units, `.debug_ranges` of others.
    let rangeLists: RawSpan

    @_lifetime(copy info, copy addresses, copy rangeLists)
    init(info: RawSpan, addresses: RawSpan, rangeLists: RawSpan) {
      self.info = info
      self.addresses = addresses
      self.rangeLists = rangeLists
    }
  }

  /// Walks over the unit, and notes what it finds for addresses without a node.
  ///
  /// `sorted`: the addresses, ascending. `start`: the entry of the function that holds the only one, where it is known.
  static func run(
    _ unit: UnitContext,
    _ table: AbbreviationTable,
    _ input: borrowing Input,
    sorted: Span<UInt64>,
    depth: Depth,
    from start: Int? = nil,
    findings: inout FunctionFindings
  ) {
    let header = unit.header
    let abbreviations = table.abbreviations.span
    let steps = table.steps.span
    let attributes = table.attributes.span
    var cursor = ByteCursor(input.info)
    cursor.quietSeek(to: start ?? header.entryOffset)
    cursor = cursor.quietPart(upTo: header.end)
    var scopes: [Int32] = []
    var scope = Scope.outside
    while !cursor.isAtEnd, findings.rangeSteps >= 0 {
      if findings.openCount == 0, scope == Scope.outside, !findings.isToFindRivals { break }
      let offset = cursor.position
      let code = cursor.quietULEB128()
      if code == 0 {
        guard let outer = scopes.popLast() else { break }
        scope = outer
        continue
      }
      guard let index = table.index(of: code) else {
        cursor.markBad()
        break
      }
      let role = abbreviations[index].role
      let hasChildren = abbreviations[index].hasChildren
      var sibling = 0
      var inner = scope
      var enters = depth == .nested
      switch role {
      case .other:
        sibling = pass(index, abbreviations, steps, header, &cursor)
        enters = false
      case .namespace:
        sibling = pass(index, abbreviations, steps, header, &cursor)
        enters = true
      case .type:
        sibling = pass(index, abbreviations, steps, header, &cursor)
        findings.hasSkipped = findings.hasSkipped || (hasChildren && !enters)
      case .subprogram:
        if abbreviations[index].hasCode {
          let entry = read(index, abbreviations, attributes, unit, &cursor)
          sibling = entry.sibling
          let name = EntryReference(offset: offset, isAlternate: false)
          let node = FunctionNode(parent: -1, name: name, entry: offset)
          let isFound = claim(entry, node, for: Scope.outside, unit, input, sorted, &findings)
          inner = isFound ? Int32(clamping: findings.nodes.count - 1) : Scope.dead
          enters = enters || isFound
        } else {
          sibling = pass(index, abbreviations, steps, header, &cursor)
          inner = Scope.dead
        }
        findings.hasSkipped = findings.hasSkipped || (hasChildren && !enters)
      case .inlined where scope >= 0 && abbreviations[index].hasCode:
        let entry = read(index, abbreviations, attributes, unit, &cursor)
        sibling = entry.sibling
        var node = inlinedNode(entry, parent: scope, offset: offset, unit)
        node.depth = findings.nodes[Int(scope)].depth + 1
        let isFound =
          node.depth <= deepestInlining
          && claim(entry, node, for: scope, unit, input, sorted, &findings)
        inner = isFound ? Int32(clamping: findings.nodes.count - 1) : Scope.dead
        enters = enters || isFound
      case .block where scope >= 0 && abbreviations[index].hasCode:
        let entry = read(index, abbreviations, attributes, unit, &cursor)
        sibling = entry.sibling
        let isFound = holdsAny(entry, unit, input, sorted, &findings)
        if !isFound { inner = Scope.dead }
        enters = enters || isFound
      case .inlined, .block:
        sibling = pass(index, abbreviations, steps, header, &cursor)
        // A block without code of its own may still hold some; outside of functions there is nothing inlined.
        enters = enters || (role == .block && scope >= 0)
        if role == .inlined { inner = Scope.dead }
        findings.hasSkipped = findings.hasSkipped || (hasChildren && !enters)
      }
      guard hasChildren else { continue }
      if !enters, sibling > cursor.position {
        cursor.quietSeek(to: sibling)
      } else {
        scopes.append(scope)
        scope = role == .other ? (scope >= 0 ? Scope.dead : scope) : inner
      }
    }
    findings.isDamaged = findings.isDamaged || cursor.isBad
  }
}

// MARK: - One entry

extension FunctionWalk {
  /// Passes an entry behind its code; the position of its sibling in the section, or 0.
  @inline(__always)
  @_lifetime(cursor: copy cursor)
  static func pass(
    _ index: Int,
    _ abbreviations: Span<AbbreviationTable.Abbreviation>,
    _ steps: Span<AbbreviationTable.Step>,
    _ header: UnitHeader,
    _ cursor: inout ByteCursor
  ) -> Int {
    let fixed = Int(abbreviations[index].fixedByteCount)
    if fixed >= 0 {
      let siblingOffset = Int(abbreviations[index].siblingOffset)
      guard siblingOffset >= 0 else {
        cursor.quietSkip(fixed)
        return 0
      }
      cursor.quietSkip(siblingOffset)
      let sibling = Int(cursor.quietU32()) &+ header.offset
      cursor.quietSkip(fixed &- siblingOffset &- 4)
      return sibling
    }
    var sibling = 0
    for position in abbreviations[index].steps {
      switch steps[position] {
      case .fixed(let count): cursor.quietSkip(Int(count))
      case .leb128: cursor.quietSkipLEB128()
      case .string: cursor.quietSkipCString()
      case .counted(let size):
        cursor.quietSkip(Int(clamping: cursor.quietUnsigned(byteCount: Int(size))))
      case .countedLEB128: cursor.quietSkip(Int(clamping: cursor.quietULEB128()))
      case .leb128AndWord:
        cursor.quietSkipLEB128()
        cursor.quietSkip(4)
      case .sibling(0): sibling = siblingPosition(cursor.quietULEB128(), header)
      case .sibling(let size):
        sibling = siblingPosition(cursor.quietUnsigned(byteCount: Int(size)), header)
      case .indirect:
        _ = AttributeValue.read(
          .indirect,
          implicit: 0,
          encoding: header.encoding,
          from: &cursor
        )
      case .impossible: cursor.markBad()
      }
    }
    return sibling
  }

  private static func siblingPosition(_ value: UInt64, _ header: UnitHeader) -> Int {
    let (position, overflows) = Int(clamping: value).addingReportingOverflow(header.offset)
    return overflows ? 0 : position
  }

  /// Reads the attributes of an entry that may hold code.
  @_lifetime(cursor: copy cursor)
  private static func read(
    _ index: Int,
    _ abbreviations: Span<AbbreviationTable.Abbreviation>,
    _ attributes: Span<AbbreviationTable.Specification>,
    _ unit: borrowing UnitContext,
    _ cursor: inout ByteCursor
  ) -> CodeEntry {
    var entry = CodeEntry()
    let encoding = unit.header.encoding
    for position in abbreviations[index].attributes {
      guard let form = attributes[position].form else {
        cursor.markBad()
        break
      }
      let value = AttributeValue.read(
        form,
        implicit: attributes[position].implicit,
        encoding: encoding,
        from: &cursor
      )
      switch attributes[position].attribute {
      case .lowPC: entry.lowPC = value.evaluated(encoding, before: cursor)
      case .highPC: entry.highPC = value.evaluated(encoding, before: cursor)
      case .ranges: entry.ranges = value
      case .abstractOrigin: entry.origin = value
      case .callFile: entry.callFile = value
      case .callLine: entry.callLine = value
      case .callColumn: entry.callColumn = value
      case .sibling:
        entry.sibling =
          value.reference(unitOffset: unit.header.offset, isAlternate: false)?.offset ?? 0
      default: break
      }
    }
    return entry
  }

  private static func inlinedNode(
    _ entry: CodeEntry,
    parent: Int32,
    offset: Int,
    _ unit: borrowing UnitContext
  ) -> FunctionNode {
    let origin = entry.origin.reference(unitOffset: unit.header.offset, isAlternate: false)
    return FunctionNode(
      parent: parent,
      name: origin ?? EntryReference(offset: offset, isAlternate: false),
      entry: offset,
      callFile: entry.callFile.smallConstant ?? 0,
      callLine: entry.callLine.smallConstant ?? 0,
      callColumn: entry.callColumn.smallConstant ?? 0,
      hasCallFile: entry.callFile.smallConstant != nil
    )
  }
}

// MARK: - Addresses

extension FunctionWalk {
  /// Gives the node to the addresses that the entry holds and whose node is `owner`; false when there are none.
  private static func claim(
    _ entry: CodeEntry,
    _ node: FunctionNode,
    for owner: Int32,
    _ unit: borrowing UnitContext,
    _ input: borrowing Input,
    _ sorted: Span<UInt64>,
    _ findings: inout FunctionFindings
  ) -> Bool {
    var isFound = false
    let nodeIndex = Int32(clamping: findings.nodes.count)
    // Indices of nodes are kept in 32 bits: as many nodes no file has that fits into memory.
    guard nodeIndex < Int32.max else { return false }
    forEachRange(entry, unit, input, &findings) { range, findings in
      if findings.isRecording {
        let extent = FunctionExtent(
          low: range.lowerBound,
          high: range.upperBound,
          offset: node.name.offset
        )
        findings.extents.append(extent)
      }
      var position = sorted.firstIndex(notBelow: range.lowerBound)
      let first = position
      defer { findings.rangeSteps -= position - first }
      while position < sorted.count, sorted[position] < range.upperBound {
        if findings.nodeOfAddress[position] == owner {
          findings.nodeOfAddress[position] = nodeIndex
          if owner < 0 { findings.openCount -= 1 }
          isFound = true
        } else if owner < 0 {
          findings.addRival(node.entry, at: range.lowerBound, of: position)
        }
        position += 1
      }
      return true
    }
    if isFound { findings.nodes.append(node) }
    return isFound
  }

  private static func holdsAny(
    _ entry: CodeEntry,
    _ unit: borrowing UnitContext,
    _ input: borrowing Input,
    _ sorted: Span<UInt64>,
    _ findings: inout FunctionFindings
  ) -> Bool {
    var isFound = false
    forEachRange(entry, unit, input, &findings) { range, _ in
      let position = sorted.firstIndex(notBelow: range.lowerBound)
      isFound = position < sorted.count && sorted[position] < range.upperBound
      return !isFound
    }
    return isFound
  }

  /// Calls `body` with each range of the entry, until it says false.
  @inline(__always)
  private static func forEachRange(
    _ entry: CodeEntry,
    _ unit: borrowing UnitContext,
    _ input: borrowing Input,
    _ findings: inout FunctionFindings,
    _ body: (Range<UInt64>, inout FunctionFindings) -> Bool
  ) {
    guard entry.ranges.isPresent else {
      let range = unit.addressing.range(
        lowPC: entry.lowPC,
        highPC: entry.highPC,
        in: input.addresses
      )
      if let range { _ = body(range, &findings) }
      return
    }
    var list = RangeList(
      lowPC: entry.lowPC,
      highPC: entry.highPC,
      ranges: entry.ranges,
      unit: unit.addressing,
      lists: input.rangeLists,
      addresses: input.addresses
    )
    while let range = list.next() {
      findings.rangeSteps -= list.takeByteCount()
      if findings.rangeSteps < 0 || !body(range, &findings) { return }
    }
    findings.rangeSteps -= list.takeByteCount()
    findings.isDamaged = findings.isDamaged || list.isBad
  }
}

extension Span where Element == UInt64 {
  /// The first index whose element is not below `value`, in ascending elements; the count when there is none.
  func firstIndex(notBelow value: UInt64) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low &+ high) / 2
      if self[middle] < value { low = middle &+ 1 } else { high = middle }
    }
    return low
  }
}
