/// The files that a module's names come from, each proven to be of the same build.
package struct ModuleFiles: Sendable {
  /// The module itself; nil when it is gone, or was replaced by another build.
  package var main: ELFFile?
  /// A separate debug file; nil when the module has its own debug information, or none was found.
  package var debug: ELFFile?
  /// The file that `dwz` moved common parts of the debug information to.
  package var alternate: ELFFile?
  /// What is missing with the file of `dwz`, where that was not found.
  package var alternateProblem: String?
  /// Where to look for split files, should the debug information have skeletons.
  package var split: SplitFileSearch?
  /// Why the module's own file is not used.
  package var mainProblem: String?
  /// There is no file where the module's own should be.
  package var isMainMissing = false
  /// Files that looked right and were not, among them the module's own.
  package var refused: [RefusedFile] = []
  /// What else a reader should know, such as that nothing proves the files to be right.
  package var notes: [String] = []

  package init() {}

  /// The file that the module's debug information is in.
  package var debugInformation: ELFFile? {
    if let debug, debug.hasDebugInformation { return debug }
    if let main, main.hasDebugInformation { return main }
    return nil
  }
}

/// A file that is not used, although it is where the right one would be.
package struct RefusedFile: Hashable, Sendable, CustomStringConvertible {
  package var path: String
  /// Such as `build ID 12ab, expected 34cd`.
  package var reason: String

  package var description: String { "\(path): \(reason)" }
}
