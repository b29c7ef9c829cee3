/// The parts of a symbol's name: what a demangler reads, and what linkers and compilers put behind
/// it.
struct MangledName: Sendable {
  /// A language with a mangling of its own.
  enum Language: Sendable {
    case cxx, rust, swift
  }

  /// Nil for names that are not mangled, such as those of C.
  private(set) var language: Language?
  /// What the demangler is given.
  private(set) var core: Substring
  /// `.cold`, `.llvm.123`: parts of a function that the compiler placed elsewhere; empty where the
  /// demangler reads them itself.
  private(set) var clone: Substring = ""
  /// `@plt`, or nothing.
  private(set) var slot: Substring

  init(_ name: String) {
    if Self.isPlainCxx(name.utf8.span) {
      language = .cxx
      core = name[...]
      slot = name[name.endIndex...]
      return
    }
    let at = name.utf8.dropFirst().firstIndex(of: UInt8(ascii: "@")) ?? name.endIndex
    slot = name[at...]
    core = name[..<at]
    language = Self.language(of: core)
    switch language {
    case .rust: splitClone(behind: Self.endOfRustName(core))
    case .swift: splitClone(behind: Self.endOfSwiftName(core))
    case .cxx, nil: break
    }
  }

  /// Whether a name is one of C++ without anything behind it: by bytes, because most names of a large program are.
  private static func isPlainCxx(_ bytes: Span<UInt8>) -> Bool {
    let count = bytes.count
    guard count > 2, bytes[0] == UInt8(ascii: "_"), bytes[1] == UInt8(ascii: "Z") else {
      return false
    }
    for index in 0..<count
    where bytes[index] == UInt8(ascii: "@") || bytes[index] == UInt8(ascii: ".") {
      return false
    }
    // The hash of a legacy Rust name.
    return count < 20 || bytes[count - 20] != UInt8(ascii: "1")
      || bytes[count - 19] != UInt8(ascii: "7") || bytes[count - 18] != UInt8(ascii: "h")
  }

  private static func language(of name: Substring) -> Language? {
    let bytes = name.utf8
    if bytes.starts(with: "_R".utf8) {
      guard let third = bytes.dropFirst(2).first else { return nil }
      return third.isUpperLetter || third.isDigit ? .rust : nil
    }
    if bytes.starts(with: "_Z".utf8) { return endOfLegacyRustName(name) == nil ? .cxx : .rust }
    for prefix in ["$s", "$S", "_$s", "_$S", "_T0", "$e", "_$e"]
    where bytes.starts(with: prefix.utf8) {
      return .swift
    }
    // The old names of global constructors are read by the C++ demangler too.
    return bytes.starts(with: "_GLOBAL_".utf8) ? .cxx : nil
  }

  private mutating func splitClone(behind end: String.Index?) {
    guard let end, end < core.endIndex else { return }
    clone = core[end...]
    core = core[..<end]
  }

  /// A v0 name has no dots, a legacy one has them in its parts.
  private static func endOfRustName(_ name: Substring) -> String.Index? {
    endOfLegacyRustName(name) ?? name.utf8.firstIndex(of: UInt8(ascii: "."))
  }

  /// The end of a legacy Rust name, `_ZN…17h0123456789abcdefE`, whose last part is a hash.
  private static func endOfLegacyRustName(_ name: Substring) -> String.Index? {
    let bytes = name.utf8
    guard bytes.starts(with: "_ZN".utf8) else { return nil }
    var end = bytes.endIndex
    while true {
      if let start = bytes.index(end, offsetBy: -20, limitedBy: bytes.startIndex),
        isHash(bytes[start..<end])
      {
        return end
      }
      // A clone's dots stand behind the hash.
      guard let dot = bytes[..<end].lastIndex(of: UInt8(ascii: ".")) else { return nil }
      end = dot
    }
  }

  private static func isHash(_ bytes: Substring.UTF8View.SubSequence) -> Bool {
    bytes.starts(with: "17h".utf8) && bytes.last == UInt8(ascii: "E")
      && bytes.dropFirst(3).dropLast().allSatisfy {
        $0.isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }

  /// Before the first of the `.word` and `.number` parts at the name's end.
  private static func endOfSwiftName(_ name: Substring) -> String.Index {
    let bytes = name.utf8
    var end = bytes.endIndex
    while let dot = bytes[..<end].lastIndex(of: UInt8(ascii: ".")) {
      let part = bytes[bytes.index(after: dot)..<end]
      let isWord = part.allSatisfy { $0.isLetter || $0 == UInt8(ascii: "_") }
      guard !part.isEmpty, isWord || part.allSatisfy(\.isDigit) else { break }
      end = dot
    }
    return end
  }
}

extension UInt8 {
  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
  var isUpperLetter: Bool { self >= UInt8(ascii: "A") && self <= UInt8(ascii: "Z") }
  var isLowerLetter: Bool { self >= UInt8(ascii: "a") && self <= UInt8(ascii: "z") }
  var isLetter: Bool { isUpperLetter || isLowerLetter }
}
