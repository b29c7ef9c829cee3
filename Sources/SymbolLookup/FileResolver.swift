/// Resolves addresses of ELF files.
///
/// Keeps every file it opened, with what was parsed of it; a class for that reason. One thread at a
/// time.
package final class FileResolver {
  /// How an address is to be read.
  package enum AddressKind: Sendable {
    /// The instruction at the address itself.
    case exact
    /// The call before the address.
    case returnAddress
  }

  private let options: LookupOptions
  private let log: LookupLog
  private let demangler = Demangler()
  /// The file that was asked last: mostly the only one.
  private var last: (path: String, module: ModuleLookup)?
  private var modules: [String: ModuleLookup] = [:]
  /// What sections were asked for, by path of the file.
  private var sections: [String: (name: String, range: Range<UInt64>)] = [:]
  /// Modules are dropped together beyond this number: a reader of a whole machine's questions asks for ever.
  private static let keptModuleCount = 4096
  private var wasAsked = false
  /// Whether names or lines may be missing because a file is damaged, or a debug file was refused and there is no other.
  package private(set) var isIncomplete = false
  /// Names of larger batches are not remembered.
  private static let fewAddresses = 16

  /// A resolver; it opens nothing yet.
  package init(options: LookupOptions, log: LookupLog) {
    self.options = options
    self.log = log
  }

  /// How many threads to use for a batch, the asking one among them.
  package var jobs: Int { options.jobs ?? WorkerPool.coreCount }

  /// What is known of each address (ELF virtual addresses), in input order; each at least states why it is unknown.
  package func resolve(
    _ addresses: [UInt64],
    in path: String,
    kind: AddressKind,
    details: FrameDetail = .none
  ) throws(SymbolizerError) -> ResolvedBatch {
    let isOfAnother = last?.path != path
    let module = try module(at: path)
    if addresses.count <= Self.fewAddresses, isOfAnother { releasePagesInTime() }
    let places =
      switch kind {
      case .exact: addresses
      // A call that never returns is the last instruction of its function.
      case .returnAddress: addresses.map { $0 == 0 ? 0 : $0 - 1 }
      }
    let jobs = addresses.count < 2 ? 1 : jobs
    let answer = module.answer(places, jobs: jobs, details: details)
    for problem in answer.problems {
      if problem.isDamage { isIncomplete = true }
      log.warning("\(path): \(problem)")
    }
    let reader = options.demangles ? demangler : nil
    // Who asks little by little asks for the same functions again: reading a name takes as long as the rest.
    let names = ReadableNames(
      of: answer.functions,
      with: reader,
      jobs: jobs,
      remembers: wasAsked && addresses.count <= Self.fewAddresses
    )
    wasAsked = true
    return ResolvedBatch(
      module: path,
      addresses: addresses,
      answer: answer,
      names: names,
      symbols: module.symbols
    ) {
      AliasTable(of: answer, names, in: module.symbols, with: reader, jobs: jobs)
    }
  }

  /// Gives the pages of all modules back when they take too much memory: each looks at itself alone, now and then, and the
  /// first questions of one read most of it.
  private func releasePagesInTime() {
    guard !modules.isEmpty, KnownUnits.mappedTooMuch else { return }
    for module in modules.values { module.releasePages() }
  }

  /// The variable that lies at an address of the file (an ELF virtual address), its name demangled.
  package func variable(
    at address: UInt64,
    in path: String
  ) throws(SymbolizerError) -> Variable? {
    guard var variable = try module(at: path).variable(at: address) else { return nil }
    let names = ReadableNames(
      of: [variable.name],
      with: options.demangles ? demangler : nil,
      jobs: 1
    )
    variable.name = names.names[0].full
    return variable
  }

  /// The file of a build, in hexadecimal: in a debug directory, or a server's.
  package func path(ofBuild text: String) throws(SymbolizerError) -> String {
    guard let id = BuildID(hexadecimal: text) else {
      throw SymbolizerError(file: text, problem: "expected a build ID in hexadecimal")
    }
    guard let path = DebugFileSearch(options).path(of: id) else {
      throw SymbolizerError(
        file: text,
        problem: "no file of this build ID was found",
        hint: "--debug-dir names a folder with .build-id in it; --debuginfod asks servers."
      )
    }
    return path
  }

  /// The addresses that a section of the file takes.
  package func range(
    ofSection name: String,
    in path: String
  ) throws(SymbolizerError) -> Range<UInt64> {
    if let known = sections[path], known.name == name { return known.range }
    guard let section = try ELFFile(path: path).section(named: name) else {
      throw SymbolizerError(
        file: path,
        problem: "it has no section \(name)",
        hint: "readelf -S lists what it has."
      )
    }
    let start = section.address.value
    // A section that ends behind the last address is damage: nothing is in it.
    let range = start..<max(start, start &+ section.byteCount)
    sections[path] = (name, range)
    return range
  }

  private func module(at path: String) throws(SymbolizerError) -> ModuleLookup {
    if let last {
      if last.path == path { return last.module }
      if modules.count >= Self.keptModuleCount { modules.removeAll() }
      modules[last.path] = last.module
    }
    if let known = modules[path] {
      last = (path, known)
      return known
    }
    let file = try ELFFile(path: path)
    try Self.requireLinked(file)
    let files = DebugFileSearch(options).files(of: file)
    for refused in files.refused { log.warning("\(path): refused \(refused)") }
    if let problem = files.alternateProblem { log.warning("\(path): \(problem)") }
    if !files.refused.isEmpty, files.debugInformation == nil { isIncomplete = true }
    if let debug = files.debug { log.information("\(path): debug information of \(debug.path)") }
    var problems: [String] = []
    let module = files.lookup(problems: &problems, naming: options.naming)
    let parts = [files.main, files.debug].compactMap(\.self)
    let harmless = parts.filter { $0.sectionProblem != nil && !$0.lacksSections }
    if problems.count > harmless.count { isIncomplete = true }
    for problem in problems {
      log.warning(problem.hasPrefix("\(path): ") ? problem : "\(path): \(problem)")
    }
    last = (path, module)
    return module
  }

  /// Object files have no addresses yet, core files are no code: answers would be wrong.
  private static func requireLinked(_ file: ELFFile) throws(SymbolizerError) {
    guard file.type == .relocatable || file.type == .core else { return }
    throw SymbolizerError(
      file: file.path,
      problem: file.type == .core
        ? "expected a program or library, found a core dump"
        : "expected a program or library, found an object file, which has no addresses yet",
      hint: "Name the linked file."
    )
  }
}
