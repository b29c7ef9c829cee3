import Bytes

/// The place in the source that a row of the line table states.
struct SourcePlace: Sendable, Equatable {
  /// Number of the file as the unit's header counts them.
  var file: UInt32
  /// 0 for code that no line can be given.
  var line: UInt32
  /// 0 when it is not stated.
  var column: UInt32
}

/// What a line program said of the addresses that were asked for.
struct LineFindings: Sendable {
  /// By index of the address.
  var places: [SourcePlace?]
  /// Addresses without a row.
  var openCount: Int
  /// By index of the address: which of the blocks of its line the row is of; none unless they were asked for.
  private(set) var discriminators: [UInt32] = []
  /// The program is damaged from somewhere on.
  var isDamaged = false
  /// Files that the program itself adds to the header's (DW_LNE_define_file, before DWARF 5).
  var files: [LineTableHeader.File] = []

  init(addressCount: Int, withDiscriminators: Bool = false) {
    places = [SourcePlace?](repeating: nil, count: addressCount)
    openCount = addressCount
    if withDiscriminators { discriminators = [UInt32](repeating: 0, count: addressCount) }
  }

  /// Keeps the row that the machine came to last for the address of an index, unless that has one.
  fileprivate mutating func handOut(
    _ place: SourcePlace,
    _ machine: LineProgram.Machine,
    to index: Int
  ) {
    guard places[index] == nil else { return }
    places[index] = place
    openCount -= 1
    if !discriminators.isEmpty { discriminators[index] = machine.lastDiscriminator }
  }
}

/// Runs a line program (DWARF 5, 6.2.5) and merges its rows with sorted addresses as they come; no table is kept.
///
/// A row covers the addresses from its own to the next row's; of rows at one address the last counts. Of two
/// sequences that cover an address the first counts, so that an answer does not depend on the batch.
enum LineProgram {
  /// The registers of the machine, and what was handed out so far.
  struct Machine: Sendable {
    var address: UInt64 = 0
    var operation: UInt64 = 0
    var file: UInt32 = 1
    var line: UInt32 = 1
    var column: UInt32 = 0
    /// Of the next row; kept only by runs for those who ask for it.
    var discriminator: UInt32 = 0
    /// Of the last row.
    var lastDiscriminator: UInt32 = 0
    /// The last row of the sequence; nil before the first one.
    var last: SourcePlace?
    var lastAddress: UInt64 = 0
    /// The first address that the last row may cover.
    var next = 0
    /// The function of this sequence was dropped by the linker.
    var isDead = false
  }

  /// What a run is for; known where it is compiled, so that none pays for the others.
  private enum Purpose {
    /// To find the rows of all addresses.
    case addresses
    /// To make checkpoints.
    case checkpoints
    /// To find the row of one address, from a checkpoint.
    case resumption
    /// To find the rows of all addresses with their discriminators.
    case discriminators

    /// Others ask for no discriminators, and do not pay for them.
    var keepsDiscriminators: Bool { self != .addresses }
  }

  /// Runs the program until its end, or until all addresses have a row.
  ///
  /// `sorted`: the addresses, ascending.
  static func run(
    _ header: LineTableHeader,
    lines: RawSpan,
    addressing: UnitAddressing,
    sorted: Span<UInt64>,
    findings: inout LineFindings
  ) {
    var checkpoints = LineCheckpoints()
    let start = LineCheckpoints.Checkpoint(
      machine: Machine(),
      position: header.program.lowerBound
    )
    if findings.discriminators.isEmpty {
      run(.addresses, start, header, lines, addressing, sorted, &findings, &checkpoints)
    } else {
      run(.discriminators, start, header, lines, addressing, sorted, &findings, &checkpoints)
    }
  }

  /// Runs the whole program, for no address, and keeps its states.
  static func checkpoints(
    _ header: LineTableHeader,
    lines: RawSpan,
    addressing: UnitAddressing,
    findings: inout LineFindings
  ) -> LineCheckpoints {
    let none: [UInt64] = []
    var checkpoints = LineCheckpoints()
    let start = LineCheckpoints.Checkpoint(
      machine: Machine(),
      position: header.program.lowerBound
    )
    run(.checkpoints, start, header, lines, addressing, none.span, &findings, &checkpoints)
    checkpoints.endProgram()
    return checkpoints
  }

  /// Runs the program from a checkpoint, until the one address has a row.
  static func resume(
    at checkpoint: LineCheckpoints.Checkpoint,
    _ header: LineTableHeader,
    lines: RawSpan,
    addressing: UnitAddressing,
    sorted: Span<UInt64>,
    findings: inout LineFindings
  ) {
    var checkpoints = LineCheckpoints()
    var checkpoint = checkpoint
    checkpoint.machine.next = 0
    run(.resumption, checkpoint, header, lines, addressing, sorted, &findings, &checkpoints)
  }

  @inline(__always)
  private static func run(
    _ purpose: Purpose,
    _ start: LineCheckpoints.Checkpoint,
    _ header: LineTableHeader,
    _ lines: RawSpan,
    _ addressing: UnitAddressing,
    _ sorted: Span<UInt64>,
    _ findings: inout LineFindings,
    _ checkpoints: inout LineCheckpoints
  ) {
    var cursor = ByteCursor(lines)
    cursor.quietSeek(to: start.position)
    cursor = cursor.quietPart(upTo: header.program.upperBound)
    let opcodeBase = header.opcodeBase
    let lineRange = max(header.lineRange, 1)
    let lineBase = Int32(header.lineBase)
    let maximum = UInt64(max(header.maximumOperationsPerInstruction, 1))
    let minimum = UInt64(header.minimumInstructionLength)
    var machine = start.machine
    while !cursor.isAtEnd {
      if purpose == .resumption, findings.openCount == 0 { return }
      let opcode = cursor.quietU8()
      if opcode >= opcodeBase {
        let adjusted = opcode &- opcodeBase
        advance(&machine, UInt64(adjusted / lineRange), minimum, maximum)
        machine.line =
          machine.line &+ UInt32(bitPattern: lineBase &+ Int32(adjusted % lineRange))
        row(&machine, purpose, sorted, &findings)
        if purpose == .checkpoints { checkpoints.addRow(machine, before: cursor.position) }
        continue
      }
      switch opcode {
      case 0:
        let address = machine.address
        extended(&machine, header, addressing, sorted, &cursor, &findings)
        if purpose == .checkpoints, machine.last == nil { checkpoints.endSequence(at: address) }
        if purpose == .addresses || purpose == .discriminators, findings.openCount == 0,
          machine.last == nil
        {
          return
        }
      case 1:
        row(&machine, purpose, sorted, &findings)
        if purpose == .checkpoints { checkpoints.addRow(machine, before: cursor.position) }
      case 2: advance(&machine, cursor.quietULEB128(), minimum, maximum)
      case 3: machine.line = machine.line &+ UInt32(truncatingIfNeeded: cursor.quietSLEB128())
      case 4: machine.file = UInt32(clamping: cursor.quietULEB128())
      case 5: machine.column = UInt32(clamping: cursor.quietULEB128())
      case 8: advance(&machine, UInt64((255 &- opcodeBase) / lineRange), minimum, maximum)
      case 9:
        machine.address = machine.address &+ UInt64(cursor.quietU16())
        machine.operation = 0
      case 6, 7, 10, 11: break
      case 12: cursor.quietSkipLEB128()
      default:
        // An opcode of a later version or a vendor: its operands are counted in the header.
        let index = Int(opcode) - 1
        guard index < header.standardOpcodeLengths.count else { break }
        for _ in 0..<header.standardOpcodeLengths[index] { cursor.quietSkipLEB128() }
      }
    }
    findings.isDamaged = findings.isDamaged || cursor.isBad
  }

  @inline(__always)
  private static func advance(
    _ machine: inout Machine,
    _ count: UInt64,
    _ minimum: UInt64,
    _ maximum: UInt64
  ) {
    if maximum == 1 {
      machine.address = machine.address &+ (minimum &* count)
    } else {
      // Several operations in one instruction word (DWARF 5, 6.2.5.1).
      let total = machine.operation &+ count
      machine.address = machine.address &+ (minimum &* (total / maximum))
      machine.operation = total % maximum
    }
  }

  /// Ends the stretch of the last row, and begins a new one.
  @inline(__always)
  private static func row(
    _ machine: inout Machine,
    _ purpose: Purpose,
    _ sorted: Span<UInt64>,
    _ findings: inout LineFindings
  ) {
    if let place = machine.last {
      // Rows that go backwards are damage or hand-written assembly: the search begins anew.
      if machine.address < machine.lastAddress {
        machine.next = sorted.firstIndex(notBelow: machine.address)
      } else if machine.next < sorted.count, sorted[machine.next] < machine.address {
        handOut(place, &machine, sorted, &findings)
      }
    } else {
      machine.next =
        machine.isDead ? sorted.count : sorted.firstIndex(notBelow: machine.address)
    }
    machine.last = SourcePlace(file: machine.file, line: machine.line, column: machine.column)
    machine.lastAddress = machine.address
    if purpose.keepsDiscriminators {
      machine.lastDiscriminator = machine.discriminator
      machine.discriminator = 0
    }
  }

  private static func handOut(
    _ place: SourcePlace,
    _ machine: inout Machine,
    _ sorted: Span<UInt64>,
    _ findings: inout LineFindings
  ) {
    while machine.next < sorted.count, sorted[machine.next] < machine.address {
      findings.handOut(place, machine, to: machine.next)
      machine.next += 1
    }
  }

  @_lifetime(cursor: copy cursor)
  private static func extended(
    _ machine: inout Machine,
    _ header: LineTableHeader,
    _ addressing: UnitAddressing,
    _ sorted: Span<UInt64>,
    _ cursor: inout ByteCursor,
    _ findings: inout LineFindings
  ) {
    let length = Int(clamping: cursor.quietULEB128())
    guard length > 0, length <= cursor.remaining else {
      // A length of 0 is an opcode without its number: padding in some old files.
      if length > 0 { cursor.markBad() }
      return
    }
    let end = cursor.position + length
    switch cursor.quietU8() {
    case 1:  // DW_LNE_end_sequence
      // The row that ends the sequence covers nothing.
      row(&machine, .addresses, sorted, &findings)
      machine = Machine()
    case 2:  // DW_LNE_set_address
      machine.address = cursor.quietUnsigned(byteCount: length - 1)
      machine.operation = 0
      if machine.last == nil { machine.isDead = addressing.isTombstone(machine.address) }
    case 3:  // DW_LNE_define_file
      guard header.version < 5, let name = StringReference(.lines, offset: cursor.position) else {
        break
      }
      cursor.quietSkipCString()
      let directory = UInt32(clamping: cursor.quietULEB128())
      findings.files.append(LineTableHeader.File(name: name, directory: directory))
    case 4:  // DW_LNE_set_discriminator
      machine.discriminator = UInt32(clamping: cursor.quietULEB128())
    default: break
    }
    cursor.quietSeek(to: end)
  }
}
