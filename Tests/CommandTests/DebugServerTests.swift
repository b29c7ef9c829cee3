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
    try waitUntilServed(whole)
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
  private func waitUntilServed(_ file: String) throws {
    let note = try runSuccessfully("readelf", ["-n", file])
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

  /// A report of a capture with one frame in `work`, of a machine that has nothing but what is below `root`.
  private func report(root: String) throws -> CommandResult {
    let path = directory.file("program")
    let note = try runSuccessfully("readelf", ["-n", whole])
    let id = try #require(note.firstMatch(of: /Build ID: ([0-9a-f]+)/)?.1)
    let bytes = stride(from: 0, to: id.count, by: 2).compactMap {
      UInt8(id.dropFirst($0).prefix(2), radix: 16)
    }
    let bias: UInt64 = 0x5555_0000_0000
    var module = ProtobufField.string(2, path) + ProtobufField.bytes(3, bytes)
    module += ProtobufField.fixed64(4, bias) + ProtobufField.fixed64(5, bias + 0x10_0000)
    module += ProtobufField.fixed64(6, bias)
    let work = try #require(UInt64(try workAddress().dropFirst(2), radix: 16))
    var file = CaptureBytes()
    file.add(kind: 1, ProtobufField.varint(5, 62))
    file.add(kind: 2, ProtobufField.varint(1, 7))
    file.add(kind: 3, module)
    file.add(kind: 4, ProtobufField.varint(1, 7) + ProtobufField.packed(10, [bias + work]))
    file.add(kind: 255, ProtobufField.varint(1, 4) + ProtobufField.varint(2, 1))
    let capture = directory.file("one.dcap")
    try Data(file.bytes).write(to: URL(fileURLWithPath: capture))
    return try run(
      Products.dumpcollect,
      ["report", capture, "--debuginfod", "--sysroot", root, "--source", "0"],
      environment: [
        "DEBUGINFOD_URLS": address, "DEBUGINFOD_CACHE_PATH": directory.file("cache"),
      ]
    )
  }

  @Test func aServerHasTheModuleAndItsSourceWhereThisMachineHasNeither() throws {
    let root = directory.file("empty root")
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: false)
    let answer = try report(root: root)
    #expect(answer.errorText.contains("asking \(address)"))
    let source = "__attribute__((noinline)) int work(int x) { return x * 3; }"
    #expect(answer.text.contains("work  \(directory.file("program.c")):1\n"), "\(answer.text)")
    #expect(answer.text.contains("> 1 | \(source)\n"), "\(answer.text)")
  }

  @Test func aServerHasWhatDwzMovedToAnotherFile() throws {
    let source = Fixture.source("dwarf/shapes.cpp")
    // Only what two programs have in common is moved.
    let programs = ["one", "two"].map(directory.file)
    for program in programs {
      try runSuccessfully(
        "g++",
        ["-gdwarf-4", "-O2", "-Wl,--build-id", source, "-o", program]
      )
    }
    let whole = directory.file("whole")
    try runSuccessfully("cp", [programs[0], whole])
    let common = directory.file("served/common.debug")
    try runSuccessfully("dwz", ["-m", common, "-M", "/no/such/common.debug"] + programs)
    // It looks for new files at once.
    server.send(signal: SIGUSR1)
    try waitUntilServed(common)
    let addresses = try runSuccessfully("nm", ["--defined-only", whole]).split(separator: "\n")
      .filter { $0.contains(/\ [tTW]\ /) }.map { "0x" + $0.prefix { $0 != " " } }
    func answer(_ program: String, _ options: [String]) throws -> CommandResult {
      try run(
        Products.dumpcollect,
        ["resolve", "--obj", program] + options + addresses,
        environment: [
          "DEBUGINFOD_URLS": address, "DEBUGINFOD_CACHE_PATH": directory.file("cache"),
        ]
      )
    }
    let expected = try answer(whole, []).text
    let without = try answer(programs[0], [])
    #expect(without.text != expected)
    #expect(
      without.errorText.contains(
        "/no/such/common.debug, which holds parts of its debug information, was not found"
      )
    )
    #expect(try answer(programs[0], ["--debuginfod"]).text == expected)
  }

  @Test func limitsOfSizeAndTimeAreKeptAndNamed() throws {
    let program = try stripped("-g")
    let arguments = try ["resolve", "--obj", program, "--debuginfod", workAddress()]
    var environment: [String: String?] = [
      "DEBUGINFOD_URLS": address, "DEBUGINFOD_CACHE_PATH": directory.file("cache"),
      "DEBUGINFOD_MAXSIZE": "10",
    ]
    let large = try run(Products.dumpcollect, arguments, environment: environment)
    #expect(large.text == "work\n??:0:0\n\n")
    #expect(
      large.errorText.contains("\(address): the file is larger than DEBUGINFOD_MAXSIZE"),
      "\(large.errorText)"
    )
    // One that takes the question and says nothing.
    let silent = try RunningProgram(
      "python3",
      [
        "-uc",
        """
        import socket
        s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(5); print(s.getsockname()[1])
        kept = []
        while True: kept.append(s.accept())
        """,
      ]
    )
    let port = try #require(silent.readLine())
    environment["DEBUGINFOD_URLS"] = "http://127.0.0.1:\(port)"
    environment["DEBUGINFOD_MAXSIZE"] = .some(nil)
    environment["DEBUGINFOD_TIMEOUT"] = "1"
    let slow = try run(Products.dumpcollect, arguments, environment: environment)
    #expect(slow.text == "work\n??:0:0\n\n")
    #expect(slow.errorText.contains("no answer within DEBUGINFOD_TIMEOUT"), "\(slow.errorText)")
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
