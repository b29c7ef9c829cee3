import CommandOutput
import Glibc

/// The processes that an argument names; at least one.
func processIDs(named argument: String) throws(CommandError) -> [pid_t] {
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
