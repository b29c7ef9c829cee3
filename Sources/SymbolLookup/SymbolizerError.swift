/// Why nothing could be done with a file: the module's one public error.
public struct SymbolizerError: Error, Equatable, CustomStringConvertible {
  /// The file's path as it was given.
  public var file: String
  /// What was wrong, with offset and expectation where a format was broken.
  public var problem: String
  /// The next command or step to try.
  public var hint: String?

  /// An error about `file`.
  public init(file: String, problem: String, hint: String? = nil) {
    self.file = file
    self.problem = problem
    self.hint = hint
  }

  /// File, problem and hint, as a person reads them.
  public var description: String {
    guard let hint else { return "\(file): \(problem)" }
    return "\(file): \(problem)\n  \(hint)"
  }
}
