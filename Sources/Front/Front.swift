import CommandOutput
import Glibc
import Resolving

/// The installed `dumpcollect`: answers `resolve` with the usual arguments itself, for anything else it becomes the
/// command with all verbs.
///
/// Linked without a single library (docs/decisions/0008-front.md): sanitizers and perf start it for one address.
@main
enum Front {
  static func main() {
    do {
      let words = try StandIn.arguments(of: CommandLine.arguments)
      guard let request = ResolveRequest(plain: words[...]) else { return becomeWhole() }
      // A reader that closes its pipe shows as EPIPE, which StandardOutput answers without a word.
      signal(SIGPIPE, SIG_IGN)
      try request.run()
    } catch let error as CommandError {
      note(error.description)
      exit(error.status.rawValue)
    } catch let status as ExitStatus {
      exit(status.rawValue)
    } catch {
      note("\(error)")
      exit(ExitStatus.nothingDone.rawValue)
    }
  }

  /// Runs the command with all verbs in place of this one, with the same words; returns never.
  private static func becomeWhole() {
    let path: String
    do throws(SystemError) {
      path = try wholeCommand()
    } catch {
      note("/proc/self/exe: cannot read where dumpcollect is installed: \(error)")
      exit(ExitStatus.nothingDone.rawValue)
    }
    // Safe because the words are those that the kernel gave, which nobody changed.
    unsafe execv(path, CommandLine.unsafeArgv)
    let error = SystemError.current
    note("\(path): cannot start it: \(error)\n  install dumpcollect anew: scripts/install PREFIX")
    exit(ExitStatus.nothingDone.rawValue)
  }

  /// `PREFIX/libexec/dumpcollect/dumpcollect`, where this is `PREFIX/bin/dumpcollect`: an installation may be moved.
  private static func wholeCommand() throws(SystemError) -> String {
    var error: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, filled in
      // Safe because the kernel writes no more than the buffer takes.
      let count = unsafe buffer.withMemoryRebound(to: CChar.self) { text -> Int in
        guard let start = text.baseAddress else { return 0 }
        return unsafe readlink("/proc/self/exe", start, text.count)
      }
      error = errno
      filled = max(count, 0)
    }
    guard !bytes.isEmpty else { throw SystemError(code: error) }
    let prefix = bytes.split(separator: UInt8(ascii: "/")).dropLast(2)
      .map { "/" + String(decoding: $0, as: UTF8.self) }.joined()
    return prefix + "/libexec/dumpcollect/dumpcollect"
  }
}
