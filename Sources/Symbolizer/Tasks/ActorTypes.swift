import CaptureFormat
import Report

/// Names the types of actors by the symbols of their metadata.
///
/// An object's first word points into the metadata of its class, at the place that the symbol `type metadata for X`
/// names; `full type metadata for X` covers it from some words before. Metadata of generic types is made at run time
/// and has no symbol: there, and where symbols were stripped, the name that the process has for its class stands in.
struct ActorTypes {
  /// Why a type has no name.
  enum Unknown: String {
    case noModule = "its metadata was made at run time, as that of generic types is"
    case noSymbol = "no symbol covers its metadata"
    case notRead = "its type was not read"
  }

  private let modules: [CapturedModule]
  private let map: ModuleMap
  private let demangler = Demangler()
  private var known: [UInt64: Result<String, Failure>] = [:]

  private struct Failure: Error {
    var reason: Unknown
  }

  init(_ modules: [CapturedModule], _ map: ModuleMap) {
    self.modules = modules
    self.map = map
  }

  /// The executor as a report has it.
  mutating func executor(_ wire: WireExecutor) -> ReportExecutor {
    let kind: ReportExecutor.Kind =
      switch wire.kind {
      case .actor: .actor
      case .mainActor: .mainActor
      case .other, .UNRECOGNIZED: .custom
      }
    var executor = ReportExecutor(address: wire.address, kind: kind)
    executor.holderTask = wire.holderTask == 0 ? nil : wire.holderTask
    executor.holderThreadID = wire.holderTid == 0 ? nil : wire.holderTid
    if kind == .mainActor {
      executor.type = "Swift.MainActor"
      return executor
    }
    switch name(ofType: wire.type) {
    case .success(let name): executor.type = name
    // What the process itself says is the class's name alone.
    case .failure where !wire.typeName.isEmpty: executor.type = wire.typeName
    case .failure(let failure): executor.unknown = failure.reason.rawValue
    }
    return executor
  }

  private mutating func name(ofType address: UInt64) -> Result<String, Failure> {
    guard address != 0 else { return .failure(Failure(reason: .notRead)) }
    if let result = known[address] { return result }
    let result = lookUp(address)
    known[address] = result
    return result
  }

  private func lookUp(_ address: UInt64) -> Result<String, Failure> {
    guard case .module(let index) = map.place(of: RuntimeAddress(address)) else {
      return .failure(Failure(reason: .noModule))
    }
    let module = modules[index]
    // What of the symbols cannot be read stands in the module's entry already.
    var problems: [String] = []
    let symbols = module.lookup(problems: &problems).symbols
    let place = module.bias.elfAddress(of: RuntimeAddress(address)).value
    guard let variable = symbols.variable(at: place) else {
      return .failure(Failure(reason: .noSymbol))
    }
    let name = demangler.demangle(variable.name).full
    for prefix in ["type metadata for ", "full type metadata for "] where name.hasPrefix(prefix) {
      return .success(String(name.dropFirst(prefix.count)))
    }
    return .failure(Failure(reason: .noSymbol))
  }
}
