import ArgumentParser
import Glibc
import Render

/// `dumpcollect list`: the processes that have the handler.
struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the processes that have the dump handler."
  )

  @Flag(help: "One JSON document instead of a table.")
  var json = false

  func run() throws {
    var services: [Registration] = []
    var hidden: [pid_t] = []
    for id in allProcessIDs() {
      do throws(Registration.Failure) {
        services.append(try Registration.find(id))
      } catch {
        switch error {
        case .notPermitted: hidden.append(id)
        case .deleted: note("pid \(id): not listed: its state file was deleted")
        case .invalid(let problem): note("pid \(id): not listed: \(problem)")
        case .noProcess, .noHandler: break
        }
      }
    }
    try json ? StandardOutput.write(document(services)) : writeTable(services)
    if !hidden.isEmpty && !json { note(hiddenText(hidden)) }
  }

  private func hiddenText(_ ids: [pid_t]) -> String {
    guard geteuid() == 0 else {
      let processes = ids.count == 1 ? "1 process" : "\(ids.count) processes"
      return
        "\(processes) of other users could not be examined\n  see them too: sudo dumpcollect list"
    }
    let named = ids.prefix(4).map { id in
      "pid \(id)" + (ProcessStatus(id).map { " (\($0.name))" } ?? "")
    }
    let rest = ids.count > 4 ? [" and \(ids.count - 4) more"] : []
    return named.joined(separator: ", ") + rest.joined()
      + " could not be examined, even by root: CAP_SYS_PTRACE is missing here"
  }

  // MARK: Table

  private func writeTable(_ services: [Registration]) throws {
    guard !services.isEmpty else {
      return note(
        "no process with the dump handler was found\n  link a service with libdumpcollect, or start it "
          + "with LD_PRELOAD=…/libdumpcollect-preload.so"
      )
    }
    var rows = [["PID", "NAME", "USER", "UPTIME", "THREADS", "CAPTURES", "DIRECTORY"]]
    rows += services.map(row)
    let widths = rows[0].indices.map { column in
      rows.map { $0[column].unicodeScalars.count }.max() ?? 0
    }
    for row in rows {
      let cells = zip(row, widths).enumerated().map { column, cell in
        let padding = String(repeating: " ", count: cell.1 - cell.0.unicodeScalars.count)
        // Numbers stand on the right.
        return [0, 4, 5].contains(column) ? padding + cell.0 : cell.0 + padding
      }
      let line = cells.joined(separator: "  ")
      try StandardOutput.write(line: String(line.reversed().drop { $0 == " " }.reversed()))
    }
  }

  private func row(_ service: Registration) -> [String] {
    let process = service.process
    let state = service.state
    var directory = visible(state.directory)
    if service.isInherited { directory += "  (forked from pid \(state.processID), not dumped yet)" }
    if state.flags.contains(.degraded) {
      directory += "  (degraded: see the service's standard error)"
    }
    if !state.flags.contains(.armed) { directory += "  (uninstalled)" }
    return [
      "\(process.processID)", visible(process.name), visible(userName(process.userID)),
      process.uptime?.formattedRoughly ?? "?", "\(process.threadCount)",
      "\(captureCount(service))", directory,
    ]
  }

  // MARK: JSON

  private func document(_ services: [Registration]) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.field("schema", 1)
      json.key("processes")
      json.array(services, onLines: true, write)
    }
    json.endDocument()
    return json.bytes
  }

  private func write(_ json: inout JSONWriter, _ service: Registration) {
    let process = service.process
    let state = service.state
    json.object { json in
      json.field("pid", process.processID)
      json.field("name", process.name)
      json.field("user", userName(process.userID))
      json.field("uid", process.userID)
      json.field("uptime_s", process.uptime?.components.seconds)
      json.field("threads", process.threadCount)
      json.field("captures", captureCount(service))
      json.field("failed", service.isInherited ? 0 : state.failed)
      json.field("directory", state.directory)
      json.field(
        "last_capture",
        state.lastCapture.isEmpty || service.isInherited
          ? nil : service.openablePath(state.lastCapture)
      )
      json.field("version", state.version)
      json.field("armed", state.flags.contains(.armed))
      json.field("degraded", state.flags.contains(.degraded))
      if service.isInherited { json.field("forked_from_pid", state.processID) }
    }
  }

  private func captureCount(_ service: Registration) -> UInt64 {
    service.isInherited ? 0 : service.state.published
  }
}
