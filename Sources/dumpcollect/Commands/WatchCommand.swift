import ArgumentParser
import CommandOutput
import Glibc
import Render
import Report

/// How much a process may grow, as people write it: `100`, `50%`.
struct GrowthLimitArgument: ExpressibleByArgument {
  var limit: GrowthLimit

  init?(argument: String) {
    guard let limit = GrowthLimit(argument) else { return nil }
    self.limit = limit
  }
}

/// `dumpcollect watch`: captures again and again, shows growth, names leak suspects.
struct WatchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "watch",
    abstract: "Capture services again and again; shows what grows and names leak suspects.",
    discussion: """
      A line a capture: threads, tasks, descriptors, connections, memory, and the group of stacks that grew most; \
      on a terminal with the course of each, else as JSON. At the end (Ctrl-C, --count, --grow, or the end of the \
      process) a summary says what grew steadily, how fast, and where its threads and tasks stand.

      Captures that show nothing new are removed again; only those that this command asked for. NAME is the process's \
      name (comm) or the file name of its executable; every match that is there at the start is watched.

      --redact takes out of what is printed, as lines and as JSON, what report --redact takes out. The captures that stay \
      are the service's own and are not redacted: symbolize --redact makes a report of one that is.

      Exit codes: 0 ended as asked; 1 captures failed or could not be moved, or the process ended; 2 nothing could be captured; 3 a limit \
      was crossed; 64 wrong usage.
      """
  )

  @Argument(help: ArgumentHelp("Process id or name.", valueName: "pid|name"))
  var process: String

  @Option(
    help: ArgumentHelp(
      "Time from one capture to the next, with up to a tenth more or less: 500ms, 30s, 5m.",
      valueName: "time"
    )
  )
  var interval = DurationArgument(.seconds(30))

  @Option(help: ArgumentHelp("End after so many captures.", valueName: "n"))
  var count: Int?

  @Option(
    help: ArgumentHelp(
      """
      End with exit code 3 when threads, tasks, descriptors, connections, or a group of identical stacks grew by so many, \
      or by so many percent (50%, memory too), since the first capture.
      """,
      valueName: "n|n%"
    )
  )
  var grow: GrowthLimitArgument?

  @Flag(help: "JSON lines, on a terminal too.")
  var json = false

  @Flag(help: "Lines for people, where standard output is no terminal too.")
  var text = false

  @Option(
    name: [.customShort("o"), .customLong("keep")],
    help: ArgumentHelp(
      "Move the captures that show something to this folder.",
      valueName: "dir"
    )
  )
  var directory: String?

  @Flag(help: "Remove no capture.")
  var keepAll = false

  @Option(help: ArgumentHelp("How long to wait for a capture.", valueName: "time"))
  var timeout = DurationArgument(.seconds(5))

  @Flag(help: "Disturb no thread: no signal is sent to them, and no system call is interrupted.")
  var quiet = false

  @OptionGroup var symbolizer: SymbolizerArguments

  @OptionGroup var redaction: RedactionArguments

  func validate() throws {
    guard !process.isEmpty else {
      throw ValidationError("expected a process id or a name, found an empty word")
    }
    try requireNames([directory])
    guard interval.duration >= .milliseconds(10) else {
      throw ValidationError("--interval: expected 10ms at least")
    }
    if let count, count < 1 {
      throw ValidationError("--count: expected a number from 1, found \(count)")
    }
    if json && text { throw ValidationError("--json and --text contradict each other") }
    if let directory, unsafe access(directory, W_OK) != 0 || !FileKind(of: directory).isDirectory {
      throw ValidationError("\(directory): expected a folder that you may write to")
    }
  }

  func run() throws {
    let redaction = try redaction.redaction()
    var processes: [WatchedProcess] = []
    var isPartial = false
    for id in try processIDs(named: process) {
      do throws(CommandError) {
        let keeper = CaptureKeeper(directory: directory, keepsAll: keepAll)
        processes.append(try WatchedProcess(id, keeper: keeper, redaction: redaction))
      } catch {
        note(error.description)
        isPartial = true
      }
    }
    guard !processes.isEmpty else { throw ExitStatus.nothingDone }
    let isText = text || (!json && StandardOutput.isTerminal)
    let session = WatchSession(
      processes: processes,
      interval: interval.duration,
      count: count,
      limit: grow?.limit,
      timeout: timeout.duration,
      isQuiet: quiet,
      options: try symbolizer.options(),
      output: isText ? .text(textOutput(processes.count)) : .json
    )
    Interruption.install()
    if isText, isatty(STDERR_FILENO) == 1 { announce(processes) }
    let status = try session.run()
    if status != .complete { throw status }
    if isPartial { throw ExitStatus.partial }
  }

  private func textOutput(_ processCount: Int) -> TextWatch {
    TextWatch(
      style: StandardOutput.textStyle,
      sparkline: StandardOutput.isTerminal ? (isUTF8 ? .blocks : .ascii) : nil,
      namesProcess: processCount > 1
    )
  }

  /// The locale's characters (locale(7): the first of these that is set decides).
  private var isUTF8: Bool {
    for variable in ["LC_ALL", "LC_CTYPE", "LANG"] {
      // Safe because nobody changes the environment at the same time.
      guard let value = unsafe getenv(variable), unsafe value.pointee != 0 else { continue }
      let name = unsafe String(cString: value).lowercased()
      return name.contains("utf-8") || name.contains("utf8")
    }
    return false
  }

  private func announce(_ processes: [WatchedProcess]) {
    let names = processes.map { "pid \($0.processID) (\($0.name))" }.joined(separator: ", ")
    note(
      "watching \(names) every \(interval.duration.formattedSeconds); Ctrl-C ends it with a summary"
    )
  }
}
