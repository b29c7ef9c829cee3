import CaptureFormat
import Foundation
import TestSupport

/// The functions of a program by address, as `nm` lists them: names the frames of a capture.
struct SymbolRanges {
  private var symbols: [(start: UInt64, end: UInt64, name: String)] = []

  /// `demangles`: C++ and Rust names in full.
  init(_ path: String, demangles: Bool = false) throws {
    let text = try runSuccessfully(
      "nm",
      ["-S", "--defined-only"] + (demangles ? ["-C"] : []) + [path]
    )
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 3)
      guard fields.count == 4, "tTwW".contains(fields[2]), let start = UInt64(fields[0], radix: 16),
        let size = UInt64(fields[1], radix: 16), size > 0
      else { continue }
      symbols.append((start, start + size, String(fields[3])))
    }
    symbols.sort { $0.start < $1.start }
  }

  /// The function around an address of the file.
  func name(at address: UInt64) -> String? {
    symbols.last { $0.start <= address && address < $0.end }?.name
  }
}

extension Capture {
  /// The module of an address.
  func module(at address: UInt64) -> WireModule? {
    modules.first { $0.base <= address && address < $0.end }
  }

  func threads(named name: String) -> [WireThread] { threads.filter { $0.name == name } }

  /// The functions of the executable among a thread's frames, innermost first.
  ///
  /// Return addresses are looked up one byte earlier, exact ones as they are; a frame of the
  /// executable without a function is `?`.
  func chain(_ thread: WireThread, _ symbols: SymbolRanges, in executable: String) -> [String] {
    thread.addresses.enumerated().compactMap { index, address in
      let mark = thread.marks.first { $0.index == UInt32(index) }
      let isExact = mark?.kind == .exact || mark?.kind == .signalFrame
      let lookedUp = isExact ? address : address - 1
      guard let module = module(at: lookedUp), module.path == executable else { return nil }
      return symbols.name(at: lookedUp &- module.loadBias) ?? "?"
    }
  }
}
