import Glibc
import Report

/// Finds the texts of the source files of one module's frames, and cuts out what is shown.
struct SourceTexts {
  /// Larger files are not read: nobody wrote them by hand.
  private static let largestByteCount = 64 << 20
  /// Longer lines are cut: those are data.
  private static let longestLine = 4096

  /// A source file as it was found.
  private struct Text {
    var lines: [Range<Int>]
    var bytes: [UInt8]
    var origin: SourceSnippet.Origin
    var isNewer = false
  }

  /// Lines before and behind the frame's.
  let context: Int
  /// Without a slash at its end.
  let root: String
  let server: DebugServer?

  /// The snippets of frames; those whose file is not to be had have none.
  ///
  /// `embedded`: texts that the debug information has, by path. `files`: the module's own.
  func snippets(
    of frames: some Sequence<Frame>,
    embedded: [String: [UInt8]],
    files: ModuleFiles
  ) -> [SourceSnippet] {
    var wanted: [String: Set<UInt32>] = [:]
    for frame in frames {
      guard let file = frame.file, let line = frame.line, line > 0 else { continue }
      wanted[file, default: []].insert(line)
    }
    let built = files.buildTime
    let id = files.main?.buildID ?? files.debug?.buildID
    var snippets: [SourceSnippet] = []
    for (file, lines) in wanted.sorted(by: { $0.key < $1.key }) {
      guard let text = text(of: file, embedded[file], builtAt: built, id) else { continue }
      for line in lines.sorted() {
        if let snippet = snippet(of: text, file, line) { snippets.append(snippet) }
      }
    }
    return snippets
  }

  private func snippet(of text: Text, _ file: String, _ line: UInt32) -> SourceSnippet? {
    let index = Int(line) - 1
    // A file with fewer lines is not the one that was compiled.
    guard text.lines.indices.contains(index) else { return nil }
    let first = max(0, index - context)
    let last = min(text.lines.count - 1, index + context)
    return SourceSnippet(
      file: file,
      line: line,
      firstLine: UInt32(first + 1),
      lines: text.lines[first...last].map {
        String(decoding: text.bytes[$0].prefix(Self.longestLine), as: UTF8.self)
      },
      origin: text.origin,
      isNewer: text.isNewer
    )
  }

  /// The text in the debug information, else the file here, else a server's.
  private func text(
    of file: String,
    _ embedded: [UInt8]?,
    builtAt built: Int64?,
    _ id: BuildID?
  ) -> Text? {
    if let embedded {
      return Text(lines: Self.lines(of: embedded), bytes: embedded, origin: .embedded)
    }
    // Without a folder it could be any file of this name.
    guard file.hasPrefix("/") else { return nil }
    if let found = SmallFile(path: root + file, limit: Self.largestByteCount) {
      var text = Text(lines: Self.lines(of: found.bytes), bytes: found.bytes, origin: .disk)
      text.isNewer = built.map { found.changed > $0 } ?? false
      return text
    }
    guard let id, let path = try? server?.source(file, of: id),
      let found = SmallFile(path: path, limit: Self.largestByteCount)
    else { return nil }
    return Text(lines: Self.lines(of: found.bytes), bytes: found.bytes, origin: .server)
  }

  private static func lines(of bytes: [UInt8]) -> [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      let hasReturn = index > start && bytes[index - 1] == UInt8(ascii: "\r")
      lines.append(start..<(hasReturn ? index - 1 : index))
      start = index + 1
    }
    if start < bytes.count { lines.append(start..<bytes.count) }
    return lines
  }

}

extension ModuleFiles {
  /// When the module was written (seconds since 1970), the earliest of its files; nil for an image of memory.
  fileprivate var buildTime: Int64? {
    [main, debug].compactMap { file -> Int64? in
      guard let file else { return nil }
      var status = stat()
      // Safe because the string and the value live during the call.
      guard unsafe stat(file.path, &status) == 0 else { return nil }
      return Int64(status.st_mtim.tv_sec)
    }.min()
  }
}
