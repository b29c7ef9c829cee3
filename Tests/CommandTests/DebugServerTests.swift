import Foundation
import TestSupport
import Testing

/// `--debuginfod` against Debian's server on the loopback interface.
@Suite(.serialized)
struct DebugServerTests {
  private let directory: TemporaryDirectory
  private let server: RunningProgram
  private let address: String
  /// With debug information; the server has it, nobody else.
  private let whole: String

  init() throws {
    directory = try TemporaryDirectory()
    let source = try directory.write(
      """
      __attribute__((noinline)) int work(int x) { return x * 3; }
      int main(int count, char **arguments) { return work(count); }
      """,
      to: "program.c"
    )
    let served = directory.file("served")
    try FileManager.default.createDirectory(atPath: served, withIntermediateDirectories: true)
    whole = "\(served)/program"
    try runSuccessfully("gcc", ["-g", "-O1", "-Wl,--build-id", source, "-o", whole])
    let port = try Self.freePort()
    address = "http://127.0.0.1:\(port)"
    server = try RunningProgram(
      "debuginfod",
      ["-F", served, "-p", "\(port)", "-d", ":memory:", "-t", "0"],
      environment: ["DEBUGINFOD_URLS": nil]
    )
    try waitUntilServed()
  }

  /// A port that nobody uses: the kernel chose it, and it was given back just now.
  private static func freePort() throws -> Int {
    let text = try runSuccessfully(
      "python3",
      [
        "-c",
        "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])",
      ]
    )
    return try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  /// The server tells nobody when it has read its files: it is asked until it has the program.
  private func waitUntilServed() throws {
    let note = try runSuccessfully("readelf", ["-n", whole])
    let match = try #require(note.firstMatch(of: /Build ID: ([0-9a-f]+)/))
    let url = "\(address)/buildid/\(match.1)/debuginfo"
    try runSuccessfully(
      "curl",
      [
        "-sf", "-o", "/dev/null", "--retry", "200", "--retry-delay", "1", "--retry-all-errors",
        "--retry-max-time", "120", url,
      ]
    )
  }

  private func stripped(_ option: String) throws -> String {
    let path = directory.file("program")
    try runSuccessfully("strip", [option, whole, "-o", path])
    return path
  }

  private func workAddress() throws -> String {
    for line in try runSuccessfully("nm", [whole]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 3, words[2] == "work" { return "0x\(words[0])" }
    }
    throw CommandFailure("there is no symbol work")
  }

  private func resolve(_ options: [String], _ program: String, servers: String?) throws
    -> CommandResult
  {
    try run(
      Products.dumpcollect,
      ["resolve", "--obj", program] + options + [workAddress()],
      environment: [
        "DEBUGINFOD_URLS": servers, "DEBUGINFOD_CACHE_PATH": directory.file("cache"),
        "DUMPCOLLECT_DEBUGINFOD": nil,
      ]
    )
  }

  @Test(arguments: ["-s", "-g"])
  func aServerHasWhatAStrippedFileLacksAndTheCacheKeepsIt(option: String) throws {
    let program = try stripped(option)
    let asked = try resolve(["--debuginfod"], program, servers: address)
    #expect(asked.text.hasPrefix("work\n\(directory.file("program.c")):1:"), "\(asked.text)")
    #expect(asked.errorText.contains("asking \(address)"))
    server.send(signal: SIGKILL)
    let offline = try resolve(["--offline"], program, servers: nil)
    #expect(offline.text == asked.text)
    #expect(offline.errorText.isEmpty)
  }

  @Test func nobodyIsAskedWithoutTheOption() throws {
    let program = try stripped("-s")
    let answer = try resolve([], program, servers: address)
    #expect(!answer.text.contains("work"))
    #expect(!FileManager.default.fileExists(atPath: directory.file("cache")))
    let offline = try resolve(["--offline"], program, servers: address)
    #expect(!offline.text.contains("work"))
    #expect(!offline.errorText.contains("asking"))
  }

  @Test func aMissingServerIsNamed() throws {
    let program = try stripped("-s")
    let none = try resolve(["--debuginfod"], program, servers: nil)
    #expect(none.status == 2)
    #expect(none.errorText.contains("DEBUGINFOD_URLS: names no server"))
    let silent = "http://127.0.0.1:\(try Self.freePort())"
    let answer = try resolve(["--debuginfod"], program, servers: silent)
    #expect(answer.text.hasPrefix("??\n"))
    #expect(answer.errorText.contains("\(silent): cannot be reached"), "\(answer.errorText)")
  }

  @Test func aFileOfAnotherBuildIsNotTaken() throws {
    let program = try stripped("-s")
    _ = try resolve(["--debuginfod"], program, servers: address)
    // What the cache has for this build becomes another one.
    let cached = try #require(
      try runSuccessfully("find", [directory.file("cache"), "-name", "debuginfo"])
        .split(separator: "\n").first.map(String.init)
    )
    try runSuccessfully("chmod", ["u+w", cached])
    try runSuccessfully(
      "gcc",
      ["-g", "-O0", "-Wl,--build-id", directory.file("program.c"), "-o", cached]
    )
    let answer = try resolve(["--offline"], program, servers: nil)
    #expect(answer.text.hasPrefix("??\n"))
    #expect(answer.errorText.contains("refused \(cached): build ID"))
  }
}
