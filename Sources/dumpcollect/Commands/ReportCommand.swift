import ArgumentParser
import Render
import Report
import Symbolizer

extension ReportFormat: ExpressibleByArgument {}

/// `dumpcollect report`: shows a report archive, or a capture, in one of the forms.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Show a report, or a capture that is symbolized on the way.",
    discussion:
      """
      “text” groups identical stacks, “full” prints every thread, “html” is a page for a browser, “json” is for programs \
      (“jsonl”: an object a line), “pprof” for go tool pprof, “folded” for flame graph scripts, “speedscope” and \
      “firefox” for the viewers of these names.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A report archive or a capture; - is standard input.",
      valueName: "report|capture"
    )
  )
  var input: String

  @Option(help: "The form.")
  var format = ReportFormat.text

  @Option(name: .shortAndLong, help: ArgumentHelp("Write to this file.", valueName: "file"))
  var output: String?

  @OptionGroup var paging: PagingArguments

  @OptionGroup var view: ReportViewArguments

  @OptionGroup var symbolizer: SymbolizerArguments

  @OptionGroup var redaction: RedactionArguments

  func validate() throws {
    try requireNames([input, output])
  }

  func run() throws {
    let isTerminal = output == nil || output == "-"
    if isTerminal, format.isBinary {
      try StandardOutput.requireNoTerminal(for: "a report as \(format.rawValue)")
    }
    let redaction = try redaction.redaction()
    let report = try redacted(readReport(input, symbolizer), redaction)
    var file = try OutputFile(output, isPaged: paging.isWanted && format.isForPeople)
    let format = format
    let style = isTerminal ? StandardOutput.textStyle : .plain
    try format.write(report, style: style, view: view.view) { try file.write($0) }
    try file.finish()
    let status = noteProblems(of: report, named: input)
    if status != .complete { throw status }
  }
}

/// The report that a person named: an archive, or a capture that is symbolized on the way.
func readReport(
  _ name: String,
  _ symbolizer: SymbolizerArguments
) throws(CommandError) -> DumpReport {
  let file = try InputFile(name)
  guard FileKind(of: file.path) == .database else {
    return try symbolizedReport(
      ofCapture: file.path,
      as: name,
      options: try symbolizer.options()
    )
  }
  do throws(ReportArchiveError) {
    return try ReportArchive.read(at: file.path)
  } catch {
    var error = error
    error.file = name
    throw CommandError(error.description)
  }
}
