import Report

/// The tables of a pprof file, filled as samples are made: texts, functions, places.
struct PprofTables {
  private let stacks: ProfileStacks
  private var texts = CountedValues<String>()
  private var functions = CountedValues<Function>()
  /// A place is a frame with those inlined there: indices into `ProfileStacks.frames`, the innermost first.
  private var places = CountedValues<[Int]>()
  /// Stacks as numbers of places.
  private var locations = CountedValues<[Int]>()
  /// By stack of frames: many threads have the same.
  private var known: [[Int]: Int] = [:]

  /// Functions are the same when all of this is.
  private struct Function: Hashable {
    var name: Int64
    var linkage: Int64
    var file: Int64
  }

  init(_ stacks: ProfileStacks) {
    self.stacks = stacks
    // The format's text number 0.
    texts.add("")
  }

  /// The number of a text.
  mutating func text(_ text: String) -> Int64 {
    Int64(texts.add(text))
  }

  mutating func quantity(_ type: String, _ unit: String) -> PprofValueType {
    var quantity = PprofValueType()
    (quantity.type, quantity.unit) = (text(type), text(unit))
    return quantity
  }

  mutating func label(_ key: String, _ number: Int64) -> PprofLabel {
    var label = PprofLabel()
    (label.key, label.num) = (text(key), number)
    return label
  }

  /// The number of a stack, given as indices into `ProfileStacks.frames`.
  mutating func locations(of stack: [Int]) -> Int {
    if let number = known[stack] { return number }
    var numbers: [Int] = []
    var place: [Int] = []
    for frame in stack {
      place.append(frame)
      guard !stacks.frames[frame].isInlined else { continue }
      numbers.append(places.add(place))
      place = []
    }
    // An inlined function without the one that it was inlined into.
    if !place.isEmpty { numbers.append(places.add(place)) }
    let number = locations.add(numbers)
    known[stack] = number
    return number
  }

  mutating func sample(_ key: SampleKey, _ values: [Int64]) -> PprofSample {
    var sample = PprofSample()
    sample.locationID = locations.values[key.stack].value.map { UInt64($0 + 1) }
    sample.value = values
    sample.label = key.labels.map {
      var label = PprofLabel()
      (label.key, label.str) = (text($0.key), text($0.value))
      return label
    }
    return sample
  }

  /// Puts the tables into the profile, after the last sample.
  mutating func finish(_ profile: inout PprofProfile) {
    let order = moduleOrder
    profile.mapping = order.enumerated().map { mapping(UInt64($0 + 1), stacks.report.modules[$1]) }
    var mappingIDs: [Int: UInt64] = [:]
    for (position, module) in order.enumerated() { mappingIDs[module] = UInt64(position + 1) }
    profile.location = places.values.enumerated().map { index, place in
      location(UInt64(index + 1), place.value, mappingIDs)
    }
    profile.function = functions.values.enumerated().map { index, entry in
      var function = PprofFunction()
      function.id = UInt64(index + 1)
      function.name = entry.value.name
      function.systemName = entry.value.linkage
      function.filename = entry.value.file
      return function
    }
    profile.stringTable = texts.values.map(\.value)
  }

  /// The program first: pprof calls a profile by the first mapping.
  private var moduleOrder: [Int] {
    let modules = stacks.report.modules
    let program = modules.firstIndex { $0.path == stacks.report.process.executable }
    return [program].compactMap(\.self) + modules.indices.filter { $0 != program }
  }

  private mutating func mapping(_ id: UInt64, _ module: ReportModule) -> PprofMapping {
    var mapping = PprofMapping()
    mapping.id = id
    (mapping.memoryStart, mapping.memoryLimit) = (module.base, module.end)
    mapping.filename = text(visible(module.path))
    mapping.buildID = text(module.buildID.map(visible) ?? "")
    // More than is here cannot be found: pprof must not search files of the same names for it.
    mapping.hasFunctions_p = true
    mapping.hasFilenames_p = module.status == .debugInfo
    mapping.hasLineNumbers_p = module.status == .debugInfo
    mapping.hasInlineFrames_p = module.status == .debugInfo
    return mapping
  }

  private mutating func location(
    _ id: UInt64,
    _ place: [Int],
    _ mappingIDs: [Int: UInt64]
  ) -> PprofLocation {
    var location = PprofLocation()
    location.id = id
    location.line = place.map { index in
      let frame = stacks.frames[index]
      // A name that is given as that of the symbol table too, pprof would take for a mangled one and cut.
      let function = Function(
        name: text(frame.name),
        linkage: text(frame.linkage ?? ""),
        file: text(frame.file ?? "")
      )
      var line = PprofLine()
      line.functionID = UInt64(functions.add(function) + 1)
      (line.line, line.column) = (Int64(frame.line), Int64(frame.column))
      return line
    }
    if let frame = place.last.map({ stacks.frames[$0] }) {
      location.address = frame.address
      location.mappingID = frame.module.flatMap { mappingIDs[$0] } ?? 0
    }
    return location
  }
}
