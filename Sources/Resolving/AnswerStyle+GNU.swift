import SymbolLookup

// MARK: - addr2line

extension AnswerStyle {
  func writeGNU(_ found: Frames, address: UInt64, to output: inout [UInt8]) {
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
    let discriminator = found.origin(found.frames.startIndex).discriminator
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
        if discriminator != 0 { output.append(text: " (discriminator \(discriminator))") }
      }
      output.append(UInt8(ascii: "\n"))
    }
  }
}
