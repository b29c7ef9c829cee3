import CaptureFormat
import SymbolLookup

extension ModuleRequest {
  private static let deletedMark = " (deleted)"

  /// The module as captured.
  init(_ module: WireModule) {
    self.init(path: module.path)
    if path.hasSuffix(Self.deletedMark) {
      path.removeLast(Self.deletedMark.count)
      isDeleted = true
    }
    isDeleted = isDeleted || module.deleted
    buildID = BuildID([UInt8](module.buildID))
    image = [UInt8](module.image)
  }
}
