/// A module that is not the same in both of two reports.
public struct ModuleChange: Sendable, Equatable {
  /// What became of it.
  public enum Kind: String, Sendable, CaseIterable {
    /// Another build of the same file, or of a file of this name elsewhere.
    case replaced
    /// Only the new report has it.
    case loaded
    /// Only the old report has it.
    case unloaded
  }

  /// What became of it.
  public var kind: Kind
  /// Its path, in the new report where that has it.
  public var path: String
  /// Its path in the old report, where that was another one.
  public var oldPath: String?
  /// Its build ID in the old report.
  public var oldBuildID: String?
  /// Its build ID in the new report.
  public var newBuildID: String?

  /// The changes, in the order of the new report's modules, then of the old report's.
  ///
  /// Modules without a build ID are the same when their mapped sizes are.
  static func changes(from old: [ReportModule], to new: [ReportModule]) -> [ModuleChange] {
    let oldByPath = Dictionary(grouping: old, by: \.path)
    let newByPath = Dictionary(grouping: new, by: \.path)
    var gone = uniqued(old.filter { newByPath[$0.path] == nil })
    var changes: [ModuleChange] = []
    for module in uniqued(new) {
      if let before = oldByPath[module.path] {
        let versions = Set(before.map(Version.init))
        let now = newByPath[module.path, default: []]
        // The kernel's own code has no file; with another kernel all is another.
        guard let other = now.first(where: { !versions.contains(Version($0)) }),
          let first = before.first
        else { continue }
        changes.append(ModuleChange(from: first, to: other))
      } else if let moved = gone.firstIndex(where: {
        fileName(of: $0.path) == fileName(of: module.path)
      }) {
        let before = gone.remove(at: moved)
        changes.append(ModuleChange(from: before, to: module))
      } else {
        changes.append(ModuleChange(kind: .loaded, path: module.path, newBuildID: module.buildID))
      }
    }
    changes += gone.map {
      ModuleChange(kind: .unloaded, path: $0.path, oldBuildID: $0.buildID)
    }
    // The same build in another place is no other module.
    return changes.filter { $0.kind != .replaced || $0.oldPath == nil || $0.isAnotherBuild }
  }

  private var isAnotherBuild: Bool { oldBuildID == nil || oldBuildID != newBuildID }

  private init(from old: ReportModule, to new: ReportModule) {
    self.init(kind: .replaced, path: new.path)
    oldPath = old.path == new.path ? nil : old.path
    (oldBuildID, newBuildID) = (old.buildID, new.buildID)
  }

  private init(kind: Kind, path: String, oldBuildID: String? = nil, newBuildID: String? = nil) {
    self.kind = kind
    self.path = path
    self.oldBuildID = oldBuildID
    self.newBuildID = newBuildID
  }

  /// The modules whose paths come for the first time.
  private static func uniqued(_ modules: [ReportModule]) -> [ReportModule] {
    var seen: Set<String> = []
    return modules.filter { seen.insert($0.path).inserted }
  }

  /// What tells a module from another one of its path.
  private enum Version: Hashable {
    case buildID(String)
    case size(UInt64)

    init(_ module: ReportModule) {
      self = module.buildID.map(Version.buildID) ?? .size(module.end &- module.base)
    }
  }
}
