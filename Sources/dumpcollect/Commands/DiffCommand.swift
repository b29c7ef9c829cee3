import ArgumentParser
import Render
import Report

extension ComparisonFormat: ExpressibleByArgument {}

/// `dumpcollect diff`: what changed from one report to the next.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show what changed between two reports or captures, or over several.",
    discussion: """
      Groups of identical stacks that are new, gone, grown or shrunk, what grew most first; threads and tasks \
      that stood still; descriptors, connections, memory, findings; modules of another build. Of several \
      reports the first and the last are compared, and counts are shown for each.

      Exit codes: 0 nothing differs; 1 something does; 2 a file could not be read; 64 wrong usage.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Report archives or captures, the oldest first; one of them may be - for standard input.",
      valueName: "report|capture"
    )
  )
  var inputs: [String]

  @Option(help: "The form.")
  var format: ComparisonFormat?

  @Flag(help: "The same as --format json.")
  var json = false

  @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file.", valueName: "file"))
  var output: String?

  @OptionGroup var paging: PagingArguments

  @OptionGroup var symbolizer: SymbolizerArguments

  @OptionGroup var redaction: RedactionArguments

  func validate() throws {
    try requireNames(inputs + [output])
    guard inputs.count >= 2 else {
      throw ValidationError("expected two reports or captures at least, found \(inputs.count)")
    }
    guard inputs.count(where: { $0 == "-" }) < 2 else {
      throw ValidationError("standard input can be read once: only one of the files may be -")
    }
    if json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) contradict each other")
    }
  }

  func run() throws {
    let redaction = try redaction.redaction()
    var reports: [DumpReport] = []
    var names: [String] = []
    for input in inputs {
      let report = try readReport(input, symbolizer)
      names.append(redacted(fileName: input, of: report, redaction))
      reports.append(redacted(report, redaction))
    }
    let comparison = ReportComparison(
      old: reports[0],
      between: Array(reports[1..<(reports.count - 1)]),
      new: reports[reports.count - 1]
    )
    let isTerminal = output == nil || output == "-"
    let format = format ?? (json ? .json : .text)
    var file = try OutputFile(output, isPaged: paging.isWanted && format == .text)
    try format.write(
      comparison,
      names: names,
      style: isTerminal ? StandardOutput.textStyle : .plain
    ) { try file.write($0) }
    try file.finish()
    if comparison.hasDifferences { throw ExitStatus.partial }
  }
}
