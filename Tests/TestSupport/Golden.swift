import Foundation
package import Testing

/// Outputs that were read by a person and kept in `Tests/Golden`.
package enum Golden {
  /// Compares `text` with the kept file; `UPDATE_GOLDEN=1` keeps it anew instead (read the diff).
  package static func expect(
    _ text: String,
    equals name: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let path = "\(repositoryRoot)/Tests/Golden/\(name)"
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return
    }
    let kept = try String(contentsOfFile: path, encoding: .utf8)
    guard text != kept else { return }
    Issue.record(
      "differs from Tests/Golden/\(name) (UPDATE_GOLDEN=1 keeps the new text):\n\(difference(kept, text))",
      sourceLocation: sourceLocation
    )
  }

  /// The text without what differs from run to run: addresses, times, process and thread ids, folders.
  package static func normalised(_ text: String, folders: [String: String] = [:]) -> String {
    var text = text
    for (folder, name) in folders.sorted(by: { $0.key.count > $1.key.count }) {
      text = text.replacingOccurrences(of: folder, with: name)
    }
    for (pattern, replacement) in [
      ("0x[0-9a-f]+", "0xADDRESS"),
      ("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?Z?", "TIME"),
      ("[0-9]{8}T[0-9]{6}Z", "TIME"),
      ("\\b(pid|thread|tid|tids) [0-9]+(-[0-9]+)?(, [0-9]+(-[0-9]+)?)*", "$1 N"),
      ("\"(pid|tid|sender_pid|crashed_tid)\":[0-9]+", "\"$1\":N"),
      ("[0-9]+\\.[0-9]{2}s\\b", "N.NNs"),
      // Lines of the C library move with each of its updates.
      ("\\b(nptl|csu|sysdeps)/[^ :\n]+:[0-9]+", "LIBC"),
    ] {
      text = text.replacingOccurrences(
        of: pattern,
        with: replacement,
        options: .regularExpression
      )
    }
    return text
  }

  private static func difference(_ old: String, _ new: String) -> String {
    let (old, new) = (lines(old), lines(new))
    return new.difference(from: old).map { change in
      switch change {
      case .remove(let offset, let line, _): "-\(offset + 1): \(line)"
      case .insert(let offset, let line, _): "+\(offset + 1): \(line)"
      }
    }.joined(separator: "\n")
  }

  private static func lines(_ text: String) -> [Substring] {
    text.split(separator: "\n", omittingEmptySubsequences: false)
  }
}
