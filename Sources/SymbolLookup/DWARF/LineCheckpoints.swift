/// States of a line program's machine every few rows, from which it can be run again for one address.
///
/// Takes a twentieth of what the rows would.
struct LineCheckpoints: Sendable {
  /// Where a run begins, behind a row.
  struct Checkpoint: Sendable {
    var machine: LineProgram.Machine
    /// Of the next opcode, in the section.
    var position: Int
  }

  /// The addresses between the row of a checkpoint and that of the next one.
  private struct Stretch {
    var low: UInt64
    var high: UInt64
  }

  /// Rows between two checkpoints.
  private static let rowCount = 32

  /// In the order of the program, which decides of two that hold an address.
  private var stretches: [Stretch] = []
  private var checkpoints: [Checkpoint] = []
  private var isInSequence = false
  private var isOpen = false
  private var rows = 0
  private var lastAddress: UInt64 = 0

  /// Memory that the checkpoints take.
  var byteCount: Int {
    stretches.capacity * MemoryLayout<Stretch>.stride
      + checkpoints.capacity * MemoryLayout<Checkpoint>.stride
  }

  /// The first checkpoint from which a run comes to a row for the address.
  func first(before address: UInt64) -> Checkpoint? {
    let all = stretches.span
    for index in all.indices where all[index].low <= address && address < all[index].high {
      return checkpoints[index]
    }
    return nil
  }

  /// The row with which a sequence begins at the address: that of a function's first line, whatever is inlined there.
  func firstRow(at address: UInt64) -> SourcePlace? {
    guard let machine = first(before: address)?.machine, machine.lastAddress == address else {
      return nil
    }
    return machine.last
  }

  /// Takes note of the row that the machine just wrote.
  mutating func addRow(_ machine: LineProgram.Machine, before position: Int) {
    let address = machine.lastAddress
    rows += 1
    if !isInSequence {
      isInSequence = true
      if !machine.isDead { begin(machine, position) }
    } else if address < lastAddress {
      // Rows that go backwards begin anew, in functions that the linker dropped too.
      close(at: lastAddress)
      begin(machine, position)
    } else if isOpen, rows > Self.rowCount {
      close(at: address)
      begin(machine, position)
    }
    lastAddress = address
  }

  /// Takes note of the end of a sequence, or of the program.
  mutating func endSequence(at address: UInt64) {
    guard isInSequence else { return }
    close(at: max(address, lastAddress))
    isInSequence = false
  }

  /// Takes note of the program's end: a row that nothing ends covers nothing.
  mutating func endProgram() { endSequence(at: 0) }

  private mutating func begin(_ machine: LineProgram.Machine, _ position: Int) {
    stretches.append(Stretch(low: machine.lastAddress, high: machine.lastAddress))
    checkpoints.append(Checkpoint(machine: machine, position: position))
    rows = 0
    isOpen = true
  }

  private mutating func close(at address: UInt64) {
    if isOpen { stretches[stretches.count - 1].high = address }
    isOpen = false
  }
}
