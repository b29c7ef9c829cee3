/// Writes JSON (RFC 8259) piece by piece; fields without a value are left out.
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false
  /// Nothing in a string ends the element of a page that the document stands in.
  private let escapesMarkup: Bool
  /// Breaks lines between documents alone.
  private let isOneLine: Bool
  private var nextType: String?

  /// `isOneLine`: each document is one line.
  package init(escapesMarkup: Bool = false, isOneLine: Bool = false) {
    self.escapesMarkup = escapesMarkup
    self.isOneLine = isOneLine
  }

  // MARK: Values

  package mutating func string(_ text: String) {
    startValue()
    appendQuoted(text)
    needsComma = true
  }

  package mutating func number(_ value: some BinaryInteger) {
    startValue()
    bytes.append(contentsOf: String(value).utf8)
    needsComma = true
  }

  package mutating func bool(_ value: Bool) {
    startValue()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
    needsComma = true
  }

  /// Addresses are texts, `"0x7f…"`: readers of JSON round numbers above 2^53.
  package mutating func address(_ value: UInt64) {
    string("0x" + String(value, radix: 16))
  }

  /// A value that another writer made.
  package mutating func raw(_ value: [UInt8]) {
    startValue()
    bytes.append(contentsOf: value)
    needsComma = true
  }

  package mutating func object(_ fields: (inout JSONWriter) throws -> Void) rethrows {
    startValue()
    bytes.append(UInt8(ascii: "{"))
    needsComma = false
    if let type = nextType {
      nextType = nil
      field("type", type)
    }
    try fields(&self)
    bytes.append(UInt8(ascii: "}"))
    needsComma = true
  }

  /// A list; `onLines` begins a line for each element.
  package mutating func array<Elements: Sequence>(
    _ elements: Elements,
    onLines: Bool = false,
    _ element: (inout JSONWriter, Elements.Element) throws -> Void
  ) rethrows {
    startValue()
    bytes.append(UInt8(ascii: "["))
    needsComma = false
    for value in elements {
      if onLines, !isOneLine {
        startValue()
        needsComma = false
        bytes.append(0x0a)
      }
      try element(&self, value)
    }
    bytes.append(UInt8(ascii: "]"))
    needsComma = true
  }

  // MARK: Fields

  package mutating func key(_ name: String) {
    startValue()
    appendQuoted(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func field(_ name: String, _ value: String?) {
    guard let value else { return }
    key(name)
    string(value)
  }

  package mutating func field(_ name: String, _ value: (some BinaryInteger)?) {
    guard let value else { return }
    key(name)
    number(value)
  }

  package mutating func field(_ name: String, _ value: Bool) {
    key(name)
    bool(value)
  }

  package mutating func field(_ name: String, address value: UInt64?) {
    guard let value else { return }
    key(name)
    address(value)
  }

  /// Has the next object begin with a field `type`.
  package mutating func beginNextObject(withType type: String) {
    nextType = type
  }

  /// Begins a new line between two values.
  package mutating func newLine() {
    guard !isOneLine else { return }
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = false
    bytes.append(0x0a)
  }

  /// Ends a line that is a document of its own, and the last line of one of several lines.
  package mutating func endDocument() {
    bytes.append(0x0a)
    needsComma = false
  }

  /// Takes out what was written so far, so that memory does not grow with the document.
  package mutating func takeBytes() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  private mutating func startValue() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func appendQuoted(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22: bytes.append(contentsOf: [0x5c, 0x22])
      case 0x5c: bytes.append(contentsOf: [0x5c, 0x5c])
      case 0x0a: bytes.append(contentsOf: [0x5c, 0x6e])
      case 0x3c where escapesMarkup: bytes.append(contentsOf: "\\u003c".utf8)
      case 0x3e where escapesMarkup: bytes.append(contentsOf: "\\u003e".utf8)
      case 0x26 where escapesMarkup: bytes.append(contentsOf: "\\u0026".utf8)
      // C1 and the direction marks too: JSON is often looked at in a terminal.
      case 0..<0x20, 0x7f...0x9f, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069:
        let digits = String(scalar.value, radix: 16)
        bytes.append(
          contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.utf8.count))\(digits)".utf8
        )
      case 0..<0x80: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      default: bytes.append(contentsOf: String(scalar).utf8)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
