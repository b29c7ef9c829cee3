/// The version of the command and of the package.
enum Version {
  /// Semantic version; the handler's is in dumpcollect.h.
  static let text = "0.1.0"
}
