import Report

/// Makes of frames what a reader of Swift expects to see.
struct SwiftFrames: Sendable {
  private let isRuntimeModule: Bool
  private let isRuntimeInProgram: Bool

  /// For the frames of one module.
  ///
  /// `isRuntimeInProgram`: the program was linked with Swift's runtime in it.
  init(modulePath: String, isRuntimeInProgram: Bool) {
    let name = fileName(of: modulePath)
    isRuntimeModule =
      (name.hasPrefix("libswift") || name.hasPrefix("libdispatch")) && name.contains(".so")
    self.isRuntimeInProgram = isRuntimeInProgram
  }

  /// The frames of one address: names without the compiler's counts of parts, runtime code marked, and of a task's
  /// frame no inlined calls that cannot be waiting.
  func frames(_ frames: [Frame], isAsync: Bool) -> [Frame] {
    var frames = frames
    if isAsync {
      // Only an asynchronous function waits: what else was inlined at the place where it goes on has returned, or is
      // called next.
      while frames.count > 1, frames[0].isInlined, !Self.isAsynchronous(frames[0]) {
        frames.removeFirst()
      }
      // The row may be another one than the address's own.
      if frames[0].line != nil { frames[0].column = 0 }
    }
    for index in frames.indices {
      guard let function = frames[index].function else {
        frames[index].isRuntime = isRuntimeModule
        continue
      }
      if let name = Self.withoutPart(function) {
        if frames[index].linkage == nil { frames[index].linkage = function }
        frames[index].function = name
        if frames[index].shortFunction == name { frames[index].shortFunction = nil }
      }
      if let short = frames[index].shortFunction, short.hasPrefix(Self.specialized) {
        frames[index].shortFunction = String(short.dropFirst(Self.specialized.count))
      }
      frames[index].isRuntime = isRuntimeModule || isRuntime(frames[index])
    }
    return frames
  }

  private func isRuntime(_ frame: Frame) -> Bool {
    guard let function = frame.function else { return false }
    if function.utf8.starts(with: "async_Main".utf8) { return true }
    guard frame.linkage.map(Self.isSwift) ?? false else {
      return isRuntimeInProgram && Self.runtimePrefixes.contains { function.hasPrefix($0) }
    }
    let name = SwiftFunction(function)
    return name.isThunk || name.isOfLibrary
  }

  /// Functions of the runtime and of libdispatch, where these are linked into the program.
  private static let runtimePrefixes = [
    "swift_", "_swift_", "swift::", "(anonymous namespace)::", "_dispatch_", "dispatch_",
    "completeTask", "future_adapter", "non_future_adapter",
  ]

  private static func isSwift(_ linkage: String) -> Bool {
    linkage.utf8.starts(with: "$s".utf8) || linkage.utf8.starts(with: "_$s".utf8)
      || linkage.utf8.starts(with: "$e".utf8)
  }

  /// Whether a Swift function is asynchronous itself, not only the one that it is written in.
  private static func isAsynchronous(_ frame: Frame) -> Bool {
    guard let function = frame.function else { return false }
    guard
      function.utf8.starts(with: "closure #".utf8)
        || function.utf8.starts(with: "implicit closure #".utf8),
      let end = function.firstRange(of: " in ")
    else { return function.contains(" async ") }
    return function[..<end.lowerBound].contains(" async ")
  }

  /// The name without `(1) await resume partial function for` and `(2) suspend resume partial function for`; nil where
  /// it has none of them.
  private static func withoutPart(_ function: String) -> String? {
    guard function.utf8.first == UInt8(ascii: "(") else { return nil }
    let rest = function.utf8.dropFirst().drop { (0x30...0x39).contains($0) }
    for part in parts where rest.starts(with: part.utf8) {
      return String(function[rest.index(rest.startIndex, offsetBy: part.utf8.count)...])
    }
    return nil
  }

  /// What a copy of a generic function is called in short.
  private static let specialized = "specialized "

  private static let parts = [
    ") await resume partial function for ", ") suspend resume partial function for ",
  ]
}
