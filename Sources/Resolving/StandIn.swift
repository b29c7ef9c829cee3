package import CommandOutput
import Glibc

/// A tool in whose place `dumpcollect` was called, by a link with that tool's name.
///
/// Its words become those of `dumpcollect resolve`, which does the work: sanitizers (`ASAN_SYMBOLIZER_PATH`) and perf
/// call such tools with fixed options.
package enum StandIn {
  case llvmSymbolizer
  case llvmAddr2line
  case addr2line

  /// The tool that the program's name means; nil for a name of its own.
  ///
  /// Versions in names are usual: `llvm-symbolizer-19`, `x86_64-linux-gnu-addr2line`.
  package init?(program: String) {
    let name = program.split(separator: "/").last ?? ""
    if Self.holds("llvm-symbolizer", in: name) {
      self = .llvmSymbolizer
    } else if Self.holds("llvm-addr2line", in: name) {
      self = .llvmAddr2line
    } else if Self.holds("addr2line", in: name) {
      self = .addr2line
    } else {
      return nil
    }
  }

  /// Byte by byte: setting up a search of the standard library takes a tenth of a whole answer.
  private static func holds(_ word: String, in name: Substring) -> Bool {
    let bytes = Array(name.utf8)
    return bytes.indices.contains { bytes[$0...].starts(with: word.utf8) }
  }

  /// The arguments of `dumpcollect`; under another tool's name, those of the verb that stands in for it.
  ///
  /// `words`: all words of the command line, the program's name first.
  ///
  /// - Throws: which option of the tool is not known, or lacks its value.
  package static func arguments(of words: [String]) throws(CommandError) -> [String] {
    guard let tool = StandIn(program: words.first ?? "") else { return Array(words.dropFirst()) }
    return try tool.resolveArguments(tool.initialWords + words.dropFirst())
  }

  /// Options that LLVM's tools take from the environment, before those of the command line.
  private var initialWords: [String] {
    let name: String
    switch self {
    case .llvmSymbolizer: name = "LLVM_SYMBOLIZER_OPTS"
    case .llvmAddr2line: name = "LLVM_ADDR2LINE_OPTS"
    case .addr2line: return []
    }
    // Safe because nobody changes the environment.
    guard let text = unsafe getenv(name) else { return [] }
    return ResponseFile.words(of: unsafe String(cString: text))
  }

  /// The arguments of `resolve` that do what the tool would do.
  ///
  /// - Throws: which option is not known, or lacks its value.
  func resolveArguments(_ words: [String]) throws(CommandError) -> [String] {
    var translation = OptionTranslation(words: ResponseFile.expand(words)[...])
    while let word = translation.words.popFirst() {
      if word == "--" {
        translation.addresses += translation.words
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        translation.addresses.append(word)
        continue
      }
      let bare = word.drop { $0 == "-" }
      let parts = bare.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count > 1 ? String(parts[1]) : nil
      if let shape = try option(parts[0], isLong: word.hasPrefix("--"), value) {
        try translation.apply(shape, called: word, value: value)
      } else if !word.hasPrefix("--") {
        try translation.applyLetters(bare, letters, called: word)
      } else {
        throw OptionTranslation.unknown(word)
      }
    }
    return finished(translation)
  }

  /// The option of a word; nil where there is none of that name.
  ///
  /// - Throws: which options a shortened name may mean.
  private func option(
    _ name: Substring,
    isLong: Bool,
    _ value: String?
  ) throws(CommandError) -> OptionShape? {
    guard self == .addr2line else {
      // LLVM's tools take one dash for two, and letters with a value behind a sign: `-e=FILE`.
      if let letter = name.first, name.count == 1 { return value == nil ? nil : letters[letter] }
      return Self.llvmOptions[String(name)]
    }
    guard isLong else { return nil }
    if let exact = Self.gnuOptions[String(name)] { return exact }
    // getopt_long takes the beginning of a name for it, where none of another meaning begins so.
    let longer = name.isEmpty ? [] : Self.gnuOptions.keys.filter { $0.hasPrefix(name) }.sorted()
    let meanings = Set(longer.map { "\(Self.gnuOptions[$0], default: "")" })
    guard meanings.count > 1 else { return longer.first.flatMap { Self.gnuOptions[$0] } }
    throw CommandError(
      "the option --\(name) may be \(longer.map { "--\($0)" }.joined(separator: " or "))",
      status: .usage
    )
  }

  private func finished(_ translation: OptionTranslation) -> [String] {
    var options = translation.options
    let style = options.lastIndex(of: "--output-style")
    switch self {
    case .llvmSymbolizer, .llvmAddr2line:
      if let style, style + 1 < options.count {
        let name = options[style + 1].uppercased()
        if ["JSON", "GNU"].contains(name) { options[style + 1] = "LLVM-\(name)" }
      }
    case .addr2line: break
    }
    switch self {
    case .llvmSymbolizer: break
    case .llvmAddr2line:
      // Everything is off that llvm-symbolizer has on.
      if style == nil { options += ["--output-style", "LLVM-GNU"] }
      if !options.contains("-f") { options.append("--no-functions") }
      if !options.contains("-i") { options.append("--no-inlines") }
      if !options.contains("-C") { options.append("--no-demangle") }
      options.append("--hexadecimal")
    case .addr2line:
      if style == nil { options += ["--output-style", "GNU"] }
    }
    let isNamed = options.contains("--obj") || options.contains("--build-id")
    if self != .llvmSymbolizer, !isNamed { options += ["--obj", "a.out"] }
    return ["resolve"] + options + ["--"] + translation.addresses
  }
}
