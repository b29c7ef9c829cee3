import CaptureFormat

@testable package import SymbolLookup
@testable import Symbolizer

/// What an input that nobody vouches for may reach: one entry a format.
///
/// Used by `scripts/fuzz`, which makes inputs, and by the tests, which give the kept ones again.
package enum FuzzTarget: String, CaseIterable, Sendable {
  /// A whole file: headers, sections, notes, symbols, slots, debug information.
  case elf
  case capture
  /// A name of a symbol table.
  case name
  /// The map that a process wrote of the code it generated.
  case generated
  /// A package of split units, of a real program's skeletons.
  case package
  /// `.debug_info` of the file that dwz moved a real program's common parts to.
  case alternate
  /// One section of debug information; the others are those of a real program.
  case entries, abbreviations, lines, rangeLists, ranges, addressRanges, stringOffsets, addresses

  /// The section that an input takes the place of, with its name in files.
  package var section: (name: String, path: WritableKeyPath<DWARFSections, ByteRegion>)? {
    switch self {
    case .elf, .capture, .name, .generated, .package, .alternate: nil
    case .entries: ("debug_info", \.info)
    case .abbreviations: ("debug_abbrev", \.abbreviations)
    case .lines: ("debug_line", \.lines)
    case .rangeLists: ("debug_rnglists", \.rangeLists)
    case .ranges: ("debug_ranges", \.ranges)
    case .addressRanges: ("debug_aranges", \.addressRanges)
    case .stringOffsets: ("debug_str_offsets", \.stringOffsets)
    case .addresses: ("debug_addr", \.addresses)
    }
  }

  /// The input takes the place of a part of a real program.
  package var needsBase: Bool { section != nil || self == .package || self == .alternate }

  /// Reads the input as far as it goes; ends with a trap where something is wrong with us.
  ///
  /// `base`: the program whose section is replaced.
  package func run(_ input: [UInt8], base: FuzzBase?) {
    switch self {
    case .elf: Self.readFile(input)
    case .capture: Self.readCapture(input)
    case .name: Self.readName(input)
    case .generated:
      let map = JITMap(input, path: "input")
      for address: UInt64 in [0, 0x1000, 0x7f00_0000_0000, .max] { _ = map.name(at: address) }
    case .package: Self.readPackage(input, base)
    case .alternate:
      guard let base, var alternate = base.alternate else { return }
      alternate.info = Self.region(input)
      let dwarf = DWARFFile(base.sections, alternate: alternate)
      Self.check(ModuleLookup(dwarf: dwarf, symbols: base.symbols), base.addresses)
    default:
      guard let section, let base else { return }
      var sections = base.sections
      sections[keyPath: section.path] = Self.region(input)
      let dwarf = DWARFFile(sections, alternate: base.alternate)
      Self.check(ModuleLookup(dwarf: dwarf, symbols: base.symbols), base.addresses)
    }
  }

  private static func readPackage(_ input: [UInt8], _ base: FuzzBase?) {
    guard let base, let file = try? ELFFile(image: input, name: "input") else { return }
    let split = SplitUnits(base.sections, package: file)
    let dwarf = DWARFFile(base.sections, split: split)
    check(ModuleLookup(dwarf: dwarf, symbols: base.symbols), base.addresses)
  }

  private static func readFile(_ input: [UInt8]) {
    guard let file = try? ELFFile(image: input, name: "input") else { return }
    _ = file.checksum()
    // Refused sections are what this is about.
    for section in file.sections { _ = try? file.bytes(of: section) }
    _ = try? MiniDebugInformation.file(in: file)
    var files = ModuleFiles()
    files.main = file
    var problems: [String] = []
    let lookup = files.lookup(problems: &problems)
    var addresses: [UInt64] = [0, 1, .max]
    for section in file.sections.prefix(64) where section.isExecutable {
      let start = section.address.value
      addresses += [start, start &+ 3, start &+ 40, start &- 1]
    }
    check(lookup, addresses)
    for address in addresses {
      guard let symbol = lookup.symbols.symbol(at: ELFAddress(address)).symbol else { continue }
      _ = lookup.symbols.name(of: symbol)
    }
    _ = lookup.symbols.variable(at: 0x4000)
  }

  /// What comes out must be in bounds.
  private static func check(_ lookup: ModuleLookup, _ addresses: [UInt64]) {
    let answer = lookup.answer(addresses, jobs: 1)
    let names = ReadableNames(of: answer.functions, with: nil, jobs: 1)
    let aliases = AliasTable(of: answer, names, in: lookup.symbols, with: nil, jobs: 1)
    for index in addresses.indices {
      for frame in answer.frames(at: index) {
        precondition(
          frame.function == LookupFrame.none || Int(frame.function) < answer.functions.count
        )
        precondition(frame.path == LookupFrame.none || Int(frame.path) < answer.paths.count)
      }
      precondition(aliases[index].count <= 16)
    }
  }

  private static func readCapture(_ input: [UInt8]) {
    // What is refused with words is what is wanted.
    guard let capture = try? CaptureReader.capture(in: input.span.bytes, named: "input") else {
      return
    }
    precondition(capture.threads.count + capture.modules.count <= input.count)
  }

  private static func readName(_ input: [UInt8]) {
    let name = String(decoding: input, as: UTF8.self)
    precondition(Demangler().demangle(name).full.utf8.count < 1 << 20)
  }

  private static func region(_ bytes: [UInt8]) -> ByteRegion {
    bytes.isEmpty ? .empty : OwnedBytes(copying: bytes)?.region ?? .empty
  }
}

/// A real program around a section that is replaced.
package struct FuzzBase: Sendable {
  package let sections: DWARFSections
  /// Of the file that dwz moved common parts to, where there is one.
  package let alternate: DWARFSections?
  package let symbols: SymbolTable
  /// All over its `.text`.
  package let addresses: [UInt64]

  /// The program at a path.
  ///
  /// - Throws: what is wrong with the file.
  package init(path: String) throws(SymbolizerError) {
    let file = try ELFFile(path: path)
    var problems: [DWARFProblem] = []
    sections = DWARFSections(of: file, problems: &problems)
    let files = DebugFileSearch(LookupOptions()).files(of: file)
    alternate = files.alternate.map { DWARFSections(of: $0, problems: &problems) }
    symbols = SymbolTable(main: file)
    let text = file.section(named: ".text")
    let start = text?.address.value ?? 0
    addresses = Array(stride(from: start, to: start &+ (text?.byteCount ?? 0), by: 5))
  }
}
