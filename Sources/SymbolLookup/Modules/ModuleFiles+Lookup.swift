extension ModuleFiles {
  /// Whether there are any symbols, not necessarily of all functions.
  package var hasSymbols: Bool {
    [main, debug].compactMap(\.self).contains { file in
      file.hasFullSymbolTable || file.section(named: ".gnu_debugdata") != nil
        || file.hasDynamicSymbols
    }
  }

  /// All that the files know, ready to be asked; what of them cannot be read is added to
  /// `problems`.
  package func lookup(problems: inout [String], naming: Naming = Naming()) -> ModuleLookup {
    let displacement = displacement
    // The moved file's own symbols and slots are where the others are not.
    let symbols = SymbolTable(main: displacement == 0 ? main : nil, debug: debug)
    problems += symbols.problems
    guard let file = debugInformation else {
      return ModuleLookup(dwarf: nil, symbols: symbols, displacement: displacement)
    }
    var damage: [DWARFProblem] = []
    let sections = DWARFSections(of: file, problems: &damage)
    let shared = alternate.map { DWARFSections(of: $0, problems: &damage) }
    problems += damage.map { "\(file.path): \($0)" }
    let split = split.map { SplitUnits(sections, search: $0, naming: naming) }
    return ModuleLookup(
      dwarf: DWARFFile(sections, alternate: shared, split: split, naming: naming),
      symbols: symbols,
      displacement: displacement
    )
  }

  /// How far the module's code lies above that of its debug file.
  ///
  /// `prelink` moves a library and leaves its build ID. Sections are compared, not segments: patchelf puts one more in
  /// front of all others.
  private var displacement: UInt64 {
    guard let main, let debug, let code = main.section(named: ".text"),
      let known = debug.section(named: ".text"), code.byteCount == known.byteCount
    else { return 0 }
    return code.address.value &- known.address.value
  }
}
