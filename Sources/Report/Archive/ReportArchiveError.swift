/// Why a report archive could not be written or read.
public struct ReportArchiveError: Error, Equatable, CustomStringConvertible {
  /// The file's path as it was given.
  public var file: String
  /// What was wrong, and what was expected.
  public var problem: String
  /// The next command or step to try.
  public var hint: String?

  /// An error about `file`.
  public init(file: String, problem: String, hint: String? = nil) {
    self.file = file
    self.problem = problem
    self.hint = hint
  }

  /// One line about the file, and the hint on a second one.
  public var description: String {
    guard let hint else { return "\(file): \(problem)" }
    return "\(file): \(problem)\n  \(hint)"
  }
}
