import CElf
package import Bytes
import Glibc
import Synchronization

/// An ELF file: headers and identity parsed when it is opened, sections as bytes when they are
/// asked for.
///
/// The file is mapped, not read: opening costs the headers alone, whatever the size. 64-bit
/// little-endian files of x86_64 and aarch64 are read; others are refused. After `init` nothing of
/// libelf is called any more, so that any number of threads may use one file. A file that is cut
/// short while it is read ends the process with SIGBUS, as with every mapped file.
package final class ELFFile: Sendable {
  /// As it was given, or what a captured image is called.
  package let path: String
  package let type: ELFType
  package let machine: ELFMachine
  package let segments: [ELFSegment]
  /// In the file's order, the first, empty one too; none without section headers.
  package let sections: [ELFSection]
  /// Why `sections` is empty although the file says that it has some.
  package let sectionProblem: String?
  /// The file is cut or damaged, so that sections are missing which it should have.
  var lacksSections: Bool {
    sectionProblem != nil && sectionProblem != ELFImage.hasNoSectionHeaders
  }
  package let buildID: BuildID?
  /// Name and checksum of the separate debug file.
  package let debugLink: DebugLink?
  /// The file that several debug files share, made by `dwz`.
  package let alternateDebugLink: AlternateDebugLink?
  /// What a file that `dwz` made in the way of DWARF 5 is known by; others have a build ID.
  package let supplementaryID: BuildID?
  /// All bytes of the file.
  package let contents: ByteRegion

  private let expanded = Mutex<[Int: ByteRegion]>([:])
  /// Bytes that expanded sections take, or were to take.
  private let reserved = Mutex(0)

  /// Maps the file at `path`.
  ///
  /// - Throws: what is wrong with it, and what to try.
  package convenience init(path: String) throws(SymbolizerError) {
    try self.init(contents: try FileMapping(path: path).region, path: path)
  }

  /// An image of memory, such as the vDSO's; `bytes` are copied.
  ///
  /// - Parameters:
  ///   - bytes: the whole image.
  ///   - name: what errors call it.
  /// - Throws: what is wrong with it.
  package convenience init(image bytes: [UInt8], name: String) throws(SymbolizerError) {
    guard !bytes.isEmpty, let memory = OwnedBytes(copying: bytes) else {
      throw SymbolizerError(file: name, problem: "expected an ELF image, found no bytes")
    }
    try self.init(memory: memory, name: name)
  }

  /// An image in memory of our own.
  convenience init(memory: OwnedBytes, name: String) throws(SymbolizerError) {
    try self.init(contents: memory.region, path: name)
  }

  private init(contents: ByteRegion, path: String) throws(SymbolizerError) {
    let image = try ELFImage(contents, name: path)
    self.path = path
    let header = try image.header()
    type = ELFType(rawValue: header.e_type)
    machine = ELFMachine(rawValue: header.e_machine)
    segments = image.segments()
    (sections, sectionProblem) = image.sections()
    self.contents = contents
    let reader = SectionReader(contents: contents, sections: sections)
    buildID = reader.buildID(segments: segments)
    debugLink = reader.debugLink()
    alternateDebugLink = reader.alternateDebugLink()
    supplementaryID = reader.supplementaryID()
  }

  /// The first section of this name.
  package func section(named name: String) -> ELFSection? {
    // No dictionary: some sections are looked for once, and making one takes longer.
    sections.dropFirst().first { $0.name == name }
  }

  /// The section's bytes as a program reads them: a compressed one is expanded once and kept.
  ///
  /// - Returns: nothing for a section that takes no bytes of the file.
  package func bytes(of section: ELFSection) throws(FormatError) -> ByteRegion {
    let raw = try rawBytes(of: section)
    let isOldStyle = section.name.hasPrefix(".zdebug_")
    guard section.isCompressed || isOldStyle else { return raw }
    if let known = expanded.withLock({ $0[section.index] }) { return known }
    let region =
      section.isCompressed
      ? try SectionDecompressor.expand(raw, reserve: reserve)
      : try SectionDecompressor.expandOldStyle(raw, reserve: reserve)
    // The packed bytes are not read again; their pages would count as memory of ours.
    raw.releasePages(0..<raw.byteCount)
    return expanded.withLock { cache in
      // Another thread may have been quicker: all share its bytes.
      if let known = cache[section.index] { return known }
      cache[section.index] = region
      return region
    }
  }

  /// The bytes of the section called `.name`, or, compressed in the old way, `.zname`.
  ///
  /// - Parameter name: as in `debug_info`, without its dot.
  /// - Returns: expanded bytes, or nil when there is no such section.
  /// - Throws: what is wrong with the section.
  package func debugSection(_ name: String) throws(FormatError) -> ByteRegion? {
    guard let section = section(named: ".\(name)") ?? section(named: ".z\(name)"),
      section.kind != .noBits
    else { return nil }
    return try bytes(of: section)
  }

  /// Whether the file has DWARF of its own.
  package var hasDebugInformation: Bool {
    guard let section = section(named: ".debug_info") ?? section(named: ".zdebug_info") else {
      return false
    }
    return section.kind != .noBits && section.byteCount > 0
  }

  /// Whether `.debug_info` has to be expanded before it can be read.
  var hasCompressedDebugInformation: Bool {
    guard let section = section(named: ".debug_info") else {
      return section(named: ".zdebug_info") != nil
    }
    return section.isCompressed
  }

  /// Whether the file has a `.symtab`, which a stripped one lacks.
  package var hasFullSymbolTable: Bool {
    sections.contains { $0.kind == .symbolTable && $0.byteCount > 0 }
  }

  /// Whether the file has the symbols that the dynamic linker uses, with or without section headers.
  var hasDynamicSymbols: Bool {
    sections.isEmpty
      ? DynamicSymbols(of: self) != nil
      : sections.contains { $0.kind == .dynamicSymbols && $0.byteCount > 0 }
  }

  /// The CRC-32 over the whole file, as `.gnu_debuglink` states it; reads all of it.
  package func checksum() -> UInt32 {
    let step = 16 << 20
    var checksum: UInt32 = 0
    var position = 0
    while position < contents.byteCount {
      let end = min(position + step, contents.byteCount)
      if let part = contents.part(position..<end) {
        // Safe because the pointer does not outlive the borrowed span.
        checksum = unsafe part.bytes.withUnsafeBytes {
          unsafe celf_crc32(checksum, $0.baseAddress, $0.count)
        }
      }
      contents.releasePages(position..<end)
      position = end
    }
    return checksum
  }

  /// Takes room for an expanded section: all together at most 64 times the file and 256 MiB.
  ///
  /// Debug information becomes three to ten times as large. Sections may share compressed bytes, so that each alone
  /// being in proportion would not bound a small file.
  private func reserve(_ byteCount: Int) -> Bool {
    let (product, overflows) = contents.byteCount.multipliedReportingOverflow(by: 64)
    let limit = overflows ? Int.max : product.clampedSum(256 << 20)
    return reserved.withLock { reserved in
      guard byteCount <= limit - reserved else { return false }
      reserved += byteCount
      return true
    }
  }

  private func rawBytes(of section: ELFSection) throws(FormatError) -> ByteRegion {
    try SectionReader.rawBytes(of: section, in: contents)
  }
}
