import CUnwind

/// The call in front of a return address (Intel SDM, volume 2A, CALL).
struct CallInstruction {
  /// Where it leads, through a slot of the linkage table too; 0 when a register or a computed address tells.
  let target: UInt64

  /// Nil where no call is.
  @_noLocks
  init?(before address: UInt64, _ context: UnsafeMutablePointer<WalkContext>) {
    // The eight bytes in front: a call has seven at most.
    guard let bytes = unsafe context.pointee.cache.word(at: address &- 8) else { return nil }
    if Self.byte(5, of: bytes) == 0xe8 {
      let displacement = Self.displacement(bytes)
      target = unsafe Self.resolve(address &+ displacement, context)
      return
    }
    if Self.byte(6, of: bytes) == 0xff, Self.byte(5, of: bytes) == 0x15 {
      // Through a pointer relative to the program counter: as the linkage table's own slots.
      target =
        unsafe context.pointee.cache.word(at: address &+ Self.displacement(bytes)) ?? 0
      return
    }
    guard Self.isIndirect(bytes) else { return nil }
    target = 0
  }

  /// The byte so many places before the end.
  @_noLocks @inline(__always)
  private static func byte(_ place: UInt64, of bytes: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: bytes &>> ((8 &- place) &* 8))
  }

  /// The last four bytes, with their sign.
  @_noLocks @inline(__always)
  private static func displacement(_ bytes: UInt64) -> UInt64 {
    UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bytes &>> 32)))
  }

  /// FF /2 with each length that its ModRM byte can have.
  @_noLocks
  private static func isIndirect(_ bytes: UInt64) -> Bool {
    var length: UInt64 = 2
    while length <= 7 {
      let form = byte(length &- 1, of: bytes)
      if byte(length, of: bytes) == 0xff, form &>> 3 & 7 == 2,
        size(of: form, bytes, length) == length
      {
        return true
      }
      length &+= 1
    }
    return false
  }

  /// Bytes of opcode, ModRM, SIB and displacement (Intel SDM, volume 2A, table 2-2).
  @_noLocks
  private static func size(of form: UInt8, _ bytes: UInt64, _ length: UInt64) -> UInt64 {
    let mode = form &>> 6
    let base = form & 7
    if mode == 3 { return 2 }
    var size: UInt64 = 2
    if base == 4 {
      size = 3
      if mode == 0, length > 2, byte(length &- 2, of: bytes) & 7 == 5 { size = 7 }
    } else if base == 5, mode == 0 {
      size = 6
    }
    if mode == 1 { size &+= 1 }
    if mode == 2 { size &+= 4 }
    return size
  }

  /// Follows a slot of the linkage table: `[endbr64] [bnd] jmp *slot(%rip)`.
  @_noLocks
  private static func resolve(_ target: UInt64, _ context: UnsafeMutablePointer<WalkContext>)
    -> UInt64
  {
    var place = target
    guard var bytes = unsafe context.pointee.cache.word(at: place) else { return target }
    if bytes & 0xffff_ffff == 0xfa1e_0ff3 {
      place &+= 4
      guard let next = unsafe context.pointee.cache.word(at: place) else { return target }
      bytes = next
    }
    if bytes & 0xff == 0xf2 {
      place &+= 1
      bytes &>>= 8
    }
    guard bytes & 0xffff == 0x25ff else { return target }
    let displacement = UInt64(
      bitPattern: Int64(Int32(truncatingIfNeeded: bytes &>> 16))
    )
    return unsafe context.pointee.cache.word(at: place &+ 6 &+ displacement) ?? target
  }
}
