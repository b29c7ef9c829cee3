/// A stack's name over builds, hosts and runs: equal when the same functions of the same modules call each other.
///
/// FNV-1a, 64 bits, over each frame's function and module file name, innermost first, each followed by a
/// zero byte. Addresses, lines, paths and whether a frame was inlined do not count. A function is taken as it
/// is shown, without clone suffixes (`[clone .cold]`; of C functions `.cold`) and without the hash that rustc's older mangling adds
/// anew in each build (`::h0123456789abcdef`); an unknown function counts as `?`.
public struct StackFingerprint: Sendable, Hashable {
  /// The sum itself.
  public let value: UInt64

  /// 16 hexadecimal digits.
  public var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}

/// Computes fingerprints; what is the same for every occurrence of a frame is computed once.
struct StackFingerprinter {
  private let report: DumpReport
  private let moduleNames: [String]
  /// The bytes that a frame adds, by index of the frame; nil until they are asked for.
  private var frameBytes: [[UInt8]?]

  init(_ report: DumpReport) {
    self.report = report
    moduleNames = report.modules.map { String(fileName(of: $0.path)) }
    frameBytes = Array(repeating: nil, count: report.frames.count)
  }

  mutating func fingerprint(ofStack stack: Int) -> StackFingerprint {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for frame in report.stacks[stack] {
      for byte in bytes(ofFrame: frame) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    }
    return StackFingerprint(value: hash)
  }

  private mutating func bytes(ofFrame index: Int) -> [UInt8] {
    if let known = frameBytes[index] { return known }
    let frame = report.frames[index]
    let function = frame.function.map(stableName(of:)) ?? "?"
    let module = frame.module.map { moduleNames[$0] } ?? ""
    let bytes = Array(function.utf8) + [0] + Array(module.utf8) + [0]
    frameBytes[index] = bytes
    return bytes
  }
}

/// The last component of a path.
package func fileName(of path: String) -> Substring {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path[...] }
  return path[path.utf8.index(after: slash)...]
}

/// A function's name without what changes from build to build.
func stableName(of function: String) -> Substring {
  var name = function[...]
  while name.utf8.last == UInt8(ascii: "]"), let clone = name.lastRange(of: " [clone ") {
    name = name[..<clone]
  }
  name = withoutCloneSuffixes(ofCName: name)
  let tail = name.utf8.suffix(19)
  if tail.count == 19, tail.starts(with: "::h".utf8), tail.dropFirst(3).allSatisfy(isHexDigit) {
    name = name.dropLast(19)
  }
  return name
}

/// A C function's name without the endings of gcc's and clang's copies and parts of it: no other name in C holds a dot.
private func withoutCloneSuffixes(ofCName name: Substring) -> Substring {
  guard name.utf8.contains(UInt8(ascii: ".")), name.utf8.allSatisfy(isOfCName) else { return name }
  var parts = name.split(separator: ".", omittingEmptySubsequences: false)[...]
  while parts.count > 1, let last = parts.last {
    let isNumber = !last.isEmpty && last.utf8.allSatisfy(isDigit)
    if isNumber, parts.count > 2, numberedClones.contains(parts[parts.endIndex - 2]) {
      parts.removeLast(2)
    } else if last == "cold" || last == "localalias", parts.first?.isEmpty == false {
      parts.removeLast()
    } else {
      break
    }
  }
  return parts.last.map { name[..<$0.endIndex] } ?? name
}

/// Kinds of copies and parts whose number may be another in the next build.
private let numberedClones: Set<Substring> = [
  "__part", "constprop", "isra", "llvm", "lto_priv", "part",
]

private func isOfCName(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
    || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "$")
}

func isDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte)
}

private func isHexDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
}

extension Substring {
  /// Where the last occurrence of an ASCII text begins.
  fileprivate func lastRange(of text: String) -> Index? {
    let wanted = Array(text.utf8)
    var index = utf8.endIndex
    while index > utf8.startIndex {
      index = utf8.index(before: index)
      if utf8[index...].starts(with: wanted) { return index }
    }
    return nil
  }
}
