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
    let ids = try processes.flatMap(matches)
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
        requests.append(try DumpRequest(to: id, isQuiet: quiet))
      } catch {
        note(error.description)
        outcomes.add(.nothingDone)
      }
    }
    for request in requests {
      do throws(CommandError) {
        let path = try request.wait(until: deadline, timeout: timeout.duration)
        if let output {
          try copy(path, to: output, of: request.process)
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

  /// The processes that an argument names; at least one.
  private func matches(_ argument: String) throws(CommandError) -> [pid_t] {
    if let id = pid_t(argument) {
      guard id > 0 else {
        throw CommandError("\(argument): expected a process id or a name", status: .usage)
      }
      return [id]
    }
    let named = allProcessIDs().filter { id in
      guard id != getpid(), let process = ProcessStatus(id) else { return false }
      return process.name == argument || process.executableName == argument
    }
    guard !named.isEmpty else {
      throw CommandError(
        "no process is named \(argument)",
        hint: "see who can be dumped: dumpcollect list"
      )
    }
    let armed = named.filter { (try? Registration.find($0)) != nil }
    // With none armed, each says itself why it cannot be dumped.
    return armed.isEmpty ? named : armed
  }

  /// Copies a capture to where the person wants it.
  private func copy(
    _ path: String,
    to output: String,
    of process: ProcessStatus
  ) throws(CommandError) {
    let source = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard source >= 0 else { throw CommandError("\(path): cannot open it: \(SystemError.current)") }
    defer { close(source) }
    var status = stat()
    // The path came from the service: only a file of its own is copied.
    guard unsafe fstat(source, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      process.userIDs.contains(status.st_uid) || status.st_uid == 0
    else {
      throw CommandError("\(path): expected a capture file of \(userName(process.userID))")
    }
    var file = try OutputFile(output, mode: 0o600)
    do throws(SystemError) {
      while case let piece = try readAll(source, limit: 1 << 20), !piece.isEmpty {
        do { try file.write(piece) } catch { throw SystemError(code: EIO) }
      }
    } catch {
      throw CommandError("\(path): cannot copy it to \(output): \(error)")
    }
    try file.finish()
    if output != "-" { try StandardOutput.write(line: output) }
  }
}
