import ArgumentParser

/// The command people type.
@main
struct Dumpcollect: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "dumpcollect")
}
