import CaptureFormat
import Report

/// A module of a capture with the files that its names come from.
struct CapturedModule: Sendable {
  let bias: LoadBias
  let files: ModuleFiles
  /// As the report lists it.
  private(set) var entry: ReportModule
  /// Keeps what the files know for further captures; nil where there will be none.
  private let kept: KeptLookup?

  /// Finds the module's files.
  ///
  /// `mayFetch`: servers may be asked for them; `isKept`: the module will be asked again for further captures.
  init(_ module: WireModule, _ search: DebugFileSearch, mayFetch: Bool, isKept: Bool = false) {
    kept = isKept ? KeptLookup() : nil
    let request = ModuleRequest(module)
    bias = LoadBias(module.loadBias)
    files = search.files(of: request, mayFetch: mayFetch)
    entry = ReportModule(
      path: request.path,
      buildID: request.buildID?.description,
      base: module.base,
      end: module.end
    )
    if files.debugInformation != nil {
      entry.status = .debugInfo
    } else if files.hasSymbols {
      entry.status = .symbols
    }
    entry.debugFile = files.debug?.path
    entry.reason = reasons.joined(separator: "; ").nonEmpty
  }

  /// All that the files know; what of them cannot be read is added to `problems`, once.
  func lookup(problems: inout [String]) -> ModuleLookup {
    kept?.lookup(of: files, problems: &problems) ?? files.lookup(problems: &problems)
  }

  /// Says of the module's entry what was found out while its addresses were looked up: the first
  /// few problems, for damage comes in numbers.
  mutating func note(_ problems: [String]) {
    // A module that is asked for several captures may have the same said again.
    let problems = problems.filter { entry.reason?.contains($0) != true }
    guard !problems.isEmpty else { return }
    var parts = [entry.reason].compactMap(\.self) + problems.prefix(3)
    if problems.count > 3 { parts.append("and \(problems.count - 3) more like that") }
    entry.reason = parts.joined(separator: "; ")
  }

  /// Why there is not more, and what is doubtful.
  private var reasons: [String] {
    var reasons: [String] = []
    if let problem = files.mainProblem { reasons.append(problem) }
    if files.debugInformation == nil {
      if let main = files.main {
        reasons.append(main.hasFullSymbolTable ? "no debug information" : "stripped")
      }
      let wanted = entry.buildID.map { "of build ID \($0) " } ?? ""
      if files.debug == nil { reasons.append("no debug file \(wanted)found") }
    }
    reasons += files.refused.filter { $0.reason != files.mainProblem }.map { "refused \($0)" }
    return reasons + files.notes
  }

  /// The files that looked right and were not, when their refusal costs names or lines.
  var refusals: [String] {
    guard entry.status != .debugInfo else { return [] }
    return files.refused.map { file in
      file.path == entry.path ? "\(file)" : "\(entry.path): refused \(file)"
    }
  }

  /// Why a frame of this module has no name: the module's entry has the details.
  var unknownReason: String {
    guard files.mainProblem != nil else { return "no symbols" }
    if files.isMainMissing { return "the module's file is missing" }
    return files.refused.contains { $0.reason == files.mainProblem }
      ? "the module's file was replaced" : "the module's file cannot be read"
  }
}
