import CUnwind

/// Which unwinder walks the stacks.
enum UnwinderChoice {
  /// Rows where the whole stack is a plain case, libunwind where not.
  static var rows: Int32 { @_noLocks @inline(__always) get { 0 } }
  static var libunwind: Int32 { @_noLocks @inline(__always) get { 1 } }
  /// Both, and what differs is counted; libunwind's frames count.
  static var check: Int32 { @_noLocks @inline(__always) get { 2 } }
}

/// Walks stacks by rows of our own where every frame is a plain case, and by libunwind otherwise.
///
/// libunwind is the reference: what rows find is what it finds, and a stack with one frame that is no plain
/// case is its alone, from the first frame on.
@safe struct RowUnwinder {
  let home: Home
  let arena: Arena
  private let table: RowTable?
  /// Without libunwind, or where its locks may be held for ever, plain stacks have frames all the same.
  var hasLibrary = true

  @_noLocks
  init(home: Home, arena: Arena, cache: LineCache) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    table = unsafe arena.pointee.rows.map { unsafe RowTable($0, cache) }
    table?.flush()
    unsafe arena.pointee.row_walks = 0
    unsafe arena.pointee.row_checks = 0
    unsafe arena.pointee.row_differences = 0
  }

  /// Beside a collector that does not work: no memory of its is touched, and nothing is walked.
  @_noLocks
  init(idleBeside home: Home, _ arena: Arena) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    table = nil
  }

  /// Whether there is anything to walk with.
  @_noLocks
  func canWalk(hasLibrary: Bool) -> Bool {
    unsafe hasLibrary || table != nil && home.pointee.settings.unwinder != UnwinderChoice.libunwind
  }

  @_noLocks
  func run(
    _ walk: inout Walk,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>
  ) {
    let choice = unsafe home.pointee.settings.unwinder
    if choice != UnwinderChoice.libunwind, let table, unsafe walk.run(by: table, context) {
      unsafe arena.pointee.row_walks &+= 1
      guard hasLibrary, choice == UnwinderChoice.check else { return }
      let found = walk.fingerprint
      unsafe walk.run(dc_home_unwind(home), cursor, context)
      unsafe arena.pointee.row_checks &+= 1
      if walk.fingerprint != found { unsafe arena.pointee.row_differences &+= 1 }
      return
    }
    if hasLibrary {
      unsafe walk.run(dc_home_unwind(home), cursor, context)
    } else {
      unsafe walk.begin(at: context.pointee.registers[dc_register_pc])
      walk.end = WalkEnd.noUnwinder
    }
  }
}

extension Walk {
  /// Walks by rows; false where a frame is no plain case, and then nothing of the walk counts.
  ///
  /// Reads the copy alone: stack outside it is libunwind's, which marks such frames.
  @_noLocks
  fileprivate mutating func run(
    by table: RowTable,
    _ context: UnsafeMutablePointer<WalkContext>
  ) -> Bool {
    guard unsafe context.pointee.knowsAllRegisters, unsafe !context.pointee.jumpedAstray,
      let copy = unsafe context.pointee.copy
    else { return false }
    let start = unsafe context.pointee.copyStart
    let size = unsafe context.pointee.copyEnd &- start
    let registers = unsafe context.pointee.registers
    var stackPointer = unsafe registers[dc_register_sp]
    var framePointer = unsafe registers[dc_register_bp]
    var address = unsafe registers[dc_register_pc]
    begin(at: address)
    while true {
      let row = table.row(at: address)
      if row.kind == RowKind.outermost { return finish(WalkEnd.outermost) }
      guard row.kind != RowKind.odd else { return false }
      let base = row.kind == RowKind.byStackPointer ? stackPointer : framePointer
      let frame = base &+ UInt64(truncatingIfNeeded: row.base_offset)
      // Frames lie one above the other, in the copy: a stack that does not is no plain case.
      guard frame > stackPointer, frame &- 8 >= start, frame &- start <= size else { return false }
      let end = unsafe UnsafeRawPointer(copy + Int(truncatingIfNeeded: frame &- start))
      if row.frame_pointer_slot != 0 {
        let offset = Int(row.frame_pointer_slot) &* 8
        guard frame &- start >= UInt64(truncatingIfNeeded: 0 &- offset) else { return false }
        framePointer = unsafe (end + offset).loadUnaligned(as: UInt64.self)
      }
      address = unsafe (end - 8).loadUnaligned(as: UInt64.self)
      if address == 0 { return finish(WalkEnd.outermost) }
      guard count < limit else { return finish(WalkEnd.frameLimit) }
      append(address)
      address &-= 1
      stackPointer = frame
    }
  }

  @_noLocks
  fileprivate mutating func begin(at address: UInt64) {
    count = 0
    markCount = 0
    stuckAt = 0
    append(address)
    mark(kind: FrameKind.exact, foundBy: FrameSource.context)
  }

  @_noLocks
  private mutating func finish(_ reason: UInt8) -> Bool {
    end = reason
    return true
  }

  /// Differs where addresses, marks or the end differ.
  fileprivate var fingerprint: UInt64 {
    @_noLocks get {
      var value: UInt64 = UInt64(end) &<< 32 | UInt64(truncatingIfNeeded: count)
      var index = 0
      while index < count {
        value = unsafe (value ^ addresses[index]) &* 0x0000_0100_0000_01b3
        index &+= 1
      }
      index = 0
      while index < markCount {
        let mark = unsafe marks[index]
        value =
          (value ^ UInt64(mark.index) &<< 16 ^ UInt64(mark.kind) &<< 8 ^ UInt64(mark.foundBy))
          &* 0x0000_0100_0000_01b3
        index &+= 1
      }
      return value
    }
  }
}
