import CUnwind

/// What the call in front of a return address says of the function whose frame that would be.
enum FrameEvidence {
  /// It leads there.
  case callOfFunction
  /// Where it leads is not to be seen.
  case call
  /// It leads elsewhere: right only if the function was jumped to from there.
  case strayCall
}

/// Which frame pointers one pass looks at.
enum FrameSearchPass {
  case likely
  case strayCalls
}

/// The frame pointer found so far.
struct FrameChoice {
  private(set) var framePointer: UInt64 = 0
  /// Frames from there to the end of the stack; 0 before one is found.
  private(set) var length = 0
  /// What speaks against it, less what speaks for it.
  private(set) var oddity = 0
  /// The least oddity of those that were not taken, nor lead through it.
  var rival = Int.max
  /// The frame pointer is known, and no frame of a thread's beginning is reached from it.
  var isHopeless = false

  /// What one has to be better by than another one.
  static var margin: Int { @_noLocks @inline(__always) get { 2 } }
  var isAmbiguous: Bool {
    @_noLocks @inline(__always) get { rival != Int.max && rival < oddity &+ Self.margin }
  }
  var isFound: Bool { @_noLocks @inline(__always) get { length > 0 } }

  @_noLocks init() {}

  @_noLocks
  init(framePointer: UInt64, length: Int, oddity: Int) {
    self.framePointer = framePointer
    self.length = length
    self.oddity = oddity
  }

  @_noLocks
  init(_ other: FrameChoice, rival: Int) {
    self = other
    self.rival = rival
  }
}

/// A frame whose frame pointer is searched for.
struct SearchedFrame {
  /// Where its unwind table is looked up: inside the call, for a return address.
  let lookup: UInt64
  let stackPointer: UInt64
  /// Where its function begins; 0 when no table says.
  let function: UInt64
  let prologue: Prologue

  @_noLocks
  init(lookup: UInt64, stackPointer: UInt64, function: UInt64, prologue: Prologue) {
    self.lookup = lookup
    self.stackPointer = stackPointer
    self.function = function
    self.prologue = prologue
  }
}

// A thread read without a signal shows its stack pointer and program counter alone. A function that keeps a frame pointer
// has its caller's frame above it, at a distance that no unwind table tells: the frame pointer is searched for in the stack.
extension Walk {
  /// Bytes of stack searched above a frame: no frame of reasonable code is larger.
  private var searchedBytes: UInt64 { @_noLocks @inline(__always) get { 65_536 } }
  /// Stacks tried for one frame, and frames of each, at most.
  private var trialLimit: Int { @_noLocks @inline(__always) get { 32 } }
  private var trialFrameLimit: Int { @_noLocks @inline(__always) get { 1024 } }

  /// Goes on from the frame appended last, whose caller needs the frame pointer; false with the reason where it is not found.
  ///
  /// A frame pointer counts if a return address behind a call lies above it, and the walk from there reaches the first frame
  /// of a thread by unwind tables alone. That the call leads to this very function, or that the function's first instructions
  /// put the frame pointer there, decides between several. Where nothing decides, none is taken.
  @_noLocks
  mutating func searchFrame(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    stackPointer: UInt64
  ) -> Bool {
    unsafe keepRegisters(library, cursor, context)
    let address = unsafe addresses[count &- 1]
    let isExact = count == 1
    let function = unsafe dc_unwind_function_start(library, cursor)
    let frame = unsafe SearchedFrame(
      lookup: isExact ? address : address &- 1,
      stackPointer: stackPointer,
      function: function,
      prologue: Prologue(of: function, before: address, context)
    )
    guard let found = unsafe findFramePointer(library, cursor, context, frame) else { return false }
    unsafe begin(library, cursor, context, frame, framePointer: found)
    // The trial went this way already.
    let isStepped = unsafe dc_unwind_step(library, cursor) > 0
    let caller = unsafe dc_unwind_register(library, cursor, dc_register_pc)
    guard isStepped, caller != 0 else {
      end = WalkEnd.unreadable
      return false
    }
    append(caller)
    mark(kind: FrameKind.returnAddress, foundBy: FrameSource.search)
    return true
  }

  /// Keeps what the frames inside have told of this frame's registers: a walk that begins anew here has them too.
  @_noLocks
  private func keepRegisters(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>
  ) {
    var known: UInt32 = 0
    var number = 0
    while number < dc_register_count {
      var value: UInt64 = 0
      if unsafe dc_unwind_find_register(library, cursor, number, &value) != 0 {
        unsafe context.pointee.registers[number] = value
        known |= 1 &<< UInt32(truncatingIfNeeded: number)
      }
      number &+= 1
    }
    unsafe context.pointee.known = known
  }

  /// Puts the cursor at the frame, with this frame pointer.
  @_noLocks
  private func begin(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    _ frame: SearchedFrame,
    framePointer: UInt64
  ) {
    unsafe context.pointee.registers[dc_register_pc] = frame.lookup
    unsafe context.pointee.registers[dc_register_sp] = frame.stackPointer
    unsafe context.pointee.registers[dc_register_bp] = framePointer
    unsafe context.pointee.known |=
      KnownRegisters.quiet | 1 &<< UInt32(truncatingIfNeeded: dc_register_bp)
    _ = unsafe dc_unwind_begin(library, cursor, context)
  }

  /// The one frame pointer that is beyond doubt; nil, with the reason in `end`, when there is none.
  @_noLocks
  private mutating func findFramePointer(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    _ frame: SearchedFrame
  ) -> UInt64? {
    var best = FrameChoice()
    if let certain = unsafe look(for: .likely, library, cursor, context, frame, &best) {
      return certain
    }
    // A function that was jumped to from the one that was called. Many remains look like that: they come last.
    if !best.isHopeless, !best.isFound || best.oddity > 0 {
      _ = unsafe look(for: .strayCalls, library, cursor, context, frame, &best)
    }
    guard best.isFound, !best.isAmbiguous else {
      end = best.isAmbiguous ? WalkEnd.ambiguous : WalkEnd.unknownRegister
      stuckAt = unsafe addresses[count &- 1]
      return nil
    }
    return best.framePointer
  }

  /// Tries frame pointers of one kind, from below; returns one that is beyond doubt.
  @_noLocks
  private mutating func look(
    for kind: FrameSearchPass,
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    _ frame: SearchedFrame,
    _ best: inout FrameChoice
  ) -> UInt64? {
    // The stack pointer is a multiple of 16 at each call (System V psABI, AMD64, 3.2.2), and so is a frame pointer.
    let lowest = (frame.stackPointer &+ frame.prologue.size &+ 15) & ~15
    let expected = frame.prologue.isWhole ? frame.stackPointer &+ frame.prologue.size : 0
    var trials = 0
    var candidate = lowest
    while candidate &- lowest < searchedBytes, trials < trialLimit {
      let framePointer = candidate
      candidate &+= 16
      guard let evidence = unsafe evidence(for: framePointer, frame, context) else {
        if unsafe readStack(framePointer &+ 8, context) == nil { break }
        continue
      }
      let isExpected = framePointer == expected
      let isStray = evidence == .strayCall && !isExpected
      guard isStray == (kind == .strayCalls) else { continue }
      if best.isFound, isBeyond(framePointer &+ 16, best.length) { break }
      trials &+= 1
      unsafe begin(library, cursor, context, frame, framePointer: framePointer)
      // Frames of a further trial are kept behind those of the best one.
      let room = best.isFound ? best.length : 0
      let trial = unsafe reachesTheEnd(library, cursor, context, frame, keepFrom: room)
      guard trial.length > 0 else {
        // The true one, beyond doubt: a stack that begins in no thread's first frame. Whatever else leads to one is
        // another's, in memory that lies behind.
        if evidence == .callOfFunction, isExpected {
          best = FrameChoice()
          best.isHopeless = true
          return nil
        }
        continue
      }
      if evidence == .callOfFunction, isExpected { return framePointer }
      let choice = FrameChoice(
        framePointer: framePointer,
        length: trial.length,
        oddity: 2 &* trial.strayCalls &- (evidence == .callOfFunction ? 1 : 0)
          &- (isExpected ? 2 : 0)
      )
      if !best.isFound || choice.oddity <= best.oddity &- FrameChoice.margin {
        moveChain(from: room, trial.length)
        best = FrameChoice(choice, rival: best.rival)
      } else if !isOnChain(framePointer &+ 16, best.length) {
        best.rival = min(best.rival, choice.oddity)
      }
    }
    return nil
  }

  /// What speaks for a frame pointer; nil for what is none.
  @_noLocks
  private func evidence(
    for framePointer: UInt64,
    _ frame: SearchedFrame,
    _ context: UnsafeMutablePointer<WalkContext>
  ) -> FrameEvidence? {
    guard let caller = unsafe readStack(framePointer &+ 8, context), caller > 4096 else {
      return nil
    }
    var module = dc_module()
    guard unsafe dc_find_module(caller, &module) != 0 else { return nil }
    return unsafe self.evidence(of: caller, for: frame.function, context)
  }

  /// What the call in front of a return address says of the frame inside; nil where no call is.
  @_noLocks
  private func evidence(
    of caller: UInt64,
    for function: UInt64,
    _ context: UnsafeMutablePointer<WalkContext>
  ) -> FrameEvidence? {
    // A signal's handler returns to the trampoline, which called nothing.
    if unsafe isTrampoline(caller, context.pointee.cache) { return .callOfFunction }
    guard let call = unsafe CallInstruction(before: caller, context) else { return nil }
    if call.target == 0 || function == 0 { return .call }
    return call.target == function ? .callOfFunction : .strayCall
  }

  @_noLocks
  private func readStack(_ address: UInt64, _ context: UnsafeMutablePointer<WalkContext>) -> UInt64?
  {
    var value: UInt64 = 0
    return unsafe dc_unwind_read_memory(address, &value, context) == 0 ? value : nil
  }
}

// MARK: Trials

extension Walk {
  /// Stack pointers of the frames of a trial, in the room behind the walk's own addresses.
  private var chainCapacity: Int { @_noLocks @inline(__always) get { (limit &- count) / 2 } }

  @_noLocks
  private func isOnChain(_ stackPointer: UInt64, _ length: Int) -> Bool {
    var index = 0
    while index < min(length, chainCapacity) {
      if unsafe addresses[count &+ index] == stackPointer { return true }
      index &+= 1
    }
    return false
  }

  /// Whether a frame lies above all of a chain that was too long to be kept whole.
  @_noLocks
  private func isBeyond(_ stackPointer: UInt64, _ length: Int) -> Bool {
    let kept = chainCapacity
    guard length > kept else { return false }
    return unsafe kept == 0 || stackPointer > addresses[count &+ kept &- 1]
  }

  @_noLocks
  private func moveChain(from start: Int, _ length: Int) {
    unsafe dc_move(
      addresses + count,
      addresses + (count &+ min(start, chainCapacity)),
      min(length, chainCapacity) &* 8
    )
  }

  /// Frames from the cursor's to the first frame of a thread, and how many of them are entered by a call that leads elsewhere;
  /// length 0 when the walk does not get there by unwind tables alone.
  ///
  /// Their stack pointers are kept, as many as there is room for. A walk that found a thousand frames counts too.
  @_noLocks
  private func reachesTheEnd(
    _ library: UnsafeMutablePointer<dc_unwind_library>,
    _ cursor: UnsafeMutableRawPointer,
    _ context: UnsafeMutablePointer<WalkContext>,
    _ frame: SearchedFrame,
    keepFrom start: Int
  ) -> (length: Int, strayCalls: Int) {
    var stackPointer = frame.stackPointer
    var address: UInt64 = 0
    var function = frame.function
    var isInterrupted = false
    var length = 0
    var strayCalls = 0
    while length < trialFrameLimit {
      unsafe context.pointee.missedTable = false
      unsafe context.pointee.missedRegister = false
      let result = unsafe dc_unwind_step(library, cursor)
      guard result >= 0, unsafe !context.pointee.missedTable,
        unsafe !context.pointee.missedRegister
      else { return (0, 0) }
      if result == 0 { return isFirstFrame(address) ? (length, strayCalls) : (0, 0) }
      address = unsafe dc_unwind_register(library, cursor, dc_register_pc)
      let next = unsafe dc_unwind_register(library, cursor, dc_register_sp)
      // Callers lie above, except where a signal changed the stack, and have called; what a signal interrupted has not.
      guard next > stackPointer || isInterrupted, isCode(address) else { return (0, 0) }
      if !isInterrupted {
        guard let evidence = unsafe evidence(of: address, for: function, context) else {
          return (0, 0)
        }
        if evidence == .strayCall { strayCalls &+= 1 }
      }
      isInterrupted = unsafe isTrampoline(address, context.pointee.cache)
      function = unsafe dc_unwind_function_start(library, cursor)
      stackPointer = next
      let place = min(start, chainCapacity) &+ length
      if length < chainCapacity, count &+ place < limit {
        unsafe addresses[count &+ place] = next
      }
      length &+= 1
    }
    return (length, strayCalls)
  }

  @_noLocks
  private func isCode(_ address: UInt64) -> Bool {
    var module = dc_module()
    return unsafe dc_find_module(address, &module) != 0
  }

  /// Whether a thread of libc's, or the program itself, begins here.
  @_noLocks
  private func isFirstFrame(_ address: UInt64) -> Bool {
    guard let home = unsafe dc_get_home() else { return false }
    let entry = unsafe home.pointee.program_entry
    return unsafe address == home.pointee.thread_begin
      || (entry != 0 && address > entry && address &- entry < 64)
  }
}
