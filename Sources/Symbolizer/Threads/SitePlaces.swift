/// The call sites of a capture, sorted by the module that each lies in.
struct SitePlaces: Sendable {
  /// By module: numbers of call sites.
  private(set) var sitesOfModule: [[Int]]
  /// Numbers of the call sites in no module, with the reason.
  private(set) var unplaced: [(number: Int, reason: String)] = []

  init(_ sites: [CallSite], _ map: ModuleMap, moduleCount: Int) {
    sitesOfModule = [[Int]](repeating: [], count: moduleCount)
    for (number, site) in sites.enumerated() {
      switch map.place(of: site.lookupAddress) {
      case .module(let index): sitesOfModule[index].append(number)
      case .unknown(let reason): unplaced.append((number, reason))
      }
    }
  }
}
