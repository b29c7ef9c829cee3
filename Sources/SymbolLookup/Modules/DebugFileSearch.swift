import Glibc

/// Finds a module's own file and its separate debug file.
///
/// Nothing is taken on trust: the module's file must have the captured build ID, a debug file must
/// have the module's build ID, or, where one of them has none, the checksum that the module's
/// `.gnu_debuglink` states. Of the files that qualify, the first with debug information is taken,
/// else the first with symbols.
package struct DebugFileSearch: Sendable {
  private let debugDirectories: [String]
  private let fetch: LookupOptions.Fetch?
  /// Without a slash at its end; empty for the machine's own root.
  private let root: String
  private let packages: [String]

  /// A search as the command's options describe it.
  package init(_ options: LookupOptions) {
    debugDirectories = options.debugDirectories
    fetch = options.fetch
    root = options.root
    packages = options.packages
  }

  /// The module's files.
  ///
  /// Looked for in this order: in each directory of `--debug-dir` by build ID, by the module's
  /// folder and its link's name, by the link's or the module's file name; then below the sysroot in
  /// `/usr/lib/debug/.build-id`, beside the module, in `.debug` beside it, and in its folder below
  /// `/usr/lib/debug`; then, with `mayFetch`, a server of debug files is asked, if there is one.
  package func files(of module: ModuleRequest, mayFetch: Bool = true) -> ModuleFiles {
    var files = ModuleFiles()
    openMain(module, &files)
    complete(&files, module, mayFetch: mayFetch)
    return files
  }

  /// The debug files of a file that a person named; its own path is taken as it is.
  package func files(of main: ELFFile) -> ModuleFiles {
    var files = ModuleFiles()
    files.main = main
    complete(&files, ModuleRequest(path: main.path), mayFetch: true)
    return files
  }

  /// The file of a build of which nothing else is known: in a debug directory, the system's, or a server's.
  package func path(of id: BuildID) -> String? {
    guard let byID = id.debugFilePath else { return nil }
    let folders = debugDirectories + ["\(root)/usr/lib/debug"]
    let paths = folders.map { "\($0)/\(byID)" }
    // A server that does not have it says no more than that.
    return paths.first(where: Self.isReadable)
      ?? (try? fetch?(.debugFile, id, id.description))
      ?? (try? fetch?(.executable, id, id.description))
  }

  private func complete(
    _ files: inout ModuleFiles,
    _ module: ModuleRequest,
    mayFetch: Bool
  ) {
    let expected = module.buildID ?? files.main?.buildID
    if files.main?.hasDebugInformation != true { findDebugFile(module, expected, &files) }
    if mayFetch, let fetch, let expected, module.image.isEmpty {
      take(from: fetch, expected, module, &files)
    }
    findAlternate(&files, mayFetch ? fetch : nil)
    files.split = SplitFileSearch(
      modules: [files.main?.path ?? root + module.path, files.debug?.path].compactMap(\.self),
      debugDirectories: debugDirectories,
      root: root,
      packages: packages
    )
  }

  // MARK: - The module itself

  private func openMain(_ module: ModuleRequest, _ files: inout ModuleFiles) {
    do throws(SymbolizerError) {
      if !module.image.isEmpty {
        files.main = try ELFFile(image: module.image, name: module.path)
        return
      }
      guard module.path.hasPrefix("/") || root.isEmpty else {
        files.mainProblem = "\(module.path) is no path of a file"
        files.isMainMissing = true
        return
      }
      let file = try ELFFile(path: root + module.path)
      if let problem = difference(file, module) {
        files.mainProblem = problem
        files.refused.append(RefusedFile(path: file.path, reason: problem))
      } else {
        files.main = file
        if file.buildID == nil {
          files.notes.append("no build ID: names are right if the file was not replaced")
        }
      }
    } catch {
      files.isMainMissing = [ENOENT, ENOTDIR].contains { systemError($0) == error.problem }
      files.mainProblem =
        module.isDeleted && files.isMainMissing
        ? "the file was deleted since it was loaded" : error.problem
    }
  }

  /// Why the file is not the captured module.
  private func difference(_ file: ELFFile, _ module: ModuleRequest) -> String? {
    switch (file.buildID, module.buildID) {
    case (let found?, let captured?) where found != captured:
      "file replaced since: build ID \(found), captured \(captured)"
    case (nil, let captured?):
      "file replaced since: no build ID, captured \(captured)"
    case (_, nil) where module.isDeleted:
      "file replaced since, and no build ID to find the right one by"
    default: nil
    }
  }

  // MARK: - Debug files

  private func findDebugFile(
    _ module: ModuleRequest,
    _ expected: BuildID?,
    _ files: inout ModuleFiles
  ) {
    var seen: Set<String> = []
    if let main = files.main { seen.insert(main.path) }
    let link = files.main?.debugLink
    for path in candidates(module, expected, link) where seen.insert(path).inserted {
      guard Self.isReadable(path), let file = open(path, &files) else { continue }
      if let problem = mismatch(file, expected, link, files.main) {
        files.refused.append(RefusedFile(path: path, reason: problem))
      } else if file.hasDebugInformation {
        files.debug = file
        return
      } else if file.hasFullSymbolTable, files.debug == nil,
        files.main?.hasFullSymbolTable != true
      {
        files.debug = file
      }
    }
  }

  private func candidates(
    _ module: ModuleRequest,
    _ expected: BuildID?,
    _ link: DebugLink?
  ) -> [String] {
    let byID = expected?.debugFilePath
    var names = [link?.fileName, module.fileName].compactMap(\.self)
    if let link, link.hasFolders { names.append(link.lastPart) }
    var paths: [String] = []
    for directory in debugDirectories {
      if let byID { paths.append("\(directory)/\(byID)") }
      for name in names { paths.append("\(directory)\(absolute(module.directory))/\(name)") }
      for name in names { paths.append("\(directory)/\(name)") }
    }
    if let byID { paths.append("\(root)/usr/lib/debug/\(byID)") }
    if let link, link.isAbsolute {
      return paths + ["\(root)\(link.fileName)", "\(root)/usr/lib/debug\(link.fileName)"]
    }
    for folder in folders(module) {
      if let link {
        paths.append("\(root)\(folder)/\(link.fileName)")
        paths.append("\(root)\(folder)/.debug/\(link.fileName)")
        paths.append("\(root)/usr/lib/debug\(absolute(folder))/\(link.fileName)")
      }
    }
    return paths
  }

  /// The module's folder, and what it really is: `/lib` is a link to `/usr/lib` today, debug files
  /// know either.
  private func folders(_ module: ModuleRequest) -> [String] {
    let folder = module.directory
    guard let resolved = unsafe realpath("\(root)\(folder)/", nil) else { return [folder] }
    defer { unsafe free(resolved) }
    let real = unsafe String(cString: resolved)
    guard real.hasPrefix(root), real != root + folder else { return [folder] }
    return [folder, String(real.dropFirst(root.count))]
  }

  private func absolute(_ folder: String) -> String {
    folder.isEmpty || folder.hasPrefix("/") ? folder : "/\(folder)"
  }

  private static func isReadable(_ path: String) -> Bool {
    // Safe because the string lives during the call.
    unsafe access(path, R_OK) == 0
  }

  private func open(_ path: String, _ files: inout ModuleFiles) -> ELFFile? {
    do throws(SymbolizerError) {
      return try ELFFile(path: path)
    } catch {
      files.refused.append(RefusedFile(path: path, reason: error.problem))
      return nil
    }
  }

  /// Why the file is not the module's debug file.
  private func mismatch(
    _ file: ELFFile,
    _ expected: BuildID?,
    _ link: DebugLink?,
    _ main: ELFFile?
  ) -> String? {
    if let main, main.machine != file.machine { return "is for another processor" }
    if let expected, let found = file.buildID {
      return found == expected ? nil : "build ID \(found), expected \(expected)"
    }
    guard let link else { return "has no build ID, and no checksum is known" }
    let checksum = file.checksum()
    guard checksum != link.checksum else { return nil }
    return "checksum \(hexadecimal(checksum)), expected \(hexadecimal(link.checksum))"
  }

  private func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  // MARK: - Servers

  /// A full file of a server is better than a local one with symbols alone.
  private func take(
    from fetch: LookupOptions.Fetch,
    _ id: BuildID,
    _ module: ModuleRequest,
    _ files: inout ModuleFiles
  ) {
    guard files.debugInformation == nil else { return }
    do throws(SymbolizerError) {
      let path = try fetch(.debugFile, id, module.fileName)
      files.debug = opened(path, id, &files) ?? files.debug
    } catch {
      files.notes.append("\(error.file): \(error.problem)")
    }
    // Without its own file a module has the names that others use of it from here.
    guard files.main == nil, files.debug == nil,
      let path = try? fetch(.executable, id, module.fileName)
    else { return }
    files.main = opened(path, id, &files)
  }

  /// The file at a path, if it is of this build.
  private func opened(_ path: String, _ id: BuildID, _ files: inout ModuleFiles) -> ELFFile? {
    guard let file = open(path, &files) else { return nil }
    if file.buildID == id { return file }
    let found = file.buildID?.description ?? "none"
    files.refused.append(RefusedFile(path: path, reason: "build ID \(found), expected \(id)"))
    return nil
  }

  // MARK: - dwz

  private func findAlternate(_ files: inout ModuleFiles, _ fetch: LookupOptions.Fetch?) {
    guard let file = files.debugInformation, let link = file.alternateDebugLink else { return }
    var paths: [String] = []
    let byID = link.buildID.debugFilePath
    for directory in debugDirectories {
      if let byID { paths.append("\(directory)/\(byID)") }
    }
    if link.path.hasPrefix("/") {
      paths.append(root + link.path)
    } else if let slash = file.path.lastIndex(of: "/") {
      paths.append("\(file.path[..<slash])/\(link.path)")
    }
    if let byID { paths.append("\(root)/usr/lib/debug/\(byID)") }
    if !paths.contains(where: Self.isReadable),
      let fetched = try? fetch?(.debugFile, link.buildID, link.path)
    {
      paths.append(fetched)
    }
    for path in paths where Self.isReadable(path) {
      guard let candidate = open(path, &files) else { continue }
      if candidate.buildID == link.buildID || candidate.supplementaryID == link.buildID {
        files.alternate = candidate
        return
      }
      let found = candidate.buildID?.description ?? "none"
      files.refused.append(
        RefusedFile(path: path, reason: "build ID \(found), expected \(link.buildID)")
      )
    }
    let problem = "\(link.path), which holds parts of its debug information, was not found"
    files.alternateProblem = problem
    files.notes.append(problem)
  }
}
