import Foundation
import Logging
import Report
import Symbolizer
import TestSupport

/// What the symbolizer says of a file's addresses, compared with what other tools say.
struct OracleAgreement {
  /// A symbol of `nm`.
  struct NamedRange {
    var start: UInt64
    var end: UInt64
    var name: String
  }

  let path: String
  let symbols: [NamedRange]

  /// Reads the file's symbols.
  init(_ path: String) throws {
    self.path = path
    symbols = try Self.symbols(of: path)
  }

  /// The addresses at which a tool says something else, each with what both say.
  func differences(at addresses: [UInt64], from oracle: Oracle) throws -> [String] {
    let ours = try frames(addresses)
    let theirs = try oracle.frames(addresses, in: path)
    guard theirs.count == addresses.count else {
      throw CommandFailure("\(oracle.rawValue) gave \(theirs.count) answers of \(addresses.count)")
    }
    return addresses.indices.compactMap { index in
      let address = addresses[index]
      guard !agree(ours[index], theirs[index], oracle, at: address) else { return nil }
      let place = String(address, radix: 16)
      return "\(place): ours \(ours[index]), \(oracle.rawValue) \(theirs[index])"
    }
  }

  /// The frames of each address as the symbolizer states them.
  func frames(_ addresses: [UInt64]) throws -> [[OracleFrame]] {
    var options = SymbolizerOptions()
    options.demangles = false
    let resolver = AddressResolver(options: options, log: Logger(label: "test"))
    return try resolver.resolve(addresses, in: path, kind: .exact).map { answer in
      answer.frames.map {
        OracleFrame(
          function: $0.linkage ?? $0.function,
          file: $0.file,
          line: Int($0.line ?? 0),
          column: Int($0.column ?? 0)
        )
      }
    }
  }

  /// The addresses of `.text`.
  static func text(of path: String) throws -> Range<UInt64> {
    for line in try runSuccessfully("readelf", ["-SW", path]).split(separator: "\n") {
      let words = line.drop { $0 != "]" }.dropFirst().split(separator: " ")
      guard words.count > 4, words[0] == ".text", let start = UInt64(words[2], radix: 16),
        let size = UInt64(words[4], radix: 16)
      else { continue }
      return start..<(start + size)
    }
    throw CommandFailure("\(path) has no .text")
  }

  /// Whether two answers for an address say the same.
  private func agree(
    _ ours: [OracleFrame],
    _ theirs: [OracleFrame],
    _ oracle: Oracle,
    at address: UInt64
  ) -> Bool {
    // Tools state one frame without a name where they know nothing.
    let theirs = theirs.filter { $0.function != nil || $0.file != nil }
    if ours.last?.function == nil,
      !symbols.contains(where: { $0.start <= address && address < $0.end })
    {
      // Padding behind a function: binutils, and elfutils with a second frame, give it to the function before it.
      return ours.first?.file == theirs.first?.file
        && ours.first?.line ?? 0 == theirs.first?.line ?? 0
    }
    guard ours.count == theirs.count else { return false }
    for (index, (mine, other)) in zip(ours, theirs).enumerated() {
      guard mine.file == other.file, mine.line == other.line else { return false }
      // binutils knows no columns.
      guard oracle == .binutils || mine.column == other.column else { return false }
      if mine.function == other.function { continue }
      guard index == ours.count - 1, let name = mine.function else { return false }
      if let theirs = other.function, Self.isPlain(theirs, of: name) { continue }
      // Names of one address are aliases: constructors of gcc (C1, C2), folded functions.
      let aliases = symbols.filter { $0.start <= address && address < $0.end }.map(\.name)
      guard aliases.contains(name), other.function.map(aliases.contains) ?? false else {
        return false
      }
    }
    return true
  }

  /// elfutils states the name of the source, where an entry has no linkage name of its own, and never that of a part.
  private static func isPlain(_ theirs: String, of linkage: String) -> Bool {
    linkage.hasPrefix("\(theirs).")
      || linkage.hasPrefix("_Z") && linkage.contains("\(theirs.utf8.count)\(theirs)")
  }

  private static func symbols(of path: String) throws -> [NamedRange] {
    try runSuccessfully("nm", ["-S", "--defined-only", path]).split(separator: "\n").compactMap {
      let words = $0.split(separator: " ")
      guard words.count == 4, "tTwWiu".contains(words[2]), let start = UInt64(words[0], radix: 16),
        let size = UInt64(words[1], radix: 16)
      else { return nil }
      let name = words[3].prefix { $0 != "@" }
      return NamedRange(start: start, end: start + size, name: String(name))
    }
  }
}
