import Foundation

/// A file of speedscope or of the Firefox Profiler, checked and read back by `Tests/Fixtures/formats/read.py`.
package struct ProfileDocument {
  /// A frame as the tool shows it.
  package struct Frame: Hashable, Decodable {
    package var name: String
    package var file: String?
    package var line: Int?
    package var column: Int?
    /// How many functions it is inlined into; nil where the format does not say.
    package var depth: Int?

    package init(name: String, file: String?, line: Int?, column: Int?, depth: Int?) {
      (self.name, self.file, self.line, self.column) = (name, file, line, column)
      self.depth = depth
    }

    package init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      name = try values.decode(String.self)
      file = try values.decode(String?.self)
      line = try values.decode(Int?.self)
      column = try values.decode(Int?.self)
      depth = try values.decode(Int?.self)
    }
  }

  /// How many threads have which stack, innermost frame first.
  package private(set) var threads: [[Frame]: Int] = [:]
  /// How many tasks have which stack.
  package private(set) var tasks: [[Frame]: Int] = [:]

  private struct Sample: Decodable {
    var kind: String
    var frames: [Frame]
    var count: Int

    init(from decoder: any Decoder) throws {
      var values = try decoder.unkeyedContainer()
      kind = try values.decode(String.self)
      frames = try values.decode([Frame].self)
      count = try values.decode(Int.self)
    }
  }

  /// - Throws: what the schema or an index of the file objects to.
  package init(_ format: String, _ bytes: [UInt8]) throws {
    let directory = try TemporaryDirectory()
    let path = directory.file("profile.json")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let schema = Fixture.source("formats/\(format).schema.json")
    let output = try runSuccessfully(
      "python3",
      [Fixture.source("formats/read.py"), format, schema, path]
    )
    for sample in try JSONDecoder().decode([Sample].self, from: Data(output.utf8)) {
      if sample.kind == "tasks" {
        tasks[sample.frames] = sample.count
      } else {
        threads[sample.frames] = sample.count
      }
    }
  }
}
