public import Logging
import Report
import SymbolLookup

/// Resolves addresses of ELF files.
///
/// Keeps every file it opened, with what was parsed of it; a class for that reason. One thread at a
/// time.
public final class AddressResolver {
  /// How an address is to be read.
  public enum AddressKind: Sendable {
    /// The instruction at the address itself.
    case exact
    /// The call before the address.
    case returnAddress
  }

  private let files: FileResolver

  /// A resolver; it opens nothing yet.
  public init(options: SymbolizerOptions, log: Logger) {
    files = FileResolver(
      options: options.lookup,
      log: LookupLog(
        warning: { log.warning("\($0)") },
        information: { log.info("\($0)") }
      )
    )
  }

  /// The frames of each address (ELF virtual addresses), in input order; each at least states why
  /// it is unknown.
  public func resolve(
    _ addresses: [UInt64],
    in path: String,
    kind: AddressKind
  ) throws(SymbolizerError) -> [ResolvedAddress] {
    let batch = try files.resolve(
      addresses,
      in: path,
      kind: kind == .exact ? .exact : .returnAddress
    )
    return addresses.indices.map { ResolvedAddress($0, of: batch) }
  }
}

extension ResolvedAddress {
  /// All that is known of the address at `index` of a batch.
  init(_ index: Int, of batch: ResolvedBatch) {
    self.init(address: batch.addresses[index], module: batch.module)
    frames = batch.readableFrames(at: index).map { Frame($0, address: address) }
    unknown = batch.reason(at: index)
  }
}

extension Frame {
  /// A frame of an address of a file, as lookups have it.
  init(_ frame: ReadableFrame, address: UInt64) {
    self.init(address: address)
    offset = address
    function = frame.function
    linkage = frame.linkage
    aliases = frame.aliases
    shortFunction = frame.shortFunction
    file = frame.file
    line = frame.line
    column = frame.column
    isInlined = frame.isInlined
    unknown = frame.unknown
  }
}
