import Foundation
import Testing
import TestSupport

@Suite struct InstallTests {
  private let installation: Installation

  init() throws {
    installation = try Installation.make()
  }

  @Test(arguments: [
    "bin/dumpcollect", "libexec/dumpcollect/dumpcollect", "include/dumpcollect.h",
    "lib/libdumpcollect.a", "lib/libdumpcollect.so",
    "lib/libdumpcollect-preload.so", "lib/libdumpcollect-threads.a",
    "lib/libdumpcollect-static.a",
    "lib/pkgconfig/dumpcollect.pc", "lib/pkgconfig/dumpcollect-threads.pc",
    "lib/pkgconfig/dumpcollect-static.pc",
    "lib/cmake/dumpcollect/dumpcollect-config.cmake",
    "lib/cmake/dumpcollect/dumpcollect-config-version.cmake",
    "share/man/man1/dumpcollect.1", "share/bash-completion/completions/dumpcollect",
    "share/zsh/site-functions/_dumpcollect", "share/fish/vendor_completions.d/dumpcollect.fish",
  ]) func theFileIsInstalledAndReadable(name: String) throws {
    let attributes = try FileManager.default.attributesOfItem(atPath: installation.path(name))
    #expect((attributes[.size] as? Int ?? 0) > 0)
    let mode = try #require(attributes[.posixPermissions] as? Int)
    let isProgram = name.hasPrefix("bin/") || name.hasPrefix("libexec/") || name.hasSuffix(".so")
    #expect(mode == (isProgram ? 0o755 : 0o644), "\(String(mode, radix: 8))")
    let text = try String(
      decoding: Data(contentsOf: URL(fileURLWithPath: installation.path(name))),
      as: UTF8.self
    )
    #expect(!text.contains("@VERSION@"))
  }

  @Test func theCommandNeedsNoToolchainAndNoEnvironment() throws {
    let whole = installation.path("libexec/dumpcollect/dumpcollect")
    let libraries = try runSuccessfully("ldd", [whole])
    #expect(
      !libraries.contains("swift") && !libraries.contains("Foundation")
        && !libraries.contains("not found")
    )
    let version = try runSuccessfully("env", ["-i", installation.dumpcollect, "--version"])
    #expect(version.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(version)")
  }

  @Test func theManualNamesEveryVerbAndOptionOfTheCommand() throws {
    let manual = try String(
      contentsOfFile: installation.path("share/man/man1/dumpcollect.1"),
      encoding: .utf8
    )
    .replacing("\\-", with: "-")
    let help = try runSuccessfully(installation.dumpcollect, ["--experimental-dump-help"])
    let names = try CommandHelp(dump: help).names
    #expect(names.count > 10)
    for name in names { #expect(manual.contains(name), "\(name) is not in the manual") }
  }

  @Test(arguments: [
    "bash-completion/completions/dumpcollect", "zsh/site-functions/_dumpcollect",
    "fish/vendor_completions.d/dumpcollect.fish",
  ])
  func theCompletionsKnowEveryVerb(name: String) throws {
    let script = try String(contentsOfFile: installation.path("share/\(name)"), encoding: .utf8)
    for verb in ["list", "dump", "symbolize", "report", "resolve"] {
      #expect(script.contains(verb))
    }
    if name.hasPrefix("bash") {
      try runSuccessfully("bash", ["-n", installation.path("share/\(name)")])
    }
  }

  @Test func aStagedInstallationNamesThePrefixAndNotTheStage() throws {
    let stage = try TemporaryDirectory()
    try runSuccessfully(
      "\(repositoryRoot)/scripts/install",
      ["/opt/dumps"],
      environment: ["DESTDIR": stage.path],
      directory: "/"
    )
    #expect(FileManager.default.isExecutableFile(atPath: stage.file("opt/dumps/bin/dumpcollect")))
    let found = try run("grep", ["-rlF", stage.path, stage.file("opt")])
    #expect(found.text == "")
  }

  @Test func onlyTheInterfaceLeavesTheLibraries() throws {
    for name in ["lib/libdumpcollect.so", "lib/libdumpcollect-preload.so"] {
      let symbols = try runSuccessfully(
        "nm",
        ["-D", "--defined-only", "--format=just-symbols", installation.path(name)]
      )
      let exported = symbols.split(separator: "\n").map { $0.prefix { $0 != "@" } }
      #expect(exported.contains("dumpcollect_install"))
      // The preload form stands in the place of libc's.
      let others = name.contains("preload") ? ["pthread_create", "thrd_create"] : []
      let found = exported.filter { !$0.hasPrefix("dumpcollect_") }.map(String.init).sorted()
      #expect(found == others, "\(name)")
    }
  }
}

/// What `--experimental-dump-help` tells of a command and its subcommands.
private struct CommandHelp {
  /// Verbs, and options as they are typed.
  var names: Set<String> = []

  private struct Dump: Decodable { let command: Command }
  private struct Command: Decodable {
    let commandName: String
    let shouldDisplay: Bool?
    let subcommands: [Command]?
    let arguments: [Argument]?
  }
  private struct Argument: Decodable {
    struct Name: Decodable { let kind: String; let name: String }
    let names: [Name]?
    let shouldDisplay: Bool?
  }

  init(dump: String) throws {
    add(try JSONDecoder().decode(Dump.self, from: Data(dump.utf8)).command)
  }

  private mutating func add(_ command: Command) {
    names.insert(command.commandName)
    for argument in command.arguments ?? [] where argument.shouldDisplay != false {
      for name in argument.names ?? [] {
        names.insert((name.kind == "long" ? "--" : "-") + name.name)
      }
    }
    for subcommand in command.subcommands ?? [] where subcommand.shouldDisplay != false {
      add(subcommand)
    }
  }
}
