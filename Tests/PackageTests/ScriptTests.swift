import Foundation
import Testing
import TestSupport

/// What README, documents and CI call; each must work from any folder and without standard input.
private let scripts = [
  "scripts/bootstrap", "scripts/build-command", "scripts/build-handler",
  "scripts/check-signal-time", "scripts/demo",
  "scripts/format",
  "scripts/generate-protobuf", "scripts/install", "scripts/lint", "scripts/require-swift",
  "scripts/test", "Benchmarks/run",
  ".ci/run",
]

@Suite struct ScriptTests {
  @Test(arguments: scripts) func theScriptIsThereRunsAndHasNoFindings(script: String) throws {
    let path = "\(repositoryRoot)/\(script)"
    #expect(FileManager.default.isExecutableFile(atPath: path))
    let result = try run("shellcheck", [path])
    #expect(result.status == 0, "\(result.text)")
  }

  @Test func theStressScriptRefusesWhatIsNoDuration() throws {
    let result = try run("\(repositoryRoot)/scripts/stress", ["soon"])
    #expect(result.status == 64)
    #expect(result.errorText.contains("scripts/stress [SECONDS]"))
  }

  @Test func theReadmeBeginsWithTheTwoCommands() throws {
    let readme = try String(contentsOfFile: "\(repositoryRoot)/README.md", encoding: .utf8)
    let beginning = readme.split(separator: "\n", omittingEmptySubsequences: false).prefix(15)
    #expect(beginning.contains("scripts/demo"))
    #expect(beginning.contains("scripts/test"))
  }

  @Test func everyLinkOfTheDocumentsLeadsSomewhere() throws {
    let documents = try runSuccessfully(
      "find",
      [".", "-name", "*.md", "-not", "-path", "*/.build/*"],
      directory: repositoryRoot
    )
    var links = 0
    for document in documents.split(separator: "\n") {
      let text = try String(contentsOfFile: "\(repositoryRoot)/\(document)", encoding: .utf8)
      let folder = URL(fileURLWithPath: "\(repositoryRoot)/\(document)").deletingLastPathComponent()
      for part in text.components(separatedBy: "](").dropFirst() {
        let target = part.prefix { $0 != ")" && $0 != "#" }
        guard !target.isEmpty, !target.hasPrefix("http") else { continue }
        links += 1
        #expect(
          FileManager.default.fileExists(
            atPath: folder.appendingPathComponent(String(target)).path
          ),
          "\(document): \(target)"
        )
      }
    }
    #expect(links > 5)
  }

  @Test func withoutSwiftEveryScriptSaysInOneLineWhatToInstall() throws {
    let path = try pathWithoutSwift()
    for script in ["scripts/test", "scripts/demo", "scripts/install", "scripts/lint", ".ci/run"] {
      let arguments = script == "scripts/install" ? [path.file("prefix")] : []
      let result = try run(
        "\(repositoryRoot)/\(script)",
        arguments,
        environment: ["PATH": path.path],
        directory: "/"
      )
      #expect(result.status == 1, "\(script)")
      #expect(
        result.errorText.split(separator: "\n").count == 1,
        "\(script): \(result.errorText)"
      )
      #expect(result.errorText.contains("Swift 6.3") && result.errorText.contains("swift.org"))
    }
  }

  @Test func anOldSwiftIsNamedWithItsVersion() throws {
    let path = try pathWithoutSwift()
    let swift = try path.write(
      "#!/usr/bin/env bash\necho 'Swift version 6.2.4 (swift-6.2.4-RELEASE)'\n",
      to: "swift"
    )
    try runSuccessfully("chmod", ["+x", swift])
    let result = try run(
      "\(repositoryRoot)/scripts/require-swift",
      environment: ["PATH": path.path]
    )
    #expect(result.status == 1)
    #expect(result.errorText.contains("is Swift version 6.2.4"), "\(result.errorText)")
  }

  /// Programs of an earlier build are there, and must not pass for those that could not be built.
  @Test func aBuildThatFailsMakesNoCommand() throws {
    let directory = try TemporaryDirectory()
    for folder in ["scripts", "bin", "built"] {
      try FileManager.default.createDirectory(
        atPath: directory.file(folder),
        withIntermediateDirectories: false
      )
    }
    for script in ["build-command", "require-swift"] {
      try FileManager.default.copyItem(
        atPath: "\(repositoryRoot)/scripts/\(script)",
        toPath: directory.file("scripts/\(script)")
      )
    }
    for program in ["dumpcollect", "dumpcollect-front"] {
      try FileManager.default.copyItem(
        atPath: locate("true"),
        toPath: directory.file("built/\(program)")
      )
    }
    let swift = try directory.write(
      """
      #!/bin/sh
      case "$*" in
        --version) echo 'Swift version 6.3.1 (swift-6.3.1-RELEASE)' ;;
        *--show-bin-path) echo '\(directory.file("built"))' ;;
        *) echo 'error: it does not compile' >&2; exit 1 ;;
      esac

      """,
      to: "bin/swift"
    )
    try runSuccessfully("chmod", ["+x", swift])
    let result = try run(
      directory.file("scripts/build-command"),
      environment: [
        "PATH": "\(directory.file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
      ]
    )
    #expect(result.status == 1 && result.text == "", "\(result.text)")
    #expect(result.errorText.contains("it does not compile"))
  }

  /// A folder for PATH with what a script needs before it asks for Swift: the usual folders may hold a Swift.
  private func pathWithoutSwift() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for program in ["bash", "cat", "dirname", "head", "mkdir", "sed"] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(program),
        withDestinationPath: try locate(program)
      )
    }
    return directory
  }

  @Test func bootstrapSaysNothingWhenEverythingIsThere() throws {
    let result = try run("\(repositoryRoot)/scripts/bootstrap", directory: "/")
    #expect(
      result.status == 0 && result.text == "" && result.errorText == "",
      "\(result.errorText)"
    )
  }

  @Test(arguments: [[], [""], ["--help"], ["a", "b"]]) func installWithoutAPrefixShowsItsUsage(
    arguments: [String]
  ) throws {
    let result = try run("\(repositoryRoot)/scripts/install", arguments, directory: "/")
    #expect(result.status == 64)
    #expect(result.errorText.hasPrefix("usage: scripts/install PREFIX"))
  }

  @Test func installRefusesAPrefixThatCannotBeWritten() throws {
    let result = try run("\(repositoryRoot)/scripts/install", ["/proc/none"], directory: "/")
    #expect(result.status == 73)
    #expect(result.errorText.contains("cannot write to /proc/none"))
  }

  @Test(arguments: ["0", "9", "401", "many", "-1"]) func theDemoRefusesANumberOfRequestsThatIsNone(
    argument: String
  ) throws {
    let result = try run("\(repositoryRoot)/scripts/demo", [argument], directory: "/")
    #expect(result.status == 64)
    #expect(result.errorText.hasPrefix("usage: scripts/demo"))
  }

  @Test func anUnknownBenchmarkIsNamedWithThoseThatThereAre() throws {
    let result = try run("\(repositoryRoot)/Benchmarks/run", ["nonsense"], directory: "/")
    #expect(result.status == 64)
    #expect(result.errorText.contains("'nonsense'; there are: "))
    #expect(result.errorText.contains("symbolize"))
  }

  /// Whoever adds a benchmark describes it.
  @Test func theReadmeOfTheBenchmarksListsEachOfThem() throws {
    let folder = "\(repositoryRoot)/Benchmarks"
    let readme = try String(contentsOfFile: "\(folder)/README.md", encoding: .utf8)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)/run")
    }
    #expect(!names.isEmpty)
    for name in names { #expect(readme.contains("| [\(name)](\(name)/README.md) |"), "\(name)") }
  }
}
