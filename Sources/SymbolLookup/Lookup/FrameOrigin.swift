/// What is wanted of frames besides their names and places; most ask for neither, and do not pay for it.
package enum FrameDetail: Sendable {
  case none
  /// Which of several blocks of one line a place is of.
  case discriminators
  /// Also where functions are declared, and where their code begins.
  case origins
}

/// What is known of one frame besides its name and place.
@usableFromInline
package struct FrameOrigin: Sendable, Equatable {
  /// Of the file in which the function is declared; `LookupFrame.none` where nothing states it.
  package var path: UInt32 = LookupFrame.none
  /// Where the function is declared; 0 when unknown.
  package var line: UInt32 = 0
  /// Tells blocks of one line apart; 0 for the first.
  package var discriminator: UInt32 = 0
  /// Where the function's code begins, if its entry or symbol says so: of code in several places nobody does.
  package var start: UInt64?

  /// Nothing is known.
  @usableFromInline package static var unknown: FrameOrigin { FrameOrigin() }
}

// MARK: - Collecting

extension UnitWorker {
  /// Adds what is known of the frame of a node besides.
  ///
  /// `path`: the number of a path in the unit's own table.
  mutating func addOrigin(
    of node: FunctionNode,
    discriminator: UInt32,
    _ unit: LoadedUnit,
    _ split: inout SplitWorker?,
    path: (inout UnitWorker, UInt32) -> UInt32
  ) {
    var origin = FrameOrigin(discriminator: discriminator)
    defer { output.origins.append(origin) }
    guard details == .origins else { return }
    let entry = EntryReference(offset: node.entry, isAlternate: false)
    let (dwarf, half) = split.map { ($0.file, $0.unit) } ?? (file, unit)
    let addresses = dwarf.sections.addresses
    DebugEntry.forEachAttribute(of: entry, in: half, dwarf.sections.info) { attribute, value in
      guard attribute == .lowPC else { return }
      origin.start = half.context.addressing.address(value, in: addresses.bytes)
    }
    let declaration = split?.declaration(of: entry) ?? self.declaration(of: entry, unit)
    origin.line = declaration.line
    guard let number = declaration.file else { return }
    if let other = declaration.fileUnit, split == nil {
      origin.path = self.path(number, inTableOf: other)
    } else {
      origin.path = path(&self, number)
    }
  }

  /// Which block of its line the call is in that a body was inlined in the place of.
  func callDiscriminator(
    of node: FunctionNode,
    _ unit: LoadedUnit,
    _ split: SplitWorker?
  ) -> UInt32 {
    guard details == .origins else { return 0 }
    let entry = EntryReference(offset: node.entry, isAlternate: false)
    let (dwarf, half) = split.map { ($0.file, $0.unit) } ?? (file, unit)
    var discriminator: UInt32 = 0
    DebugEntry.forEachAttribute(of: entry, in: half, dwarf.sections.info) { attribute, value in
      if attribute == .gnuDiscriminator { discriminator = value.smallConstant ?? 0 }
    }
    return discriminator
  }

  /// The number of a path in the line table of another unit: one that a function was inlined from across units.
  mutating func path(_ number: UInt32, inTableOf unit: LoadedUnit) -> UInt32 {
    let sections = unit.context.isAlternate ? file.alternate ?? DWARFSections() : file.sections
    guard let offset = unit.context.lineProgram else { return LookupFrame.none }
    let key = unit.context.isAlternate ? ~offset : offset
    if foreignTables[key] == nil {
      if foreignTables.count >= Self.keptTables { foreignTables.removeAll() }
      // A table that cannot be read costs the name of the file and is told where its own unit is asked.
      foreignTables[key] = .some(try? lineTable(at: offset, of: unit, sections))
    }
    guard let known = foreignTables[key], let table = known else { return LookupFrame.none }
    var text: [UInt8] = []
    SourcePath.build(number, table, unit.context, sections, file.naming, into: &text)
    return text.isEmpty ? LookupFrame.none : output.paths.number(of: text)
  }

  /// Tables of other units are dropped together beyond this number.
  private static let keptTables = 64
}
