/// The other names of an answer's machine functions: aliases, and functions that a linker or compiler folded into one.
///
/// Which of the names is shown is the choice of `ModuleAnswer`; the others are those of the symbols that start where
/// the shown one starts. A function that no symbol is called after has none: that its code lies inside somebody's
/// symbol says nothing.
package struct AliasTable: Sendable {
  /// Demangled in full.
  private var lists: [[String]] = [[]]
  /// By number of the address in the answer.
  private var listOfAddress: [Int32]

  /// Finds the names of all functions of an answer.
  ///
  /// `names`: the readable form of the answer's functions. `demangler`: nil leaves the names as they are.
  package init(
    of answer: ModuleAnswer,
    _ names: ReadableNames,
    in symbols: SymbolTable,
    with demangler: Demangler?,
    jobs: Int
  ) {
    listOfAddress = [Int32](repeating: 0, count: answer.count)
    var numbers = IntegerTable()
    var shown: [(symbol: UInt32, function: UInt32)] = []
    for index in 0..<answer.count {
      guard let pair = answer.shownSymbol(at: index) else { continue }
      let key = UInt64(pair.symbol) << 32 | UInt64(pair.function)
      if numbers[key] == nil {
        numbers.insert(key, UInt32(shown.count))
        shown.append(pair)
      }
      listOfAddress[index] = numbers[key].map { Int32($0) + 1 } ?? 0
    }
    let groups = symbols.names(startingWith: shown.map(\.symbol))
    var others: [String] = []
    var otherNumbers: [String: Int] = [:]
    let lists = zip(shown, groups).map { pair, group -> [Int] in
      let own = answer.functions[Int(pair.function)]
      guard group.contains(own) else { return [] }
      return group.filter { $0 != own }.map { name in
        if let known = otherNumbers[name] { return known }
        otherNumbers[name] = others.count
        others.append(name)
        return others.count - 1
      }
    }
    let readable = ReadableNames(of: others, with: demangler, jobs: jobs)
    for (pair, list) in zip(shown, lists) {
      // The variants of a constructor read alike.
      var seen: Set = [names.names[Int(pair.function)].full]
      self.lists.append(
        list.map { readable.names[$0].full }.filter { seen.insert($0).inserted }
      )
    }
  }

  /// The other names of the machine function at an address of the answer.
  package subscript(index: Int) -> [String] { lists[Int(listOfAddress[index])] }
}
