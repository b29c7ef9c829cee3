import ArgumentParser
import Glibc

/// `dumpcollect dump`: asks services for a live capture.
struct DumpCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Ask services for a live capture; prints the path of each capture file.",
    discussion: """
      NAME is the process's name (comm) or the file name of its executable; every match that has the handler \
      is dumped. The service goes on while it writes.
      """
  )

  @Argument(help: ArgumentHelp("Process ids or names.", valueName: "pid|name"))
  var processes: [String]

  @Option(
    help: ArgumentHelp("How long to wait for the captures: 500ms, 5s, 2m.", valueName: "time")
  )
  var timeout = DurationArgument(.seconds(5))

  @Flag(help: "Disturb no thread: no signal is sent to them, and no system call is interrupted.")
  var quiet = false

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Copy the capture to this file; - is standard output.", valueName: "file")
  )
  var output: String?

  func validate() throws {
    try requireNames([output])
    if processes.contains("") {
      throw ValidationError("expected a process id or a name, found an empty word")
    }
  }

  func run() throws {
    let ids = try processes.flatMap(processIDs(named:))
    if output != nil, ids.count > 1 {
      throw CommandError(
        "-o takes one capture, and \(ids.count) processes match: "
          + ids.map(String.init).joined(separator: ", "),
        hint: "name one of the ids: dumpcollect dump \(ids[0]) -o \(output ?? "")",
        status: .usage
      )
    }
    if output == "-" { try StandardOutput.requireNoTerminal(for: "a capture") }
    try dump(ids)
  }

  /// Asks all of them first and waits afterwards, so that the timeout is one for all.
  private func dump(_ ids: [pid_t]) throws {
    var outcomes = Outcomes()
    let deadline = ContinuousClock.now + timeout.duration
    var requests: [DumpRequest] = []
    for id in ids {
      do throws(CommandError) {
        requests.append(try DumpRequest(to: id, isQuiet: quiet, by: .dump))
      } catch {
        note(error.description)
        outcomes.add(.nothingDone)
      }
    }
    for request in requests {
      do throws(CommandError) {
        let path = try request.wait(until: deadline, timeout: timeout.duration)
        if let output {
          try copyCapture(path, to: output, of: request.process)
          if output != "-" { try StandardOutput.write(line: output) }
        } else {
          try StandardOutput.write(line: path)
        }
        outcomes.add(.complete)
      } catch {
        note(error.description)
        outcomes.add(.nothingDone)
      }
    }
    try outcomes.finish()
  }
}
