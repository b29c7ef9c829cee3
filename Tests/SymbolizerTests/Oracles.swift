import Foundation
import TestSupport

/// A frame as another tool states it.
struct OracleFrame: Equatable, CustomStringConvertible {
  var function: String?
  /// Absent where the tool states no line.
  var file: String?
  var line = 0
  /// 0 where the tool states none.
  var column = 0

  var description: String { "\(function ?? "?") \(file ?? "?"):\(line):\(column)" }

  init(function: String?, file: String?, line: Int, column: Int) {
    let isKnown = function != "??" && function != ""
    // Without the version of a symbol: `fattach@GLIBC_2.2.5`.
    self.function = isKnown ? function?.split(separator: "@").first.map(String.init) : nil
    // Without a line the tools' files are guesses from the symbol table.
    guard line > 0, let file, file != "??", file != "" else { return }
    self.file = Self.normalised(file)
    self.line = line
    self.column = column
  }

  /// Removes what changes no meaning: tools differ in `./` and `../`.
  static func normalised(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}

/// The tools that answers are compared with.
///
/// Each takes addresses of a file and gives frames, innermost first.
enum Oracle: String, CaseIterable {
  case llvm = "llvm-symbolizer"
  case llvm19 = "llvm-symbolizer-19"
  case elfutils = "eu-addr2line"
  case binutils = "addr2line"

  func frames(_ addresses: [UInt64], in path: String) throws -> [[OracleFrame]] {
    let input = Data(addresses.map { "0x\(String($0, radix: 16))\n" }.joined().utf8)
    switch self {
    case .llvm:
      // The toolchain's own: it knows all that its compilers write.
      let compiler = URL(fileURLWithPath: try locate("swiftc")).resolvingSymlinksInPath()
      let beside = compiler.deletingLastPathComponent().appending(path: "llvm-symbolizer").path
      let isThere = FileManager.default.isExecutableFile(atPath: beside)
      return try llvmFrames(isThere ? beside : rawValue, path, input)
    case .llvm19: return try llvmFrames(rawValue, path, input)
    case .elfutils:
      return Self.grouped(try output(rawValue, ["-a", "-f", "-i", "-e", path], input)).map {
        Self.elfutilsFrames($0)
      }
    case .binutils:
      return Self.grouped(try output(rawValue, ["-a", "-f", "-i", "-e", path], input)).map {
        Self.pairs($0)
      }
    }
  }

  private func output(_ tool: String, _ arguments: [String], _ input: Data) throws -> String {
    let result = try run(tool, arguments, input: input)
    guard result.status == 0 else { throw CommandFailure("\(tool): \(result.errorText)") }
    return result.text
  }

  private func llvmFrames(_ tool: String, _ path: String, _ input: Data) throws -> [[OracleFrame]] {
    let arguments = ["--obj=\(path)", "--output-style=JSON", "--no-demangle"]
    return try output(tool, arguments, input).split(separator: "\n").map {
      try Self.llvmFrames($0)
    }
  }

  private static func llvmFrames(_ line: Substring) throws -> [OracleFrame] {
    struct Answer: Decodable {
      struct Symbol: Decodable {
        var FunctionName: String
        var FileName: String
        var Line: Int
        var Column: Int
      }
      var Symbol: [Symbol]
    }
    return try JSONDecoder().decode(Answer.self, from: Data(line.utf8)).Symbol.map {
      OracleFrame(function: $0.FunctionName, file: $0.FileName, line: $0.Line, column: $0.Column)
    }
  }

  /// The lines of each address, without the address.
  private static func grouped(_ text: String) -> [[String]] {
    var groups: [[String]] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("0x"), !line.contains(":") {
        groups.append([])
      } else {
        groups[groups.count - 1].append(String(line))
      }
    }
    return groups
  }

  /// Lines of function and place in turn: `main`, `/a/b.c:12 (discriminator 2)`.
  private static func pairs(_ lines: [String]) -> [OracleFrame] {
    stride(from: 0, to: lines.count - 1, by: 2).map { index in
      place(lines[index + 1], function: lines[index])
    }
  }

  /// As `pairs`, but the first function's line may tell where it was inlined: `f inlined at /a/b.c:1:2 in main`.
  private static func elfutilsFrames(_ lines: [String]) -> [OracleFrame] {
    pairs(
      lines.map { line in
        line.range(of: " inlined at ").map { String(line[..<$0.lowerBound]) } ?? line
      }
    )
  }

  private static func place(_ text: String, function: String) -> OracleFrame {
    let bare = text.range(of: " (discriminator").map { String(text[..<$0.lowerBound]) } ?? text
    var parts = bare.split(separator: ":", omittingEmptySubsequences: false)
    var numbers: [Int] = []
    while parts.count > 1, let last = parts.last, last == "?" || Int(last) != nil {
      numbers.insert(Int(last) ?? 0, at: 0)
      parts.removeLast()
    }
    return OracleFrame(
      function: function,
      file: parts.joined(separator: ":"),
      line: numbers.first ?? 0,
      column: numbers.count > 1 ? numbers[1] : 0
    )
  }
}
