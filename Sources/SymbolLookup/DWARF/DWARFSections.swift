package import Bytes

/// The sections of DWARF that lookups read; a file without one of them has no bytes there.
package struct DWARFSections: Sendable {
  package var info = ByteRegion.empty
  package var abbreviations = ByteRegion.empty
  package var lines = ByteRegion.empty
  package var strings = ByteRegion.empty
  package var lineStrings = ByteRegion.empty
  package var stringOffsets = ByteRegion.empty
  package var addresses = ByteRegion.empty
  /// `.debug_ranges`, of DWARF 2 to 4.
  package var ranges = ByteRegion.empty
  /// `.debug_rnglists`, of DWARF 5.
  package var rangeLists = ByteRegion.empty
  package var addressRanges = ByteRegion.empty

  package init() {}
}

/// Something that DWARF says wrongly or that is not read; costs the part it names and no more.
package struct DWARFProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// The section's name with its dot.
  package var section: String
  package var error: FormatError
  /// False where nothing is wrong with the file, and another one is missing.
  package var isDamage: Bool

  package init(_ section: String, _ error: FormatError, isDamage: Bool = true) {
    self.section = section
    self.error = error
    self.isDamage = isDamage
  }

  package var description: String { "\(section): \(error)" }
}

extension DWARFSections {
  /// The text of a name without its NUL; empty where the section has no such string.
  ///
  /// `alternate`: the sections that the references of `dwz` mean.
  func bytes(of reference: StringReference, alternate: DWARFSections? = nil) -> [UInt8] {
    let section = section(of: reference, alternate: alternate)
    var cursor = ByteCursor(section.bytes)
    cursor.quietSeek(to: reference.offset)
    // A string without end is damage; what there is of it is no name.
    guard !cursor.isBad, let text = try? cursor.cString() else { return [] }
    // Safe because the pointer does not outlive the borrowed span.
    return unsafe text.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}

extension DWARFSections {
  /// Gives the memory of all pages back; the next reads fetch them from the file again.
  func releasePages() {
    for region in [info, abbreviations, lines, strings, lineStrings, stringOffsets, addresses] {
      region.releasePages(0..<region.byteCount)
    }
    for region in [ranges, rangeLists, addressRanges] {
      region.releasePages(0..<region.byteCount)
    }
  }

  /// The section that a string stands in.
  func section(of reference: StringReference, alternate: DWARFSections?) -> ByteRegion {
    switch reference.section {
    case .strings: strings
    case .lineStrings: lineStrings
    case .info: info
    case .lines: lines
    case .alternateStrings: alternate?.strings ?? .empty
    case .alternateInfo: alternate?.info ?? .empty
    case .split: .empty
    }
  }
}

extension DWARFSections {
  /// Largest first, so that the threads that expand compressed ones end together.
  private static let names = [
    "debug_info", "debug_str", "debug_line", "debug_rnglists", "debug_ranges", "debug_abbrev",
    "debug_addr", "debug_str_offsets", "debug_aranges", "debug_line_str",
  ]

  /// Takes over the section of a name by its number; no key paths, whose making takes as long as a small answer.
  private mutating func set(_ number: Int, _ region: ByteRegion) {
    switch number {
    case 0: info = region
    case 1: strings = region
    case 2: lines = region
    case 3: rangeLists = region
    case 4: ranges = region
    case 5: abbreviations = region
    case 6: addresses = region
    case 7: stringOffsets = region
    case 8: addressRanges = region
    default: lineStrings = region
    }
  }

  /// A section, or why it is not to be had.
  private struct Found: Sendable {
    var number: Int
    var region: ByteRegion?
    var error: FormatError?
  }

  /// The sections of a file; one that cannot be expanded or lies outside the file is named and left empty.
  ///
  /// Compressed sections are expanded on all cores.
  package init(of file: ELFFile, problems: inout [DWARFProblem]) {
    self.init()
    guard file.hasDebugInformation else { return }
    read(file, suffix: "", problems: &problems)
  }

  /// The same of a split file or package, whose sections are called `.debug_info.dwo` and so on.
  init(ofSplit file: ELFFile, problems: inout [DWARFProblem]) {
    self.init()
    read(file, suffix: ".dwo", problems: &problems)
  }

  private mutating func read(_ file: ELFFile, suffix: String, problems: inout [DWARFProblem]) {
    let counter = WorkCounter(end: Self.names.count)
    let workers = file.hasCompressedDebugInformation ? WorkerPool.coreCount : 1
    let found = WorkerPool.run(workerCount: workers) {
      var found: [Found] = []
      while let number = counter.next() {
        do throws(FormatError) {
          let region = try file.debugSection(Self.names[number] + suffix)
          found.append(Found(number: number, region: region))
        } catch {
          found.append(Found(number: number, error: error))
        }
      }
      return found
    }
    for found in found.joined().sorted(by: { $0.number < $1.number }) {
      // Without its entries a file has nothing to say, and one problem is enough.
      if found.number > 0, info.byteCount == 0 { return }
      if let error = found.error {
        problems.append(DWARFProblem(".\(Self.names[found.number])\(suffix)", error))
      } else {
        set(found.number, found.region ?? .empty)
      }
    }
  }
}
