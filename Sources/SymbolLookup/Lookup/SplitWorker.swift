import Bytes

/// A skeleton's other half while one worker looks addresses up in it: its entries and the names that they lead to.
struct SplitWorker {
  let file: DWARFFile
  private(set) var unit: LoadedUnit
  private var resolver: NameResolver
  /// From an entry's reference to the number of its name.
  private var numbers = IntegerTable()

  /// The half of a skeleton that another unit is.
  ///
  /// - Throws: what is wrong with the split unit.
  init(_ split: SplitUnits.Unit, of skeleton: UnitContext) throws(DWARFProblem) {
    file = split.file
    let budget = WorkBudget(for: file.sections, addressCount: 1)
    var loader = UnitLoader(budget: budget)
    resolver = NameResolver(budget: budget)
    unit = try loader.load(split.index, of: file, isAlternate: false)
    // The split unit points into tables of the linked file, where its skeleton says (DWARF 5, 3.1.3).
    unit.context.addressing.addressBase = skeleton.addressing.addressBase
    unit.context.addressing.base = skeleton.addressing.base
    unit.context.addressing.rangesBase = skeleton.splitRangesBase
  }

  /// The same half again, which was loaded before.
  init(known file: DWARFFile, _ unit: LoadedUnit) {
    self.file = file
    self.unit = unit
    resolver = NameResolver(budget: WorkBudget(for: file.sections, addressCount: 1))
  }

  /// Where an entry of the split unit is declared, in the numbers of the skeleton's files.
  mutating func declaration(of entry: EntryReference) -> Declaration {
    resolver.declaration(of: entry, current: unit, file: file)
  }

  /// What could not be read of the names.
  var problems: Set<DWARFProblem> { resolver.problems }

  /// The number of the function that an entry names, in the worker's tables; `none` when it has no name.
  mutating func function(_ entry: EntryReference, _ names: inout FunctionTable) -> UInt32 {
    let key = UInt64(entry.offset)
    if let known = numbers[key] { return known }
    var number = LookupFrame.none
    if let name = resolver.name(of: entry, current: unit, file: file) {
      number = names.number(of: name, spelled: file.bytes(of: name.text))
    }
    numbers.insert(key, number)
    return number
  }
}

/// The functions that one worker found, each once.
struct FunctionTable: Sendable {
  private(set) var functions: [FunctionName] = []
  /// Names that stand in split files, by the offsets of their references.
  private(set) var splitNames = PathTable()
  /// From the reference of a name to its number.
  private var numbers = IntegerTable()

  /// The number of a function whose name stands in the file that is looked at.
  mutating func number(of function: FunctionName) -> UInt32 {
    if let known = numbers[function.text.rawValue] { return known }
    let number = UInt32(functions.count)
    functions.append(function)
    numbers.insert(function.text.rawValue, number)
    return number
  }

  /// The number of a function whose name stands in a split file, which may be closed: the name is copied.
  mutating func number(of function: FunctionName, spelled name: [UInt8]) -> UInt32 {
    guard !name.isEmpty,
      let copy = StringReference(.split, offset: Int(splitNames.number(of: name)))
    else { return LookupFrame.none }
    var function = function
    function.text = copy
    return number(of: function)
  }
}
