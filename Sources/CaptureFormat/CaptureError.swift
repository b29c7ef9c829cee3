/// Why nothing could be read of a capture file: the module's one error at its edge.
package struct CaptureError: Error, Equatable, Sendable {
  package enum Kind: Equatable, Sendable {
    /// The file could not be opened or read; the number is errno.
    case unreadable(Int32)
    /// The bytes are something else than a capture.
    case foreign
    /// A capture of a version that this reader does not know.
    case version(UInt16)
    /// A capture without any whole record.
    case empty
    /// More bytes than any capture has.
    case oversized
  }

  package var kind: Kind
  /// The file's path as it was given, or `standard input`.
  package var file: String
  /// What was expected and found, with its offset.
  package var problem: String
  /// The next command or step to try.
  package var hint: String?

  package init(_ kind: Kind, file: String, problem: String, hint: String? = nil) {
    self.kind = kind
    self.file = file
    self.problem = problem
    self.hint = hint
  }
}

extension CaptureError: CustomStringConvertible {
  package var description: String {
    guard let hint else { return "\(file): \(problem)" }
    return "\(file): \(problem)\n  \(hint)"
  }
}
