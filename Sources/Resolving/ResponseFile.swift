import CommandOutput
import Glibc

/// Words in a file, `@FILE`, as compilers' tools take them.
enum ResponseFile {
  /// More than any command line holds.
  private static let mostBytes = 4 << 20
  /// A file may name others, or itself.
  private static let mostFiles = 64

  /// The words, each `@FILE` with the words of that file in its place; a file that cannot be read stays a word.
  static func expand(_ words: [String]) -> [String] {
    guard words.contains(where: { $0.utf8.first == UInt8(ascii: "@") }) else { return words }
    var expanded: [String] = []
    var rest = Array(words.reversed())
    var count = 0
    while let word = rest.popLast() {
      guard word.utf8.first == UInt8(ascii: "@"), count < mostFiles,
        let text = text(of: String(word.dropFirst()))
      else {
        expanded.append(word)
        continue
      }
      count += 1
      rest += self.words(of: text).reversed()
    }
    return expanded
  }

  /// Splits at white space; quotes and backslashes keep it, as in a shell.
  static func words(of text: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in text {
      if isEscaped {
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
        word = word ?? ""
      } else if quote == nil, character.isWhitespace {
        if let whole = word { words.append(whole) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    return words + [word].compactMap(\.self)
  }

  private static func text(of path: String) -> String? {
    // Safe because the string lives during the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // What cannot be read stays the word that it was.
    return (try? readAll(descriptor, limit: mostBytes)).map { String(decoding: $0, as: UTF8.self) }
  }
}
