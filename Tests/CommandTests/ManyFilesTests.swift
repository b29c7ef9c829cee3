import Foundation
import TestSupport
import Testing

/// More files than a process may have open or mapped.
struct ManyFilesTests {
  private let directory: TemporaryDirectory
  private let program: String
  /// The address of its function `work`.
  private let work: UInt64

  init() throws {
    directory = try TemporaryDirectory()
    let source = try directory.write(
      "int work(int x) { return x * 3; }\nint main(int c, char **v) { return work(c); }\n",
      to: "program.c"
    )
    program = directory.file("program")
    try runSuccessfully("gcc", ["-O0", source, "-o", program])
    let symbol = try #require(
      try runSuccessfully("nm", [program]).firstMatch(of: /([0-9a-f]+) T work/)
    )
    work = try #require(UInt64(symbol.1, radix: 16))
  }

  /// A capture of one thread with a frame in `work` of every module, or of the first and the last few.
  private func capture(_ paths: [String], asksAll: Bool = true) throws -> String {
    var file = CaptureBytes()
    file.add(kind: 1, ProtobufField.varint(5, 62))
    file.add(kind: 2, ProtobufField.varint(1, 7))
    var addresses: [UInt64] = []
    for (index, path) in paths.enumerated() {
      let base = 0x1_0000_0000 + UInt64(index) * 0x10_0000
      file.add(
        kind: 3,
        ProtobufField.string(2, path) + ProtobufField.fixed64(4, base)
          + ProtobufField.fixed64(5, base + 0x10_0000) + ProtobufField.fixed64(6, base)
      )
      if asksAll || index < 10 || index >= paths.count - 10 { addresses.append(base + work + 1) }
    }
    file.add(kind: 4, ProtobufField.varint(1, 7) + ProtobufField.packed(10, addresses))
    file.add(
      kind: 255,
      ProtobufField.varint(1, UInt64(3 + paths.count)) + ProtobufField.varint(2, 1)
    )
    let path = directory.file("many.dcap")
    try Data(file.bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Files of different names that are all the program.
  private func links(_ count: Int) throws -> [String] {
    try (0..<count).map { number in
      let path = directory.file("lib\(number).so")
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: program)
      return path
    }
  }

  /// Runs the command where no more than 32 files may be open.
  private func withFewDescriptors(_ arguments: [String], input: Data? = nil) throws
    -> CommandResult
  {
    try run(
      "/bin/sh",
      ["-c", "ulimit -n 32 && exec \"$@\"", "sh", Products.dumpcollect] + arguments,
      input: input
    )
  }

  @Test func modulesStayMappedAndNotOpen() throws {
    let capture = try capture(try links(200))
    let result = try withFewDescriptors(["report", "--format", "json", capture])
    #expect(result.status == 0, "\(result.errorText)")
    let json = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    let threads = try #require(json?["threads"] as? [[String: Any]])
    let frames = try #require(threads.first?["frames"] as? [[String: Any]])
    #expect(frames.count == 200)
    #expect(frames.allSatisfy { $0["function"] as? String == "work" })
  }

  @Test func filesThatAreAskedForOneAfterTheOtherStayMappedAndNotOpen() throws {
    let lines = try links(200).map { "\"\($0)\" 0x\(String(work, radix: 16))\n" }
    let result = try withFewDescriptors(["resolve"], input: Data(lines.joined().utf8))
    #expect(result.status == 0, "\(result.errorText)")
    #expect(result.text == String(repeating: "work\n??:0:0\n\n", count: 200))
  }

  /// Each mapping counts among 65,530 (vm.max_map_count), which memory for anything else is taken from too.
  @Test func moreModulesThanAnyProcessHasCostTheirNamesAlone() throws {
    let capture = try capture(Array(repeating: program, count: 33_000), asksAll: false)
    let result = try run(Products.dumpcollect, ["report", "--format", "json", capture])
    #expect(result.status == 0, "\(result.errorText)")
    let json = try JSONSerialization.jsonObject(with: result.output) as? [String: Any]
    let threads = try #require(json?["threads"] as? [[String: Any]])
    let frames = try #require(threads.first?["frames"] as? [[String: Any]])
    #expect(frames.count == 20)
    let named = frames.filter { $0["function"] as? String == "work" }
    let unknown = frames.filter { $0["function"] == nil }.compactMap { $0["unknown"] as? String }
    #expect(named.count + unknown.count == 20)
    // Several threads open them: which come last is not said.
    #expect(!named.isEmpty && Set(unknown).isSubset(of: ["the module's file cannot be read"]))
    let modules = try #require(json?["modules"] as? [[String: Any]])
    let refused = modules.compactMap { $0["reason"] as? String }
      .filter { $0.contains("32768 files are mapped already") }
    #expect(refused.count == 33_000 - 32_768)
  }
}
