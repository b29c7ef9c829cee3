import SafeText
import SymbolLookup

/// How `resolve` writes its answers.
package struct AnswerStyle {
  package enum Kind: String, CaseIterable, Sendable {
    case json = "JSON"
    case llvm = "LLVM"
    case gnu = "GNU"
    /// JSON as llvm-symbolizer prints it, when called by its name.
    case llvmJSON = "LLVM-JSON"
    /// GNU style as llvm-symbolizer prints it.
    case llvmGNU = "LLVM-GNU"

    /// Upper and lower case are the same.
    package init?(argument: String) {
      self.init(rawValue: argument.uppercased())
    }
  }

  var kind: Kind
  /// GNU prints functions only when asked to, the others unless they are asked not to.
  var showsFunctions: Bool
  var showsInlines: Bool
  var showsAddresses: Bool
  /// A frame a line.
  var isPretty: Bool
  /// File names without their folders.
  var showsBaseNames: Bool
  /// With what is known besides, a line each (LLVM style).
  var isVerbose = false
  /// All answers are one list: what llvm-symbolizer makes of addresses that are arguments.
  var isList = false

  /// What the style shows of frames besides names and places.
  var details: FrameDetail {
    switch kind {
    case .llvmJSON: .origins
    case .llvm: isVerbose ? .origins : .none
    case .llvmGNU: .origins
    case .gnu: .discriminators
    case .json: .none
    }
  }

  /// Appends what is known of one address: the one at `index` of a batch, which is nil when nothing was found.
  ///
  /// `address`: nil when the question was no number. `why`: what was wrong with the question or its file.
  func write(
    _ batch: ResolvedBatch?,
    at index: Int,
    module: String?,
    address: UInt64?,
    why: String?,
    to output: inout [UInt8]
  ) {
    switch kind {
    case .json: output += json(batch, at: index, address: address, why: why)
    case .llvmJSON: output += llvmJSON(Frames(batch, index), module: module, address, why: why)
    case .llvm, .llvmGNU: writeLLVM(Frames(batch, index), address: address ?? 0, to: &output)
    case .gnu: writeGNU(Frames(batch, index), address: address ?? 0, to: &output)
    }
  }

  /// The frames of one address, of a batch that may be missing.
  struct Frames {
    let batch: ResolvedBatch?
    let index: Int
    let frames: ArraySlice<LookupFrame>

    init(_ batch: ResolvedBatch?, _ index: Int) {
      self.batch = batch
      self.index = index
      frames = batch?.frames(at: index) ?? []
    }

    func function(_ frame: LookupFrame) -> String { batch?.function(of: frame) ?? "??" }

    /// Where debug information has no file, the symbol table may have one.
    func file(_ frame: LookupFrame) -> String? {
      batch?.file(of: frame) ?? (frame.isOfSymbol ? batch?.symbolFile(at: index) : nil)
    }

    /// What is known besides of the frame of an index.
    func origin(_ index: Int) -> FrameOrigin { batch?.origin(ofFrame: index) ?? .unknown }

    /// The same of one frame for all: the innermost one, which begins where the outermost does.
    var wholeOrigin: FrameOrigin {
      var origin = origin(frames.startIndex)
      origin.start = self.origin(frames.endIndex - 1).start
      return origin
    }
  }

  // MARK: JSON

  private func json(
    _ batch: ResolvedBatch?,
    at index: Int,
    address: UInt64?,
    why: String?
  ) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("address", address: address)
      json.field("module", batch?.module)
      json.key("frames")
      json.array(batch?.readableFrames(at: index) ?? []) { json, frame in
        json.frame(frame, module: batch?.module, address: address)
      }
      json.field("unknown", why ?? batch?.reason(at: index))
    }
    json.endDocument()
    return json.bytes
  }

  // MARK: Files

  /// A path as it is shown; empty when there is none.
  func shown(_ path: String?) -> String {
    path.map { showsBaseNames ? String(fileName(of: $0)) : $0 } ?? ""
  }

  func writeFile(_ found: Frames, _ frame: LookupFrame, to output: inout [UInt8]) {
    guard let file = found.file(frame) else { return output.append(text: "??") }
    output.append(text: showsBaseNames ? String(fileName(of: file)) : file)
  }
}

extension JSONWriter {
  /// A frame as reports have it (docs/report-schema.md): of a file's address, address and offset are the same.
  fileprivate mutating func frame(_ frame: ReadableFrame, module: String?, address: UInt64?) {
    object { json in
      json.field("address", address: address)
      json.field("module", module)
      json.field("offset", address: address)
      json.field("function", frame.function)
      json.field("linkage", frame.linkage ?? frame.function)
      if !frame.aliases.isEmpty {
        json.key("aliases")
        json.array(frame.aliases) { $0.string($1) }
      }
      json.field("file", frame.file)
      json.field("line", frame.line)
      json.field("column", frame.column)
      json.field("inlined", frame.isInlined)
      json.field("unknown", frame.unknown)
    }
  }
}

/// The last component of a path.
private func fileName(of path: String) -> Substring {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path[...] }
  return path[path.utf8.index(after: slash)...]
}

extension [UInt8] {
  mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  mutating func append(decimal number: UInt32) {
    guard number >= 10 else { return append(UInt8(ascii: "0") + UInt8(number)) }
    append(decimal: number / 10)
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
