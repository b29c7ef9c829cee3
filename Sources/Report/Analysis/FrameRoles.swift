/// Who wrote the code of a report's frames: a library for everybody's use, or the service.
struct FrameRoles {
  private let report: DumpReport
  private let names: [Substring]
  private let neutral: [Bool]
  private let own: [Bool]

  init(_ report: DumpReport) {
    self.report = report
    let isLibrary = report.modules.map { isRuntimeLibrary(fileName(of: $0.path)) }
    names = report.frames.map(plainName(of:))
    neutral = zip(report.frames, names).map { frame, name in
      isNeutralCode(frame, name, isLibrary: frame.module.map { isLibrary[$0] } ?? false)
    }
    own = zip(report.frames, neutral).map { frame, isNeutral in
      !isNeutral && frame.function != nil && !(frame.file.map(isOfLibrary) ?? false)
    }
  }

  /// The function's name with its scopes, without what a compiler put before it: results, `static`, closures in it.
  func name(of frame: Int) -> Substring { names[frame] }

  /// Code of the C library, of a language's library, or made by a compiler: it says nothing about who waits.
  func isNeutral(_ frame: Int) -> Bool { neutral[frame] }

  /// Code of the service, or of a library whose source nobody has.
  func isOwn(_ frame: Int) -> Bool { own[frame] }

  /// The service's own frames of a stack, innermost first; those with a line alone where there are such.
  func ownFrames(ofStack stack: Int) -> [Int] {
    let frames = report.stacks[stack].filter { own[$0] }
    let placed = frames.filter { report.frames[$0].line != nil }
    return placed.isEmpty ? frames : placed
  }
}

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
