import Bytes

/// Where the variables of a file lie that have one place for as long as it is loaded.
struct VariableTable: Sendable {
  /// One variable.
  struct Entry: Sendable {
    var address: UInt64
    /// Number of the unit in the file; of a split unit, that of its skeleton.
    var unit: Int32
    /// Where its entry begins in the unit's section.
    var offset: Int
  }

  /// By their addresses, and those of one address by their units.
  private var entries: [Entry] = []

  /// No variables.
  init() {}

  /// Reads all entries of all units, on all cores.
  init(of file: DWARFFile) {
    let counter = WorkCounter(end: file.units.units.count)
    let outputs = WorkerPool.run(workerCount: WorkerPool.coreCount) {
      var worker = UnitWorker(variablesOf: file)
      var found: [Entry] = []
      while let number = counter.next() { worker.addVariables(of: number, to: &found) }
      return found
    }
    entries = outputs.flatMap(\.self)
    // Of one address the first unit's comes first: the second sort keeps the order of the first.
    RadixSort.sort(&entries) { UInt64(bitPattern: Int64($0.unit)) }
    RadixSort.sort(&entries) { $0.address }
  }

  /// Where the last variable is declared that begins in a stretch of addresses; nil when nothing says so.
  func declaration(
    in stretch: ClosedRange<UInt64>,
    of file: DWARFFile
  ) -> (file: String, line: UInt32)? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address <= stretch.upperBound { low = middle + 1 } else { high = middle }
    }
    guard low > 0, entries[low - 1].address >= stretch.lowerBound else { return nil }
    let address = entries[low - 1].address
    while low > 1, entries[low - 2].address == address { low -= 1 }
    var worker = UnitWorker(variablesOf: file)
    return worker.declaration(of: entries[low - 1])
  }
}

// MARK: - Reading

extension UnitWorker {
  /// A worker that looks no addresses up.
  fileprivate init(variablesOf file: DWARFFile) {
    self.init(file: file, sorted: [], details: .origins, hints: .none)
  }

  /// Adds the variables of a unit and, of a skeleton, those of its other half.
  ///
  /// What cannot be read costs the variables behind it: the place of a variable's declaration is an extra.
  fileprivate mutating func addVariables(of index: Int, to entries: inout [VariableTable.Entry]) {
    guard let unit = try? loader.load(index, of: file, isAlternate: false) else { return }
    let half = variableHalf(of: unit)
    let (dwarf, loaded) = half.map { ($0.file, $0.unit) } ?? (file, unit)
    let info = dwarf.sections.info
    let addresses = dwarf.sections.addresses
    VariableWalk.run(loaded, info: info.bytes, addresses: addresses.bytes) { address, offset in
      entries.append(VariableTable.Entry(address: address, unit: Int32(index), offset: offset))
    }
    let header = loaded.context.header
    info.releasePages(header.offset..<header.end)
  }

  private func variableHalf(of unit: LoadedUnit) -> SplitWorker? {
    guard unit.context.isSkeleton, let found = try? file.split?.unit(of: unit.context) else {
      return nil
    }
    return try? SplitWorker(found, of: unit.context)
  }

  /// Where a variable is declared.
  fileprivate mutating func declaration(
    of entry: VariableTable.Entry
  ) -> (file: String, line: UInt32)? {
    guard let unit = try? loader.load(Int(entry.unit), of: file, isAlternate: false) else {
      return nil
    }
    let reference = EntryReference(offset: entry.offset, isAlternate: false)
    var half = variableHalf(of: unit)
    let declaration = half?.declaration(of: reference) ?? self.declaration(of: reference, unit)
    guard declaration.line != 0, let number = declaration.file else { return nil }
    let owner = half == nil ? declaration.fileUnit ?? unit : unit
    let path = path(number, inTableOf: owner)
    guard path != LookupFrame.none else { return nil }
    return (String(decoding: output.paths[Int(path)], as: UTF8.self), declaration.line)
  }
}
