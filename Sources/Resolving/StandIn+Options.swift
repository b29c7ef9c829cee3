/// What follows an option of a tool, and what it is to `resolve`.
enum OptionShape {
  /// Nothing; the words of `resolve` for it.
  case flag([String])
  /// A value, in the same word behind `=` or in the next word; the word of `resolve` for it.
  case value(String)
  /// A folder to look into, which may be missing.
  case folder(String)
  /// Perhaps a value behind `=`: on without one and for `true`, off for `false`.
  case toggle(on: [String], off: [String])
  /// Perhaps a value behind `=`, one of some words.
  case choice([String: [String]], else: [String])
  /// Something without a meaning here, with a value of its own.
  case ignoredValue
  /// Something that is not done here, with the reason.
  case refused(String)
}

extension StandIn {
  /// Options of LLVM's tools by their long names.
  static let llvmOptions: [String: OptionShape] = [
    "obj": .value("--obj"), "exe": .value("--obj"), "build-id": .value("--build-id"),
    "output-style": .value("--output-style"), "adjust-vma": .value("--adjust-vma"),
    "dwp": .value("--dwp"),
    "addresses": .flag(["-a"]), "print-address": .flag(["-a"]),
    "functions": .choice(
      ["linkage": ["-f"], "short": ["-f", "--plain-names"], "none": ["--no-functions"]],
      else: ["-f"]
    ),
    "inlines": .toggle(on: ["-i"], off: ["--no-inlines"]), "no-inlines": .flag(["--no-inlines"]),
    "inlining": .toggle(on: ["-i"], off: ["--no-inlines"]),
    "demangle": .toggle(on: ["-C"], off: ["--no-demangle"]),
    "no-demangle": .flag(["--no-demangle"]),
    "basenames": .flag(["-s"]), "pretty-print": .flag(["-p"]),
    "relativenames": .flag(["--relative-names"]), "verbose": .flag(["--verbose"]),
    "fallback-debug-path": .folder("--debug-dir"), "debug-file-directory": .folder("--debug-dir"),
    "debuginfod": .flag(["--debuginfod"]), "no-debuginfod": .flag([]),
    "version": .flag(["--version"]), "help": .flag(["--help"]),
    "filter-markup": .refused("markup of logs is not read here"),
    "print-source-context-lines": .refused(
      "source is shown in reports: dumpcollect report --source N"
    ),
    // What these say holds anyway, or changes nothing here: an ELF file's addresses are relative to 0.
    "relative-address": .flag([]), "default-arch": .ignoredValue, "cache-size": .ignoredValue,
    "color": .toggle(on: [], off: []), "use-symbol-table": .toggle(on: [], off: []),
    "no-untag-addresses": .flag([]), "use-native-pdb-reader": .flag([]), "dia": .flag([]),
    "dsym-hint": .ignoredValue,
  ]

  /// Options of addr2line by their long names.
  static let gnuOptions: [String: OptionShape] = [
    "exe": .value("--obj"), "section": .value("--section"), "addresses": .flag(["-a"]),
    "functions": .flag(["-f"]), "inlines": .flag(["-i"]), "basenames": .flag(["-s"]),
    "pretty-print": .flag(["-p"]),
    "demangle": .choice(
      [
        "none": ["--no-demangle"], "auto": ["-C"], "gnu-v3": ["-C"], "java": ["-C"], "gnat": ["-C"],
        "dlang": ["-C"], "rust": ["-C"],
      ],
      else: ["-C"]
    ),
    "target": .ignoredValue, "recurse-limit": .flag([]), "no-recurse-limit": .flag([]),
    "recursion-limit": .flag([]), "no-recursion-limit": .flag([]),
    "version": .flag(["--version"]), "help": .flag(["--help"]),
    // Not addr2line's own, but what one may say whatever the name.
    "output-style": .value("--output-style"), "obj": .value("--obj"),
  ]

  /// Options of one letter.
  var letters: [Character: OptionShape] {
    var letters: [Character: OptionShape] = [
      "e": .value("--obj"), "a": .flag(["-a"]), "f": .flag(["-f"]), "i": .flag(["-i"]),
      "C": .flag(["-C"]), "s": .flag(["-s"]), "p": .flag(["-p"]), "v": .flag(["--version"]),
    ]
    if self == .addr2line {
      letters["b"] = .ignoredValue
      letters["j"] = .value("--section")
      for letter in "rR" { letters[letter] = .flag([]) }
      for letter in "hH" { letters[letter] = .flag(["--help"]) }
      letters["V"] = .flag(["--version"])
    } else {
      letters["f"] = Self.llvmOptions["functions"]
      letters["h"] = .flag(["--help"])
    }
    return letters
  }
}
