/// One question to `resolve`: an argument, or a line of standard input.
struct AddressQuery: Equatable {
  /// How numbers without a prefix are read.
  enum Radix {
    /// As C writes them: `0x` hexadecimal, `0` octal, else decimal (llvm-symbolizer).
    case byPrefix
    /// Hexadecimal with or without `0x` (addr2line).
    case hexadecimal
  }

  /// What is asked about an address.
  enum Subject {
    case code
    /// The variable that lies there (`DATA`).
    case variable
    /// The variables of the function that is there (`FRAME`): those are not told.
    case frame

    /// Takes the words off that say what is asked, as sanitizers write them.
    init(takenFrom text: inout Substring) {
      self = .code
      while true {
        if text.hasPrefix("CODE ") {
          self = .code
        } else if text.hasPrefix("DATA ") {
          self = .variable
        } else if text.hasPrefix("FRAME ") {
          self = .frame
        } else {
          return
        }
        text = text.drop { $0 != " " }.trimmed
      }
    }
  }

  /// nil when neither the line nor `--obj` names one.
  var file: String?
  /// `file` is a build ID.
  var isBuildID = false
  var subject = Subject.code
  /// nil when there is no number where one was expected.
  var address: UInt64?

  /// Reads `ADDR`, or `FILE ADDR` when no `--obj` was given; the file may be quoted and may hold spaces, `FILE:` or
  /// `BUILDID:` may say what it is, and one of the words `CODE`, `DATA` and `FRAME` may stand before it.
  init(_ line: Substring, file: String?, radix: Radix) {
    var rest = line.trimmed
    subject = Subject(takenFrom: &rest)
    if let file {
      self.file = file
      address = Self.address(rest.prefix { !$0.isWhitespace }, radix)
      return
    }
    if rest.hasPrefix("BUILDID:") {
      isBuildID = true
      rest = rest.dropFirst("BUILDID:".count)
    } else if rest.hasPrefix("FILE:") {
      rest = rest.dropFirst("FILE:".count)
    }
    if let quote = rest.first, quote == "\"" || quote == "'",
      let end = rest.dropFirst().firstIndex(of: quote)
    {
      self.file = String(rest[rest.index(after: rest.startIndex)..<end])
      let number = rest[rest.index(after: end)...].trimmed
      address = Self.address(number.prefix { !$0.isWhitespace }, radix)
    } else if let space = rest.lastIndex(where: \.isWhitespace) {
      self.file = String(rest[..<space].trimmed)
      address = Self.address(rest[rest.index(after: space)...], radix)
    } else {
      address = Self.address(rest, radix)
    }
  }

  private static func address(_ text: Substring, _ radix: Radix) -> UInt64? {
    // UInt64 would take a sign.
    guard let first = text.first, first != "+", first != "-" else { return nil }
    if text.hasPrefix("0x") || text.hasPrefix("0X") { return digits(text.dropFirst(2), 16) }
    switch radix {
    case .hexadecimal: return digits(text, 16)
    case .byPrefix where text.hasPrefix("0b"): return digits(text.dropFirst(2), 2)
    case .byPrefix where text.hasPrefix("0o"): return digits(text.dropFirst(2), 8)
    case .byPrefix where first == "0" && text.count > 1: return digits(text.dropFirst(), 8)
    case .byPrefix: return digits(text, 10)
    }
  }

  private static func digits(_ text: Substring, _ radix: Int) -> UInt64? {
    guard let first = text.first, first != "+", first != "-" else { return nil }
    return UInt64(text, radix: radix)
  }
}

extension Substring {
  /// Without white space at either end.
  fileprivate var trimmed: Substring {
    let front = drop(while: \.isWhitespace)
    guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return front.prefix(0) }
    return front[...last]
  }
}
