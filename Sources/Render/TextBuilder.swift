/// Collects lines of text and hands them on in pieces.
struct TextBuilder {
  /// How a piece of text looks in a terminal (ECMA-48, 8.3.117).
  enum Look: String {
    case plain = ""
    case heading = "1"
    case faint = "2"
    case alarm = "1;31"
    case doubt = "33"
  }

  let style: TextStyle
  private let sink: ([UInt8]) throws -> Void
  private var bytes: [UInt8] = []

  init(style: TextStyle, sink: @escaping ([UInt8]) throws -> Void) {
    self.style = style
    self.sink = sink
  }

  /// Appends text that is already safe to print.
  mutating func add(_ text: String, _ look: Look = .plain) {
    guard style.hasColor, look != .plain, !text.isEmpty else {
      bytes.append(contentsOf: text.utf8)
      return
    }
    bytes.append(contentsOf: "\u{1b}[\(look.rawValue)m\(text)\u{1b}[0m".utf8)
  }

  mutating func endLine() throws {
    bytes.append(0x0a)
    if bytes.count >= 256 << 10 { try flush() }
  }

  mutating func line(_ text: String, _ look: Look = .plain) throws {
    add(text, look)
    try endLine()
  }

  /// Writes texts on a line, two spaces apart; one that does not fit any more begins another line.
  mutating func line(ofParts parts: [(text: String, look: Look)], indent: Int = 0) throws {
    add(String(repeating: " ", count: indent))
    var column = indent
    for (index, part) in parts.filter({ !$0.text.isEmpty }).enumerated() {
      let width = columns(part.text)
      if index > 0 {
        if let terminal = style.width, column + 2 + width > terminal {
          bytes.append(0x0a)
          add(String(repeating: " ", count: indent))
          column = indent
        }
        // A line that goes on is set in, less than frames are.
        add("  ")
        column += 2
      }
      add(part.text, part.look)
      column += width
    }
    try endLine()
  }

  /// Writes a text that a terminal breaks between words; its further lines are set in by `indent`.
  mutating func paragraph(_ text: String, indent: Int, _ look: Look = .plain) throws {
    guard let terminal = style.width, columns(text) > terminal else { return try line(text, look) }
    let start = String(text.prefix { $0 == " " })
    var current = start
    for word in text.dropFirst(start.count).split(separator: " ", omittingEmptySubsequences: false)
    {
      if current.count > start.count {
        if columns(current) + 1 + columns(word) > terminal {
          try line(current, look)
          current = String(repeating: " ", count: indent)
        } else {
          current += " "
        }
      }
      current += word
    }
    try line(current, look)
  }

  /// Writes a paragraph that begins with a word of another look.
  mutating func paragraph(_ title: String, _ look: Look, _ text: String, indent: Int) throws {
    add(title, look)
    add(" ")
    guard let terminal = style.width else { return try line(text) }
    var column = columns(title) + 1
    for (index, word) in text.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
      let width = columns(word)
      if index > 0, column + 1 + width > terminal {
        bytes.append(0x0a)
        add(String(repeating: " ", count: indent))
        column = indent
      } else if index > 0 {
        add(" ")
        column += 1
      }
      add(String(word))
      column += width
    }
    try endLine()
  }

  /// Hands on what was collected; to be called at the end.
  mutating func flush() throws {
    guard !bytes.isEmpty else { return }
    try sink(bytes)
    bytes.removeAll(keepingCapacity: true)
  }
}

/// `1 thread`, `12,345 threads`.
///
/// `plural` where it is not the noun with an s.
func count(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(grouped(number)) \(number == 1 ? noun : plural ?? "\(noun)s")"
}

/// `12,345`.
package func grouped(_ number: Int) -> String {
  var digits = String(number)
  var end = digits.count - 3
  while end > 0 {
    digits.insert(",", at: digits.index(digits.startIndex, offsetBy: end))
    end -= 3
  }
  return digits
}
