import CPage
import FoundationEssentials
import Report

/// The page without a report: its skeleton with the style, the script, and the policy that allows these two alone.
struct PageTemplate {
  /// What a report puts in, by the name between braces.
  enum Slot: String {
    case title, heading, text, data
  }

  /// A piece of the page, in its order.
  enum Part {
    case text([UInt8])
    case slot(Slot)
  }

  let parts: [Part]

  init() {
    let style = unsafe Self.bytes(page_style())
    let script = unsafe Self.bytes(page_script())
    parts = Self.parts(of: unsafe Self.bytes(page_skeleton())) { name in
      switch name {
      case "style": style
      case "script": script
      case "policy": Array(Self.policy(style: style, script: script).utf8)
      default: nil
      }
    }
  }

  /// Nothing may be loaded, sent, framed in or evaluated; one style and one script may stand in the page, by their digests.
  ///
  /// With trusted types required and none to be had the script cannot make elements out of text either.
  private static func policy(style: [UInt8], script: [UInt8]) -> String {
    func source(_ bytes: [UInt8]) -> String {
      "'sha256-\(Data(SHA256.digest(of: bytes)).base64EncodedString())'"
    }
    return [
      "default-src 'none'", "script-src \(source(script))", "style-src \(source(style))",
      "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].joined(separator: "; ")
  }

  private static func parts(
    of skeleton: [UInt8],
    fixed: (String) -> [UInt8]?
  ) -> [Part] {
    var parts: [Part] = []
    var rest = skeleton[...]
    while let open = rest.firstRange(of: "{{".utf8), let close = rest.firstRange(of: "}}".utf8) {
      parts.append(.text(Array(rest[..<open.lowerBound])))
      let name = String(decoding: rest[open.upperBound..<close.lowerBound], as: UTF8.self)
      if let bytes = fixed(name) {
        parts.append(.text(bytes))
      } else if let slot = Slot(rawValue: name) {
        parts.append(.slot(slot))
      } else {
        preconditionFailure("page.html has a slot that nothing fills: \(name)")
      }
      rest = rest[close.upperBound...]
    }
    return parts + [.text(Array(rest))]
  }

  private static func bytes(_ part: page_part) -> [UInt8] {
    // Safe because the part is a constant array of the program and its size.
    unsafe Array(UnsafeBufferPointer(start: part.bytes, count: part.count))
  }
}

/// Text that stands between tags.
func escapedHTML(_ text: String) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count)
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "&"): bytes.append(contentsOf: "&amp;".utf8)
    case UInt8(ascii: "<"): bytes.append(contentsOf: "&lt;".utf8)
    case UInt8(ascii: ">"): bytes.append(contentsOf: "&gt;".utf8)
    case UInt8(ascii: "\""): bytes.append(contentsOf: "&quot;".utf8)
    case UInt8(ascii: "'"): bytes.append(contentsOf: "&#39;".utf8)
    default: bytes.append(byte)
    }
  }
  return bytes
}
