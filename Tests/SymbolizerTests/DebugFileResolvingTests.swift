import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct DebugFileResolvingTests {
  private func resolver(_ debugDirectories: [String] = []) -> AddressResolver {
    var options = SymbolizerOptions()
    options.debugDirectories = debugDirectories
    var log = Logger(label: "test")
    log.logLevel = .critical
    return AddressResolver(options: options, log: log)
  }

  @Test func resolveUsesSeparateDebugFiles() throws {
    let directory = try TemporaryDirectory()
    let witness = try Witness(in: directory)
    let serve = try #require(
      try runSuccessfully("nm", ["-C", witness.program])
        .firstMatch(of: /([0-9a-f]+) W service::Worker<long>::serve/)
        .flatMap { UInt64($0.1, radix: 16) }
    )
    let whole = try resolver().resolve([serve], in: witness.program, kind: .exact)
    #expect(whole[0].frames.last?.line != nil)
    let debug = try TemporaryDirectory()
    try runSuccessfully("objcopy", ["--only-keep-debug", witness.program, debug.file("witness")])
    try runSuccessfully("strip", [witness.program])
    let stripped = try resolver().resolve([serve], in: witness.program, kind: .exact)
    #expect(stripped[0].frames.last?.line == nil)
    let found = try resolver([debug.path]).resolve([serve], in: witness.program, kind: .exact)
    #expect(found == whole)
  }

  @Test func objectFilesAreRefused() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write("int one(void) { return 1; }\n", to: "one.c")
    let path = directory.file("one.o")
    try runSuccessfully("gcc", ["-g", "-c", source, "-o", path])
    let error = #expect(throws: SymbolizerError.self) {
      try resolver().resolve([0], in: path, kind: .exact)
    }
    #expect(error?.problem.contains("object file") == true)
  }
}
