/// Names static locks by the symbols of variables.
struct LockNames {
  private let modules: [CapturedModule]
  private let map: ModuleMap
  private let demangler: Demangler?
  private var symbols: [Int: SymbolTable] = [:]
  /// Variables already found, by module: locks of one array ask for the same one.
  private var known: [Int: [Variable]] = [:]
  /// What was found for each address, also that nothing was: many threads wait for one lock.
  private var answers: [UInt64: (name: String, start: UInt64)?] = [:]
  /// Searches left: each goes through the symbols of a module.
  private var searchesLeft = 256

  init(_ modules: [CapturedModule], _ map: ModuleMap, _ demangler: Demangler?) {
    self.modules = modules
    self.map = map
    self.demangler = demangler
  }

  /// The variable that an address lies in: its name, and where it begins in the process; nil on the heap or a stack.
  mutating func variable(at address: UInt64) -> (name: String, start: UInt64)? {
    if let answer = answers[address] { return answer }
    let answer = search(address)
    answers.updateValue(answer, forKey: address)
    return answer
  }

  private mutating func search(_ address: UInt64) -> (name: String, start: UInt64)? {
    guard let index = map.nearestModule(below: RuntimeAddress(address)) else { return nil }
    let module = modules[index]
    let place = module.bias.elfAddress(of: RuntimeAddress(address)).value
    guard let variable = find(place, in: index) else { return nil }
    let start = module.bias.runtimeAddress(of: ELFAddress(variable.address)).value
    return (demangler?.demangle(variable.name).full ?? variable.name, start)
  }

  private mutating func find(_ place: UInt64, in index: Int) -> Variable? {
    let covering = known[index]?.first {
      $0.address <= place && place - $0.address < max($0.byteCount, 1)
    }
    if let covering { return covering }
    guard searchesLeft > 0, hasMemory(at: place, in: index) else { return nil }
    searchesLeft -= 1
    if symbols[index] == nil {
      // What of the symbols cannot be read stands in the module's entry already.
      var problems: [String] = []
      symbols[index] = modules[index].lookup(problems: &problems).symbols
    }
    guard let found = symbols[index]?.variable(at: place) else { return nil }
    known[index, default: []].append(found)
    return found
  }

  /// Whether the module reaches there: the heap lies behind the program, and is no place of a variable.
  private func hasMemory(at place: UInt64, in index: Int) -> Bool {
    let files = modules[index].files
    guard let file = files.main ?? files.debug else { return false }
    return file.segments.contains { $0.kind == .load && $0.contains(ELFAddress(place)) }
  }
}

extension ModuleMap {
  /// The module that begins last at or before the address: the end of its variables may lie behind its mappings.
  func nearestModule(below address: RuntimeAddress) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].base <= address.value { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? nil : entries[low - 1].index
  }
}
