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

  /// Names and paths are written as they are.
  var writesTexts: Bool { kind == .llvm || kind == .llvmGNU || kind == .gnu }

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

  /// Appends what is known of one address.
  ///
  /// `address`: nil when the question was no number. `why`: what was wrong with the question or its file.
  func write(_ found: borrowing Frames, address: UInt64?, why: String?, to output: inout [UInt8]) {
    switch kind {
    case .json: output += json(found, address: address, why: why)
    case .llvmJSON: output += llvmJSON(found, address, why: why)
    case .llvm, .llvmGNU: writeLLVM(found, address: address ?? 0, to: &output)
    case .gnu: writeGNU(found, address: address ?? 0, to: &output)
    }
  }

  /// The frames of one address after the other, of a batch that may be missing.
  struct Frames: ~Escapable {
    /// The file as it was named.
    let module: String?
    let batch: ResolvedBatch?
    /// Where they were made.
    let words: AnswerWords?
    private let all: AnswerFrames?
    private(set) var index = 0
    /// Those of the address, innermost first, by their indices in the batch.
    private(set) var indices = 0..<0

    /// `all`: the frames of the batch.
    @_lifetime(copy all, copy words)
    init(
      module: String?,
      _ batch: ResolvedBatch?,
      _ all: consuming AnswerFrames?,
      _ words: consuming AnswerWords?
    ) {
      self.module = module
      self.batch = batch
      self.words = words
      self.all = all
    }

    /// From now on, the frames of this address of the batch; nil for those of none.
    @_lifetime(self: copy self)
    mutating func select(_ index: Int?) {
      self.index = index ?? 0
      if let index, let all { indices = all.indices(at: index) } else { indices = 0..<0 }
    }

    /// The frame of an index.
    subscript(index: Int) -> LookupFrame { if let all { all[index] } else { .unknown } }

    var first: LookupFrame? { indices.isEmpty ? nil : self[indices.lowerBound] }

    /// What is known besides of the frame of an index.
    func origin(_ index: Int) -> FrameOrigin {
      if let all { all.origin(ofFrame: index) } else { .unknown }
    }

    /// The same of one frame for all: the innermost one, which begins where the outermost does.
    var wholeOrigin: FrameOrigin {
      var origin = origin(indices.lowerBound)
      origin.start = self.origin(indices.upperBound - 1).start
      return origin
    }

    /// Where debug information has no file, the symbol table may have one.
    func file(_ frame: LookupFrame) -> String? {
      batch?.file(of: frame) ?? (frame.isOfSymbol ? batch?.symbolFile(at: index) : nil)
    }

    /// Appends the name of a frame's function.
    func writeFunction(_ frame: LookupFrame, to output: inout [UInt8]) {
      if let words, frame.function != LookupFrame.none {
        output.append(words.functions[frame.function])
      } else {
        output.append(text: batch?.function(of: frame) ?? "??")
      }
    }

    /// Appends a frame's file.
    func writeFile(_ frame: LookupFrame, _ style: AnswerStyle, to output: inout [UInt8]) {
      if let words, frame.path != LookupFrame.none {
        output.append(words.paths[frame.path])
      } else {
        output.append(text: file(frame).map { style.shown($0) } ?? "??")
      }
    }
  }

  // MARK: JSON

  private func json(_ found: borrowing Frames, address: UInt64?, why: String?) -> [UInt8] {
    // A question that is none has no answer, whatever its file has.
    let batch = address == nil ? nil : found.batch
    let index = found.index
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
