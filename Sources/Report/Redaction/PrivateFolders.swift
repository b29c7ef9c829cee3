/// Folders whose contents are somebody's own: paths below them say who that is and what it is called.
struct PrivateFolders {
  /// What a path must have in it, and how much of that is kept.
  private struct Folder {
    var bytes: [UInt8]
    var keptCount: Int
    /// The folder is somebody's; else what it holds is.
    var isWhole: Bool
  }

  private var folders: [Folder] = []

  /// The folders that homes are in on common systems, and those of `others`.
  init(others: [String]) {
    for parent in ["/home", "/root", "/Users"] {
      folders.append(
        Folder(bytes: Array("\(parent)/".utf8), keptCount: parent.utf8.count, isWhole: false)
      )
    }
    for folder in others {
      let bytes = Self.withoutSlashesAtEnd(Array(folder.utf8))
      guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), slash + 1 < bytes.count else {
        continue
      }
      folders.append(Folder(bytes: bytes, keptCount: slash, isWhole: true))
    }
  }

  private static func withoutSlashesAtEnd(_ path: [UInt8]) -> [UInt8] {
    Array(path.prefix(path.count - path.reversed().prefix { $0 == UInt8(ascii: "/") }.count))
  }

  /// A private folder in a text: where it begins, and where what is private begins, behind the slash.
  ///
  /// It may stand within a longer path: debug files lie below `/usr/lib/debug/home/…`.
  func first(in text: ArraySlice<UInt8>) -> (start: Int, contents: Int)? {
    var index = text.startIndex
    while let slash = text[index...].firstIndex(of: UInt8(ascii: "/")) {
      for folder in folders where text[slash...].starts(with: folder.bytes) {
        let end = slash + folder.bytes.count
        let isMatch =
          folder.isWhole
          ? end == text.endIndex || !isOfName(text[end])
          : end < text.endIndex
        if isMatch { return (slash, slash + folder.keptCount + 1) }
      }
      index = slash + 1
    }
    return nil
  }

  private func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...0xff: true
    case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
    default: false
    }
  }
}

extension RedactionTokens {
  /// A path in which what is below a private folder became a token for its folder and one for its name.
  mutating func path(_ path: String, _ folders: PrivateFolders) -> String {
    let bytes = Array(path.utf8)
    guard let found = folders.first(in: bytes[...]) else { return path }
    return text(bytes[..<found.start]) + privatePath(bytes[found.start...], found.contents)
  }

  /// A text in which private paths became tokens.
  ///
  /// Where a path ends cannot be seen in a text: folders may have spaces and brackets in their names. So all is taken up to the
  /// last slash of the line, and from there to the next mark that a text puts behind a name.
  mutating func text(_ text: String, _ folders: PrivateFolders) -> String {
    guard text.utf8.contains(UInt8(ascii: "/")) else { return text }
    let bytes = Array(text.utf8)
    var result = ""
    var rest = bytes[...]
    while let found = folders.first(in: rest) {
      let lineEnd = rest[found.start...].firstIndex(of: 0x0a) ?? rest.endIndex
      let slash = rest[found.start..<lineEnd].lastIndex(of: UInt8(ascii: "/")) ?? found.start
      let end = rest[slash..<lineEnd].firstIndex(where: Self.endsName) ?? lineEnd
      result += self.text(rest[rest.startIndex..<found.start])
      result += privatePath(rest[found.start..<end], found.contents)
      rest = rest[end...]
    }
    return result + self.text(rest)
  }

  private static func endsName(_ byte: UInt8) -> Bool {
    byte < 0x20 || ":;,()<>[]{}\"'|`".utf8.contains(byte)
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }

  /// `/home/redacted-…/redacted-….c`; `contents` is where what is private begins.
  private mutating func privatePath(_ path: ArraySlice<UInt8>, _ contents: Int) -> String {
    let contents = min(contents, path.endIndex)
    let kept = text(path[path.startIndex..<contents])
    guard let slash = path[contents...].lastIndex(of: UInt8(ascii: "/")) else {
      return kept + token(for: text(path))
    }
    let folder = kept + privateFolder(path[path.startIndex..<slash])
    let name = text(path[(slash + 1)...])
    return name.isEmpty ? folder + "/" : "\(folder)/\(token(forFileName: name))"
  }

  /// A token; two, and between them what says that sources are those of a package, where it does.
  private mutating func privateFolder(_ path: ArraySlice<UInt8>) -> String {
    let bytes = Array(path) + [UInt8(ascii: "/")]
    for folder in dependencyFolders {
      guard let found = bytes.firstRange(of: folder.utf8) else { continue }
      let home = token(for: text(bytes[..<found.lowerBound])) + folder.dropLast()
      return found.upperBound < bytes.count ? "\(home)/\(token(for: text(path)))" : home
    }
    return token(for: text(path))
  }
}
