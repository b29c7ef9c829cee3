/// The call sites of a capture, sorted by the module that each lies in.
struct SitePlaces: Sendable {
  /// By module: numbers of call sites.
  private(set) var sitesOfModule: [[Int]]
  /// Numbers of the call sites in no module, with the reason.
  private(set) var unplaced: [(number: Int, reason: String)] = []

  /// Some call site lies where generated code may be.
  private(set) var hasCodeOutsideModules = false

  init(_ sites: [CallSite], _ map: ModuleMap, moduleCount: Int) {
    sitesOfModule = [[Int]](repeating: [], count: moduleCount)
    for (number, site) in sites.enumerated() {
      switch map.place(of: site.lookupAddress) {
      case .module(let index): sitesOfModule[index].append(number)
      case .unknown(let reason):
        unplaced.append((number, reason))
        // User space that no file is mapped to: code may have been generated there.
        let address = site.lookupAddress.value
        hasCodeOutsideModules = hasCodeOutsideModules || (address >= 4096 && address >> 56 == 0)
      }
    }
  }
}
