import CommandOutput
import Glibc

/// Words of another tool that were read, and what became of them.
struct OptionTranslation {
  /// Not read yet.
  var words: ArraySlice<String>
  private(set) var options: [String] = []
  var addresses: [String] = []

  /// Of each of these the one that was given last counts.
  private static let opposites = [
    "-f": "--no-functions", "-i": "--no-inlines", "-C": "--no-demangle",
  ]

  init(words: ArraySlice<String>) {
    self.words = words
  }

  /// Adds what an option means.
  ///
  /// - Throws: that its value is missing or not known, or that it is not done here.
  mutating func apply(
    _ shape: OptionShape,
    called word: String,
    value: String?
  ) throws(CommandError) {
    switch shape {
    case .flag(let replacement): add(replacement)
    case .toggle(let on, let off):
      let isOff = ["false", "0", "none", "off"].contains(value?.lowercased() ?? "")
      add(isOff ? off : on)
    case .choice(let meanings, let plain):
      guard let value else { return add(plain) }
      guard let meaning = meanings[value] else {
        let known = meanings.keys.sorted().joined(separator: ", ")
        throw CommandError("\(word): expected one of \(known)", status: .usage)
      }
      add(meaning)
    case .value(let option): options += [option, try self.value(value, of: word)]
    case .folder(let option):
      let folder = try self.value(value, of: word)
      if isFolder(folder) { options += [option, folder] }
    case .ignoredValue: _ = try self.value(value, of: word)
    case .refused(let reason): throw CommandError("\(word): \(reason)", status: .usage)
    }
  }

  /// Adds what letters in one word mean: `-fie FILE`, `-eFILE`.
  mutating func applyLetters(
    _ text: Substring,
    _ letters: [Character: OptionShape],
    called word: String
  ) throws(CommandError) {
    var rest = text
    while let letter = rest.popFirst() {
      guard let shape = letters[letter] else { throw Self.unknown(word) }
      switch shape {
      case .flag, .toggle, .choice, .refused: try apply(shape, called: word, value: nil)
      case .value, .folder, .ignoredValue:
        return try apply(shape, called: word, value: rest.isEmpty ? nil : String(rest))
      }
    }
  }

  static func unknown(_ word: String) -> CommandError {
    CommandError(
      "the option \(word) is not known",
      hint: "what there is: dumpcollect resolve --help",
      status: .usage
    )
  }

  private mutating func add(_ words: [String]) {
    for word in words {
      let opposite = Self.opposites[word] ?? Self.opposites.first { $0.value == word }?.key
      options.removeAll { $0 == opposite }
      options.append(word)
    }
  }

  /// The value of an option: in its word, else the next word.
  private mutating func value(
    _ value: String?,
    of word: String
  ) throws(CommandError) -> String {
    guard let value = value ?? words.popFirst() else {
      throw CommandError("\(word): expected a value behind it", status: .usage)
    }
    return value
  }

  private func isFolder(_ path: String) -> Bool {
    var status = stat()
    // Safe because the string and the value live during the call.
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
