import Foundation
import TestSupport
import Testing

/// A capture of a real service, in the formats of other tools, says what its JSON says.
@Suite struct ProfileFormatTests {
  let directory: TemporaryDirectory
  let archive: String
  let document: ReportDocument

  init() throws {
    directory = try TemporaryDirectory()
    // C++ with functions that are inlined into each other.
    let service = try #require(Service.cxxServices.first { $0.name == "g++ -O2" })
    let program = try RunningService(service, in: directory)
    archive = directory.file("chains.dcreport")
    try runSuccessfully(
      Products.dumpcollect,
      ["symbolize", try program.dump(), "-o", archive]
    )
    document = try ReportDocument(json: Data(Self.report(archive, "json").utf8))
  }

  private static func report(_ archive: String, _ format: String) throws -> String {
    try runSuccessfully(Products.dumpcollect, ["report", archive, "--format", format])
  }

  private var pprof: Pprof {
    get throws {
      let file = directory.file("chains.pb.gz")
      try runSuccessfully(
        Products.dumpcollect,
        ["report", archive, "--format", "pprof", "-o", file]
      )
      return try Pprof(Array(Data(contentsOf: URL(fileURLWithPath: file))))
    }
  }

  /// A frame's function, or its place in the module.
  private func name(_ frame: ReportDocument.Frame) -> String {
    guard let function = frame.function else {
      let module = frame.module?.split(separator: "/").last.map(String.init)
      return module.map { "\($0)+\(frame.offset ?? "")" } ?? frame.address
    }
    return function
  }

  /// The stacks of the JSON, a word a frame.
  private func stacks(_ word: (ReportDocument.Frame) -> String) -> [[String]: Int] {
    var counts: [[String]: Int] = [:]
    for thread in document.threads {
      #expect(thread.truncated == nil && thread.frames?.isEmpty == false)
      counts[(thread.frames ?? []).map(word), default: 0] += 1
    }
    return counts
  }

  @Test func pprofHasTheSameFunctionsFilesLinesAndInlining() throws {
    #expect(document.threads.count >= 4)
    #expect(document.threads.contains { $0.frames?.contains { $0.isInlined } ?? false })
    let expected = stacks { frame in
      let place = frame.file.map { " \($0)" + (frame.line.map { ":\($0)" } ?? "") } ?? ""
      return name(frame) + place + (frame.isInlined ? " (inline)" : "")
    }
    let pprof = try pprof
    var shown: [[String]: Int] = [:]
    for trace in try pprof.traces("threads", "-lines") {
      shown[trace.functions, default: 0] += trace.count
    }
    #expect(shown == expected)
  }

  @Test func pprofCountsTheThreadsInAndBelowEachFunction() throws {
    var flat: [String: Int] = [:]
    var cumulative: [String: Int] = [:]
    for (stack, count) in stacks(name) {
      flat[stack[0], default: 0] += count
      for function in Set(stack) { cumulative[function, default: 0] += count }
    }
    let rows = try pprof.text("-top").split(separator: "\n").drop { !$0.contains("flat%") }
    var shown: [String: [Int?]] = [:]
    for row in rows.dropFirst() {
      let cells = row.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
      let name = try #require(cells.last).replacingOccurrences(of: " (inline)", with: "")
        .trimmingCharacters(in: .whitespaces)
      shown[name] = [Int(cells[0]), Int(cells[3])]
    }
    #expect(
      shown
        == cumulative.mapValues { [0, $0] }.merging(flat.map { ($0, [$1, $1]) }) {
          [$1[0], $0[1]]
        }
    )
  }

  @Test func pprofShowsWhoCallsAFunctionAndWhomItCalls() throws {
    let block = try pprof.text("-peek=^start_thread$").split(separator: "\n")
    let own = try #require(block.firstIndex { $0.hasSuffix("| start_thread") })
    let callers = block[..<own].reversed().prefix { !$0.hasPrefix("---") }
    let callees = block[(own + 1)...].prefix { !$0.hasPrefix("---") }
    func counts(_ lines: some Sequence<Substring>) -> [String: Int] {
      Dictionary(
        uniqueKeysWithValues: lines.map { line in
          let cells = line.split(separator: "|", maxSplits: 1)
          let count = Int(cells[0].split(separator: " ")[0]) ?? 0
          let name = cells[1].replacingOccurrences(of: " (inline)", with: "")
          return (name.trimmingCharacters(in: .whitespaces), count)
        }
      )
    }
    var expectedCallers: [String: Int] = [:]
    var expectedCallees: [String: Int] = [:]
    for (stack, count) in stacks(name) {
      guard let place = stack.firstIndex(of: "start_thread") else { continue }
      expectedCallees[stack[place - 1], default: 0] += count
      expectedCallers[stack[place + 1], default: 0] += count
    }
    #expect(!expectedCallees.isEmpty)
    #expect(counts(callers) == expectedCallers)
    #expect(counts(callees) == expectedCallees)
  }

  @Test func foldedStacksHaveTheSameFunctions() throws {
    var expected: [String: Int] = [:]
    for (stack, count) in stacks({ name($0) + ($0.isInlined ? "_[i]" : "") }) {
      let words = stack.reversed().map { $0.replacingOccurrences(of: ";", with: ":") }
      expected["threads;" + words.joined(separator: ";"), default: 0] += count
    }
    let lines = try Self.report(archive, "folded").split(separator: "\n").map { line in
      let cells = line.split(separator: " ")
      return (cells.dropLast().joined(separator: " "), Int(cells[cells.count - 1]) ?? 0)
    }
    #expect(Dictionary(uniqueKeysWithValues: lines) == expected)
  }

  @Test(arguments: ["speedscope", "firefox"])
  func speedscopeAndTheFirefoxProfilerHaveTheSameFunctionsFilesAndLines(_ format: String) throws {
    let profile = try ProfileDocument(format, Array(Self.report(archive, format).utf8))
    var shown: [[String]: Int] = [:]
    for (stack, count) in profile.threads {
      let words = stack.map { frame in
        frame.name + " " + (frame.file ?? "") + (frame.line.map { ":\($0)" } ?? "")
          + ((frame.depth ?? 0) > 0 ? " inlined" : "")
      }
      shown[words, default: 0] += count
    }
    let expected = stacks { frame in
      name(frame) + " " + (frame.file ?? "") + (frame.line.map { ":\($0)" } ?? "")
        + (frame.isInlined && format == "firefox" ? " inlined" : "")
    }
    #expect(shown == expected)
  }
}
