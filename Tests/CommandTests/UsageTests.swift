import Foundation
import TestSupport
import Testing

/// Runs the command of this build.
func dumpcollect(
  _ arguments: String...,
  input: Data? = nil,
  environment: [String: String?] = [:]
) throws -> CommandResult {
  try dumpcollect(arguments, input: input, environment: environment)
}

/// The same of arguments that were put together.
func dumpcollect(
  _ arguments: [String],
  input: Data? = nil,
  environment: [String: String?] = [:]
) throws -> CommandResult {
  let usual: [String: String?] = ["NO_COLOR": nil, "CLICOLOR_FORCE": nil]
  return try run(
    Products.dumpcollect,
    arguments,
    input: input,
    environment: usual.merging(environment) { _, given in given }
  )
}

struct UsageTests {
  @Test func theVersionIsTheResult() throws {
    let result = try dumpcollect("--version")
    #expect(result.status == 0)
    #expect(result.text.split(separator: ".").count == 3)
    #expect(result.errorText == "")
  }

  @Test(arguments: ["list", "dump", "symbolize", "report", "diff", "watch", "resolve"])
  func everyVerbExplainsItself(_ verb: String) throws {
    let result = try dumpcollect(verb, "--help")
    #expect(result.status == 0)
    #expect(result.text.contains("USAGE: dumpcollect \(verb)"))
    #expect(result.errorText == "")
  }

  @Test func unfinishedVerbsAreAbsent() throws {
    let help = try dumpcollect("--help").text
    for verb in ["core", "attach", "doctor"] {
      #expect(!help.contains("\n  \(verb) "))
    }
  }

  @Test(arguments: [
    ["frob"], ["dump"], ["symbolize"], ["report"], ["report", "a", "b"],
    ["dump", "1", "--timeout", "soon"],
    ["dump", "1", "--timeout", "-1s"], ["report", "a", "--format", "yaml"],
    ["symbolize", "a", "b", "-o", "c"], ["symbolize", "-"], ["symbolize", "a", "--jobs", "0"],
    ["symbolize", "a", "--debug-dir", "/no/such/folder"], ["resolve", "-C", "--no-demangle"],
    ["resolve", "--output-style", "XML"], ["dump", "--nonsense", "1"], ["dump", "0"],
    ["symbolize", ""], ["report", ""], ["symbolize", "a", "-o", ""], ["report", "a", "-o", ""],
    ["dump", "1", "-o", ""], ["dump", ""], ["diff"], ["diff", "a"], ["diff", "-", "-"],
    ["diff", "a", ""],
    ["diff", "a", "b", "--json", "--format", "text"], ["diff", "a", "b", "--format", "full"],
    ["watch"], ["watch", ""], ["watch", "1", "--grow", "0"], ["watch", "1", "--grow", "-1%"],
    ["watch", "1", "--grow", "x"],
    ["watch", "1", "--count", "0"], ["watch", "1", "--interval", "0"],
    ["watch", "1", "--json", "--text"],
    ["watch", "1", "--keep", "/no/such/folder"], ["watch", "1", "2"], ["watch", "0"],
  ])
  func wrongUsageEndsWith64(_ arguments: [String]) throws {
    let result = try run(Products.dumpcollect, arguments)
    #expect(result.status == 64)
    #expect(result.text == "")
    #expect(!result.errorText.isEmpty)
  }

  @Test func anUnknownVerbIsNamed() throws {
    let result = try dumpcollect("frob", "x")
    #expect(result.status == 64)
    #expect(
      result.errorText
        == "dumpcollect: there is no verb “frob”\n  see what there is: dumpcollect --help\n"
    )
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionScriptsKnowTheVerbs(_ shell: String) throws {
    let result = try dumpcollect("--generate-completion-script", shell)
    #expect(result.status == 0)
    #expect(result.text.contains("symbolize"))
  }
}
