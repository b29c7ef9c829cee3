import Bytes
import CElf
import Glibc

/// libelf's handle on the bytes of an ELF file; keeps the bytes.
///
/// Only `ELFFile.init` calls it: a handle of libelf belongs to one thread.
@safe
final class ELFImage {
  /// All bytes of the file.
  let contents: ByteRegion
  private let name: String
  private let elf: OpaquePointer

  private static let libraryIsReady = elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE)
  /// Bytes of the header, by the file's class.
  private static let headerByteCounts = [UInt8(ELFCLASS32): 52, UInt8(ELFCLASS64): 64]

  /// Reads a file's bytes, wherever they are; `name` is what errors call it.
  init(_ contents: ByteRegion, name: String) throws(SymbolizerError) {
    guard Self.libraryIsReady else {
      throw SymbolizerError(file: name, problem: "libelf of this system is too old to be used")
    }
    try Self.requireELF(contents, name)
    // Safe because libelf only reads from the bytes, which `contents` keeps.
    let handle = unsafe contents.bytes.withUnsafeBytes { bytes in
      unsafe bytes.baseAddress.flatMap { start in
        let text = unsafe UnsafeMutableRawPointer(mutating: start).assumingMemoryBound(
          to: CChar.self
        )
        return unsafe elf_memory(text, bytes.count)
      }
    }
    guard let elf = unsafe handle else {
      throw SymbolizerError(file: name, problem: "libelf cannot read it: \(Self.lastError)")
    }
    unsafe self.elf = elf
    self.contents = contents
    self.name = name
  }

  deinit {
    unsafe elf_end(elf)
  }

  /// The ELF header, when it is of a kind that is read here.
  func header() throws(SymbolizerError) -> GElf_Ehdr {
    var header = GElf_Ehdr()
    guard unsafe gelf_getehdr(elf, &header) != nil else {
      throw SymbolizerError(file: name, problem: "not a whole ELF header: \(Self.lastError)")
    }
    let (elfClass, encoding) = (header.e_ident.4, header.e_ident.5)
    guard elfClass == UInt8(ELFCLASS64), encoding == UInt8(ELFDATA2LSB) else {
      throw SymbolizerError(
        file: name,
        problem: "expected a 64-bit little-endian ELF file, found "
          + (elfClass == UInt8(ELFCLASS32) ? "a 32-bit one" : "a big-endian one"),
        hint: "Ask a tool that reads it: addr2line or llvm-symbolizer."
      )
    }
    let machine = ELFMachine(rawValue: header.e_machine)
    guard machine == .x86_64 || machine == .aarch64 else {
      throw SymbolizerError(
        file: name,
        problem:
          "expected an ELF file of x86_64 (62) or aarch64 (183), found machine \(machine.rawValue)"
      )
    }
    return header
  }

  /// The program headers; those that lie outside the file are missing.
  func segments() -> [ELFSegment] {
    var count = 0
    guard unsafe elf_getphdrnum(elf, &count) == 0 else { return [] }
    var segments: [ELFSegment] = []
    var entry = GElf_Phdr()
    for index in 0..<min(count, Int(Int32.max)) {
      guard unsafe gelf_getphdr(elf, Int32(index), &entry) != nil else { break }
      segments.append(
        ELFSegment(
          kind: ELFSegment.Kind(rawValue: entry.p_type),
          isExecutable: entry.p_flags & UInt32(PF_X) != 0,
          fileOffset: entry.p_offset,
          address: ELFAddress(entry.p_vaddr),
          fileByteCount: entry.p_filesz,
          memoryByteCount: entry.p_memsz
        )
      )
    }
    return segments
  }

  /// What is told of a file that never had any, or was stripped of them: nothing is wrong with it.
  static let hasNoSectionHeaders = "it has no section headers"

  /// The section headers in their order, and why there are none where the file says that it has
  /// some.
  func sections() -> ([ELFSection], problem: String?) {
    var count = 0
    guard unsafe elf_getshdrnum(elf, &count) == 0 else {
      return ([], "its section headers cannot be read: \(Self.lastError)")
    }
    guard count > 0 else {
      // libelf sees none also where a cut file has lost them: they stand at the end.
      let header = try? header()
      let start = header?.e_shoff ?? 0
      guard start > 0 else { return ([], Self.hasNoSectionHeaders) }
      // One at least: of more than 65,279 the first says how many there are.
      let size = UInt64(max(header?.e_shnum ?? 0, 1)) * 64
      guard start.clampedSum(size) > UInt64(contents.byteCount) else {
        return ([], "its section headers at offset \(start) cannot be read: \(Self.lastError)")
      }
      return (
        [],
        "cut short: expected \(size) bytes of section headers at offset \(start), found the end of the file at \(contents.byteCount)"
      )
    }
    var names = 0
    // Without a table of names the sections are nameless, which costs the debug information alone.
    if unsafe elf_getshdrstrndx(elf, &names) != 0 { names = 0 }
    var sections: [ELFSection] = []
    for index in 0..<count {
      var entry = GElf_Shdr()
      guard let section = unsafe elf_getscn(elf, index), unsafe gelf_getshdr(section, &entry) != nil
      else { return ([], "its section headers cannot be read: \(Self.lastError)") }
      let text = names == 0 ? nil : unsafe elf_strptr(elf, names, Int(entry.sh_name))
      sections.append(
        ELFSection(
          index: index,
          name: unsafe text.map { unsafe String(cString: $0) } ?? "",
          kind: ELFSection.Kind(rawValue: entry.sh_type),
          flags: entry.sh_flags,
          address: ELFAddress(entry.sh_addr),
          fileOffset: entry.sh_offset,
          byteCount: entry.sh_size,
          link: Int(entry.sh_link),
          entryByteCount: entry.sh_entsize
        )
      )
    }
    return (sections, nil)
  }
}

// MARK: - Opening

extension ELFImage {
  /// Says what the bytes are, where they are no whole ELF header.
  private static func requireELF(_ contents: ByteRegion, _ name: String) throws(SymbolizerError) {
    // The identification: magic number, class.
    var start: [UInt8] = []
    var cursor = ByteCursor(contents.bytes)
    while start.count < min(contents.byteCount, 8) { start.append(cursor.quietU8()) }
    guard start.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      let isArchive = start.starts(with: Array("!<arch>\n".utf8))
      throw SymbolizerError(
        file: name,
        problem: isArchive
          ? "expected an ELF file, found an archive of object files"
          : "expected an ELF file, found something else (its first bytes are not 7f 45 4c 46)",
        hint: "Name the program or library itself; `file` tells what this file is."
      )
    }
    let wanted = start.count > 4 ? headerByteCounts[start[4]] ?? 64 : 64
    guard contents.byteCount >= wanted else {
      throw SymbolizerError(
        file: name,
        problem:
          "cut short: expected an ELF header of \(wanted) bytes at offset 0, found the end of the file at \(contents.byteCount)",
        hint: "Copy the file again, whole."
      )
    }
  }

  private static var lastError: String {
    guard let text = unsafe elf_errmsg(-1) else { return "no reason given" }
    return unsafe String(cString: text)
  }
}
