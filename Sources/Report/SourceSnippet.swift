/// The lines of a source file around one that a frame stands on.
public struct SourceSnippet: Sendable, Hashable {
  /// Where the text came from.
  public enum Origin: String, Sendable, CaseIterable {
    /// The file at its path, on the machine that made the report.
    case disk
    /// The debug information, which has the text that was compiled.
    case embedded
    /// A server of debug files.
    case server
  }

  /// As in the frame.
  public var file: String
  /// The line of the frame, from 1.
  public var line: UInt32
  /// The line that `lines` begins with.
  public var firstLine: UInt32
  /// Without their ends.
  public var lines: [String]
  /// Where they came from.
  public var origin: Origin
  /// The file was changed after the program was built: it may not be what was compiled.
  public var isNewer: Bool

  /// Lines of a file.
  public init(
    file: String,
    line: UInt32,
    firstLine: UInt32,
    lines: [String],
    origin: Origin,
    isNewer: Bool = false
  ) {
    self.file = file
    self.line = line
    self.firstLine = firstLine
    self.lines = lines
    self.origin = origin
    self.isNewer = isNewer
  }
}
