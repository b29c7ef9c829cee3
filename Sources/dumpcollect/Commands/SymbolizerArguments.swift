import ArgumentParser
import Glibc
import Symbolizer

/// Where to look for debug information: the same words in every verb that symbolizes.
struct SymbolizerArguments: ParsableArguments {
  @Option(
    name: .customLong("debug-dir"),
    help: ArgumentHelp(
      "Search debug files here first: D/.build-id/xx/rest.debug, D/<directory>/<debuglink>, D/<file>.",
      valueName: "dir"
    )
  )
  var debugDirectories: [String] = []

  @Option(
    help: ArgumentHelp("Look for modules and debug files below this folder.", valueName: "dir")
  )
  var sysroot: String?

  @Flag(
    name: .customLong("debuginfod"),
    help:
      "Ask the servers of $DEBUGINFOD_URLS for debug files that are not here ($DUMPCOLLECT_DEBUGINFOD=on does so too)."
  )
  var asksServers = false

  @Flag(help: "With --debuginfod, ask nobody: use what its cache has.")
  var offline = false

  @Option(
    name: .customLong("source"),
    help: ArgumentHelp(
      "Show so many lines of source before and behind each frame's.",
      valueName: "n"
    )
  )
  var sourceContext: Int?

  @Option(help: ArgumentHelp("Threads to use (default: one a core).", valueName: "n"))
  var jobs: Int?

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs: expected a number from 1 to 1024, found \(jobs)")
    }
    if let sourceContext, !(0...100).contains(sourceContext) {
      throw ValidationError("--source: expected a number from 0 to 100, found \(sourceContext)")
    }
    for directory in debugDirectories + (sysroot.map { [$0] } ?? [])
    where !FileKind(of: directory).isDirectory {
      throw ValidationError("\(directory): expected a folder to search")
    }
  }

  /// - Throws: why the servers that were asked for cannot be asked.
  func options() throws(CommandError) -> SymbolizerOptions {
    var options = SymbolizerOptions()
    options.debugDirectories = debugDirectories
    options.sysroot = sysroot
    options.jobs = jobs
    options.sourceContext = sourceContext
    if asksServers || offline || Self.isSwitchedOn { options.debugServer = try server() }
    return options
  }

  private static var isSwitchedOn: Bool {
    // Safe because nobody changes the environment at the same time.
    guard let value = unsafe getenv("DUMPCOLLECT_DEBUGINFOD") else { return false }
    return ["1", "on", "yes", "true"].contains(unsafe String(cString: value))
  }

  private func server() throws(CommandError) -> DebugServer {
    do throws(SymbolizerError) {
      return try DebugServer(
        isOffline: offline,
        log: NoteLog.logger,
        progress: ProgressLine.transferDisplay
      )
    } catch {
      throw CommandError(error.description)
    }
  }
}
