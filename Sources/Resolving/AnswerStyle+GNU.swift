import SymbolLookup

// MARK: - addr2line

extension AnswerStyle {
  func writeGNU(_ found: borrowing Frames, address: UInt64, to output: inout [UInt8]) {
    if showsAddresses {
      let digits = String(address, radix: 16)
      output.append(text: "0x\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)")
      output.append(text: isPretty ? ": " : "\n")
    }
    guard let first = found.first,
      first.function != LookupFrame.none || first.path != LookupFrame.none
    else {
      if showsFunctions { output.append(text: isPretty ? "?? " : "??\n") }
      output.append(text: "??:0\n")
      return
    }
    let start = found.indices.lowerBound
    let discriminator = found.origin(start).discriminator
    for index in found.indices.prefix(showsInlines ? found.indices.count : 1) {
      let frame = found[index]
      if index > start && isPretty { output.append(text: " (inlined by) ") }
      if showsFunctions {
        found.writeFunction(frame, to: &output)
        output.append(text: isPretty ? " at " : "\n")
      }
      found.writeFile(frame, self, to: &output)
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
