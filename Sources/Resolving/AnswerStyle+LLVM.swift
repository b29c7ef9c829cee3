import SafeText
import SymbolLookup

// MARK: - llvm-symbolizer

extension AnswerStyle {
  func writeLLVM(_ found: borrowing Frames, address: UInt64, to output: inout [UInt8]) {
    if showsAddresses {
      output.append(text: "0x\(String(address, radix: 16))\(isPretty ? ": " : "\n")")
    }
    guard let innermost = found.first, let last = found.indices.last else {
      if showsFunctions { output.append(text: isPretty ? "?? at " : "??\n") }
      let place = kind == .llvmGNU ? "??:0" : "??:0:0"
      output.append(text: isVerbose ? "  Filename: ??\n  Line: 0\n  Column: 0" : place)
      output.append(text: kind == .llvmGNU ? "\n" : "\n\n")
      return
    }
    if let words = found.words, showsInlines, showsFunctions, !isVerbose, kind == .llvm {
      for index in found.indices {
        if index > found.indices.lowerBound && isPretty { output.append(text: " (inlined by) ") }
        let frame = found[index]
        if frame.function != LookupFrame.none, frame.path != LookupFrame.none {
          let (function, path) = (words.functions[frame.function], words.paths[frame.path])
          writeLLVM(function, path, frame, to: &output)
        } else {
          writeLLVM(found, frame, function: frame, .unknown, to: &output)
        }
      }
    } else if showsInlines {
      for index in found.indices {
        if index > found.indices.lowerBound, isPretty, showsFunctions {
          output.append(text: " (inlined by) ")
        }
        let frame = found[index]
        writeLLVM(found, frame, function: frame, found.origin(index), to: &output)
      }
    } else {
      // The outermost function stands at the innermost place, but in GNU's style.
      let function = kind == .llvmGNU ? innermost : found[last]
      writeLLVM(found, innermost, function: function, found.wholeOrigin, to: &output)
    }
    if kind != .llvmGNU { output.append(UInt8(ascii: "\n")) }
  }

  /// A frame whose names are prepared, in one piece.
  private func writeLLVM(
    _ function: Span<UInt8>,
    _ path: Span<UInt8>,
    _ frame: LookupFrame,
    to output: inout [UInt8]
  ) {
    // Two numbers and what stands around them.
    output.append(addingCapacity: function.count + path.count + 27) { words in
      words.append(function)
      if isPretty {
        for byte in " at ".utf8 { words.append(byte) }
      } else {
        words.append(UInt8(ascii: "\n"))
      }
      words.append(path)
      words.append(UInt8(ascii: ":"))
      words.append(decimal: frame.line)
      words.append(UInt8(ascii: ":"))
      words.append(decimal: frame.column)
      words.append(UInt8(ascii: "\n"))
    }
  }

  private func writeLLVM(
    _ found: borrowing Frames,
    _ frame: LookupFrame,
    function: LookupFrame,
    _ origin: @autoclosure () -> FrameOrigin,
    to output: inout [UInt8]
  ) {
    if showsFunctions {
      found.writeFunction(function, to: &output)
      output.append(text: isPretty ? " at " : "\n")
    }
    guard !isVerbose else { return writeVerbose(found, frame, origin(), to: &output) }
    found.writeFile(frame, self, to: &output)
    output.append(UInt8(ascii: ":"))
    output.append(decimal: frame.line)
    if kind == .llvmGNU {
      let discriminator = origin().discriminator
      if discriminator != 0 { output.append(text: " (discriminator \(discriminator))") }
    } else {
      output.append(UInt8(ascii: ":"))
      output.append(decimal: frame.column)
    }
    output.append(UInt8(ascii: "\n"))
  }

  private func writeVerbose(
    _ found: borrowing Frames,
    _ frame: LookupFrame,
    _ origin: FrameOrigin,
    to output: inout [UInt8]
  ) {
    output.append(text: "  Filename: ")
    found.writeFile(frame, self, to: &output)
    if origin.line != 0 {
      output.append(text: "\n  Function start filename: \(shown(found.batch?.file(of: origin)))")
      output.append(text: "\n  Function start line: \(origin.line)")
    }
    if let start = origin.start, kind != .llvmGNU {
      output.append(text: "\n  Function start address: 0x\(String(start, radix: 16))")
    }
    output.append(text: "\n  Line: \(frame.line)\n  Column: \(frame.column)\n")
    if origin.discriminator != 0 {
      output.append(text: "  Discriminator: \(origin.discriminator)\n")
    }
  }

  /// Appends what is known of a variable, as llvm-symbolizer answers `DATA`.
  func write(
    _ variable: Variable?,
    module: String?,
    address: UInt64?,
    to output: inout [UInt8]
  ) {
    guard kind == .json || kind == .llvmJSON else {
      if let variable {
        let place = variable.file.map { "\($0):\(variable.line)" } ?? "??:?"
        output.append(
          text: "\(variable.name)\n\(variable.address) \(variable.byteCount)\n\(place)\n"
        )
      } else {
        output.append(text: "??\n0 0\n??:?\n")
      }
      if kind == .llvm { output.append(UInt8(ascii: "\n")) }
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

  /// Appends what llvm-symbolizer answers `FRAME` where it knows no variables of the frame.
  func writeNoVariables(module: String?, address: UInt64?, to output: inout [UInt8]) {
    guard kind == .json || kind == .llvmJSON else {
      return output.append(text: kind == .llvm ? "??\n\n" : "??\n")
    }
    var json = JSONWriter()
    json.object { json in
      json.field("Address", address: address)
      json.key("Frame")
      json.array([Variable]()) { _, _ in }
      json.field("ModuleName", module)
    }
    if !isList { json.endDocument() }
    output += json.bytes
  }

  /// An object as llvm-symbolizer prints it.
  func llvmJSON(_ found: borrowing Frames, _ address: UInt64?, why: String?) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("Address", address: address)
      if let why {
        json.key("Error")
        json.object { $0.field("Message", why) }
      }
      json.field("ModuleName", found.module)
      guard why == nil else { return }
      json.key("Symbol")
      if let innermost = found.first, let last = found.indices.last, !showsInlines {
        // The outermost function stands at the innermost place.
        json.array([innermost]) { json, frame in
          llvmJSON(&json, found, frame, function: found[last], found.wholeOrigin)
        }
      } else if found.indices.isEmpty {
        // One that nobody knows is a frame without anything.
        json.array([LookupFrame.unknown]) { json, frame in
          llvmJSON(&json, found, frame, function: frame, .unknown)
        }
      } else {
        json.array(found.indices) { json, index in
          let frame = found[index]
          llvmJSON(&json, found, frame, function: frame, found.origin(index))
        }
      }
    }
    if !isList { json.endDocument() }
    return json.bytes
  }

  private func llvmJSON(
    _ json: inout JSONWriter,
    _ found: borrowing Frames,
    _ frame: LookupFrame,
    function: LookupFrame,
    _ origin: FrameOrigin
  ) {
    json.object { json in
      json.field("Column", frame.column)
      json.field("Discriminator", origin.discriminator)
      json.field("FileName", shown(found.file(frame)))
      json.field("FunctionName", showsFunctions ? found.batch?.function(of: function) ?? "" : "")
      json.field("Line", frame.line)
      json.field("StartAddress", origin.start.map { "0x\(String($0, radix: 16))" } ?? "")
      json.field("StartFileName", shown(found.batch?.file(of: origin)))
      json.field("StartLine", origin.line)
    }
  }
}
