extension DumpReport {
  /// `Client.keepAlive() (Client.swift:41)`, `shop+0x1234`: where a frame is, in the words of findings.
  func place(of frame: Frame) -> String {
    let name = name(of: frame)
    guard let file = frame.file, let line = frame.line else { return name }
    return "\(name) (\(fileName(of: file)):\(line))"
  }

  /// The function as people write it, or the place in the module where it has no name.
  package func name(of frame: Frame) -> String {
    frame.shortFunction ?? frame.function ?? codePlace(of: frame)
  }

  /// `shop+0x1234`: the place of a frame in its module; its address where that is not known.
  package func codePlace(of frame: Frame) -> String {
    guard let module = frame.module, let offset = frame.offset else {
      return "0x" + String(frame.address, radix: 16)
    }
    return "\(fileName(of: modules[module].path))+0x\(String(offset, radix: 16))"
  }
}
