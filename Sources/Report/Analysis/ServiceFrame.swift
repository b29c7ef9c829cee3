extension DumpReport {
  /// The innermost frame of a stack that the service's own code stands in, as far as modules tell: not of the C library, the
  /// libraries of languages, nor of Swift's runtime; of a stack that is theirs alone, `ownFrame(ofStack:)`.
  package func serviceFrame(ofStack stack: Int) -> Frame? {
    let own = stacks[stack].lazy.map { self.frames[$0] }.filter { frame in
      guard !frame.isRuntime, !frame.isSignalFrame, frame.function != nil, let module = frame.module
      else { return false }
      return !isSystemLibrary(fileName(of: self.modules[module].path))
    }
    return own.first { $0.line != nil } ?? own.first ?? ownFrame(ofStack: stack)
  }
}

/// Libraries that no service is written in.
private let systemLibraries = [
  "libc.so", "libc-", "libpthread", "ld-linux", "libstdc++", "libgcc_s", "libswift", "libdispatch",
  "libFoundation", "lib_Foundation", "libBlocksRuntime", "libm.so", "libdl.so", "librt.so",
  "[vdso]",
]

private func isSystemLibrary(_ name: Substring) -> Bool {
  systemLibraries.contains { name.hasPrefix($0) }
}
