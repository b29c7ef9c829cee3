import Foundation
import TestSupport
import Testing

/// A service that has secrets wherever a capture may keep some, from its capture to what others are handed.
@Suite struct RedactionTests {
  let directory: TemporaryDirectory
  let capture: String
  private let service: RunningProgram

  /// What the service was given, in words that stand nowhere else.
  private static let secrets = [
    "canary-argument", "canary-value", "canary-label", "canary-note", "canary-reason",
    "canary-user", "canary-project", "canary.c", "canary-socket", "127.86.4.2",
  ]

  init() throws {
    directory = try TemporaryDirectory()
    try runSuccessfully("\(repositoryRoot)/scripts/build-handler")
    let program = try Fixture.build(
      ["formats/canary.c"],
      compiler: "gcc",
      // The source lies in somebody's home, as far as the debug information says.
      arguments: [
        "-g", "-pthread",
        "-fdebug-prefix-map=\(repositoryRoot)/Tests/Fixtures/formats=/home/canary-user/canary-project",
      ] + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: "shop"
    )
    let socket = try PlainLink(to: directory.path)
    service = try RunningProgram(
      program,
      ["127.86.4.2", "\(socket.path)/canary-socket", "--password=canary-argument"],
      environment: [
        "DUMPCOLLECT": "directory=\(directory.path),arguments=on,environment=on",
        "PASSWORD": "canary-value",
      ]
    )
    try service.wait(for: "ready")
    try service.waitUntilAsleep()
    try service.write(line: "go")
    try service.wait(for: "captured")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    capture = directory.file(try #require(names.first { $0.hasSuffix(".dcap") }))
  }

  private func secrets(in bytes: Data) -> [String] {
    Self.secrets.filter { bytes.range(of: Data($0.utf8)) != nil }
  }

  /// A report in one form, from which the packing of pprof is taken.
  private func report(_ format: String, _ arguments: String...) throws -> Data {
    let result = try run(
      Products.dumpcollect,
      ["report", capture, "--format", format] + arguments,
      environment: ["HOME": directory.path]
    )
    #expect(result.status == 0 && result.errorText == "", "\(result.errorText)")
    return format == "pprof" ? try run("gzip", ["-dc"], input: result.output).output : result.output
  }

  @Test func withoutRedactionTheSecretsAreThere() throws {
    // Else the other tests would prove nothing.
    #expect(try secrets(in: report("json")) == Self.secrets)
  }

  @Test(arguments: ["text", "full", "json", "pprof", "folded", "speedscope", "firefox"])
  func aRedactedReportHasNoneOfThem(_ format: String) throws {
    let output = try report(format, "--redact")
    #expect(secrets(in: output) == [])
    // What it is about is there.
    #expect(output.range(of: Data("wait_for_peer".utf8)) != nil)
    // Nor is the folder of the program, which is the home of whoever asks.
    #expect(output.range(of: Data(directory.path.utf8)) == nil)
  }

  @Test func aRedactedArchiveHasNoneOfThem() throws {
    let archive = directory.file("report.dcreport")
    let result = try run(
      Products.dumpcollect,
      ["symbolize", capture, "-o", archive, "--redact"],
      environment: ["HOME": directory.path]
    )
    #expect(result.status == 0, "\(result.errorText)")
    #expect(try secrets(in: Data(contentsOf: URL(fileURLWithPath: archive))) == [])
    let text = try runSuccessfully(Products.dumpcollect, ["report", archive])
    #expect(text.contains("wait_for_peer") && text.contains("/home/redacted-"), "\(text)")
  }

  @Test(arguments: ["--json", "--text"])
  func aRedactedWatchHasNoneOfThem(_ form: String) throws {
    let kept = directory.file("kept")
    try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: false)
    func watch(_ arguments: String...) throws -> CommandResult {
      let result = try run(
        Products.dumpcollect,
        [
          "watch", "\(service.processID)", "--interval", "1100ms", "--count", "2", "--keep", kept,
          form,
        ] + arguments,
        environment: ["HOME": directory.path]
      )
      #expect(result.status == 0, "\(result.errorText)")
      return result
    }
    // The folder of the captures is the home of whoever asks.
    #expect(try watch().output.range(of: Data(kept.utf8)) != nil)
    let shown = try watch("--redact").output
    #expect(
      shown.range(of: Data(directory.path.utf8)) == nil,
      "\(String(decoding: shown, as: UTF8.self))"
    )
    #expect(secrets(in: shown) == [])
    #expect(shown.range(of: Data("redacted-".utf8)) != nil)
    let named = try watch("--redact-name", "shop").output
    #expect(named.range(of: Data("shop".utf8)) == nil, "\(String(decoding: named, as: UTF8.self))")
    // What it keeps is the service's own, with all that is in it.
    let captures = try FileManager.default.contentsOfDirectory(atPath: kept)
    let first = try #require(captures.first { $0.hasSuffix(".dcap") })
    #expect(try !secrets(in: Data(contentsOf: URL(fileURLWithPath: "\(kept)/\(first)"))).isEmpty)
  }

  @Test func oneKeyGivesTheSameTokensEachTime() throws {
    let key = try directory.write("a secret of many bytes\n", to: "key")
    let first = try report("json", "--redact-key", key)
    #expect(try report("json", "--redact-key", key) == first)
    #expect(secrets(in: first) == [])
    #expect(try report("json", "--redact") != report("json", "--redact"))
  }

  @Test func labelsAndNamesGoByPattern() throws {
    let tenants = try String(decoding: report("json", "--redact-label", "ten*"), as: UTF8.self)
    #expect(tenants.contains("\"role\":\"reader\"") && !tenants.contains("canary-label"))
    let names = try String(decoding: report("json", "--redact-name", "tc[pq]"), as: UTF8.self)
    #expect(!names.contains("\"name\":\"tcp\"") && names.contains("\"name\":\"unix\""))
    #expect(!names.contains("canary-label"))
  }
}
