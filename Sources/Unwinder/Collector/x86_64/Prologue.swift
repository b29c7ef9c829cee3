import CUnwind

/// What the first instructions of a function say about its frame: bytes between stack pointer and frame pointer.
///
/// `push %rbp; mov %rsp,%rbp; push …; sub $n,%rsp`, with what compilers schedule in between. Instructions of
/// which this knows nothing end it: then the frame has at least the bytes found.
struct Prologue {
  private(set) var size: UInt64 = 0
  /// The frame has these bytes, unless the function takes more as it runs (alloca, pushed arguments).
  private(set) var isWhole = false

  /// Instructions looked at; `end` is where the function is now: what lies behind has not run.
  private static var limit: Int { @_noLocks @inline(__always) get { 40 } }

  @_noLocks
  init(of function: UInt64, before end: UInt64, _ context: UnsafeMutablePointer<WalkContext>) {
    guard function != 0 else { return }
    var place = function
    var hasFramePointer = false
    var count = 0
    while count < Self.limit, place < end {
      count &+= 1
      guard let bytes = unsafe context.pointee.cache.word(at: place) else { return }
      if bytes & 0xffff_ffff == 0xfa1e_0ff3 {
        place &+= 4
      } else if !hasFramePointer, bytes & 0xff == 0x55 {
        place &+= 1
      } else if bytes & 0xff_ffff == 0xe5_8948 || bytes & 0xff_ffff == 0xec_8b48 {
        hasFramePointer = true
        place &+= 3
      } else if bytes & 0xf8 == 0x50 {
        if hasFramePointer { size &+= 8 }
        place &+= 1
      } else if bytes & 0xf8fe == 0x5040 {
        if hasFramePointer { size &+= 8 }
        place &+= 2
      } else if bytes & 0xff_ffff == 0xec_8348 {
        size &+= bytes &>> 24 & 0xff
        // The last of a frame's making; a byte with its sign makes a frame of 128 bytes by adding −128.
        if bytes &>> 31 & 1 != 0 { size = 0 } else { isWhole = hasFramePointer }
        return
      } else if bytes & 0xff_ffff == 0xec_8148 {
        size &+= bytes &>> 24 & 0xffff_ffff
        isWhole = hasFramePointer
        return
      } else if bytes & 0xff_ffff == 0xc4_8348, bytes &>> 24 & 0xff == 0x80 {
        size &+= 128
        isWhole = hasFramePointer
        return
      } else if let length = InstructionLength.plain(bytes) {
        place &+= length
      } else {
        // A call or a jump: what was pushed is the frame, where the stack was not aligned.
        isWhole = hasFramePointer && (bytes & 0xff == 0xe8 || bytes & 0xff == 0xff)
        return
      }
    }
    isWhole = hasFramePointer && place >= end
  }
}

/// Lengths of the few instructions that compilers put between those of a prologue: moves, and arithmetic between registers.
enum InstructionLength {
  /// Of an instruction that leaves the stack pointer alone, nil for all others.
  @_noLocks
  static func plain(_ bytes: UInt64) -> UInt64? {
    var code = bytes
    var prefixes: UInt64 = 0
    // Operand size and scalar prefixes, then REX.
    while code & 0xff == 0x66 || code & 0xff == 0xf3 || code & 0xff == 0xf2, prefixes < 3 {
      code &>>= 8
      prefixes &+= 1
    }
    let rex = code & 0xf0 == 0x40 ? code & 0x0f : 0
    if code & 0xf0 == 0x40 {
      code &>>= 8
      prefixes &+= 1
    }
    let opcode = code & 0xff
    if opcode == 0x0f {
      let second = code &>> 8 & 0xff
      // movups, movaps and their kind; movzx, movsx; nop with an operand; xorps, pxor.
      guard
        second == 0x10 || second == 0x11 || second == 0x28 || second == 0x29 || second == 0x1f
          || second == 0x57 || second == 0xef || second == 0x6e || second == 0x6f
          || second == 0x7e || second == 0x7f || second == 0xb6 || second == 0xb7
          || second == 0xbe || second == 0xbf || second == 0x16 || second == 0x17
      else { return nil }
      return prefixes &+ 2 &+ operand(code &>> 16)
    }
    if opcode & 0xf8 == 0xb8 { return prefixes &+ (rex & 8 != 0 ? 9 : 5) }
    let form = code &>> 8 & 0xff
    let writesRegister = opcode == 0x8b || opcode == 0x8d || opcode == 0x63
    let isMove =
      opcode == 0x89 || opcode == 0x88 || opcode == 0x8a || opcode == 0x31 || opcode == 0x33
      || opcode == 0x85 || opcode == 0x39 || opcode == 0x3b || opcode == 0x84
    if writesRegister || isMove {
      // Into the stack pointer: no plain instruction.
      let register = form &>> 3 & 7
      if writesRegister || opcode == 0x33, register == 4, rex & 4 == 0 { return nil }
      if isMove, form &>> 6 == 3, form & 7 == 4, rex & 1 == 0 { return nil }
      return prefixes &+ 1 &+ operand(code &>> 8)
    }
    // mov $imm32 and mov $imm8 into memory.
    if opcode == 0xc7 { return prefixes &+ 5 &+ operand(code &>> 8) }
    if opcode == 0xc6 { return prefixes &+ 2 &+ operand(code &>> 8) }
    return nil
  }

  /// Bytes of ModRM, SIB and displacement.
  @_noLocks
  private static func operand(_ code: UInt64) -> UInt64 {
    let form = code & 0xff
    let mode = form &>> 6
    let base = form & 7
    if mode == 3 { return 1 }
    var size: UInt64 = base == 4 ? 2 : 1
    if mode == 0, base == 5 { size = 5 }
    if mode == 0, base == 4, code &>> 8 & 7 == 5 { size = 6 }
    if mode == 1 { size &+= 1 }
    if mode == 2 { size &+= 4 }
    return size
  }
}
