import CElf
import Glibc

/// The bytes of an ELF file with libelf's handle on them; owns both.
///
/// Only `ELFFile.init` calls it: a handle of libelf belongs to one thread.
@safe
final class ELFImage {
  private let name: String
  private let elf: OpaquePointer
  private let descriptor: Int32
  /// What the handle reads, of an image in memory.
  private let memory: OwnedBytes?

  private static let libraryIsReady = elf_version(UInt32(EV_CURRENT)) != UInt32(EV_NONE)

  /// Maps a file.
  init(path: String) throws(SymbolizerError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw SymbolizerError(file: path, problem: systemError(errno), hint: Self.hint(errno, path))
    }
    do throws(SymbolizerError) {
      try Self.requireRegularFile(descriptor, path)
      unsafe elf = try Self.begin(name: path) {
        unsafe elf_begin(descriptor, ELF_C_READ_MMAP, nil)
      }
    } catch {
      close(descriptor)
      throw error
    }
    name = path
    self.descriptor = descriptor
    memory = nil
  }

  /// Reads an image in memory.
  init(memory: OwnedBytes, name: String) throws(SymbolizerError) {
    // Safe because libelf only reads from it, and `memory` is kept.
    unsafe elf = try Self.begin(name: name) {
      unsafe elf_memory(memory.start.assumingMemoryBound(to: CChar.self), memory.byteCount)
    }
    self.name = name
    self.memory = memory
    descriptor = -1
  }

  deinit {
    unsafe elf_end(elf)
    if descriptor >= 0 { close(descriptor) }
  }

  /// All bytes of the file; the region keeps this object.
  var contents: ByteRegion {
    var count = 0
    guard let start = unsafe elf_rawfile(elf, &count) else { return .empty }
    // Safe because libelf keeps the mapping until `deinit`, and the region holds this object.
    return unsafe ByteRegion(
      owner: self,
      start: UnsafeRawPointer(start),
      byteCount: count,
      isFileMapping: descriptor >= 0
    )
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
          + (elfClass == UInt8(ELFCLASS32) ? "a 32-bit one" : "a big-endian one")
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

  /// The section headers in their order, and why there are none where the file says that it has
  /// some.
  func sections() -> ([ELFSection], problem: String?) {
    var count = 0
    guard unsafe elf_getshdrnum(elf, &count) == 0 else {
      return ([], "its section headers cannot be read: \(Self.lastError)")
    }
    guard count > 0 else {
      // libelf sees none also where a cut file has lost them: they stand at the end.
      let start = (try? header())?.e_shoff ?? 0
      guard start >= UInt64(contents.byteCount) else { return ([], "it has no section headers") }
      return (
        [],
        "cut short: expected section headers at offset \(start), found the end of the file at \(contents.byteCount)"
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
  private static func begin(
    name: String,
    _ open: () -> OpaquePointer?
  ) throws(SymbolizerError) -> OpaquePointer {
    guard libraryIsReady else {
      throw SymbolizerError(file: name, problem: "libelf of this system is too old to be used")
    }
    guard let elf = unsafe open() else {
      throw SymbolizerError(file: name, problem: "libelf cannot open it: \(lastError)")
    }
    let kind = unsafe elf_kind(elf)
    guard kind == ELF_K_ELF else {
      unsafe elf_end(elf)
      throw SymbolizerError(
        file: name,
        problem: kind == ELF_K_AR
          ? "expected an ELF file, found an archive of object files"
          : "expected an ELF file, found something else (its first bytes are not 7f 45 4c 46)",
        hint: "Name the program or library itself; `file` tells what this file is."
      )
    }
    return unsafe elf
  }

  private static func requireRegularFile(
    _ descriptor: Int32,
    _ path: String
  ) throws(SymbolizerError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw SymbolizerError(file: path, problem: systemError(errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SymbolizerError(file: path, problem: "expected a regular file")
    }
    guard status.st_size > 0 else {
      throw SymbolizerError(file: path, problem: "expected an ELF file, found an empty file")
    }
  }

  private static func hint(_ code: Int32, _ path: String) -> String? {
    switch code {
    case ENOENT: "Check the path; --sysroot names the folder that its paths begin in."
    case EACCES, EPERM: "Try as the file's owner, or copy the file."
    default: nil
    }
  }

  private static var lastError: String {
    guard let text = unsafe elf_errmsg(-1) else { return "no reason given" }
    return unsafe String(cString: text)
  }
}

/// The text of an errno value.
func systemError(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  // The XSI form fills the buffer; strerror is not safe among threads.
  guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
