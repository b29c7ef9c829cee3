import CElf
import Bytes

/// The compressed ELF file in `.gnu_debugdata`: function symbols of a stripped file (GDB manual,
/// MiniDebugInfo).
enum MiniDebugInformation {
  /// More than any system packs into a program: 256 MiB.
  private static let largestByteCount = 256 << 20

  /// The embedded file, expanded; nil when there is none.
  static func file(in file: ELFFile) throws(FormatError) -> ELFFile? {
    guard let section = file.section(named: ".gnu_debugdata"), section.kind != .noBits else {
      return nil
    }
    let packed = try file.bytes(of: section)
    var start: UnsafeMutableRawPointer?
    var count = 0
    // Safe because the sizes are those of the memory that is passed.
    let status = unsafe packed.bytes.withUnsafeBytes {
      unsafe celf_unxz($0.baseAddress, $0.count, largestByteCount, &start, &count)
    }
    guard status == 0, let start = unsafe start else {
      throw FormatError(
        .malformed("expected an xz stream of at most \(largestByteCount) bytes"),
        offset: 0
      )
    }
    let memory = unsafe OwnedBytes(takingOver: start, byteCount: count)
    do throws(SymbolizerError) {
      return try ELFFile(memory: memory, name: "\(file.path)(.gnu_debugdata)")
    } catch {
      throw FormatError(.malformed(error.problem), offset: 0)
    }
  }
}
