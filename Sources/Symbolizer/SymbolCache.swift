import CaptureFormat
import Report
import SymbolLookup
import Synchronization

/// What was looked up for one capture, kept for the next captures of the same process.
///
/// Open files, their indices, and the frames of each address that was asked: a capture that shows the same code again costs no
/// look-up at all. What is kept of modules that the last capture did not have is dropped. Files are not looked for again: a debug
/// file that is installed meanwhile is not seen.
public final class SymbolCache: Sendable {
  /// What makes a module of one capture that of another.
  struct Key: Hashable {
    private let path: String
    private let buildID: [UInt8]
    private let base: UInt64
    private let end: UInt64
    private let bias: UInt64
    private let isDeleted: Bool

    init(_ module: WireModule) {
      path = module.path
      buildID = [UInt8](module.buildID)
      (base, end, bias) = (module.base, module.end, module.loadBias)
      isDeleted = module.deleted
    }
  }

  /// A module with all that was found out of it.
  struct Entry: Sendable {
    var module: CapturedModule
    /// Servers may have been asked for its files.
    var wasWanted: Bool
    var sites: [CallSite: ResolvedSite] = [:]
  }

  private let entries = Mutex<[Key: Entry]>([:])

  /// A cache of nothing.
  public init() {}

  /// What is kept of a module; nil when it has to be opened, for the first time or with servers asked.
  func entry(of module: WireModule, isWanted: Bool) -> Entry? {
    entries.withLock { entries in
      guard let entry = entries[Key(module)], entry.wasWanted || !isWanted else { return nil }
      return entry
    }
  }

  /// Keeps the modules of a capture, and nothing else.
  func replaceAll(_ modules: [(module: WireModule, entry: Entry)]) {
    let kept = Dictionary(modules.map { (Key($0.module), $0.entry) }) { first, _ in first }
    entries.withLock { $0 = kept }
  }
}

/// The frames of a call site, before they have an address and a module.
struct ResolvedSite: Sendable {
  /// Innermost first; empty when nothing is known.
  var frames: [Frame]
  /// Why there is no function or no line, of frames that do not say so themselves.
  var unknown: String?
}

/// What a module's files know, made when it is first asked and kept with the module.
final class KeptLookup: Sendable {
  private let made = Mutex<ModuleLookup?>(nil)

  /// The lookup; what of the files cannot be read is added to `problems` the first time.
  func lookup(of files: ModuleFiles, problems: inout [String]) -> ModuleLookup {
    let (lookup, found) = made.withLock { made -> (ModuleLookup, [String]) in
      if let made { return (made, []) }
      var problems: [String] = []
      let lookup = files.lookup(problems: &problems)
      made = lookup
      return (lookup, problems)
    }
    problems += found
    return lookup
  }
}
