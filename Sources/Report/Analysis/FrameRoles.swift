/// Who wrote the code of a report's frames: a library for everybody's use, or the service.
///
/// The one place that decides which frame of a stack is the service's own: whoever names a place in the service, in text,
/// JSON, pages, comparisons, watches or findings, asks here.
public struct FrameRoles: Sendable {
  private let report: DumpReport
  private let names: [Substring]
  private let neutral: [Bool]
  private let own: [Bool]
  private let standings: [Standing]

  /// How much a frame tells about where the service is, the most first.
  private enum Standing: Int, Comparable {
    /// A line that somebody wrote in the service.
    case line
    /// A line of a package that the service was built with.
    case lineOfDependency
    /// A function of the service of which nobody knows the line.
    case function
    /// A function of one of the system's libraries that is not there for everybody: libcurl, Foundation, libdispatch.
    case functionOfLibrary
    /// Code of the service of which only the place is known.
    case code
    /// The C library, a language's library, what a compiler made.
    case none

    static func < (a: Standing, b: Standing) -> Bool { a.rawValue < b.rawValue }
  }

  /// Looks at each frame of the report once.
  public init(_ report: DumpReport) {
    let origins = report.modules.map { ModuleOrigin($0.path, of: report.process) }
    let names = report.frames.map(plainName(of:))
    let neutral = zip(report.frames, names).map { frame, name in
      isNeutralCode(frame, name, isLibrary: frame.module.map { origins[$0] == .language } ?? false)
    }
    let own = zip(report.frames, neutral).map { frame, isNeutral in
      !isNeutral && frame.function != nil && !(frame.file.map(isOfLibrary) ?? false)
    }
    standings = report.frames.indices.map { index in
      let frame = report.frames[index]
      return Self.standing(
        of: frame,
        isOwn: own[index],
        isNeutral: neutral[index],
        origin: frame.module.map { origins[$0] } ?? .service
      )
    }
    (self.report, self.names, self.neutral, self.own) = (report, names, neutral, own)
  }

  private static func standing(
    of frame: Frame,
    isOwn: Bool,
    isNeutral: Bool,
    origin: ModuleOrigin
  ) -> Standing {
    guard isOwn else {
      return !isNeutral && frame.function == nil && frame.module != nil && origin == .service
        ? .code : .none
    }
    guard origin == .service, !frame.isRuntime else { return .functionOfLibrary }
    guard let file = frame.file, frame.line != nil, !isCompilersFile(file) else { return .function }
    return isOfDependency(file) ? .lineOfDependency : .line
  }

  /// The function's name with its scopes, without what a compiler put before it: results, `static`, closures in it.
  func name(of frame: Int) -> Substring { names[frame] }

  /// Code of the C library, of a language's library, or made by a compiler: it says nothing about who waits.
  func isNeutral(_ frame: Int) -> Bool { neutral[frame] }

  /// Code of the service, or of a library whose source nobody has.
  func isOwn(_ frame: Int) -> Bool { own[frame] }

  /// Code of the service, or of a package that it was built with, whether it has a name or not.
  package func isOfService(_ frame: Int) -> Bool {
    switch standings[frame] {
    case .line, .lineOfDependency, .function, .code: true
    case .functionOfLibrary, .none: false
    }
  }

  /// The service's own frames of a stack, innermost first, as indices into `DumpReport.frames`.
  ///
  /// Those that tell most alone: where some have lines in the service's sources, only these; else lines of packages that
  /// it was built with, else functions, else functions of the libraries that it called, else places in its code. None of
  /// a stack that is the C library's or a runtime's alone.
  public func ownFrames(ofStack stack: Int) -> [Int] {
    let frames = report.stacks[stack]
    guard let best = frames.lazy.map({ standings[$0] }).min(), best != .none else { return [] }
    return frames.filter { standings[$0] == best }
  }

  /// The frame that tells most about a stack: the innermost of `ownFrames(ofStack:)`.
  ///
  /// Of a stack without one the innermost that is not the runtime's, else the innermost; nil of an empty stack.
  public func ownFrame(ofStack stack: Int) -> Int? {
    ownPosition(inStack: stack).map { report.stacks[stack][$0] }
  }

  /// Where in its stack `ownFrame(ofStack:)` stands, 0 innermost.
  public func ownPosition(inStack stack: Int) -> Int? {
    let frames = report.stacks[stack]
    guard var best = frames.indices.first else { return nil }
    for position in frames.indices.dropFirst()
    where standings[frames[position]] < standings[frames[best]] { best = position }
    guard standings[frames[best]] == .none else { return best }
    return frames.firstIndex { !report.frames[$0].isRuntime } ?? best
  }
}

/// Whose a module is, as far as its path tells.
private enum ModuleOrigin {
  /// The C library, a language's library: everybody's code.
  case language
  /// A library of the system's.
  case system
  /// The program, and what came with it.
  case service

  init(_ path: String, of process: ReportProcess) {
    let name = fileName(of: path)
    if isRuntimeLibrary(name) {
      self = .language
    } else if path == process.executable {
      self = .service
    } else {
      self = isSystemLibrary(name, path) ? .system : .service
    }
  }
}

/// Swift's libraries wherever they lie, and what stands in a folder of the system's libraries itself; a folder below is
/// some program's own.
private func isSystemLibrary(_ name: Substring, _ path: String) -> Bool {
  for prefix in [
    "libswift", "libdispatch.", "libFoundation", "lib_Foundation", "libBlocksRuntime.",
  ]
  where name.utf8.starts(with: prefix.utf8) { return true }
  var folders = path.split(separator: "/").dropLast()
  guard path.utf8.starts(with: "/".utf8) else { return path.utf8.starts(with: "[".utf8) }
  if folders.first == "usr" { folders = folders.dropFirst() }
  guard let first = folders.first, ["lib", "lib32", "lib64", "libx32"].contains(first) else {
    return false
  }
  let rest = folders.dropFirst()
  return rest.isEmpty || (rest.count == 1 && rest.allSatisfy { $0.hasSuffix("-linux-gnu") })
}

/// swiftc's name for code that stands in no file.
private func isCompilersFile(_ file: String) -> Bool {
  file == "/<compiler-generated>" || file == "<compiler-generated>"
}

/// Sources of packages where SwiftPM, Xcode and cargo put them.
private func isOfDependency(_ file: String) -> Bool {
  dependencyFolders.contains { file.contains($0) }
}

/// Folders of sources that came from elsewhere; below each is one for each package.
let dependencyFolders = [
  "/.build/checkouts/", "/SourcePackages/checkouts/", "/.cargo/registry/src/",
  "/.cargo/git/checkouts/",
]

private func isNeutralCode(_ frame: Frame, _ name: Substring, isLibrary: Bool) -> Bool {
  // libdispatch counts as Swift's runtime in reports; here it is a pool.
  if name.utf8.starts(with: "_dispatch_".utf8) || name.utf8.starts(with: "dispatch_".utf8) {
    return false
  }
  if isLibrary || frame.isRuntime || frame.isSignalFrame { return true }
  if frame.file.map(isOfLanguageLibrary) ?? false { return true }
  for scope in ["std::", "__gnu_cxx::", "core::", "alloc::", "Swift."]
  where name.utf8.starts(with: scope.utf8) { return true }
  // What libdumpcollect-threads puts between a thread's beginning and its function.
  if name == "begin", frame.file?.hasSuffix("/CUnwind/ThreadStart.c") ?? true { return true }
  // In static programs the C library is the program's own code.
  return threadEntries.contains(String(name)) || frame.file.map(isOfCLibrary) ?? false
}

/// Functions that a thread begins in, by the names that symbol tables have for them.
private let threadEntries: Set<String> = [
  "__clone", "__clone3", "__libc_start_call_main", "__libc_start_main", "__libc_start_main_impl",
  "_start",
  "clone", "clone3", "start_thread",
]

/// The C library and the libraries of languages; libdispatch and Foundation are not among them: they have pools.
private func isRuntimeLibrary(_ name: Substring) -> Bool {
  for prefix in [
    "libc.so", "libc-", "libpthread", "ld-linux", "libstdc++.", "libc++", "libgcc_s.", "libm.so",
    "[vdso]", "libswiftCore.", "libswift_", "libswiftGlibc.", "libdumpcollect",
  ]
  where name.utf8.starts(with: prefix.utf8) { return true }
  return false
}

/// glibc's debug information has paths below its own folder.
private func isOfCLibrary(_ file: String) -> Bool {
  guard !file.utf8.starts(with: "/".utf8), let folder = file.split(separator: "/").first else {
    return false
  }
  return cLibraryFolders.contains(String(folder))
}

private let cLibraryFolders: Set<String> = [
  "csu", "elf", "io", "malloc", "misc", "nptl", "posix", "rt", "setjmp", "signal", "socket",
  "stdio-common", "stdlib",
  "string", "sysdeps", "time",
]

/// Headers of C++'s library and sources of Rust's, which are compiled into programs.
private func isOfLanguageLibrary(_ file: String) -> Bool {
  for prefix in ["/usr/include/c++/", "/usr/lib/gcc/", "/usr/lib/llvm", "/rustc/"]
  where file.utf8.starts(with: prefix.utf8) { return true }
  return false
}

private func isOfLibrary(_ file: String) -> Bool {
  file.utf8.starts(with: "/usr/include/".utf8) || isOfLanguageLibrary(file)
}

/// The name with its scopes alone, as far as that matters for its beginning.
private func plainName(of frame: Frame) -> Substring {
  guard var function = frame.function?[...] else { return "" }
  if function.utf8.starts(with: "@objc ".utf8) { function = function.dropFirst(6) }
  if let linkage = frame.linkage,
    linkage.utf8.starts(with: "$s".utf8)
      || linkage.utf8.starts(with: "_$s".utf8)
  {
    let context = SwiftFunction(String(function)).context
    // `(extension in NIOPosix):Swift.Array.…`: the module that has the code counts.
    guard context.utf8.starts(with: "(extension in ".utf8),
      let end = context.utf8.firstIndex(of: UInt8(ascii: ")"))
    else { return context }
    return context[..<end].dropFirst(14) + "." + context[end...].dropFirst(2)
  }
  var name = function
  // Rust: `<tokio::runtime::Handle as …>::spawn`.
  if name.utf8.first == UInt8(ascii: "<") {
    name = name.drop { "<&".contains($0) }
    return name.prefix { $0 != ">" && $0 != " " && $0 != "<" }
  }
  // C++ templates: `void asio::detail::posix_event::wait<…>(…)`.
  let end = name.utf8.firstIndex { $0 == UInt8(ascii: "(") || $0 == UInt8(ascii: "<") }
  let head = name[..<(end ?? name.endIndex)]
  if let space = head.utf8.lastIndex(of: UInt8(ascii: " ")) {
    name = name[head.utf8.index(after: space)...]
  }
  return name
}
