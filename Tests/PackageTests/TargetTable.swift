import Foundation
import TestSupport

/// The table of targets in docs/architecture.md: what each may import.
struct TargetTable {
  /// Target to the modules of its row.
  let imports: [String: Set<String>]

  /// Modules of the toolchain and of libc: allowed where the table names them, unknown to the manifest.
  static let systemModules: Set<String> = [
    "Foundation", "FoundationEssentials", "Glibc", "Synchronization",
  ]

  init(readingDocument path: String) throws {
    let document = try String(contentsOfFile: path, encoding: .utf8)
    var imports: [String: Set<String>] = [:]
    for line in document.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|", omittingEmptySubsequences: false)
      guard cells.count == 6, let name = Self.codeWords(in: cells[1]).first else {
        throw CommandFailure("\(path): expected a row of four cells: \(line)")
      }
      guard imports[name] == nil else { throw CommandFailure("\(path): two rows of \(name)") }
      imports[name] = Set(Self.codeWords(in: cells[3]))
    }
    self.imports = imports
  }

  /// The words between backquotes.
  private static func codeWords(in cell: Substring) -> [String] {
    cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }
      .map { String($0.element) }
  }
}

/// A target as `swift package describe` states it.
struct PackageTarget: Decodable {
  let name: String
  let type: String
  let path: String
  let sources: [String]
  private let targetDependencies: [String]?
  private let productDependencies: [String]?

  enum CodingKeys: String, CodingKey {
    case name, type, path, sources
    case targetDependencies = "target_dependencies"
    case productDependencies = "product_dependencies"
  }

  var dependencies: Set<String> { Set((targetDependencies ?? []) + (productDependencies ?? [])) }

  /// The modules that the target's Swift sources import.
  func importedModules() throws -> Set<String> {
    var modules: Set<String> = []
    for source in sources where source.hasSuffix(".swift") {
      let text = try String(contentsOfFile: "\(repositoryRoot)/\(path)/\(source)", encoding: .utf8)
      for line in text.split(separator: "\n") {
        if let module = Self.importedModule(of: line) { modules.insert(module) }
      }
    }
    return modules
  }

  /// The module of a line such as `@testable package import struct Foundation.Data`.
  static func importedModule(of line: Substring) -> String? {
    var words = line.split(separator: " ")[...]
    let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    while let word = words.first, word.hasPrefix("@") || modifiers.contains(word) {
      words.removeFirst()
    }
    guard words.first == "import" else { return nil }
    words.removeFirst()
    let kinds: Set<Substring> = [
      "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
    ]
    if let word = words.first, kinds.contains(word) { words.removeFirst() }
    return words.first?.split(separator: ".").first.map(String.init)
  }

  /// All targets of this package that are no tests and no support of tests.
  static func productTargets() throws -> [PackageTarget] {
    struct Description: Decodable { let targets: [PackageTarget] }
    let directory = try TemporaryDirectory()
    // A scratch folder of its own: the test's own run holds the lock of the usual one.
    let output = try runSuccessfully(
      "swift",
      ["package", "--scratch-path", directory.file("build"), "describe", "--type", "json"],
      directory: repositoryRoot
    )
    return try JSONDecoder().decode(Description.self, from: Data(output.utf8)).targets
      .filter { $0.path.hasPrefix("Sources/") }
  }
}
