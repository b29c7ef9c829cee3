import CaptureFormat
public import Logging
public import Report
// Its error is this library's too.
@_exported import SymbolLookup

/// Where a symbolizer looks and what it does; the defaults are those of the command.
public struct SymbolizerOptions: Sendable {
  /// Searched before the system's directories: `D/.build-id/xx/rest.debug`, `D/<module's
  /// directory>/<debuglink>`, `D/<file name or debuglink>`.
  public var debugDirectories: [String] = []
  /// Module paths are looked up below this directory.
  public var sysroot: String?
  /// Threads to use; nil is one a core.
  public var jobs: Int?
  /// Asked for files that are not on this machine; nil asks nobody.
  public var debugServer: DebugServer?
  /// Lines of source shown before and behind each frame's own; nil shows none.
  public var sourceContext: Int?
  /// Names are demangled.
  public var demangles = true
  /// Called as work goes on, from several threads.
  public var progress: (@Sendable (SymbolizerProgress) -> Void)?

  /// The defaults.
  public init() {}
}

extension SymbolizerOptions {
  /// What stands in front of absolute paths: the sysroot without a slash at its end.
  var rootPrefix: String {
    var root = sysroot ?? ""
    while root.hasSuffix("/") { root.removeLast() }
    return root
  }

  /// What of it lookups need.
  package var lookup: LookupOptions {
    var options = LookupOptions()
    options.debugDirectories = debugDirectories
    options.root = rootPrefix
    options.jobs = jobs
    options.demangles = demangles
    if let debugServer {
      options.fetch = { (file, id, name) throws(SymbolizerError) in
        switch file {
        case .debugFile: try debugServer.file(.debugFile, of: id, for: name)
        case .executable: try debugServer.file(.executable, of: id, for: name)
        }
      }
    }
    return options
  }
}

/// How far a capture is on its way to a report.
public enum SymbolizerProgress: Sendable {
  /// So many of its modules were looked for.
  case openingModules(done: Int, of: Int)
  /// So many of its addresses have names; `module` is looked at now.
  case lookingUp(done: Int, of: Int, module: String)
}

/// Turns raw captures into reports.
public struct CaptureSymbolizer: Sendable {
  private let options: SymbolizerOptions
  private let log: Logger
  private let cache: SymbolCache?

  /// A symbolizer; it opens nothing yet.
  ///
  /// `cache`: where to keep what was looked up, for further captures of the same process.
  public init(options: SymbolizerOptions, log: Logger, cache: SymbolCache? = nil) {
    self.options = options
    self.log = log
    // Source is shown of what is looked up alone.
    self.cache = options.sourceContext == nil ? cache : nil
  }

  /// The report of the capture file at `path`; "-" is standard input.
  ///
  /// A cut or damaged capture gives a report of what is whole, with `isComplete` false and
  /// `problems` naming the rest.
  public func report(ofCaptureAt path: String) throws(SymbolizerError) -> DumpReport {
    let capture = try read(path)
    var report = DumpReport(headOf: capture)
    report.captureFile = path
    let machine = ELFMachine(rawValue: UInt16(clamping: capture.header?.elfMachine ?? 0))
    report.threads = capture.threads.map { ReportThread($0, on: machine) }

    let sites = CallSites(capture.threads, capture.taskStacks)
    let map = ModuleMap(capture.modules)
    let places = SitePlaces(
      sites.sites,
      map,
      moduleCount: capture.modules.count
    )
    log.debug(
      "\(path): \(counted(capture.threads.count, "thread")), \(sites.stacks.count) different stacks"
    )
    var modules = openModules(capture, places)
    var table = FrameTable(siteCount: sites.sites.count)
    let demangler = options.demangles ? Demangler() : nil
    let generated = places.hasCodeOutsideModules ? JITMap(of: capture, options) : nil
    addUnplacedFrames(sites, places, generated, &table)
    let hasRuntimeInProgram = capture.taskSummary?.runtime == .static
    var done = 0
    for index in modules.indices where !places.sitesOfModule[index].isEmpty {
      let module = String(fileName(of: modules[index].module.entry.path))
      options.progress?(.lookingUp(done: done, of: sites.sites.count, module: module))
      done += places.sitesOfModule[index].count
      let swift = SwiftFrames(
        modulePath: modules[index].module.entry.path,
        isRuntimeInProgram: hasRuntimeInProgram
      )
      let snippets = addFrames(of: index, &modules[index], sites, places, demangler, swift, &table)
      report.snippets.formUnion(snippets)
      report.problems += modules[index].module.refusals
    }

    report.modules = modules.map(\.module.entry)
    report.frames = table.frames
    report.stacks = sites.stacks.map(table.stack)
    for (thread, stack) in sites.stackOfThread.enumerated() { report.threads[thread].stack = stack }
    for (thread, stack) in sites.stackOfCreator.enumerated() {
      report.threads[thread].createdBy?.stack = stack
    }
    var names = LockNames(modules.map(\.module), map, demangler)
    report.takeWaits(capture, &names)
    report.findings += report.lockFindings()
    var types = ActorTypes(modules.map(\.module), map)
    report.executors = capture.executors.map { types.executor($0) }
    report.takeTasks(capture, stacks: sites.taskStacks)
    report.findings += report.leakSuspects()
    cache?.replaceAll(zip(capture.modules, modules).map { ($0, $1) })
    return report
  }

  private func read(_ path: String) throws(SymbolizerError) -> Capture {
    do throws(CaptureError) {
      return try CaptureReader.capture(at: path)
    } catch {
      throw SymbolizerError(file: error.file, problem: error.problem, hint: error.hint)
    }
  }

  private var jobs: Int { max(1, options.jobs ?? WorkerPool.coreCount) }
}

// MARK: - Modules

extension CaptureSymbolizer {
  /// Finds the files of all modules, in the order of the capture.
  private func openModules(_ capture: Capture, _ places: SitePlaces) -> [SymbolCache.Entry] {
    let search = DebugFileSearch(options.lookup)
    let modules = capture.modules
    let counter = WorkCounter(end: modules.count)
    let progress = options.progress
    let shares = WorkerPool.run(workerCount: max(1, min(jobs, modules.count))) {
      var share: [(index: Int, entry: SymbolCache.Entry)] = []
      while let index = counter.next() {
        progress?(.openingModules(done: index, of: modules.count))
        // Nothing is fetched for a module that no frame lies in.
        let isWanted = !places.sitesOfModule[index].isEmpty
        share.append((index, entry(of: modules[index], search, isWanted: isWanted)))
      }
      return share
    }
    let opened = shares.joined().sorted { $0.index < $1.index }.map(\.entry)
    for entry in opened.map(\.module.entry) {
      log.debug("\(entry.path): \(entry.status.rawValue)\(entry.reason.map { ": \($0)" } ?? "")")
    }
    return opened
  }

  /// The module as it is kept, or opened now.
  private func entry(
    of module: WireModule,
    _ search: DebugFileSearch,
    isWanted: Bool
  ) -> SymbolCache.Entry {
    if let kept = cache?.entry(of: module, isWanted: isWanted) { return kept }
    let isKept = cache != nil
    let opened = CapturedModule(module, search, mayFetch: isWanted, isKept: isKept)
    return SymbolCache.Entry(module: opened, wasWanted: isWanted)
  }

  /// Looks up all addresses of one module at once, but those that are kept; gives the source around them, where that is wanted.
  private func addFrames(
    of index: Int,
    _ entry: inout SymbolCache.Entry,
    _ sites: CallSites,
    _ places: SitePlaces,
    _ demangler: Demangler?,
    _ swift: SwiftFrames,
    _ table: inout FrameTable
  ) -> [SourceSnippet] {
    var numbers: [Int] = []
    for number in places.sitesOfModule[index] {
      guard let known = entry.sites[sites.sites[number]] else {
        numbers.append(number)
        continue
      }
      table.add(known, of: sites.sites[number], number: number, module: (index, entry.module.bias))
    }
    guard !numbers.isEmpty else { return [] }
    let module = entry.module
    let bias = module.bias
    var problems: [String] = []
    let lookup = module.lookup(problems: &problems)
    let addresses = numbers.map { bias.elfAddress(of: sites.sites[$0].lookupAddress).value }
    log.info("\(module.entry.path): looking up \(counted(addresses.count, "address", "addresses"))")
    let awaits = AwaitPlaces(addresses) { sites.sites[numbers[$0]].isAsync }
    let answer = lookup.answer(awaits.addresses, jobs: jobs)
    problems += answer.problems.map(\.description)
    let names = ReadableNames(of: answer.functions, with: demangler, jobs: jobs)
    let aliases = AliasTable(of: answer, names, in: lookup.symbols, with: demangler, jobs: jobs)
    let isOpen = module.files.main != nil || module.files.debug != nil
    for (position, number) in numbers.enumerated() {
      let site = sites.sites[number]
      let offset = bias.elfAddress(of: site.address).value
      let reason = answer.reason(at: position)
      let frames = awaits.frames(at: position, in: answer).map {
        Frame(names.frame($0, of: answer, reason: reason), address: offset)
      }
      var found = frames.isEmpty ? [] : swift.frames(frames, isAsync: site.isAsync)
      if !found.isEmpty { found[found.count - 1].aliases = aliases[position] }
      let isPlaced = found.contains { $0.line != nil }
      let gap =
        reason ?? (isPlaced ? nil : lookup.dwarf == nil ? "no debug information" : "no line")
      let resolved = ResolvedSite(frames: found, unknown: isOpen ? gap : module.unknownReason)
      table.add(resolved, of: site, number: number, module: (index, bias))
      if cache != nil { entry.sites[site] = resolved }
    }
    for problem in problems { log.debug("\(module.entry.path): \(problem)") }
    if let problem = problems.first {
      let more = problems.count == 1 ? "" : " (and \(problems.count - 1) more like that)"
      log.warning("\(module.entry.path): \(problem)\(more)")
    }
    entry.module.note(problems)
    guard let context = options.sourceContext, let dwarf = lookup.dwarf else { return [] }
    let texts = SourceTexts(
      context: context,
      root: options.rootPrefix,
      server: options.debugServer
    )
    return texts.snippets(
      of: numbers.flatMap { Array(table.frames[table.ranges[$0]]) },
      embedded: answer.embeddedSources(of: dwarf),
      files: module.files
    )
  }

  private func addUnplacedFrames(
    _ sites: CallSites,
    _ places: SitePlaces,
    _ generated: JITMap?,
    _ table: inout FrameTable
  ) {
    for (number, reason) in places.unplaced {
      let site = sites.sites[number]
      guard let name = generated?.name(at: site.lookupAddress.value) else {
        table.add([], of: site, number: number, module: nil, unknown: reason)
        continue
      }
      var frame = Frame(address: site.address.value)
      frame.function = name
      table.add([frame], of: site, number: number, module: nil, unknown: "generated code: no line")
    }
  }
}
