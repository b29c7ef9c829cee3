import Foundation

/// A profile as `go tool pprof` reads it.
package struct Pprof {
  private let path: String
  private let directory: TemporaryDirectory

  /// Keeps the bytes of a profile for pprof to open.
  package init(_ bytes: [UInt8]) throws {
    directory = try TemporaryDirectory()
    path = directory.file("report.pb.gz")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// What pprof prints; it must not complain.
  package func text(_ options: String...) throws -> String {
    try text(options)
  }

  /// What pprof prints of what this profile has more than another.
  package func text(_ options: String..., since before: Pprof) throws -> String {
    try text(options + ["-diff_base=\(before.path)"])
  }

  private func text(_ options: [String]) throws -> String {
    let result = try run(
      "go",
      ["tool", "pprof", "-nodecount=100000", "-nodefraction=0"] + options + [path],
      environment: ["HOME": directory.path, "PPROF_TMPDIR": directory.path]
    )
    guard result.status == 0, result.errorText.isEmpty else {
      throw CommandFailure("pprof \(options): exit \(result.status)\n\(result.errorText)")
    }
    return result.text
  }

  /// One sample as `-traces` shows it.
  package struct Trace: Hashable {
    package var count: Int
    /// Innermost first, each with ` (inline)` where it was inlined.
    package var functions: [String]
    package var labels: [String: String]
  }

  /// The samples, of the type "threads" or "tasks", that are not 0.
  package func traces(_ type: String, _ options: String...) throws -> [Trace] {
    let separator = "-----------+-----"
    let blocks = try text(["-traces", "-sample_index=\(type)"] + options).split(separator: "\n")
      .split {
        $0.hasPrefix(separator)
      }
    return try blocks.dropFirst().map(trace).filter { $0.count != 0 }
  }

  private func trace(_ lines: ArraySlice<Substring>) throws -> Trace {
    var trace = Trace(count: -1, functions: [], labels: [:])
    for line in lines {
      let text = line.trimmingCharacters(in: .whitespaces)
      if trace.count < 0, let colon = line.range(of: ":  ") {
        let key = line[..<colon.lowerBound].trimmingCharacters(in: .whitespaces)
        trace.labels[key] = String(line[colon.upperBound...])
      } else if trace.count < 0 {
        let words = text.split(separator: " ", maxSplits: 1)
        guard words.count == 2, let count = Int(words[0]) else {
          throw CommandFailure("no sample of pprof: \(text)")
        }
        trace.count = count
        trace.functions = [words[1].trimmingCharacters(in: .whitespaces)]
      } else {
        trace.functions.append(text)
      }
    }
    return trace
  }
}
