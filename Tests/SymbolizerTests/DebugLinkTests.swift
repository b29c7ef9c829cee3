import Foundation
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Links to debug files of every kind, and modules that lie elsewhere than their debug file says.
@Suite struct DebugLinkTests {
  private func frames(_ path: String, sysroot: String? = nil) throws -> [[String]] {
    var options = SymbolizerOptions()
    options.sysroot = sysroot
    let resolver = AddressResolver(options: options, log: NoteRecorder().logger)
    let text = try #require(try ELFFile(path: path).section(named: ".text"))
    let addresses = Array(text.address.value..<(text.address.value + text.byteCount))
    return try resolver.resolve(addresses, in: path, kind: .exact).map { answer in
      answer.frames.map { "\($0.function ?? "?") \($0.file ?? "?"):\($0.line ?? 0)" }
    }
  }

  private func build(_ options: [String], in directory: TemporaryDirectory, named name: String)
    throws
    -> String
  {
    try Fixture.build(
      ["dwarf/inlines.c"],
      compiler: "gcc",
      arguments: ["-g", "-O2"] + options,
      into: directory,
      named: name
    )
  }

  /// Writes a `.gnu_debuglink` of any name; objcopy leaves the folders out.
  private func link(
    _ path: String,
    to debug: String,
    as name: String,
    _ directory: TemporaryDirectory
  )
    throws
  {
    var bytes = Array(name.utf8) + [0]
    while bytes.count % 4 != 0 { bytes.append(0) }
    let checksum = try ELFFile(path: debug).checksum()
    for shift in [0, 8, 16, 24] as [UInt32] {
      bytes.append(UInt8(truncatingIfNeeded: checksum >> shift))
    }
    let section = directory.file("link")
    try Data(bytes).write(to: URL(fileURLWithPath: section))
    try runSuccessfully("objcopy", ["--add-section", ".gnu_debuglink=\(section)", path])
  }

  @Test(arguments: ["symbols/program.debug", "../other/program.debug", "absolute"])
  func aLinkMayHaveFolders(kind: String) throws {
    let directory = try TemporaryDirectory()
    for folder in ["bin", "bin/symbols", "other"] {
      try FileManager.default.createDirectory(
        atPath: directory.file(folder),
        withIntermediateDirectories: true
      )
    }
    let program = try build(["-Wl,--build-id=none"], in: directory, named: "bin/program")
    let whole = try frames(program)
    #expect(whole.contains { $0.count > 1 })
    let place =
      kind == "absolute" ? directory.file("other/elsewhere.debug") : directory.file("bin/\(kind)")
    try runSuccessfully("objcopy", ["--only-keep-debug", program, place])
    try runSuccessfully("strip", [program])
    #expect(try frames(program) != whole)
    try link(program, to: place, as: kind == "absolute" ? place : kind, directory)
    #expect(try frames(program) == whole)
  }

  /// `dwz -5` names the shared file in the way of the standard, `.debug_sup`.
  @Test func commonPartsAreFoundInTheWayOfDWARF5() throws {
    let directory = try TemporaryDirectory()
    let paths = try (0..<2).map { number in
      try Fixture.build(
        ["dwarf/shapes.cpp"],
        compiler: "g++",
        arguments: ["-gdwarf-5", "-O2", "-DNUMBER=\(number)"],
        into: directory,
        named: "shapes\(number)"
      )
    }
    let before = try frames(paths[0])
    try runSuccessfully("dwz", ["-5", "-m", directory.file("shared")] + paths)
    let file = try ELFFile(path: paths[0])
    #expect(
      file.section(named: ".debug_sup") != nil && file.section(named: ".gnu_debugaltlink") == nil
    )
    #expect(file.alternateDebugLink != nil)
    #expect(try frames(paths[0]) == before)
    // Without the shared file the answers are others: they came from there.
    try FileManager.default.removeItem(atPath: directory.file("shared"))
    #expect(try frames(paths[0]) != before)
  }

  /// What prelink does: the library lies elsewhere than its debug file says, and has the same build ID.
  @Test func aModuleThatWasMovedAfterItsDebugFileWasMadeKeepsItsNames() throws {
    let directory = try TemporaryDirectory()
    let common = ["-shared", "-fPIC", "-Wl,--build-id=0x0123456789abcdef"]
    let linked = try build(common, in: directory, named: "linked.so")
    let moved = try build(
      common + ["-Wl,-Ttext-segment=0x41000000"],
      in: directory,
      named: "moved.so"
    )
    let whole = try frames(linked)
    #expect(try frames(moved) == whole)
    try runSuccessfully("strip", [moved])
    try runSuccessfully("objcopy", ["--only-keep-debug", linked, directory.file("moved.debug")])
    try runSuccessfully("objcopy", ["--add-gnu-debuglink=\(directory.file("moved.debug"))", moved])
    #expect(try frames(moved) == whole)
    #expect(try ELFFile(path: moved).section(named: ".text")?.address.value ?? 0 > 0x4100_0000)
  }

  @Test func pathsThatAreNotASCIIAreKept() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.file("größe/ 商店")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for version in 2...5 {
      let source = try directory.write("int main(void) { return 0; }\n", to: "größe/ 商店/häuser.c")
      let program = directory.file("program\(version)")
      try runSuccessfully("gcc", ["-g", "-gdwarf-\(version)", source, "-o", program])
      #expect(try frames(program).contains { $0 == ["main \(source):1"] })
    }
  }
}
