import Foundation
import TestSupport
import Testing

/// A few hundred addresses of large and real files; `Benchmarks/symbolize/agree` asks for 20,000 of each, of all tools.
@Suite struct SampledFileTests {
  /// Addresses of `.text`, always the same ones of a file that is the same.
  private func sample(_ path: String, count: Int = 400) throws -> [UInt64] {
    let text = try OracleAgreement.text(of: path)
    // Knuth's multiplier; the upper half is what varies.
    var state: UInt64 = 20_240_526
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return text.lowerBound + (state >> 33) % UInt64(text.count)
    }
  }

  private func expectAgreement(_ path: String, _ oracles: [Oracle], count: Int = 400) throws {
    let agreement = try OracleAgreement(path)
    let addresses = try sample(path, count: count)
    for oracle in oracles {
      let differences = try agreement.differences(at: addresses, from: oracle)
      #expect(
        differences.isEmpty,
        """
        \(differences.count) of \(addresses.count) differ from \(oracle.rawValue):
        \(differences.prefix(5).joined(separator: "\n"))
        """
      )
    }
  }

  /// Compressed sections, assembly, relative folders, aliases by the dozen.
  @Test(arguments: ["libc.so.6", "libm.so.6"])
  func aDebugFileOfTheDistributionIsAsOthersSay(library: String) throws {
    let notes = try runSuccessfully("readelf", ["-n", "/lib/x86_64-linux-gnu/\(library)"])
    let number = try #require(notes.firstMatch(of: /Build ID: (..)([0-9a-f]+)/))
    let path = "/usr/lib/debug/.build-id/\(number.1)/\(number.2).debug"
    try #require(FileManager.default.fileExists(atPath: path), "libc6-dbg: scripts/bootstrap")
    try expectAgreement(path, [.llvm19, .llvm])
  }

  @Test func aWholeSwiftProgramIsAsOthersSay() throws {
    try expectAgreement(Products.dumpcollect, [.llvm19])
  }

  /// With the standard library, which the distributor compiled.
  @Test func aWholeRustProgramIsAsOthersSay() throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["dwarf/shapes.rs"],
      compiler: "rustc",
      arguments: ["-g", "-O", "--crate-name", "shapes"],
      into: directory,
      named: "shapes"
    )
    try expectAgreement(path, [.llvm19, .llvm])
  }

  /// elfutils reads the entries with code of its own.
  @Test(arguments: ["-O0", "-O2", "-O3"])
  func elfutilsSaysTheSameOfAProgramOfSeveralLanguages(level: String) throws {
    let directory = try TemporaryDirectory()
    let path = try Fixture.build(
      ["main.cpp", "orders.cpp", "blocking.c", "assembly.S"].map { "corpus/\($0)" },
      compiler: "gcc",
      arguments: [level, "-g", "-fno-exceptions", "-fno-rtti", "-pthread"],
      into: directory,
      named: "service"
    )
    try expectAgreement(path, [.llvm19, .elfutils])
  }
}
