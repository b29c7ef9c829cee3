import ArgumentParser
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

  @Option(help: ArgumentHelp("Threads to use (default: one a core).", valueName: "n"))
  var jobs: Int?

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs: expected a number from 1 to 1024, found \(jobs)")
    }
    for directory in debugDirectories + (sysroot.map { [$0] } ?? [])
    where !FileKind(of: directory).isDirectory {
      throw ValidationError("\(directory): expected a folder to search")
    }
  }

  var options: SymbolizerOptions {
    var options = SymbolizerOptions()
    options.debugDirectories = debugDirectories
    options.sysroot = sysroot
    options.jobs = jobs
    return options
  }
}
