import Bytes
import Synchronization

/// The split units of one module: those of its `.dwo` files and of its package, `.dwp` (DWARF 5, 7.3.5; before that
/// GNU's extension to DWARF 4).
///
/// Files are opened when a unit is asked for; any number of threads may ask.
package final class SplitUnits: Sendable {
  /// A skeleton's other half.
  struct Unit: Sendable {
    let file: DWARFFile
    /// Of the unit in the file's list.
    let index: Int
  }

  /// Files are closed together beyond this number: a program has one for each of its sources.
  private static let keptUnitCount = 64

  private let search: SplitFileSearch
  private let sections: DWARFSections
  private let naming: Naming
  private let package: LazyValue<OpenPackage?>
  private let known = Mutex<[UInt64: Unit]>([:])

  /// `sections`: those of the file with the skeletons, whose addresses split units point to.
  package init(_ sections: DWARFSections, search: SplitFileSearch, naming: Naming = Naming()) {
    self.sections = sections
    self.naming = naming
    self.search = search
    package = LazyValue { OpenPackage(search) }
  }

  /// The split units of a package that was opened already.
  init(_ sections: DWARFSections, package file: ELFFile) {
    self.sections = sections
    naming = Naming()
    search = SplitFileSearch(modules: [], debugDirectories: [], root: "")
    package = LazyValue { OpenPackage(file) }
  }

  /// The other half of a skeleton.
  ///
  /// - Throws: where it was looked for, and what was wrong with what was there.
  func unit(of skeleton: UnitContext) throws(FormatError) -> Unit {
    let offset = skeleton.header.offset
    guard let id = skeleton.splitID else {
      throw FormatError(
        .malformed("a skeleton without the number of its split unit"),
        offset: offset
      )
    }
    if let unit = known.withLock({ $0[id] }) { return unit }
    let unit = try find(id, skeleton)
    known.withLock { known in
      if known.count >= Self.keptUnitCount { known.removeAll() }
      known[id] = unit
    }
    return unit
  }

  private func find(_ id: UInt64, _ skeleton: UnitContext) throws(FormatError) -> Unit {
    var tried: [String] = []
    if let package = package.value {
      if let unit = try package.unit(id, sharing: sections, naming) { return unit }
      tried.append("not in \(package.path)")
    }
    let name = text(skeleton.splitName, skeleton)
    for path in search.files(named: name, in: text(skeleton.compilationDirectory, skeleton)) {
      guard let file = try? ELFFile(path: path) else { continue }
      var problems: [DWARFProblem] = []
      let found = DWARFSections(ofSplit: file, problems: &problems)
      if let problem = problems.first { throw problem.error }
      if let unit = Self.unit(id, in: found, sharing: sections, naming) { return unit }
      tried.append("\(path) is of another build")
    }
    let places = tried.isEmpty ? "" : " (\(tried.joined(separator: "; ")))"
    throw FormatError(
      .malformed(
        "functions and inlined calls stand in the split file \(name), which was not found\(places); name its folder with --debug-dir"
      ),
      offset: skeleton.header.offset
    )
  }

  private func text(_ value: AttributeValue, _ unit: UnitContext) -> String {
    let stringOffsets = sections.stringOffsets
    guard let reference = unit.string(value, in: stringOffsets.bytes) else { return "" }
    return String(decoding: sections.bytes(of: reference), as: UTF8.self)
  }

  /// The unit of this number among those of a split file.
  fileprivate static func unit(
    _ id: UInt64,
    in found: DWARFSections,
    sharing sections: DWARFSections,
    _ naming: Naming
  ) -> Unit? {
    var parts = found
    // These stay with the skeletons: linkers relocate them.
    parts.addresses = sections.addresses
    parts.ranges = sections.ranges
    let file = DWARFFile(parts, naming: naming)
    var loader = UnitLoader(budget: WorkBudget(for: parts, addressCount: 1))
    for (index, header) in file.units.units.enumerated() {
      switch header.kind {
      case .splitCompile where header.splitID == id: return Unit(file: file, index: index)
      case .compile:
        // Before DWARF 5 the number is a property of the unit's entry.
        guard let unit = try? loader.context(index, of: file), unit.splitID == id else { continue }
        return Unit(file: file, index: index)
      default: continue
      }
    }
    return nil
  }
}

/// A package of split units that is there and can be read.
private struct OpenPackage: Sendable {
  let path: String
  private let sections: DWARFSections
  private let index: SplitPackage

  init?(_ search: SplitFileSearch) {
    for path in search.packages {
      if let file = try? ELFFile(path: path), let package = Self(file) {
        self = package
        return
      }
    }
    return nil
  }

  /// Nil where the file is no package.
  init?(_ file: ELFFile) {
    guard let bytes = try? file.debugSection("debug_cu_index"),
      let index = try? SplitPackage(parsing: bytes)
    else { return nil }
    var problems: [DWARFProblem] = []
    sections = DWARFSections(ofSplit: file, problems: &problems)
    path = file.path
    self.index = index
  }

  func unit(
    _ id: UInt64,
    sharing main: DWARFSections,
    _ naming: Naming
  ) throws(FormatError) -> SplitUnits.Unit? {
    guard let found = try index.sections(of: id, in: sections) else { return nil }
    return SplitUnits.unit(id, in: found, sharing: main, naming)
  }
}
