package import CommandOutput

/// A tool in whose place `dumpcollect` was called, by a link with that tool's name.
///
/// Its words become those of `dumpcollect resolve`, which does the work: sanitizers (`ASAN_SYMBOLIZER_PATH`) and perf
/// call such tools with fixed options.
package enum StandIn {
  case llvmSymbolizer
  case addr2line

  /// The tool that the program's name means; nil for a name of its own.
  ///
  /// Versions in names are usual: `llvm-symbolizer-19`, `x86_64-linux-gnu-addr2line`.
  package init?(program: String) {
    let name = program.split(separator: "/").last ?? ""
    if Self.holds("llvm-symbolizer", in: name) {
      self = .llvmSymbolizer
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

  /// What follows an option of the tool.
  private enum Shape {
    /// Nothing; the words of `resolve` for it.
    case flag([String])
    /// A value, in the same word behind `=` or in the next word; the word of `resolve` for it.
    case value(String)
    /// Perhaps a value behind `=`: on without one and for `true`, off for `false`.
    case toggle(on: [String], off: [String])
    /// Something without a meaning here, with a value of its own.
    case ignoredValue
  }

  /// Options of both tools by their long names; a single dash counts as two.
  private static let options: [String: Shape] = [
    "obj": .value("--obj"), "exe": .value("--obj"), "output-style": .value("--output-style"),
    "addresses": .flag(["-a"]), "print-address": .flag(["-a"]),
    "functions": .toggle(on: ["-f"], off: []),
    "inlines": .toggle(on: ["-i"], off: ["--no-inlines"]), "no-inlines": .flag(["--no-inlines"]),
    "inlining": .toggle(on: ["-i"], off: ["--no-inlines"]),
    "demangle": .toggle(on: ["-C"], off: ["--no-demangle"]),
    "no-demangle": .flag(["--no-demangle"]),
    "basenames": .flag(["-s"]), "pretty-print": .flag(["-p"]),
    "fallback-debug-path": .value("--debug-dir"), "debug-file-directory": .value("--debug-dir"),
    // What these say holds anyway, or changes nothing here.
    "default-arch": .ignoredValue, "cache-size": .ignoredValue, "color": .ignoredValue,
    "use-symbol-table": .toggle(on: [], off: []), "no-untag-addresses": .flag([]),
    "no-debuginfod": .flag([]), "recurse-limit": .flag([]), "no-recurse-limit": .flag([]),
    "target": .ignoredValue, "verbose": .flag(["--verbose"]), "use-native-pdb-reader": .flag([]),
    "version": .flag(["--version"]), "help": .flag(["--help"]),
  ]

  private static let letters: [Character: Shape] = [
    "e": .value("--obj"), "a": .flag(["-a"]), "f": .flag(["-f"]), "i": .flag(["-i"]),
    "C": .flag(["-C"]), "s": .flag(["-s"]), "p": .flag(["-p"]), "b": .ignoredValue,
    "r": .flag([]), "R": .flag([]), "v": .flag(["--version"]), "h": .flag(["--help"]),
    "H": .flag(["--help"]),
  ]

  /// The arguments of `dumpcollect`; under another tool's name, those of the verb that stands in for it.
  ///
  /// `words`: all words of the command line, the program's name first.
  ///
  /// - Throws: which option of the tool is not known, or lacks its value.
  package static func arguments(of words: [String]) throws(CommandError) -> [String] {
    guard let tool = StandIn(program: words.first ?? "") else { return Array(words.dropFirst()) }
    return try tool.resolveArguments(Array(words.dropFirst()))
  }

  /// The arguments of `resolve` that do what the tool would do.
  ///
  /// - Throws: which option is not known, or lacks its value.
  func resolveArguments(_ words: [String]) throws(CommandError) -> [String] {
    var translation = Translation(words: words[...])
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
      if let shape = Self.options[String(parts[0])], bare.count > 1 {
        try translation.apply(shape, called: word, value: parts.count > 1 ? String(parts[1]) : nil)
      } else if !word.hasPrefix("--") {
        try translation.applyLetters(bare, Self.letters, called: word)
      } else {
        throw Self.unknown(word)
      }
    }
    return finished(translation)
  }

  private func finished(_ translation: Translation) -> [String] {
    var options = translation.options
    switch self {
    case .llvmSymbolizer:
      if let style = options.firstIndex(of: "--output-style"), style + 1 < options.count {
        if options[style + 1].uppercased() == "JSON" { options[style + 1] = "LLVM-JSON" }
      }
    case .addr2line:
      if !options.contains("--output-style") { options += ["--output-style", "GNU"] }
      if !options.contains("--obj") { options += ["--obj", "a.out"] }
    }
    return ["resolve"] + options + ["--"] + translation.addresses
  }

  private static func unknown(_ word: String) -> CommandError {
    CommandError(
      "the option \(word) is not known",
      hint: "what there is: dumpcollect resolve --help",
      status: .usage
    )
  }

  /// Words that were read, and what became of them.
  private struct Translation {
    var words: ArraySlice<String>
    var options: [String] = []
    var addresses: [String] = []

    mutating func apply(_ shape: Shape, called word: String, value: String?) throws(CommandError) {
      switch shape {
      case .flag(let replacement): options += replacement
      case .toggle(let on, let off):
        let isOff = ["false", "0", "none", "off"].contains(value?.lowercased() ?? "")
        options += isOff ? off : on
      case .value(let option):
        options.append(option)
        if let value { options.append(value) } else { options.append(try next(after: word)) }
      case .ignoredValue: if value == nil { _ = try next(after: word) }
      }
    }

    /// Letters in one word: `-fie FILE`, `-eFILE`.
    mutating func applyLetters(
      _ text: Substring,
      _ letters: [Character: Shape],
      called word: String
    ) throws(CommandError) {
      var rest = text
      while let letter = rest.popFirst() {
        guard let shape = letters[letter] else { throw StandIn.unknown(word) }
        switch shape {
        case .flag, .toggle: try apply(shape, called: word, value: nil)
        case .value, .ignoredValue:
          try apply(shape, called: word, value: rest.isEmpty ? nil : String(rest))
          return
        }
      }
    }

    private mutating func next(after word: String) throws(CommandError) -> String {
      guard let value = words.popFirst() else {
        throw CommandError("\(word): expected a value behind it", status: .usage)
      }
      return value
    }
  }
}
