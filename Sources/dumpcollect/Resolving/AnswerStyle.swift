import ArgumentParser
import Render
import Report
import Symbolizer

/// How `resolve` writes its answers.
struct AnswerStyle {
  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case json = "JSON"
    case llvm = "LLVM"
    case gnu = "GNU"
    /// JSON as llvm-symbolizer prints it, when called by its name.
    case llvmJSON = "LLVM-JSON"

    /// Upper and lower case are the same.
    init?(argument: String) {
      self.init(rawValue: argument.uppercased())
    }
  }

  var kind: Kind
  /// GNU prints functions only when asked to.
  var showsFunctions: Bool
  var showsInlines: Bool
  var showsAddresses: Bool
  /// A frame a line.
  var isPretty: Bool
  /// File names without their folders.
  var showsBaseNames: Bool
  /// All answers are one list: what llvm-symbolizer makes of addresses that are arguments.
  var isList = false

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
    case .json: output += json(batch?[index], address: address, why: why)
    case .llvmJSON: output += llvmJSON(Frames(batch, index), module: module, address, why: why)
    case .llvm: writeLLVM(Frames(batch, index), address: address ?? 0, to: &output)
    case .gnu: writeGNU(Frames(batch, index), address: address ?? 0, to: &output)
    }
  }

  /// The frames of one address, of a batch that may be missing.
  private struct Frames {
    let batch: ResolvedBatch?
    let frames: ArraySlice<LookupFrame>

    init(_ batch: ResolvedBatch?, _ index: Int) {
      self.batch = batch
      frames = batch?.frames(at: index) ?? []
    }

    func function(_ frame: LookupFrame) -> String { batch?.function(of: frame) ?? "??" }
  }

  // MARK: JSON

  private func json(_ answer: ResolvedAddress?, address: UInt64?, why: String?) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("address", address: address)
      json.field("module", answer?.module)
      json.key("frames")
      json.array(answer?.frames ?? []) { json, frame in json.frame(frame, module: answer?.module) }
      json.field("unknown", why ?? answer?.unknown)
    }
    json.endDocument()
    return json.bytes
  }

  // MARK: llvm-symbolizer

  private func writeLLVM(_ found: Frames, address: UInt64, to output: inout [UInt8]) {
    if showsAddresses {
      output.append(text: "0x\(String(address, radix: 16))\(isPretty ? ": " : "\n")")
    }
    guard let innermost = found.frames.first, let outermost = found.frames.last else {
      output.append(text: isPretty ? "?? at ??:0:0\n\n" : "??\n??:0:0\n\n")
      return
    }
    if showsInlines {
      for (index, frame) in found.frames.enumerated() {
        if index > 0 && isPretty { output.append(text: " (inlined by) ") }
        writeLLVM(found, frame, function: frame, to: &output)
      }
    } else {
      // The outermost function stands at the innermost place.
      writeLLVM(found, innermost, function: outermost, to: &output)
    }
    output.append(UInt8(ascii: "\n"))
  }

  private func writeLLVM(
    _ found: Frames,
    _ frame: LookupFrame,
    function: LookupFrame,
    to output: inout [UInt8]
  ) {
    output.append(text: found.function(function))
    output.append(text: isPretty ? " at " : "\n")
    writeFile(found, frame, to: &output)
    output.append(UInt8(ascii: ":"))
    output.append(decimal: frame.line)
    output.append(UInt8(ascii: ":"))
    output.append(decimal: frame.column)
    output.append(UInt8(ascii: "\n"))
  }

  /// Appends what is known of a variable, as llvm-symbolizer answers `DATA`.
  ///
  /// The place of its declaration is never known.
  func write(
    _ variable: Variable?,
    module: String?,
    address: UInt64?,
    to output: inout [UInt8]
  ) {
    guard kind == .json || kind == .llvmJSON else {
      if let variable {
        output.append(text: "\(variable.name)\n\(variable.address) \(variable.byteCount)\n??:?\n\n")
      } else {
        output.append(text: "??\n0 0\n??:?\n\n")
      }
      return
    }
    var json = JSONWriter()
    json.object { json in
      json.field("Address", address: address)
      json.key("Data")
      json.object { json in
        json.field("Name", variable?.name ?? "")
        json.field("Size", address: variable?.byteCount ?? 0)
        json.field("Start", address: variable?.address ?? 0)
      }
      json.field("ModuleName", module)
    }
    if !isList { json.endDocument() }
    output += json.bytes
  }

  /// An object as llvm-symbolizer prints it; where a function begins is not among what is known.
  private func llvmJSON(
    _ found: Frames,
    module: String?,
    _ address: UInt64?,
    why: String?
  ) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("Address", address: address)
      if let why {
        json.key("Error")
        json.object { $0.field("Message", why) }
      }
      json.field("ModuleName", module)
      guard why == nil else { return }
      json.key("Symbol")
      let shown = showsInlines ? found.frames[...] : found.frames.prefix(1)
      // One that nobody knows is a frame without anything.
      let frames: [LookupFrame?] = shown.isEmpty ? [nil] : shown.map(\.self)
      json.array(frames) { json, frame in
        json.object { json in
          json.field("Column", frame?.column ?? 0)
          json.field("Discriminator", 0)
          json.field("FileName", frame.flatMap { found.batch?.file(of: $0) } ?? "")
          json.field("FunctionName", frame.flatMap { found.batch?.function(of: $0) } ?? "")
          json.field("Line", frame?.line ?? 0)
          json.field("StartAddress", "")
          json.field("StartFileName", "")
          json.field("StartLine", 0)
        }
      }
    }
    if !isList { json.endDocument() }
    return json.bytes
  }

  // MARK: addr2line

  private func writeGNU(_ found: Frames, address: UInt64, to output: inout [UInt8]) {
    if showsAddresses {
      let digits = String(address, radix: 16)
      output.append(text: "0x\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)")
      output.append(text: isPretty ? ": " : "\n")
    }
    guard let first = found.frames.first,
      first.function != LookupFrame.none || first.path != LookupFrame.none
    else {
      if showsFunctions { output.append(text: isPretty ? "?? " : "??\n") }
      output.append(text: "??:0\n")
      return
    }
    for (index, frame) in found.frames.prefix(showsInlines ? found.frames.count : 1).enumerated() {
      if index > 0 && isPretty { output.append(text: " (inlined by) ") }
      if showsFunctions {
        output.append(text: found.function(frame))
        output.append(text: isPretty ? " at " : "\n")
      }
      writeFile(found, frame, to: &output)
      output.append(UInt8(ascii: ":"))
      if frame.line == 0 {
        output.append(UInt8(ascii: "?"))
      } else {
        output.append(decimal: frame.line)
      }
      output.append(UInt8(ascii: "\n"))
    }
  }

  private func writeFile(_ found: Frames, _ frame: LookupFrame, to output: inout [UInt8]) {
    guard let file = found.batch?.file(of: frame) else { return output.append(text: "??") }
    output.append(text: showsBaseNames ? String(fileName(of: file)) : file)
  }
}

extension [UInt8] {
  fileprivate mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  fileprivate mutating func append(decimal number: UInt32) {
    guard number >= 10 else { return append(UInt8(ascii: "0") + UInt8(number)) }
    append(decimal: number / 10)
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
