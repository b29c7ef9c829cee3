import CElf
import Bytes

/// Expands compressed sections (gabi, Section Compression) and those of old GNU tools
/// (`.zdebug_*`).
///
/// The expanded size is what the file states: it is compared with what the format can reach before
/// memory is taken, and the result must have exactly that size.
enum SectionDecompressor {
  /// A compression of section bytes.
  enum Format {
    case zlib
    case zstandard

    /// How many bytes one compressed byte can become: zlib's limit is 1032; Zstandard's blocks of
    /// 128 KiB take 4.
    var largestRatio: Int {
      switch self {
      case .zlib: 1032
      case .zstandard: 32_768
      }
    }
  }

  /// Expanded sections beyond this are refused, whatever their file says: 16 GiB.
  static let largestByteCount = 16 << 30

  /// Expands a section with the header `Elf64_Chdr`: u32 type, u32 zero, u64 size, u64 alignment.
  ///
  /// `reserve`: told the expanded size before room is taken; says false when the file has had enough.
  static func expand(
    _ region: ByteRegion,
    reserve: (Int) -> Bool
  ) throws(FormatError) -> ByteRegion {
    var cursor = ByteCursor(region.bytes)
    let type = try cursor.u32()
    try cursor.skip(4)
    let size = try cursor.u64()
    try cursor.skip(8)
    let format: Format
    switch type {
    case UInt32(ELFCOMPRESS_ZLIB): format = .zlib
    case UInt32(ELFCOMPRESS_ZSTD): format = .zstandard
    default:
      throw FormatError(
        .malformed("expected compression 1 (zlib) or 2 (Zstandard), found \(type)"),
        offset: 0
      )
    }
    return try expand(region, from: cursor.position, to: size, format: format, reserve)
  }

  /// Expands a section that begins with `ZLIB` and its size, big-endian.
  static func expandOldStyle(
    _ region: ByteRegion,
    reserve: (Int) -> Bool
  ) throws(FormatError) -> ByteRegion {
    var cursor = ByteCursor(region.bytes)
    let magic = try cursor.u32()
    guard magic == 0x4249_4c5a else {
      throw FormatError(.malformed("expected the letters ZLIB, found \(magic)"), offset: 0)
    }
    let size = try cursor.u64().byteSwapped
    return try expand(region, from: cursor.position, to: size, format: .zlib, reserve)
  }

  private static func expand(
    _ region: ByteRegion,
    from start: Int,
    to size: UInt64,
    format: Format,
    _ reserve: (Int) -> Bool
  ) throws(FormatError) -> ByteRegion {
    guard let packed = region.part(start..<region.byteCount),
      let count = Int(exactly: size), count <= largestByteCount,
      count / format.largestRatio <= packed.byteCount
    else {
      throw FormatError(
        .malformed(
          "\(region.byteCount - start) compressed bytes cannot become \(size) bytes"
        ),
        offset: 0
      )
    }
    guard reserve(count) else {
      throw FormatError(
        .malformed(
          "expected sections in proportion to the file, found one of \(size) bytes expanded"
        ),
        offset: 0
      )
    }
    guard let expanded = expanded(packed, to: count, format: format) else {
      throw FormatError(
        .malformed("the compressed bytes are damaged, or do not become \(size) bytes"),
        offset: start
      )
    }
    return expanded
  }

  /// Sections from this size on are expanded into a temporary file: 4 MiB.
  private static let smallestMapping = 4 << 20

  private static func expanded(
    _ packed: ByteRegion,
    to count: Int,
    format: Format
  ) -> ByteRegion? {
    if count >= smallestMapping, let mapping = TemporaryMapping(byteCount: count) {
      guard unsafe fill(mapping.start, count, isMapping: true, from: packed, format) else {
        return nil
      }
      let region = mapping.region
      region.releasePages(0..<count)
      return region
    }
    return unsafe OwnedBytes(byteCount: count) { target in
      unsafe fill(target, count, isMapping: false, from: packed, format)
    }?.region
  }

  /// `target` has room for `count` bytes.
  @unsafe
  private static func fill(
    _ target: UnsafeMutableRawPointer,
    _ count: Int,
    isMapping: Bool,
    from packed: ByteRegion,
    _ format: Format
  ) -> Bool {
    // Safe because both sizes are those of the memory that is passed.
    let status = unsafe packed.bytes.withUnsafeBytes { source in
      switch format {
      case .zlib:
        unsafe celf_inflate(
          source.baseAddress,
          source.count,
          packed.isFileMapping ? 1 : 0,
          target,
          count,
          isMapping ? 1 : 0
        )
      case .zstandard: unsafe celf_unzstd(source.baseAddress, source.count, target, count)
      }
    }
    return status == 0
  }
}
