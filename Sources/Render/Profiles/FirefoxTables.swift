import Report

/// The tables that all tracks of a Firefox profile share, filled as stacks are asked for.
struct FirefoxTables {
  private let stacks: ProfileStacks
  private let program: Int?
  private var texts = CountedValues<String>()
  private var functions = CountedValues<Function>()
  private var sources = CountedValues<Int>()
  private var frames = CountedValues<PlacedFrame>()
  /// Stacks as a tree: each node is a frame below another node.
  private var nodes = CountedValues<Node>()
  /// By stack of frames: many threads have the same.
  private var known: [[Int]: Int] = [:]
  /// By placed frame.
  private var functionOfFrame: [Int] = []

  private struct Function: Hashable {
    /// Number of a text.
    var name: Int
    /// Index into `DumpReport.modules`, which is that of the resource too; nil where the code is in none.
    var module: Int?
    /// Number of a source.
    var source: Int?
  }

  private struct PlacedFrame: Hashable {
    /// Index into `ProfileStacks.frames`.
    var frame: Int
    /// 0, or how many functions it is inlined into.
    var depth: Int
  }

  private struct Node: Hashable {
    /// The node that called it; nil of the outermost.
    var caller: Int?
    /// Number of a placed frame.
    var frame: Int
  }

  init(_ stacks: ProfileStacks) {
    self.stacks = stacks
    let report = stacks.report
    program = report.modules.firstIndex { $0.path == report.process.executable }
  }

  /// The number of a stack, given as indices into `ProfileStacks.frames`, innermost first.
  mutating func node(ofStack stack: [Int]) -> Int {
    if let node = known[stack] { return node }
    var node: Int?
    var depth = 0
    for index in stack.reversed() {
      // Outwards in, an inlined function follows the one that it was inlined into.
      depth = stacks.frames[index].isInlined && node != nil ? depth + 1 : 0
      let placed = frames.add(PlacedFrame(frame: index, depth: depth))
      if placed == functionOfFrame.count { functionOfFrame.append(function(of: index)) }
      node = nodes.add(Node(caller: node, frame: placed))
    }
    // A stack has a frame: `ProfileStacks` puts a mark where there is none.
    let number = node ?? 0
    known[stack] = number
    return number
  }

  private mutating func function(of index: Int) -> Int {
    let frame = stacks.frames[index]
    let source = frame.file.map { sources.add(texts.add($0)) }
    return functions.add(
      Function(name: texts.add(frame.name), module: frame.module, source: source)
    )
  }

  func write(_ json: inout JSONWriter, _ sink: ([UInt8]) throws -> Void) throws {
    // Resources are called as the modules' files, whose names come behind the other texts.
    let modules = stacks.report.modules
    let strings = texts.values.map(\.value) + modules.map { visible(String(fileName(of: $0.path))) }
    try json.object { json in
      writeStacks(&json)
      try sink(json.takeBytes())
      writeFrames(&json)
      try sink(json.takeBytes())
      writeFunctions(&json)
      table("resourceTable", modules.count, &json) { json in
        column("lib", modules.indices, &json) { $0.number($1) }
        column("name", modules.indices, &json) { $0.number(texts.values.count + $1) }
        column("host", modules, &json) { json, _ in json.null() }
        column("type", modules, &json) { json, _ in json.number(1) }
      }
      writeSources(&json)
      for (name, columns) in [
        ("nativeSymbols", ["address", "functionSize", "libIndex", "name"]),
        ("sourceLocationTable", ["source", "line", "column"]),
      ] {
        table(name, 0, &json) { json in
          for name in columns { column(name, [Int](), &json) { $0.number($1) } }
        }
      }
      json.newLine()
      json.key("stringArray")
      try json.array(strings) { json, text in
        json.string(text)
        if json.bytes.count >= 256 << 10 { try sink(json.takeBytes()) }
      }
    }
  }

  private func writeStacks(_ json: inout JSONWriter) {
    table("stackTable", nodes.values.count, &json) { json in
      column("frame", nodes.values, &json) { $0.number($1.value.frame) }
      column("prefixOffset", nodes.values.enumerated(), &json) { json, node in
        json.number(node.element.value.caller.map { node.offset - $0 } ?? 0)
      }
    }
  }

  private func writeFrames(_ json: inout JSONWriter) {
    let placed = frames.values.map(\.value)
    let shown = placed.map { stacks.frames[$0.frame] }
    table("frameTable", placed.count, &json) { json in
      column("func", functionOfFrame, &json) { $0.number($1) }
      column("address", shown, &json) { $0.number(address($1)) }
      column("inlineDepth", placed, &json) { $0.number($1.depth) }
      column("category", shown, &json) { $0.number(category($1).rawValue) }
      column("subcategory", shown, &json) { json, _ in json.number(0) }
      column("line", shown, &json) { $1.line > 0 ? $0.number($1.line) : $0.null() }
      column("column", shown, &json) { $1.column > 0 ? $0.number($1.column) : $0.null() }
      column("nativeSymbol", shown, &json) { json, _ in json.null() }
      column("innerWindowID", shown, &json) { json, _ in json.number(0) }
      column("originalLocation", shown, &json) { json, _ in json.null() }
    }
  }

  private func writeFunctions(_ json: inout JSONWriter) {
    let all = functions.values.map(\.value)
    table("funcTable", all.count, &json) { json in
      column("name", all, &json) { $0.number($1.name) }
      column("isJS", all, &json) { json, _ in json.bool(false) }
      column("relevantForJS", all, &json) { json, _ in json.bool(false) }
      column("resource", all, &json) { $0.number($1.module ?? -1) }
      column("source", all, &json) { json, function in
        guard let source = function.source else { return json.null() }
        json.number(source)
      }
      for name in ["lineNumber", "columnNumber", "originalLocation"] {
        column(name, all, &json) { json, _ in json.null() }
      }
    }
  }

  private func writeSources(_ json: inout JSONWriter) {
    let all = sources.values.map(\.value)
    table("sources", all.count, &json) { json in
      column("filename", all, &json) { $0.number($1) }
      column("startLine", all, &json) { json, _ in json.number(1) }
      column("startColumn", all, &json) { json, _ in json.number(1) }
      for name in ["id", "sourceMapURL", "content"] {
        column(name, all, &json) { json, _ in json.null() }
      }
    }
  }

  /// The place in the module; −1 where there is none, or where it does not fit into the format.
  ///
  /// The format wants an address in the call; a return address stands behind it.
  private func address(_ frame: ProfileFrame) -> Int {
    guard frame.module != nil, let offset = frame.offset, offset <= Int32.max else { return -1 }
    return Int(offset) - (frame.isReturnAddress && offset > 0 ? 1 : 0)
  }

  private func category(_ frame: ProfileFrame) -> FirefoxCategory {
    if frame.isRuntime { return .runtime }
    guard let module = frame.module else { return .other }
    return module == program ? .program : .library
  }

  private func table(
    _ name: String,
    _ length: Int,
    _ json: inout JSONWriter,
    _ columns: (inout JSONWriter) -> Void
  ) {
    json.newLine()
    json.key(name)
    json.object { json in
      json.field("length", length)
      columns(&json)
    }
  }

  private func column<Values: Sequence>(
    _ name: String,
    _ values: Values,
    _ json: inout JSONWriter,
    _ value: (inout JSONWriter, Values.Element) -> Void
  ) {
    json.key(name)
    json.array(values, value)
  }
}
