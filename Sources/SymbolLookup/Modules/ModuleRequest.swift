/// A module whose files are wanted: as a capture states it.
package struct ModuleRequest: Sendable {
  /// As the process saw it, without ` (deleted)`.
  package var path: String
  /// Nil when the module has none, or when nothing was captured.
  package var buildID: BuildID?
  /// The file was unlinked or replaced while the process ran.
  package var isDeleted = false
  /// The bytes of a module that has no file: the vDSO.
  package var image: [UInt8] = []

  /// A module that nothing but its path is known of.
  package init(path: String) {
    self.path = path
  }

  /// What follows the last slash.
  package var fileName: String {
    path.split(separator: "/", omittingEmptySubsequences: true).last.map(String.init) ?? path
  }

  /// What precedes the last slash, without it; empty for a file of the root.
  package var directory: String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}
