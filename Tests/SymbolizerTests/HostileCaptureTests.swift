import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Captures whose records are whole and say what cannot be.
@Suite struct HostileCaptureTests {
  @Test func recordsOfAnyContentGiveAReport() throws {
    let directory = try TemporaryDirectory()
    let program = try ELFFixtures.shared.get().program
    let image = Array(try Data(contentsOf: URL(fileURLWithPath: program)))
    let seed = UInt64.random(in: 0...UInt64.max)
    print("recordsOfAnyContentGiveAReport: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var log = Logger(label: "test")
    log.logLevel = .critical
    let symbolizer = CaptureSymbolizer(options: SymbolizerOptions(), log: log)
    for _ in 0..<60 {
      let values: [UInt64] = [0, 1, 4096, 0x40_0000, 1 << 47, .max - 4096, .max].map {
        $0 &+ UInt64.random(in: 0...3, using: &random)
      }
      func value() -> UInt64 {
        Bool.random(using: &random)
          ? values[Int.random(in: 0..<values.count, using: &random)]
          : UInt64.random(in: 0...UInt64.max, using: &random)
      }
      var bytes = CaptureBytes()
      bytes.add(kind: 1, ProtobufField.varint(1, value()) + ProtobufField.varint(5, value()))
      for path in [
        program, "", "/", "[vdso]", "/dev/zero", "relative/path", "/proc/self/mem",
        "\(program) (deleted)", "//\u{1}", String(repeating: "/x", count: 5000), directory.path,
      ] {
        var module = ProtobufField.string(2, path)
        module += ProtobufField.bytes(3, Array(repeating: 7, count: Int(value() % 70)))
        for field in 4...6 { module += ProtobufField.fixed64(field, value()) }
        if path == "[vdso]" {
          module += ProtobufField.bytes(9, Array(image[..<Int(value() % UInt64(image.count))]))
        }
        bytes.add(kind: 3, module)
      }
      for number in 0..<20 as Range<UInt64> {
        var thread = ProtobufField.varint(1, number % 3 == 0 ? value() : number)
        thread += ProtobufField.string(3, ["R", "?", "", "SS"][Int(number % 4)])
        thread += ProtobufField.varint(4, number % 7) + ProtobufField.varint(6, value())
        thread += ProtobufField.bytes(8, ProtobufField.varint(1, value()))
        thread += ProtobufField.packed(10, (0..<30).map { _ in value() })
        for _ in 0..<4 {
          thread += ProtobufField.bytes(
            11,
            ProtobufField.varint(1, value() % 40) + ProtobufField.varint(2, value() % 6)
              + ProtobufField.varint(3, value() % 7)
          )
        }
        bytes.add(kind: 4, thread)
      }
      let path = directory.file("hostile.dcap")
      try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
      let report = try symbolizer.report(ofCaptureAt: path)
      #expect(report.threads.count == 20)
      #expect(!report.isComplete)
      for thread in report.threads {
        let stack = try #require(thread.stack)
        #expect(report.stacks[stack].count >= 30)
        #expect(report.stacks[stack].allSatisfy(report.frames.indices.contains))
      }
      for frame in report.frames {
        #expect(frame.module.map(report.modules.indices.contains) ?? true)
        #expect(frame.function != nil || frame.unknown != nil)
      }
    }
  }

  /// Each of a thousand threads waits in one epoll that a file says to watch a hundred thousand descriptors.
  @Test func whatAThreadWaitsForIsNoMoreThanACollectorKeeps() throws {
    let directory = try TemporaryDirectory()
    var bytes = CaptureBytes()
    bytes.add(kind: 1, ProtobufField.varint(5, 62))
    let many = ProtobufField.bytes(13, Array(repeating: 7, count: 100_000))
    let epoll = ProtobufField.varint(1, 5) + ProtobufField.varint(2, 7) + many
    bytes.add(kind: 13, ProtobufField.bytes(1, epoll))
    for number in 1...1000 as ClosedRange<UInt64> {
      var thread = ProtobufField.varint(1, number) + ProtobufField.string(3, "S")
      // epoll_wait(5, …), and poll.
      let call = ProtobufField.varint(1, number % 2 == 0 ? 232 : 7)
      thread += ProtobufField.bytes(8, call + ProtobufField.packed(2, [5, 0, 0, 0, 0, 0]))
      if number % 2 == 1 { thread += ProtobufField.bytes(26, Array(repeating: 9, count: 500)) }
      bytes.add(kind: 4, thread)
    }
    let path = directory.file("hostile.dcap")
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
    var log = Logger(label: "test")
    log.logLevel = .critical
    let report = try CaptureSymbolizer(options: SymbolizerOptions(), log: log)
      .report(ofCaptureAt: path)
    let waits = report.threads.compactMap(\.waitsFor)
    #expect(waits.count == 1000)
    #expect(waits[0].descriptors.count == 64 && waits[0].moreDescriptors == 436)
    #expect(waits[1].descriptors.count == 65 && waits[1].moreDescriptors == 99_936)
  }
}
