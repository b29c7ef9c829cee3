/// Makes tokens of values: the same value gives the same token, and nobody without the key finds the value by trying.
struct RedactionTokens {
  private let key: [UInt8]
  private var known: [String: String] = [:]

  init(key: [UInt8]) {
    self.key = key
  }

  /// `redacted-3f2a91c07b4e`: 48 bits, so that among 100,000 values two of one token are not to be expected.
  mutating func token(for value: String) -> String {
    if let token = known[value] { return token }
    let code = SHA256.authenticationCode(of: Array(value.utf8), key: key)
    let digits = code.prefix(6).map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0" + digits : digits
    }
    let token = "redacted-" + digits.joined()
    known[value] = token
    return token
  }

  /// The token of a file's name, with its ending where that is one of source or program files.
  mutating func token(forFileName name: String) -> String {
    let token = token(for: name)
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    // Of `libshop.so.1.2` the ending is `so`.
    if parts.dropFirst().contains("so") { return token + ".so" }
    guard parts.count > 1, let ending = parts.last, Self.endings.contains(String(ending)) else {
      return token
    }
    return "\(token).\(ending)"
  }

  /// Endings that say what a file is and nothing else.
  private static let endings: Set = [
    "S", "a", "adb", "asm", "c", "cc", "cpp", "cu", "cxx", "d", "dcap", "dcreport", "debug", "dwo",
    "dwp", "f", "f90", "go", "h", "hh", "hpp", "hxx", "inc", "inl", "ipp", "java", "js", "kt", "m",
    "mm", "ml", "nim", "o", "partial", "py", "rs", "s", "swift", "tcc", "ts", "zig",
  ]
}
