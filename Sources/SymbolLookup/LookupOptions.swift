/// Where a lookup finds files, and what it does with names.
package struct LookupOptions: Sendable {
  /// A file of a build that servers may have.
  package enum BuildFile: Sendable {
    case debugFile, executable
  }

  /// Brings a file of a build to this machine: its path here.
  ///
  /// The text is what the file is called to a person.
  package typealias Fetch =
    @Sendable (BuildFile, BuildID, String) throws(SymbolizerError) -> String

  /// Searched before the system's directories.
  package var debugDirectories: [String] = []
  /// What stands in front of absolute paths: a sysroot without a slash at its end.
  package var root = ""
  /// Threads to use; nil is one a core.
  package var jobs: Int?
  /// Names are demangled.
  package var demangles = true
  /// How functions and files are called.
  package var naming = Naming()
  /// Packages of split files, looked into before those that are found.
  package var packages: [String] = []
  /// Asked for files that are not on this machine; nil asks nobody.
  package var fetch: Fetch?

  /// The defaults.
  package init() {}
}

/// How a lookup calls functions and files of debug information.
package struct Naming: Hashable, Sendable {
  /// Functions are called as in the source, without namespace, class and parameters.
  package var prefersPlainNames = false
  /// Files are called as the compiler was given them, without the folder that it ran in.
  package var omitsCompilationDirectory = false

  /// In full.
  package init() {}
}

/// What a lookup tells besides its answer.
package struct LookupLog: Sendable {
  /// Something that costs names or lines.
  package let warning: @Sendable (String) -> Void
  /// Which files were taken.
  package let information: @Sendable (String) -> Void

  /// A log that two functions take.
  package init(
    warning: @escaping @Sendable (String) -> Void,
    information: @escaping @Sendable (String) -> Void
  ) {
    self.warning = warning
    self.information = information
  }
}
