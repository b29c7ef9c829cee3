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

  /// What is known of one address, as text; `address` is nil when the question was no number.
  func answer(_ answer: ResolvedAddress?, address: UInt64?, why: String?) -> [UInt8] {
    let frames = answer?.frames ?? []
    return switch kind {
    case .json: json(answer, address: address, why: why)
    case .llvm: Array(llvm(frames, address: address ?? 0).utf8)
    case .gnu: Array(gnu(frames, address: address ?? 0).utf8)
    }
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

  private func llvm(_ frames: [Frame], address: UInt64) -> String {
    var text = ""
    if showsAddresses { text += "0x\(String(address, radix: 16))\(isPretty ? ": " : "\n")" }
    for (index, frame) in shown(frames).enumerated() {
      if index > 0 && isPretty { text += " (inlined by) " }
      text += "\(frame?.function ?? "??")\(isPretty ? " at " : "\n")"
      text += "\(file(frame)):\(frame?.line ?? 0):\(frame?.column ?? 0)\n"
    }
    return text + "\n"
  }

  /// At least one frame; without inline frames the outermost function stands at the innermost place.
  private func shown(_ frames: [Frame]) -> [Frame?] {
    guard let innermost = frames.first, let outermost = frames.last else { return [nil] }
    guard !showsInlines else { return frames }
    var frame = innermost
    frame.function = outermost.function
    return [frame]
  }

  // MARK: addr2line

  private func gnu(_ frames: [Frame], address: UInt64) -> String {
    var text = ""
    if showsAddresses {
      let digits = String(address, radix: 16)
      text += "0x\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)"
      text += isPretty ? ": " : "\n"
    }
    guard let innermost = frames.first, innermost.function != nil || innermost.file != nil else {
      return text + (showsFunctions ? (isPretty ? "?? " : "??\n") : "") + "??:0\n"
    }
    for (index, frame) in frames.prefix(showsInlines ? frames.count : 1).enumerated() {
      if index > 0 && isPretty { text += " (inlined by) " }
      if showsFunctions { text += "\(frame.function ?? "??")\(isPretty ? " at " : "\n")" }
      let line = frame.line.flatMap { $0 == 0 ? nil : "\($0)" } ?? "?"
      text += "\(file(frame)):\(line)\n"
    }
    return text
  }

  private func file(_ frame: Frame?) -> String {
    guard let file = frame?.file else { return "??" }
    return showsBaseNames ? String(fileName(of: file)) : file
  }
}
