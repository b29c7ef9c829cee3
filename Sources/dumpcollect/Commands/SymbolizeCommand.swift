import ArgumentParser
import Report
import Symbolizer

/// `dumpcollect symbolize`: captures to report archives.
struct SymbolizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "symbolize",
    abstract: "Make report archives of captures; prints the path of each archive.",
    discussion:
      "An archive lies beside its capture, with the suffix .dcreport, unless -o says where."
  )

  @Argument(help: ArgumentHelp("Capture files; - is standard input.", valueName: "capture"))
  var captures: [String]

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the archive here; - is standard output.", valueName: "report")
  )
  var output: String?

  @OptionGroup var symbolizer: SymbolizerArguments

  @OptionGroup var redaction: RedactionArguments

  func validate() throws {
    try requireNames(captures + [output])
    if output != nil && captures.count > 1 {
      throw ValidationError("-o takes one capture, found \(captures.count)")
    }
    if output == nil && captures.contains("-") {
      throw ValidationError(
        "a capture from standard input has no place of its own: say where with -o"
      )
    }
  }

  func run() throws {
    if output == "-" { try StandardOutput.requireNoTerminal(for: "a report archive") }
    // One for all of them: their tokens can be compared.
    let redaction = try redaction.redaction()
    var outcomes = Outcomes()
    for capture in captures {
      do throws(CommandError) {
        outcomes.add(try symbolize(capture, redaction))
      } catch {
        note(error.description)
        outcomes.add(.nothingDone)
      }
    }
    try outcomes.finish()
  }

  private func symbolize(
    _ capture: String,
    _ redaction: Redaction?
  ) throws(CommandError) -> ExitStatus {
    let input = try InputFile(capture)
    let whole = try symbolizedReport(
      ofCapture: input.path,
      as: capture,
      options: try symbolizer.options()
    )
    let report = redacted(whole, redaction)
    if output == "-" {
      try writeToStandardOutput(report)
    } else {
      let path = output ?? ReportArchive.defaultPath(forCapture: capture)
      do throws(ReportArchiveError) {
        try ReportArchive.write(report, to: path)
      } catch {
        throw CommandError(error.description)
      }
      try StandardOutput.write(line: path)
    }
    return noteProblems(of: report, named: capture)
  }

  private func writeToStandardOutput(_ report: DumpReport) throws(CommandError) {
    let file = try TemporaryArchive(report)
    try file.copyToStandardOutput()
  }
}

/// The report of a capture, called by `name` as the person typed it; errors say what to try next.
///
/// `cache`: what was looked up for earlier captures of the process.
func symbolizedReport(
  ofCapture path: String,
  as name: String,
  options: SymbolizerOptions,
  cache: SymbolCache? = nil
) throws(CommandError) -> DumpReport {
  if FileKind(of: path) == .database {
    throw CommandError(
      "\(name): is a report already (an SQLite database), expected a capture",
      hint: "show it: dumpcollect report \(name)"
    )
  }
  var options = options
  options.progress = ProgressLine.display(for: name)
  defer { ProgressLine.end() }
  do throws(SymbolizerError) {
    let symbolizer = CaptureSymbolizer(options: options, log: NoteLog.logger, cache: cache)
    var report = try symbolizer.report(ofCaptureAt: path)
    report.captureFile = name
    return report
  } catch {
    var error = error
    error.file = name
    throw CommandError(error.description)
  }
}

/// Tells the person what is missing in a report.
func noteProblems(of report: DumpReport, named name: String) -> ExitStatus {
  guard !report.isComplete || !report.problems.isEmpty else { return .complete }
  if report.problems.isEmpty { note("\(name): incomplete") }
  for problem in report.problems { note("\(name): \(problem)") }
  return .partial
}
