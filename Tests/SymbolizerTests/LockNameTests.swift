import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Names of static locks.
@Suite struct LockNameTests {
  private static let bias: UInt64 = 0x7f00_0000_0000

  /// A library that passes for the C library, and the addresses of its symbols.
  private func library(
    in directory: TemporaryDirectory
  ) throws -> (path: String, symbols: [String: UInt64]) {
    try directory.write(
      """
      long before[4] = {1};
      long condition[6] = {1};
      long pthread_cond_wait(void) { return before[0] + condition[0]; }
      """,
      to: "c.c"
    )
    let path = directory.file("libc.so.9")
    try runSuccessfully("cc", ["-O0", "-shared", "-fPIC", directory.file("c.c"), "-o", path])
    var symbols: [String: UInt64] = [:]
    for line in try runSuccessfully("nm", [path]).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 3 { symbols[String(words[2])] = UInt64(words[0], radix: 16) }
    }
    return (path, symbols)
  }

  /// `offset`: where in the condition variable the thread waits.
  private func wait(at offset: UInt64) throws -> (WaitTarget, condition: UInt64) {
    let directory = try TemporaryDirectory()
    let (path, symbols) = try library(in: directory)
    let condition = try #require(symbols["condition"]) + Self.bias
    let code = try #require(symbols["pthread_cond_wait"]) + Self.bias
    var bytes = CaptureBytes()
    bytes.add(kind: 1, ProtobufField.varint(5, 62))
    var module = ProtobufField.string(2, path) + ProtobufField.fixed64(4, Self.bias)
    module += ProtobufField.fixed64(5, Self.bias + 0x10000) + ProtobufField.fixed64(6, Self.bias)
    bytes.add(kind: 3, module)
    // The word before is `__wrefs`: one thread waits.
    let words: [UInt32] = [0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]
    let packed = ProtobufField.bytes(2, words.flatMap { [UInt8(truncatingIfNeeded: $0), 0, 0, 0] })
    var thread = ProtobufField.varint(1, 5) + ProtobufField.string(3, "S")
    let call = ProtobufField.packed(2, [condition + offset, 137, 0, 0, 0, 0])
    thread += ProtobufField.bytes(8, ProtobufField.varint(1, 202) + call)
    thread += ProtobufField.packed(10, [code])
    thread += ProtobufField.bytes(25, ProtobufField.fixed64(1, condition + offset) + packed)
    bytes.add(kind: 4, thread)
    let capture = directory.file("waits.dcap")
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: capture))
    var log = Logger(label: "test")
    log.logLevel = .critical
    let report = try CaptureSymbolizer(options: SymbolizerOptions(), log: log)
      .report(ofCaptureAt: capture)
    return (try #require(report.threads.first?.waitsFor), condition)
  }

  @Test(arguments: [
    40,
    // Since glibc 2.41 its words begin eight bytes earlier.
    32,
  ])
  func aConditionHasItsNameInEachVersionOfTheCLibrary(_ offset: UInt64) throws {
    let (wait, condition) = try wait(at: offset)
    #expect(wait.kind == .condition)
    #expect(wait.lock == condition)
    #expect(wait.lockName == "condition")
  }
}
