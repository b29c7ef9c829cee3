import Bytes

/// What DWARF knows of a batch of addresses: frames in numbers, names and paths in tables.
struct DWARFLookup: Sendable {
  /// Units of fewer bytes are walked over in less time than it takes to start a thread and to merge what it finds.
  private static let bytesWorthAThread = 128 << 10

  /// Functions by number.
  private(set) var functions: [FunctionName] = []
  /// Names that stand in split files, by the offsets of their references.
  private(set) var splitNames: [String] = []
  /// Paths by number.
  private(set) var paths: [String] = []
  /// The same, to find their numbers.
  private var pathTable = PathTable()
  /// Texts of source files that the debug information has, by the number of the path.
  private(set) var sources: [StringReference?] = []
  private(set) var frames: [LookupFrame] = []
  /// Of each frame, where that was asked for; else none.
  private(set) var origins: [FrameOrigin] = []
  /// By position in the batch: the frames, innermost first; empty when nothing is known.
  private(set) var ranges: [FrameRange]
  /// By position in the batch: DWARF has a function there.
  private(set) var hasFunction: [Bool]
  private(set) var problems: Set<DWARFProblem> = []

  /// Looks all addresses up.
  ///
  /// `jobs` is how many threads, this one among them.
  init(
    _ batch: AddressBatch,
    in file: DWARFFile,
    jobs: Int,
    details: FrameDetail = .none,
    hints: SymbolHints
  ) {
    ranges = [FrameRange](repeating: FrameRange(), count: batch.sorted.count)
    hasFunction = [Bool](repeating: false, count: batch.sorted.count)
    var answered = [Int8](repeating: 0, count: batch.sorted.count)

    var first = UnitAssignment()
    first.addAddressRanges(of: file, sorted: batch.sorted)
    let tasks = first.tasks(of: file) { $0 }
    merge(
      Self.run(tasks, batch, file, jobs, details, hints),
      &answered
    )

    // What no set of ranges knew, or gave to a unit that does not know it.
    let open = answered.indices.filter { answered[$0] == 0 }.map { Int32($0) }
    add(first.problems)
    guard !open.isEmpty else { return }
    var second = UnitAssignment()
    second.addUnitEntries(of: file, sorted: open.map { batch.sorted[Int($0)] })
    var tried = IntegerTable()
    for (number, task) in tasks.enumerated() { tried.insert(UInt64(task.unit), UInt32(number)) }
    var isKnown = [Bool](repeating: false, count: batch.sorted.count)
    let more = second.tasks(of: file) { open[Int($0)] }.compactMap { task in
      guard let number = tried[UInt64(task.unit)] else { return task }
      var task = task
      for position in tasks[Int(number)].positions { isKnown[Int(position)] = true }
      task.positions.removeAll { isKnown[Int($0)] }
      for position in tasks[Int(number)].positions { isKnown[Int(position)] = false }
      return task.positions.isEmpty ? nil : task
    }
    merge(Self.run(more, batch, file, jobs, details, hints), &answered)
    add(second.problems)
  }

  /// Looks a few addresses up in units that are kept.
  init(
    _ batch: AddressBatch,
    in file: DWARFFile,
    _ known: inout KnownUnits,
    details: FrameDetail = .none,
    hints: SymbolHints
  ) {
    ranges = [FrameRange](repeating: FrameRange(), count: batch.sorted.count)
    hasFunction = [Bool](repeating: false, count: batch.sorted.count)
    var answered = [Int8](repeating: 0, count: batch.sorted.count)
    let first = known.addressRanges(of: file)
    add(first.problems)
    let owners = batch.sorted.map { first.owner(of: $0) }
    var worker = UnitWorker(
      file: file,
      sorted: batch.sorted,
      details: details,
      hints: hints
    )
    for (position, unit) in owners.enumerated() {
      if let unit { worker.process(Int32(position), in: unit, &known) }
    }
    merge([worker.finish()], &answered)
    guard answered.contains(0) else { return }
    let second = known.unitEntries(of: file)
    add(second.problems)
    var other = UnitWorker(
      file: file,
      sorted: batch.sorted,
      details: details,
      hints: hints
    )
    for position in answered.indices where answered[position] == 0 {
      for unit in second.units(holding: batch.sorted[position]) where unit != owners[position] {
        other.process(Int32(position), in: unit, &known)
      }
    }
    merge([other.finish()], &answered)
  }

  /// Nothing is done for no problems: the first union of a set costs as much as a small answer.
  private mutating func add(_ found: Set<DWARFProblem>) {
    if !found.isEmpty { problems.formUnion(found) }
  }

  private static func run(
    _ tasks: [UnitTask],
    _ batch: AddressBatch,
    _ file: DWARFFile,
    _ jobs: Int,
    _ details: FrameDetail,
    _ hints: SymbolHints
  ) -> [WorkerOutput] {
    guard !tasks.isEmpty else { return [] }
    let counter = WorkCounter(end: tasks.count)
    var byteCount = 0
    for task in tasks {
      let header = file.units.units[task.unit]
      byteCount += header.end - header.offset
    }
    let workerCount = min(jobs, tasks.count, 1 + byteCount / Self.bytesWorthAThread)
    return WorkerPool.run(workerCount: workerCount) {
      var worker = UnitWorker(
        file: file,
        sorted: batch.sorted,
        details: details,
        hints: hints
      )
      while let number = counter.next() { worker.process(tasks[number]) }
      return worker.finish()
    }
  }

  /// Takes over what the workers found; of two units that know an address, the better and then the earlier answer.
  private mutating func merge(_ outputs: [WorkerOutput], _ answered: inout [Int8]) {
    var numbers = IntegerTable()
    for (number, function) in functions.enumerated() {
      numbers.insert(function.text.rawValue, UInt32(number))
    }
    var units = [Int32](repeating: .max, count: answered.count)
    var splitNumbers: [String: Int] = [:]
    for (number, name) in splitNames.enumerated() { splitNumbers[name] = number }
    for output in outputs {
      add(output.problems)
      let functionMap = output.names.functions.map { function in
        let function = shared(function, output.names.splitNames, &splitNumbers)
        if let known = numbers[function.text.rawValue] { return known }
        let number = UInt32(functions.count)
        numbers.insert(function.text.rawValue, number)
        functions.append(function)
        return number
      }
      let pathMap = (0..<output.paths.count).map { index in
        let path = output.paths[index]
        let number = pathTable.number(of: Array(path))
        if Int(number) == paths.count { paths.append(String(decoding: path, as: UTF8.self)) }
        return number
      }
      for (number, source) in output.sources.enumerated() {
        if let source { sources.set(source, at: pathMap[number]) }
      }
      for answer in output.answers {
        let position = Int(answer.position)
        let quality: Int8 = (answer.hasFunction ? 2 : 0) + (answer.hasPlace ? 1 : 0)
        guard
          quality > answered[position]
            || quality == answered[position] && answer.unit < units[position]
        else { continue }
        answered[position] = quality
        units[position] = answer.unit
        hasFunction[position] = answer.hasFunction
        let start = Int32(frames.count)
        for index in answer.frames {
          var frame = output.frames[Int(index)]
          if frame.function != LookupFrame.none {
            frame.function = functionMap[Int(frame.function)]
          }
          if frame.path != LookupFrame.none { frame.path = pathMap[Int(frame.path)] }
          frames.append(frame)
        }
        if !output.origins.isEmpty {
          for index in answer.frames {
            var origin = output.origins[Int(index)]
            if origin.path != LookupFrame.none { origin.path = pathMap[Int(origin.path)] }
            origins.append(origin)
          }
        }
        ranges[position] = FrameRange(lowerBound: start, upperBound: Int32(frames.count))
      }
    }
  }

  /// The function with its name, if that stands in a split file, in the table of all workers.
  private mutating func shared(
    _ function: FunctionName,
    _ names: PathTable,
    _ numbers: inout [String: Int]
  ) -> FunctionName {
    guard function.text.section == .split else { return function }
    let name = String(decoding: names[function.text.offset], as: UTF8.self)
    let number = numbers[name] ?? splitNames.count
    if number == splitNames.count {
      numbers[name] = number
      splitNames.append(name)
    }
    var function = function
    function.text = StringReference(.split, offset: number) ?? function.text
    return function
  }
}
