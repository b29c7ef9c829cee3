import Foundation
import TestSupport

/// The package as `scripts/install` puts it into a prefix, once for all tests of a run.
struct Installation: Sendable {
  /// A folder with a space in its name; it stays for the next run, which replaces its files.
  let prefix = "\(repositoryRoot)/.build/test prefix"

  private static let shared = Result {
    try Installation(runningScript: "\(repositoryRoot)/scripts/install")
  }

  /// The installation; the first call makes it, which can take minutes.
  static func make() throws -> Installation { try shared.get() }

  private init(runningScript script: String) throws {
    if FileManager.default.fileExists(atPath: prefix) {
      try FileManager.default.removeItem(atPath: prefix)
    }
    // From a folder that is not the package's.
    try runSuccessfully(script, [prefix], directory: "/")
  }

  /// The path of a file below the prefix.
  func path(_ name: String) -> String { "\(prefix)/\(name)" }

  /// The installed command.
  var dumpcollect: String { path("bin/dumpcollect") }

  /// What lets compilers and the loader find the library where no system folder has it.
  var environment: [String: String?] {
    ["PKG_CONFIG_PATH": path("lib/pkgconfig"), "LD_LIBRARY_PATH": nil]
  }

  /// The grouped text report of a live dump of `service`.
  func report(of service: RunningProgram) throws -> String {
    let capture = try runSuccessfully(dumpcollect, ["dump", "\(service.processID)"]).trimmingLineEnd
    // The pools of the examples wait for work.
    return try runSuccessfully(dumpcollect, ["report", capture, "--idle", "show"])
  }
}

/// A copy of one of the examples, built in a folder of its own.
struct ExampleCopy {
  let directory: TemporaryDirectory
  var path: String { directory.file("example") }

  init(of name: String) throws {
    directory = try TemporaryDirectory()
    try FileManager.default.copyItem(
      atPath: "\(repositoryRoot)/Examples/\(name)",
      toPath: directory.file("example")
    )
  }

  /// Starts a program of the example and waits for its line `ready, pid …`.
  func start(_ program: String) throws -> RunningProgram {
    let service = try RunningProgram(
      program,
      environment: ["DUMPCOLLECT": "directory=\(directory.path)", "LD_LIBRARY_PATH": nil]
    )
    try service.wait(for: "ready, pid \(service.processID)")
    return service
  }
}

extension String {
  /// Without one newline at the end.
  var trimmingLineEnd: String { hasSuffix("\n") ? String(dropLast()) : self }
}
