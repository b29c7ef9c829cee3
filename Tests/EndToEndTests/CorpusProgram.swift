import Foundation
import TestSupport

/// A program of the corpus: one scenario a language, built by `Tests/Fixtures/corpus/build` in every form that compilers, linkers and
/// packagers give programs.
struct CorpusProgram: Decodable {
  enum Handler: String, Decodable {
    /// Loaded by LD_PRELOAD.
    case preload
    /// In the program, which is static.
    case linked
    /// None can be there: the program is static and moved; it prints its own return addresses.
    case walk
  }

  var name: String
  var language: String
  var program: String
  var debugDirectory: String?
  /// Where the sources are by the debug information.
  var sourceDirectory: String
  var handler: Handler
  /// No debug information at all.
  var symbolsOnly: Bool?
  /// Lines and inlined calls, but no types and no linkage names of inlined functions.
  var linesOnly: Bool?
  /// `shop::refuse` and `shop::regret` are one piece of code.
  var folded: Bool?
  /// The function in assembly has no line.
  var bareAssembly: Bool?
  /// A library of the program holds most of the chain.
  var library: Bool?
  /// What `report` has to say of the program beside the report.
  var note: String?
  /// A language's own differences.
  var form: String?

  enum CodingKeys: String, CodingKey {
    case name, language, program, handler, folded, library, note, form
    case debugDirectory = "debug_directory"
    case sourceDirectory = "source_directory"
    case symbolsOnly = "symbols_only"
    case bareAssembly = "bare_assembly"
    case linesOnly = "lines_only"
  }

  /// Builds all programs of a language into a folder; several at a time.
  static func build(_ language: String, into directory: TemporaryDirectory) throws
    -> [CorpusProgram]
  {
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
    let script = Fixture.source("corpus/build")
    let names = try runSuccessfully(script, ["--list"]).split(separator: "\n")
      .map { $0.split(separator: "\t") }
      .filter { $0[1] == language }.map { String($0[0]) }
    try runSuccessfully(
      script,
      [directory.path] + names + ["--handler", TestSupport.Handler.directory]
    )
    let records = try Data(contentsOf: URL(fileURLWithPath: directory.file("corpus.json")))
    return try JSONDecoder().decode([CorpusProgram].self, from: records)
  }

  /// Runs the program until its thread stands where the source says, captures it, and returns its report.
  ///
  /// - Throws: `CommandFailure` also when the program does not come back from its chain and end well.
  func report(preloading library: String) throws -> ReportDocument {
    let captures = try TemporaryDirectory()
    var environment = ["DUMPCOLLECT": "directory=\(captures.path),min-interval=none"]
    if handler == .preload { environment["LD_PRELOAD"] = library }
    let running = try RunningProgram(program, environment: environment)
    try running.wait(for: "ready")
    try running.waitUntilAsleep()
    let capture = try runSuccessfully(Products.dumpcollect, ["dump", String(running.processID)])
      .trimmingCharacters(in: .newlines)
    try end(running)
    let json = try run(
      Products.dumpcollect,
      ["report", capture, "--format", "json"] + debugArguments
    )
    let noted = note.map { json.errorText.contains($0) } ?? json.errorText.isEmpty
    guard json.status == 0, noted else {
      throw CommandFailure("\(name): report: exit \(json.status)\n\(json.errorText)")
    }
    return try ReportDocument(json: json.output)
  }

  /// Frames of a program without handler, by the addresses that it prints itself.
  func resolvedFrames() throws -> [ReportDocument.Frame] {
    let running = try RunningProgram(program)
    try running.wait(for: "ready")
    try running.waitUntilAsleep()
    running.send(signal: SIGUSR1)
    var addresses: [UInt64] = []
    while let line = running.readLine(), line != "end" {
      let words = line.split(separator: " ")
      if words.count == 3, words[2] == "0", let address = UInt64(words[1].dropFirst(2), radix: 16) {
        addresses.append(address)
      }
    }
    let maps = try String(contentsOfFile: "/proc/\(running.processID)/maps", encoding: .utf8)
    guard
      let line = maps.split(separator: "\n").first(where: { $0.hasSuffix(program) }),
      let base = UInt64(line.prefix { $0 != "-" }, radix: 16)
    else { throw CommandFailure("\(name): the program is not in its own maps:\n\(maps)") }
    try end(running)
    let inFile = addresses.filter { $0 > base }.map { "0x\(String($0 - base, radix: 16))" }
    let text = try runSuccessfully(
      Products.dumpcollect,
      ["resolve", "--obj", program, "--return-addresses", "--output-style", "JSON"] + inFile
    )
    return try text.split(separator: "\n").flatMap {
      try JSONDecoder().decode(Answer.self, from: Data($0.utf8)).frames
    }
  }

  /// A line of `resolve`.
  private struct Answer: Decodable {
    var frames: [ReportDocument.Frame]
  }

  private var debugArguments: [String] {
    debugDirectory.map { ["--debug-dir", $0] } ?? []
  }

  private func end(_ running: RunningProgram) throws {
    running.closeInput()
    let status = running.waitForExit()
    guard status == 0 else { throw CommandFailure("\(name): exit \(status)") }
  }
}
