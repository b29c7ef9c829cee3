import Foundation
import TestSupport

/// The witness of `Tests/Fixtures/symbolizer`, built, run once, and what it said as the records of
/// a capture.
struct Witness {
  struct Mapping {
    var start: UInt64
    var end: UInt64
    var offset: UInt64
    var protection: UInt64
    var path: String
  }

  let program: String
  /// Innermost first; the second is the signal trampoline, the third the interrupted instruction.
  let frames: [UInt64]
  let mappings: [Mapping]
  let vdso: [UInt8]

  /// Builds and runs the witness in a folder.
  init(
    compiler: String = "g++",
    _ arguments: [String] = ["-g", "-O1"],
    in directory: TemporaryDirectory,
    named name: String = "witness"
  ) throws {
    program = try Fixture.build(
      ["symbolizer/witness.cpp"],
      compiler: compiler,
      arguments: arguments,
      into: directory,
      named: name
    )
    let vdsoPath = directory.file("vdso.so")
    let output = try runSuccessfully(program, [vdsoPath])
    frames = output.matches(of: /frame 0x([0-9a-f]+)/).compactMap { UInt64($0.1, radix: 16) }
    mappings = output.split(separator: "\n").compactMap(Self.mapping)
    vdso = Array((try? Data(contentsOf: URL(fileURLWithPath: vdsoPath))) ?? Data())
  }

  private static func mapping(_ line: Substring) -> Mapping? {
    guard
      let match = line.firstMatch(
        of: /map ([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ \d+ +(\S.*)/
      ), let start = UInt64(match.1, radix: 16), let end = UInt64(match.2, radix: 16),
      let offset = UInt64(match.4, radix: 16)
    else { return nil }
    var protection: UInt64 = 0
    for (letter, bit) in [("r", 1), ("w", 2), ("x", 4)] as [(Character, UInt64)]
    where match.3.contains(letter) {
      protection |= bit
    }
    return Mapping(
      start: start,
      end: end,
      offset: offset,
      protection: protection,
      path: String(match.5)
    )
  }

  /// The line of the witness' source that ends in this mark.
  static func line(_ mark: String) throws -> UInt32 {
    let source = try String(
      contentsOfFile: Fixture.source("symbolizer/witness.cpp"),
      encoding: .utf8
    )
    for (number, line) in source.split(separator: "\n", omittingEmptySubsequences: false)
      .enumerated() where line.hasSuffix("// line: \(mark)")
    {
      return UInt32(number + 1)
    }
    throw CommandFailure("no line is marked \(mark)")
  }

  /// Lowest mapped address of a module.
  func base(_ path: String) throws -> UInt64 {
    guard let first = mappings.first(where: { $0.path == path }) else {
      throw CommandFailure("\(path) is not mapped")
    }
    return first.start
  }

  // MARK: - Records

  /// Module records of all mapped files and the vDSO, with build IDs as `readelf` reads them.
  func modules(changing change: (String) -> (path: String, buildID: String?)? = { _ in nil }) throws
    -> [[UInt8]]
  {
    var paths: [String] = []
    for mapping in mappings where !paths.contains(mapping.path) {
      if mapping.path.hasPrefix("/") || mapping.path == "[vdso]" { paths.append(mapping.path) }
    }
    return try paths.map { path in
      let parts = mappings.filter { $0.path == path }
      let changed = change(path)
      let buildID = try changed?.buildID ?? buildID(of: path)
      var payload = ProtobufField.string(2, changed?.path ?? path)
      payload += ProtobufField.bytes(3, bytes(ofHexadecimal: buildID))
      payload += ProtobufField.fixed64(4, parts[0].start)
      payload += ProtobufField.fixed64(5, parts[parts.count - 1].end)
      payload += ProtobufField.fixed64(6, try loadBias(path, parts[0].start))
      if path == "[vdso]" { payload += ProtobufField.bytes(9, vdso) }
      return payload
    }
  }

  func buildID(of path: String) throws -> String {
    guard path.hasPrefix("/") else { return "" }
    return value(after: "Build ID:", in: try runSuccessfully("readelf", ["-n", path])) ?? ""
  }

  /// The first segment is mapped at the lowest address.
  private func loadBias(_ path: String, _ base: UInt64) throws -> UInt64 {
    guard path.hasPrefix("/") else { return base }
    let loads = try runSuccessfully("readelf", ["-lW", path])
      .firstMatch(of: /LOAD +0x[0-9a-f]+ 0x([0-9a-f]+)/)
    let address = loads.flatMap { UInt64($0.1, radix: 16) } ?? 0
    return base - address & ~0xfff
  }

  private func bytes(ofHexadecimal text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
  }

  /// The thread that trapped, marked as the handler marks it: trampoline and interrupted frame.
  func thread(id: Int32 = 100, addresses: [UInt64]? = nil, isMarked: Bool = true) -> [UInt8] {
    var payload = ProtobufField.varint(1, UInt64(id))
    payload += ProtobufField.string(2, "worker")
    payload += ProtobufField.string(3, "S")
    payload += ProtobufField.varint(6, 30_000_000)
    payload += ProtobufField.bytes(8, ProtobufField.varint(1, 202))
    payload += ProtobufField.string(9, "futex_wait_queue")
    payload += ProtobufField.packed(10, addresses ?? frames)
    if isMarked {
      for (index, kind) in [(1, 3), (2, 1)] as [(UInt64, UInt64)] {
        payload += ProtobufField.bytes(
          11,
          ProtobufField.varint(1, index) + ProtobufField.varint(2, kind)
        )
      }
    }
    return payload
  }

  /// A whole capture file of these threads, in a folder.
  func capture(
    threads: [[UInt8]]? = nil,
    modules: [[UInt8]]? = nil,
    in directory: TemporaryDirectory,
    named name: String = "witness.1.20260101T000000Z.0.dcap"
  ) throws -> String {
    let threads = threads ?? [thread()]
    var bytes = CaptureBytes()
    var header = ProtobufField.string(2, "signal")
    header += ProtobufField.fixed64(3, 1_767_225_600_250_000_000)
    header += ProtobufField.varint(5, 62)
    header += ProtobufField.bytes(6, ProtobufField.varint(1, 3) + ProtobufField.varint(4, 77))
    bytes.add(kind: 1, header)
    var process = ProtobufField.varint(1, 4711)
    process += ProtobufField.string(2, "witness") + ProtobufField.string(3, program)
    process += ProtobufField.varint(10, UInt64(threads.count))
    bytes.add(kind: 2, process)
    for module in try modules ?? self.modules() { bytes.add(kind: 3, module) }
    for thread in threads { bytes.add(kind: 4, thread) }
    let count = UInt64(bytes.recordOffsets.count)
    bytes.add(
      kind: 255,
      ProtobufField.varint(1, count) + ProtobufField.varint(2, UInt64(threads.count))
    )
    let path = directory.file(name)
    try Data(bytes.bytes).write(to: URL(fileURLWithPath: path))
    return path
  }
}
