/// Name and checksum of a separate debug file (GDB manual, Separate Debug Files).
package struct DebugLink: Hashable, Sendable {
  /// A file name; with folders, absolute or counted from the file with the link, where somebody wrote it so.
  package var fileName: String
  package var checksum: UInt32
}

/// Name and build ID of the file that `dwz -m` moved common parts to.
package struct AlternateDebugLink: Hashable, Sendable {
  package var path: String
  package var buildID: BuildID
}

extension DebugLink {
  var hasFolders: Bool { fileName.contains("/") }

  var isAbsolute: Bool { fileName.hasPrefix("/") }

  /// The name without folders.
  var lastPart: String {
    fileName.lastIndex(of: "/").map { String(fileName[fileName.index(after: $0)...]) } ?? fileName
  }
}
