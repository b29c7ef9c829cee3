public import Logging
public import Report

/// Where a symbolizer looks and what it does; the defaults are those of the command.
public struct SymbolizerOptions: Sendable {
  /// Searched before the system's directories: `D/.build-id/xx/rest.debug`, `D/<module's directory>/<debuglink>`,
  /// `D/<file name or debuglink>`.
  public var debugDirectories: [String] = []
  /// Module paths are looked up below this directory.
  public var sysroot: String?
  /// Threads to use; nil is one a core.
  public var jobs: Int?
  /// Names are demangled.
  public var demangles = true

  /// The defaults.
  public init() {}
}

/// Turns raw captures into reports.
public struct CaptureSymbolizer: Sendable {
  private let options: SymbolizerOptions
  private let log: Logger

  /// A symbolizer; it opens nothing yet.
  public init(options: SymbolizerOptions, log: Logger) {
    self.options = options
    self.log = log
  }

  /// The report of the capture file at `path`; "-" is standard input.
  ///
  /// A cut or damaged capture gives a report of what is whole, with `isComplete` false and `problems` naming the rest.
  public func report(ofCaptureAt path: String) throws(SymbolizerError) -> DumpReport {
    _ = options
    _ = log
    return DumpReport()
  }
}
