import CommandOutput
import Glibc
package import SymbolLookup

/// What `resolve` was asked for.
package struct ResolveRequest {
  /// Read from standard input when there are none.
  package var addresses: [String] = []
  /// The file that the addresses belong to.
  package var object: String?
  package var outputStyle = AnswerStyle.Kind.llvm
  package var showsFunctions = false
  package var hidesFunctions = false
  /// Functions are called as in the source.
  package var showsPlainNames = false
  package var showsInlines = false
  package var hidesInlines = false
  package var demangles = false
  package var keepsMangled = false
  package var showsAddresses = false
  package var isPretty = false
  package var showsBaseNames = false
  package var isVerbose = false
  /// File names without the folder that the compiler ran in.
  package var showsRelativeNames = false
  package var areReturnAddresses = false
  /// The build ID of the file that the addresses belong to.
  package var buildID: String?
  /// Taken from each address.
  package var adjustment: UInt64 = 0
  /// Addresses count from the start of this section.
  package var section: String?
  /// Numbers without a prefix are hexadecimal.
  package var readsHexadecimal = false
  package var options = LookupOptions()

  /// Nothing in particular: addresses with their files are read from standard input.
  package init() {}

  /// The session that answered, for its files to stay open.
  nonisolated(unsafe) private static var kept: ResolveSession?

  /// Answers all that is asked.
  package func run() throws {
    var options = options
    options.demangles = outputStyle == .gnu ? demangles : !keepsMangled
    options.naming.prefersPlainNames = showsPlainNames
    options.naming.omitsCompilationDirectory = showsRelativeNames
    let style = style
    let session = ResolveSession(
      resolver: FileResolver(
        options: options,
        log: LookupLog(warning: { note($0) }, information: { _ in })
      ),
      style: style,
      reading: reading,
      kind: areReturnAddresses ? .returnAddress : .exact
    )
    if addresses.isEmpty {
      var input = LineReader()
      while try session.answer(&input) {}
    } else {
      if style.isList { try StandardOutput.write(Array("[".utf8)) }
      try session.answer(addresses)
      if style.isList { try StandardOutput.write(Array("]\n".utf8)) }
    }
    // Everything that was opened is left to the end of the process: closing it first takes a tenth of a short answer.
    // In a variable of the program: the optimizer drops a reference that is only counted up, and the session with it.
    // Safe because nobody but this thread answers, and nobody reads it.
    unsafe Self.kept = session
    try session.finish()
  }

  private var reading: ResolveSession.Reading {
    ResolveSession.Reading(
      object: buildID ?? object,
      isBuildID: buildID != nil,
      radix: outputStyle == .gnu || readsHexadecimal ? .hexadecimal : .byPrefix,
      adjustment: adjustment,
      section: section
    )
  }

  private var style: AnswerStyle {
    let isGNU = outputStyle == .gnu
    return AnswerStyle(
      kind: outputStyle,
      showsFunctions: isGNU ? showsFunctions : !hidesFunctions,
      showsInlines: isGNU ? showsInlines : !hidesInlines,
      showsAddresses: showsAddresses,
      isPretty: isPretty,
      showsBaseNames: showsBaseNames,
      isVerbose: isVerbose,
      isList: outputStyle == .llvmJSON && !addresses.isEmpty
    )
  }
}

// MARK: - The usual arguments

extension ResolveRequest {
  /// Reads what most callers write, without swift-argument-parser.
  ///
  /// Setting that up for all verbs takes longer than a file of some megabytes takes to answer for an address, and
  /// sanitizers and perf start the command again and again. Nil for anything that is not plain, right or wrong:
  /// swift-argument-parser then reads the same words, and alone tells what is wrong with them.
  ///
  /// `words`: all arguments, the verb first.
  package init?(plain words: ArraySlice<String>) {
    guard words.first == "resolve", unsafe getenv("DUMPCOLLECT_DEBUGINFOD") == nil else {
      return nil
    }
    self.init()
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      if word == "--" {
        addresses += rest
        break
      }
      guard word.utf8.first == UInt8(ascii: "-") else {
        guard !word.isEmpty else { return nil }
        addresses.append(word)
        continue
      }
      guard takeFlag(word) || takeOption(word, &rest) else { return nil }
    }
    guard !(demangles && keepsMangled), !(showsInlines && hidesInlines) else { return nil }
  }

  private mutating func takeFlag(_ word: String) -> Bool {
    switch word {
    case "-f", "--functions": showsFunctions = true
    case "-i", "--inlines": showsInlines = true
    case "--no-inlines": hidesInlines = true
    case "-C", "--demangle": demangles = true
    case "--no-demangle": keepsMangled = true
    case "-a", "--addresses": showsAddresses = true
    case "-p", "--pretty-print": isPretty = true
    case "-s", "--basenames": showsBaseNames = true
    case "--verbose": isVerbose = true
    case "--return-addresses": areReturnAddresses = true
    default: return false
    }
    return true
  }

  /// An option with its value, in the same word behind `=` or in the next word.
  private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) -> Bool {
    var name = word[...]
    var value: String?
    if let sign = word.utf8.firstIndex(of: UInt8(ascii: "=")) {
      name = word[..<sign]
      value = String(word[word.utf8.index(after: sign)...])
    } else {
      value = rest.first
      // What looks like another option is no value.
      guard let value, value.utf8.first != UInt8(ascii: "-") else { return false }
    }
    guard let value, !value.isEmpty else { return false }
    switch name {
    case "--obj", "--exe", "-e": object = value
    case "--output-style":
      guard let kind = AnswerStyle.Kind(argument: value) else { return false }
      outputStyle = kind
    default: return false
    }
    if name.endIndex == word.endIndex { rest.removeFirst() }
    return true
  }
}
