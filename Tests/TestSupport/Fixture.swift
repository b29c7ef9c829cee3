import Foundation

/// The folder of Package.swift.
package let repositoryRoot: String = {
  var path = URL(fileURLWithPath: #filePath)
  for _ in 0..<3 { path.deleteLastPathComponent() }
  return path.path
}()

/// A new empty folder with a space in its name, removed with the value.
package final class TemporaryDirectory: Sendable {
  package let path: String

  package init() throws {
    path = NSTemporaryDirectory() + "dumpcollect test \(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    // A folder left behind in the temporary directory is no failure of the test.
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of a file in the folder.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file of the folder, and returns its path.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

/// Programs built from `Tests/Fixtures` by the compilers of the machine.
package enum Fixture {
  /// The path of a source in `Tests/Fixtures`.
  package static func source(_ name: String) -> String {
    "\(repositoryRoot)/Tests/Fixtures/\(name)"
  }

  /// Compiles sources of `Tests/Fixtures` with exactly these arguments into a new file of `directory`.
  package static func build(
    _ sources: [String],
    compiler: String,
    arguments: [String] = [],
    into directory: TemporaryDirectory,
    named name: String
  ) throws -> String {
    let path = directory.file(name)
    try runSuccessfully(compiler, sources.map { source($0) } + arguments + ["-o", path])
    return path
  }
}
