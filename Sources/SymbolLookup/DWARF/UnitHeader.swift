import Bytes

/// The head of a unit in `.debug_info` (DWARF 5, 7.5.1; DWARF 4, 7.5.1).
struct UnitHeader: Sendable, Equatable {
  /// What a unit holds (DWARF 5, 7.5.1).
  enum Kind: UInt8, Sendable {
    case compile = 1
    case type = 2
    case partial = 3
    case skeleton = 4
    case splitCompile = 5
    case splitType = 6
  }

  /// Of the first byte, from the start of the section.
  var offset: Int
  /// One past the unit's last byte.
  var end: Int
  /// Of the unit's first entry.
  var entryOffset: Int
  var encoding: UnitEncoding
  var kind: Kind
  /// Into `.debug_abbrev`.
  var abbreviationOffset: Int
  /// What a skeleton and its split unit have in common (DWARF 5, 7.5.1.2); nil before DWARF 5.
  var splitID: UInt64?
}

extension UnitHeader {
  /// What a unit's length field says.
  struct Length: Equatable {
    var byteCount: Int
    /// 4 or 8.
    var offsetSize: UInt8

    /// Reads the initial length (DWARF 5, 7.4), and checks that so many bytes are left.
    init(parsing input: inout ByteCursor) throws(FormatError) {
      let offset = input.offset
      let first = try input.u32()
      let length: UInt64
      switch first {
      case 0xffff_ffff:
        length = try input.u64()
        offsetSize = 8
      case 0xffff_fff0...:
        throw FormatError(
          .malformed("expected a length, found the reserved value \(first)"),
          offset: offset
        )
      default:
        length = UInt64(first)
        offsetSize = 4
      }
      guard let count = Int(exactly: length), count <= input.remaining else {
        throw FormatError(
          .truncated(needed: Int(clamping: length), available: input.remaining),
          offset: offset
        )
      }
      byteCount = count
    }
  }

  /// Reads the header behind its length.
  ///
  /// `part` is the unit's bytes behind its length, `offset` is where its length stands.
  init(
    parsing part: inout ByteCursor,
    offset: Int,
    offsetSize: UInt8
  ) throws(FormatError) {
    self.offset = offset
    end = part.end
    let version = try part.u16()
    guard (2...5).contains(version) else {
      throw FormatError(.unsupportedVersion(UInt32(version)), offset: part.offset - 2)
    }
    var kind = Kind.compile
    let addressSize: UInt8
    if version >= 5 {
      let type = try part.u8()
      guard let known = Kind(rawValue: type) else {
        throw FormatError(
          .malformed("expected a unit type of 1 to 6, found \(type)"),
          offset: part.offset - 1
        )
      }
      kind = known
      addressSize = try part.u8()
    } else {
      addressSize = 0
    }
    let abbreviations = try part.unsigned(byteCount: Int(offsetSize))
    let size = version >= 5 ? addressSize : try part.u8()
    guard size == 4 || size == 8 else {
      throw FormatError(
        .malformed("expected addresses of 4 or 8 bytes, found \(size)"),
        offset: part.offset - 1
      )
    }
    guard let abbreviationOffset = Int(exactly: abbreviations) else {
      throw FormatError(
        .malformed("expected an offset into .debug_abbrev, found \(abbreviations)"),
        offset: part.offset
      )
    }
    switch kind {
    case .skeleton, .splitCompile: splitID = try part.u64()
    case .type, .splitType: try part.skip(8 + Int(offsetSize))
    case .compile, .partial: break
    }
    self.kind = kind
    self.abbreviationOffset = abbreviationOffset
    encoding = UnitEncoding(
      version: UInt8(version),
      addressSize: size,
      offsetSize: offsetSize
    )
    entryOffset = part.position
  }
}

/// All units of a `.debug_info`, in the order of the section.
struct UnitList: Sendable {
  private(set) var units: [UnitHeader] = []
  /// What could not be read: units of unknown versions, a section that is cut.
  private(set) var problems: [FormatError] = []

  /// Pages are given back after so many bytes: 4 MiB.
  static let releaseStep = 4 << 20

  /// Reads the headers only, and gives their pages back: the kernel maps sixteen around each one that is touched.
  init(parsing info: ByteRegion) {
    var cursor = ByteCursor(info.bytes)
    var released = 0
    while !cursor.isAtEnd {
      let offset = cursor.position
      if offset - released >= Self.releaseStep {
        info.releasePages(released..<offset)
        released = offset
      }
      do throws(FormatError) {
        let length = try UnitHeader.Length(parsing: &cursor)
        var part = try cursor.split(length.byteCount)
        do throws(FormatError) {
          let unit = try UnitHeader(parsing: &part, offset: offset, offsetSize: length.offsetSize)
          units.append(unit)
        } catch {
          note(error)
        }
      } catch {
        // Without a length nobody knows where the next unit begins.
        note(error)
        break
      }
    }
  }

  private mutating func note(_ problem: FormatError) {
    // A thousand broken units tell no more than the first ones.
    if problems.count < 16 { problems.append(problem) }
  }

  /// The unit that holds an offset of the section, as an index.
  func index(containing offset: Int) -> Int? {
    var low = 0
    var high = units.count
    while low < high {
      let middle = (low + high) / 2
      if units[middle].end <= offset { low = middle + 1 } else { high = middle }
    }
    return low < units.count && units[low].entryOffset <= offset ? low : nil
  }

  /// The unit that begins at an offset of the section, as an index.
  func index(startingAt offset: Int) -> Int? {
    var low = 0
    var high = units.count
    while low < high {
      let middle = (low + high) / 2
      if units[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < units.count && units[low].offset == offset ? low : nil
  }
}
