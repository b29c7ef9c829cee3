import CUnwind

/// How to find a frame's caller at one instruction, as far as it is a plain case: the frame's address is the
/// stack pointer or the frame pointer and a number; the return address lies just below it.
struct FrameRules {
  /// What the frame's address (CFA) is counted from; 0: not a plain case.
  var base: Int = 0
  var baseOffset: Int64 = 0
  /// Where the caller's frame pointer lies, from the CFA; 0: it is still in its register.
  var framePointerOffset: Int64 = 0
  var returnOffset: Int64 = 0
  /// The return address is undefined: the outermost frame.
  var isOutermost = false
  /// A register that matters has a rule of another kind.
  var isOdd = false

  @_noLocks init() {}
}

/// Runs call frame instructions (DWARF 5, 6.4.2 and 7.24; LSB Core 5.0, 10.5.1) up to one address.
@safe struct CFIProgram {
  let codeAlignment: UInt64
  let dataAlignment: Int64
  /// Rules put aside by DW_CFA_remember_state.
  private let remembered: UnsafeMutablePointer<FrameRules>
  private var rememberedCount = 0
  var rules = FrameRules()
  /// Rules at the function's first instruction, for DW_CFA_restore.
  private var initial = FrameRules()

  static var rememberedLimit: Int { @_noLocks @inline(__always) get { 16 } }

  @_noLocks
  init(
    codeAlignment: UInt64,
    dataAlignment: Int64,
    remembered: UnsafeMutablePointer<FrameRules>
  ) {
    self.codeAlignment = codeAlignment
    self.dataAlignment = dataAlignment
    unsafe self.remembered = unsafe remembered
  }

  /// What has been run so far is what all frames of the function begin with.
  @_noLocks
  mutating func finishInitial() { initial = rules }

  /// Runs what applies at `target`; false for an instruction that it does not know.
  @_noLocks
  mutating func run(_ reader: inout CFIReader, from start: UInt64, to target: UInt64) -> Bool {
    var location = start
    while !reader.isAtEnd {
      let opcode = reader.byte()
      let operand = UInt64(opcode & 0x3f)
      switch opcode &>> 6 {
      case 1: location &+= operand &* codeAlignment
      case 2: setOffset(of: operand, scaled(reader.unsignedLEB()))
      case 3: restore(operand)
      default:
        if opcode >= 2, opcode <= 4 {
          let size: UInt64 = opcode == 2 ? 1 : opcode == 3 ? 2 : 4
          location &+= reader.unsigned(size) &* codeAlignment
        } else if !runExtended(opcode, &reader) {
          return false
        }
      }
      if location > target { break }
    }
    return !reader.failed
  }

  @_noLocks
  private mutating func runExtended(_ opcode: UInt8, _ reader: inout CFIReader) -> Bool {
    switch opcode {
    case 0x00: break  // nop
    case 0x05:  // offset_extended
      let register = reader.unsignedLEB()
      setOffset(of: register, scaled(reader.unsignedLEB()))
    case 0x06: restore(reader.unsignedLEB())  // restore_extended
    case 0x07: setUndefined(reader.unsignedLEB())
    case 0x08: setSame(reader.unsignedLEB())
    case 0x09:  // register
      setOdd(reader.unsignedLEB())
      _ = reader.unsignedLEB()
    case 0x0a: return remember()
    case 0x0b: return recall()
    case 0x0c:  // def_cfa
      setBase(reader.unsignedLEB())
      rules.baseOffset = Int64(bitPattern: reader.unsignedLEB())
    case 0x0d: setBase(reader.unsignedLEB())  // def_cfa_register
    case 0x0e: rules.baseOffset = Int64(bitPattern: reader.unsignedLEB())  // def_cfa_offset
    case 0x0f:  // def_cfa_expression
      rules.base = 0
      reader.skip(reader.unsignedLEB())
    case 0x10, 0x16:  // expression, val_expression
      setOdd(reader.unsignedLEB())
      reader.skip(reader.unsignedLEB())
    case 0x11:  // offset_extended_sf
      let register = reader.unsignedLEB()
      setOffset(of: register, reader.signedLEB() &* dataAlignment)
    case 0x12:  // def_cfa_sf
      setBase(reader.unsignedLEB())
      rules.baseOffset = reader.signedLEB() &* dataAlignment
    case 0x13: rules.baseOffset = reader.signedLEB() &* dataAlignment  // def_cfa_offset_sf
    case 0x14, 0x15:  // val_offset, val_offset_sf
      setOdd(reader.unsignedLEB())
      _ = reader.unsignedLEB()
    case 0x2e: _ = reader.unsignedLEB()  // GNU_args_size
    default: return false
    }
    return true
  }

  @_noLocks
  private func scaled(_ factor: UInt64) -> Int64 { Int64(bitPattern: factor) &* dataAlignment }

  @_noLocks
  private mutating func setBase(_ register: UInt64) {
    let number = Int(truncatingIfNeeded: register)
    rules.base = number == dc_register_sp || number == dc_register_bp ? number : 0
  }

  @_noLocks
  private mutating func setOffset(of register: UInt64, _ offset: Int64) {
    let number = Int(truncatingIfNeeded: register)
    if number == dc_register_bp {
      rules.framePointerOffset = offset
    } else if number == dc_register_pc {
      rules.returnOffset = offset
      rules.isOutermost = false
    } else if number == dc_register_sp {
      rules.isOdd = true
    }
  }

  @_noLocks
  private mutating func setUndefined(_ register: UInt64) {
    if Int(truncatingIfNeeded: register) == dc_register_pc {
      rules.isOutermost = true
    } else {
      setOdd(register)
    }
  }

  @_noLocks
  private mutating func setSame(_ register: UInt64) {
    if Int(truncatingIfNeeded: register) == dc_register_bp {
      rules.framePointerOffset = 0
    } else {
      setOdd(register)
    }
  }

  @_noLocks
  private mutating func setOdd(_ register: UInt64) {
    let number = Int(truncatingIfNeeded: register)
    if number == dc_register_bp || number == dc_register_sp || number == dc_register_pc {
      rules.isOdd = true
    }
  }

  @_noLocks
  private mutating func restore(_ register: UInt64) {
    let number = Int(truncatingIfNeeded: register)
    if number == dc_register_bp {
      rules.framePointerOffset = initial.framePointerOffset
    } else if number == dc_register_pc {
      rules.returnOffset = initial.returnOffset
      rules.isOutermost = initial.isOutermost
    }
  }

  @_noLocks
  private mutating func remember() -> Bool {
    guard rememberedCount < Self.rememberedLimit else { return false }
    unsafe remembered[rememberedCount] = rules
    rememberedCount &+= 1
    return true
  }

  @_noLocks
  private mutating func recall() -> Bool {
    guard rememberedCount > 0 else { return false }
    rememberedCount &-= 1
    rules = unsafe remembered[rememberedCount]
    return true
  }
}
