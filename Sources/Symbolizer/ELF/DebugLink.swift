/// Name and checksum of a separate debug file (GDB manual, Separate Debug Files).
package struct DebugLink: Hashable, Sendable {
  /// A file name without folders.
  package var fileName: String
  package var checksum: UInt32
}

/// Name and build ID of the file that `dwz -m` moved common parts to.
package struct AlternateDebugLink: Hashable, Sendable {
  package var path: String
  package var buildID: BuildID
}
