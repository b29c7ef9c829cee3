import Bytes

/// The slots of the procedure linkage table: small pieces of code that jump to functions of other
/// modules.
///
/// No symbol names them. Each slot loads its target from an address that a relocation fills, and
/// that relocation names the function, or, of an indirect function (IFUNC), what chooses it. The
/// slots are found by their instructions, so that every linker's layout is read (`.plt`, `.plt.sec`,
/// `.plt.got`, `.iplt`, with and without branch protection).
struct LinkageSlots: Sendable {
  /// Where a slot leads.
  enum Target: Sendable {
    /// To the function of this index in `.dynsym`.
    case symbol(Int)
    /// To what the function at this address chooses.
    case resolver(UInt64)
  }

  /// One slot.
  struct Slot: Sendable {
    var address: UInt64
    var byteCount: UInt64
    var target: Target
  }

  /// A word that a relocation fills.
  private struct Word {
    var address: UInt64
    var target: Target
  }

  private(set) var slots: [Slot] = []

  /// The slots of a file; none where its code is not in the file, as in debug files.
  init(of file: ELFFile) {
    let targets = Self.targets(of: file)
    guard !targets.isEmpty else { return }
    for name in [".plt", ".plt.sec", ".plt.got", ".iplt"] {
      guard let section = file.section(named: name),
        // A table outside the file costs the names of its slots.
        let region = try? file.bytes(of: section)
      else { continue }
      switch file.machine {
      case .aarch64: addAArch64(region, section, targets)
      default: addX86(region, section, targets)
      }
    }
  }

  /// The words that receive a function's address, by their own.
  private static func targets(of file: ELFFile) -> [Word] {
    var targets: [Word] = []
    let (jumpSlot, globalData, indirect): (UInt32, UInt32, UInt32) =
      file.machine == .aarch64
      ? (1026, 1025, 1032)  // R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT, R_AARCH64_IRELATIVE
      : (7, 6, 37)  // R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, R_X86_64_IRELATIVE
    for section in file.sections where section.kind == .relocations && section.isAllocated {
      guard let region = try? file.bytes(of: section) else { continue }
      var cursor = ByteCursor(region.bytes)
      while cursor.remaining >= 24 {
        let offset = cursor.quietU64()
        let info = cursor.quietU64()
        let addend = cursor.quietU64()
        let type = UInt32(truncatingIfNeeded: info)
        if type == indirect, info >> 32 == 0 {
          targets.append(Word(address: offset, target: .resolver(addend)))
        } else if type == jumpSlot || type == globalData, info >> 32 != 0 {
          targets.append(Word(address: offset, target: .symbol(Int(info >> 32))))
        }
      }
    }
    targets.sort { $0.address < $1.address }
    return targets
  }

  /// Where the word at an address leads.
  private static func target(at address: UInt64, _ targets: [Word]) -> Target? {
    var (low, high) = (0, targets.count)
    while low < high {
      let middle = (low + high) / 2
      if targets[middle].address < address { low = middle + 1 } else { high = middle }
    }
    return low < targets.count && targets[low].address == address ? targets[low].target : nil
  }

  /// `endbr64`, `bnd` or neither, then `jmp *displacement(%rip)`: slots are 8 or 16 bytes.
  ///
  /// Linkers state which, but not of tables without lazy binding and of static programs' ones (bfd 2.40, lld 21).
  private mutating func addX86(
    _ region: ByteRegion,
    _ section: ELFSection,
    _ targets: [Word]
  ) {
    let step = section.entryByteCount == 16 ? 16 : 8
    var position = 0
    while position + step <= region.byteCount {
      defer { position += step }
      var cursor = ByteCursor(region.bytes)
      cursor.quietSkip(position)
      let word = cursor.quietU32()
      if word != 0xfa1e_0ff3 { cursor.quietSeek(to: position) }
      var opcode = cursor.quietU8()
      if opcode == 0xf2 { opcode = cursor.quietU8() }
      guard opcode == 0xff, cursor.quietU8() == 0x25 else { continue }
      let displacement = Int64(Int32(truncatingIfNeeded: cursor.quietU32()))
      guard !cursor.isBad else { continue }
      let next = section.address.value &+ UInt64(cursor.position)
      let address = section.address.value &+ UInt64(position)
      let filled = next &+ UInt64(bitPattern: displacement)
      guard let target = Self.target(at: filled, targets) else { continue }
      if let last = slots.last, last.address &+ 8 == address {
        slots[slots.count - 1].byteCount = 8
      }
      let rest = UInt64(region.byteCount - position)
      let size = section.entryByteCount == 8 ? 8 : min(16, rest)
      slots.append(Slot(address: address, byteCount: size, target: target))
    }
  }

  /// `adrp x16, page; ldr x17, [x16, offset]; add; br`, perhaps after `bti c`: slots are 16 or 24
  /// bytes.
  private mutating func addAArch64(
    _ region: ByteRegion,
    _ section: ELFSection,
    _ targets: [Word]
  ) {
    let bti: UInt32 = 0xd503_245f
    var cursor = ByteCursor(region.bytes)
    var previous: UInt32 = 0
    while cursor.remaining >= 8 {
      let position = cursor.position
      let first = cursor.quietU32()
      defer { previous = first }
      guard first & 0x9f00_001f == 0x9000_0010 else { continue }
      var look = cursor
      let second = look.quietU32()
      guard second & 0xffc0_03ff == 0xf940_0211 else { continue }
      let start = section.address.value &+ UInt64(position)
      let low = UInt64((first >> 29) & 3)
      let high = UInt64((first >> 5) & 0x7ffff)
      // 21 bits, signed, in pages.
      let pages = Int64(bitPattern: (high << 2 | low) << 43) >> 31
      let page = (start & ~0xfff) &+ UInt64(bitPattern: pages)
      let word = page &+ UInt64((second >> 10) & 0xfff) * 8
      guard let target = Self.target(at: word, targets) else { continue }
      let hasMark = previous == bti
      slots.append(
        Slot(address: start &- (hasMark ? 4 : 0), byteCount: hasMark ? 24 : 16, target: target)
      )
    }
  }
}
