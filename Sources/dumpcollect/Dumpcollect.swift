import ArgumentParser
// Every verb ends with what is in there.
@_exported import CommandOutput
import Glibc
import Resolving

/// The command people type.
@main
struct Dumpcollect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dumpcollect",
    abstract: "Live dumps and crash captures of native Linux services.",
    discussion: """
      A service that links libdumpcollect (or was started with its preload form) writes a capture of all its \
      threads when it is asked to. The usual way:

        dumpcollect                     which services can be dumped
        dumpcollect dump NAME           ask for a capture; prints its path
        dumpcollect symbolize CAPTURE   make a report of it; prints its path
        dumpcollect report REPORT       read it
        dumpcollect diff OLD NEW        what changed from one to the next
        dumpcollect watch NAME          what grows, and what may be a leak

      Exit codes: 0 complete; 1 partial, or for diff: they differ; 2 nothing could be done; 3 watch crossed its \
      limit; 64 wrong usage.
      """,
    version: Version.text,
    subcommands: [
      ListCommand.self, DumpCommand.self, SymbolizeCommand.self, ReportCommand.self,
      DiffCommand.self, WatchCommand.self, ResolveCommand.self,
    ],
    defaultSubcommand: ListCommand.self
  )

  /// Without this a mistyped verb would be called an unexpected argument of `list`, the default.
  private static func requireKnownVerb(_ words: [String]) throws(CommandError) {
    guard let verb = words.first, !verb.hasPrefix("-"), verb != "help",
      !configuration.subcommands.contains(where: { $0.configuration.commandName == verb })
    else { return }
    throw CommandError(
      "there is no verb “\(verb)”",
      hint: "see what there is: dumpcollect --help",
      status: .usage
    )
  }

  /// Runs the verb that the arguments name.
  private static func run(_ words: [String]) throws {
    if let request = ResolveRequest(plain: words[...]) { return try request.run() }
    try requireKnownVerb(words)
    var command = try parseAsRoot(words)
    try command.run()
  }

  /// Parses, runs one verb, and turns its end into an exit code.
  static func main() {
    // A reader that closes its pipe shows as EPIPE, which StandardOutput answers without a word.
    signal(SIGPIPE, SIG_IGN)
    do {
      try run(try StandIn.arguments(of: CommandLine.arguments))
    } catch let error as CommandError {
      note(error.description)
      Glibc.exit(error.status.rawValue)
    } catch let status as ExitStatus {
      Glibc.exit(status.rawValue)
    } catch {
      exit(withError: error)
    }
  }
}
