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

/// Resolves addresses of ELF files, for `dumpcollect resolve`.
///
/// Keeps every file it opened, with what was parsed of it; a class for that reason.
public final class AddressResolver {
  /// How an address is to be read.
  public enum AddressKind: Sendable {
    /// The instruction at the address itself.
    case exact
    /// The call before the address.
    case returnAddress
  }

  /// A resolver; it opens nothing yet.
  public init(options: SymbolizerOptions, log: Logger) {}

  /// The frames of each address (ELF virtual addresses), in input order; each at least states why it is unknown.
  public func resolve(
    _ addresses: [UInt64],
    in path: String,
    kind: AddressKind
  ) throws(SymbolizerError) -> [ResolvedAddress] {
    []
  }
}

/// What is known of one address.
public struct ResolvedAddress: Sendable, Equatable {
  public var address: UInt64
  /// The file that was asked.
  public var module: String
  /// Innermost first; empty when nobody knows the address.
  public var frames: [Frame] = []
  /// Why `frames` is empty or lacks names.
  public var unknown: String?

  /// An address without frames.
  public init(address: UInt64, module: String) {
    self.address = address
    self.module = module
  }
}
