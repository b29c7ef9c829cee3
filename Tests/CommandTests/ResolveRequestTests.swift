import ArgumentParser
import Testing

@testable import Resolving
@testable import dumpcollect

struct ResolveRequestTests {
  @Test(arguments: [
    [], ["0x10"], ["--obj", "a", "0x10", "16"], ["--obj=a b", "x", "--", "-y", "--obj"],
    ["-e", "a", "-f", "-i", "-C", "-a", "-p", "-s"], ["--exe", "a", "--exe=b", "--no-demangle"],
    ["--functions", "--no-inlines", "--demangle", "--addresses", "--pretty-print", "--basenames"],
    ["--output-style", "gnu", "--return-addresses", "0x10", "--inlines"],
    ["--output-style=LLVM-JSON", "a 0x1", "-f", "-f"], ["--output-style", "JSON", "--", "0x1"],
    ["--obj", "a=b"], ["-C", "--inlines", "--"],
  ])
  func theUsualArgumentsMeanWhatTheParserOfAllVerbsMakesOfThem(_ words: [String]) throws {
    let plain = try #require(ResolveRequest(plain: ["resolve"] + words[...]))
    let parsed = try ResolveCommand.parse(words).request()
    #expect("\(plain)" == "\(parsed)")
  }

  @Test(arguments: [
    ["--help"], ["-h"], ["--obj"], ["--obj", "-f"], ["--obj="], ["-C", "--no-demangle"],
    ["-i", "--no-inlines"], ["--output-style", "XML"], ["--jobs", "2"], ["--debuginfod"], ["-fi"],
    ["-"], [""], ["--functions=all"], ["--debug-dir", "/"], ["-eprogram"], ["-f=1"], ["--ob", "a"],
  ])
  func everythingElseIsLeftToTheParserOfAllVerbs(_ words: [String]) {
    #expect(ResolveRequest(plain: ["resolve"] + words[...]) == nil)
  }

  @Test func otherVerbsAreLeftToTheParserOfAllVerbs() {
    #expect(ResolveRequest(plain: []) == nil)
    #expect(ResolveRequest(plain: ["report", "a"]) == nil)
    #expect(ResolveRequest(plain: ["--obj", "a", "resolve"]) == nil)
  }
}
