import Foundation
import TestSupport

/// The asynchronous program of `Tests/Fixtures/symbolizer`, built by swiftc, and captures of it that were laid down by
/// hand: its functions are found by the names of its symbol table.
struct AsyncProgram {
  /// Where captures say that the program is mapped.
  static let base: UInt64 = 0x5555_5555_4000

  let path: String
  /// Addresses in the process, by linkage name.
  let symbols: [String: UInt64]
  private let buildID: String

  /// Builds the program in a folder.
  init(_ arguments: [String], in directory: TemporaryDirectory) throws {
    path = directory.file("bank")
    try runSuccessfully(
      "swiftc",
      [
        "-parse-as-library", "-module-name", "bank", Fixture.source("symbolizer/tasks.swift"), "-o",
        path,
      ] + arguments
    )
    var symbols: [String: UInt64] = [:]
    for line in try runSuccessfully("nm", [path]).split(separator: "\n") {
      let parts = line.split(separator: " ")
      guard parts.count == 3, let address = UInt64(parts[0], radix: 16) else { continue }
      symbols[String(parts[2])] = Self.base + address
    }
    self.symbols = symbols
    buildID = value(after: "Build ID:", in: try runSuccessfully("readelf", ["-n", path])) ?? ""
  }

  func address(_ linkage: String) throws -> UInt64 {
    guard let address = symbols[linkage] else { throw CommandFailure("no symbol \(linkage)") }
    return address
  }

  /// The parts behind an await of a function: linkage names of its symbols.
  func awaits(of function: String) -> [String] {
    symbols.keys.filter { name in
      guard name.hasPrefix(function) else { return false }
      return name.dropFirst(function.count).wholeMatch(of: /(Tf\w+_n)?TQ\d+_/) != nil
    }
    .sorted()
  }

  /// The lines of the source that end in `// await: ` and this mark.
  static func lines(_ mark: String) throws -> Set<UInt32> {
    let source = try String(
      contentsOfFile: Fixture.source("symbolizer/tasks.swift"),
      encoding: .utf8
    )
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    return Set(lines.filter { $1.hasSuffix("// await: \(mark)") }.map { UInt32($0.offset + 1) })
  }

  // MARK: Records

  /// A capture file of these records, in a folder.
  ///
  /// `runtime`: 1 for a library of its own, 2 in the program; `counted`: tasks as the summary counts them.
  func capture(
    stacks: [UInt64: [UInt64]],
    tasks: [[UInt8]],
    executors: [[UInt8]] = [],
    threads: [[UInt8]] = [],
    summary: [UInt8] = [],
    runtime: UInt64 = 1,
    in directory: TemporaryDirectory
  ) throws -> String {
    var bytes = CaptureBytes()
    bytes.add(kind: 1, ProtobufField.string(2, "signal") + ProtobufField.varint(5, 62))
    bytes.add(kind: 2, ProtobufField.varint(1, 4711) + ProtobufField.string(2, "bank"))
    var module = ProtobufField.string(2, path)
    module += ProtobufField.bytes(3, digits(buildID))
    module += ProtobufField.fixed64(4, Self.base)
    module += ProtobufField.fixed64(5, Self.base + 0x400_0000)
    module += ProtobufField.fixed64(6, Self.base)
    bytes.add(kind: 3, module)
    for thread in threads { bytes.add(kind: 4, thread) }
    let stackRecord = stacks.sorted { $0.key < $1.key }.flatMap { id, addresses in
      ProtobufField.bytes(1, ProtobufField.varint(1, id) + ProtobufField.packed(2, addresses))
    }
    bytes.add(kind: 9, stackRecord)
    bytes.add(kind: 10, tasks.flatMap { ProtobufField.bytes(1, $0) })
    bytes.add(kind: 11, executors.flatMap { ProtobufField.bytes(1, $0) })
    var counts = ProtobufField.varint(1, runtime) + ProtobufField.varint(2, 1)
    counts += ProtobufField.varint(5, UInt64(tasks.count)) + ProtobufField.varint(22, 1)
    bytes.add(kind: 12, counts + summary)
    let records = UInt64(bytes.recordOffsets.count)
    bytes.add(
      kind: 255,
      ProtobufField.varint(1, records) + ProtobufField.varint(2, UInt64(threads.count))
    )
    let path = directory.file("bank.dcap")
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// A task that waits for a continuation.
  static func task(_ id: UInt64, stack: UInt64, _ fields: [UInt8] = []) -> [UInt8] {
    var task = ProtobufField.varint(1, id) + ProtobufField.varint(2, 0x7f00_0000 + id * 256)
    task += ProtobufField.varint(5, 21)
    return task + ProtobufField.varint(15, stack) + fields
  }

  private func digits(_ text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
  }
}
