import CUnwind

/// The description of one function's frames in .eh_frame (LSB Core 5.0, 10.6.1): FDE and CIE.
@safe struct FrameDescription {
  private let cache: LineCache
  private let start: UInt64
  private let codeAlignment: UInt64
  private let dataAlignment: Int64
  private let initialInstructions: UInt64
  private let initialEnd: UInt64
  private let instructions: UInt64
  private let instructionsEnd: UInt64

  /// A description longer than this is damaged, or a case for libunwind.
  private static var limit: UInt64 { @_noLocks @inline(__always) get { 65_536 } }

  /// Nil where the description is not there, does not reach to `address`, is of a signal frame, or is
  /// written in a way that compilers for this processor do not use.
  @_noLocks
  init?(at place: UInt64, covering address: UInt64, _ cache: LineCache) {
    self.cache = cache
    guard var entry = Self.entry(at: place, cache) else { return nil }
    let link = entry.address
    let distance = entry.unsigned(4)
    guard distance != 0, var common = Self.entry(at: link &- distance, cache),
      common.unsigned(4) == 0
    else { return nil }
    // Version 1; return address in column 16; augmentation z with R, P, L alone.
    guard common.byte() == 1, let augmentation = Augmentation(&common) else { return nil }
    codeAlignment = common.unsignedLEB()
    dataAlignment = common.signedLEB()
    guard Int(common.byte()) == dc_register_pc,
      let encoding = augmentation.pointerEncoding(&common), codeAlignment > 0, !common.failed
    else { return nil }
    initialInstructions = common.address
    initialEnd = common.end
    // Relative to its own place, signed, of four or eight bytes.
    guard encoding == 0x1b || encoding == 0x1c else { return nil }
    let size: UInt64 = encoding == 0x1b ? 4 : 8
    let origin = entry.address
    start = origin &+ UInt64(bitPattern: entry.signed(size))
    let length = entry.unsigned(size)
    guard address >= start, address &- start < length else { return nil }
    entry.skip(entry.unsignedLEB())
    guard !entry.failed else { return nil }
    instructions = entry.address
    instructionsEnd = entry.end
  }

  /// A reader of the entry behind its length.
  @_noLocks
  private static func entry(at place: UInt64, _ cache: LineCache) -> CFIReader? {
    var length = CFIReader(cache, from: place, to: place &+ 4)
    let count = length.unsigned(4)
    guard count >= 4, count <= limit, !length.failed else { return nil }
    return CFIReader(cache, from: place &+ 4, to: place &+ 4 &+ count)
  }

  /// The rules at an address; nil where they are not plain.
  @_noLocks
  func rules(at address: UInt64, remembered: UnsafeMutablePointer<FrameRules>) -> FrameRules? {
    var program = unsafe CFIProgram(
      codeAlignment: codeAlignment,
      dataAlignment: dataAlignment,
      remembered: remembered
    )
    var reader = CFIReader(cache, from: initialInstructions, to: initialEnd)
    guard program.run(&reader, from: 0, to: ~0) else { return nil }
    program.finishInitial()
    reader = CFIReader(cache, from: instructions, to: instructionsEnd)
    guard program.run(&reader, from: start, to: address) else { return nil }
    let rules = program.rules
    if rules.isOutermost, !rules.isOdd { return rules }
    guard rules.base != 0, !rules.isOdd, rules.returnOffset == -8 else { return nil }
    return rules
  }
}

/// A CIE's augmentation string: what its augmentation data holds.
private struct Augmentation {
  /// Letters behind the `z`, first one lowest; at most seven.
  private var letters: UInt64 = 0

  @_noLocks
  init?(_ reader: inout CFIReader) {
    guard reader.byte() == 0x7a else { return nil }
    var shift: UInt64 = 0
    while shift < 56 {
      let letter = reader.byte()
      if letter == 0 {
        if reader.failed { return nil }
        return
      }
      letters |= UInt64(letter) &<< shift
      shift &+= 8
    }
    return nil
  }

  /// How the FDE's addresses are written; nil without it, or with a letter besides R, P and L.
  ///
  /// The reader stands behind the augmentation data then.
  @_noLocks
  func pointerEncoding(_ reader: inout CFIReader) -> UInt8? {
    let count = reader.unsignedLEB()
    let begin = reader.address
    var encoding: UInt8?
    var left = letters
    while left != 0 {
      let letter = left & 0xff
      left &>>= 8
      if letter == 0x52 {
        encoding = reader.byte()
      } else if letter == 0x4c {
        _ = reader.byte()
      } else if letter == 0x50 {
        guard let size = size(ofEncoding: reader.byte()) else { return nil }
        reader.skip(size)
      } else {
        return nil
      }
    }
    let used = reader.address &- begin
    guard used <= count else { return nil }
    reader.skip(count &- used)
    return encoding
  }

  @_noLocks
  private func size(ofEncoding encoding: UInt8) -> UInt64? {
    switch encoding & 0x0f {
    case 0x00, 0x04, 0x0c: return 8
    case 0x02, 0x0a: return 2
    case 0x03, 0x0b: return 4
    default: return nil
    }
  }
}
