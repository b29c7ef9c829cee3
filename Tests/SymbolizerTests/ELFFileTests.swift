import Bytes
import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct ELFFileTests {
  let fixtures: ELFFixtures

  init() throws {
    fixtures = try ELFFixtures.shared.get()
  }

  @Test func headersAndSectionsAgreeWithReadelf() throws {
    let file = try ELFFile(path: fixtures.program)
    #expect(file.type == .shared)
    #expect(file.machine == .x86_64)
    #expect(file.hasDebugInformation)
    #expect(file.hasFullSymbolTable)
    let text = try runSuccessfully("readelf", ["-n", fixtures.program])
    #expect(file.buildID?.description == value(after: "Build ID:", in: text))
    let listing = try runSuccessfully("readelf", ["-SW", fixtures.program])
    let names = listing.matches(of: /\] (\.[^ ]+) +[A-Z_]+ +([0-9a-f]{16}) ([0-9a-f]+) ([0-9a-f]+)/)
    #expect(names.count > 30)
    for match in names {
      let section = try #require(file.section(named: String(match.1)))
      #expect(section.address.value == UInt64(match.2, radix: 16))
      #expect(section.fileOffset == UInt64(match.3, radix: 16))
      #expect(section.byteCount == UInt64(match.4, radix: 16))
    }
    let loads = try runSuccessfully("readelf", ["-lW", fixtures.program])
      .matches(
        of: /LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+) 0x([0-9a-f]+) (...)/
      )
    let segments = file.segments.filter { $0.kind == .load }
    #expect(segments.count == loads.count)
    for (segment, match) in zip(segments, loads) {
      #expect(segment.fileOffset == UInt64(match.1, radix: 16))
      #expect(segment.address.value == UInt64(match.2, radix: 16))
      #expect(segment.fileByteCount == UInt64(match.3, radix: 16))
      #expect(segment.memoryByteCount == UInt64(match.4, radix: 16))
      #expect(segment.isExecutable == match.5.contains("E"))
    }
  }

  @Test func aSectionsBytesAreThoseThatObjcopyDumps() throws {
    let directory = try TemporaryDirectory()
    let file = try ELFFile(path: fixtures.program)
    for name in ["debug_info", "debug_line", "debug_str", "debug_abbrev"] {
      let dump = directory.file(name)
      try runSuccessfully(
        "objcopy",
        ["--dump-section", ".\(name)=\(dump)", fixtures.program, directory.file("copy")]
      )
      let region = try #require(try file.debugSection(name))
      #expect(array(region.bytes) == Array(try Data(contentsOf: URL(fileURLWithPath: dump))))
    }
    #expect(try file.debugSection("debug_no_such") == nil)
  }

  @Test(arguments: ["zlib", "zlib-gnu", "zlib-gabi"])
  func compressedSectionsExpandToTheSameBytes(format: String) throws {
    let directory = try TemporaryDirectory()
    let packed = try fixtures.objcopy(
      ["--compress-debug-sections=\(format)"],
      fixtures.program,
      to: "packed",
      in: directory
    )
    try expectSameDebugSections(packed)
  }

  @Test func zstandardSectionsExpandToTheSameBytes() throws {
    let directory = try TemporaryDirectory()
    let packed = try compressWithZstandard("debug_info", of: fixtures.program, in: directory)
    let file = try ELFFile(path: packed)
    #expect(file.section(named: ".debug_info")?.isCompressed == true)
    try expectSameDebugSections(packed)
  }

  private func expectSameDebugSections(_ path: String) throws {
    let plain = try ELFFile(path: fixtures.program)
    let packed = try ELFFile(path: path)
    #expect(
      packed.sections.contains { $0.isCompressed || $0.name.hasPrefix(".zdebug_") },
      "the tool compressed nothing"
    )
    #expect(packed.hasDebugInformation)
    for name in ["debug_info", "debug_line", "debug_str", "debug_abbrev", "debug_aranges"] {
      let expected = try #require(try plain.debugSection(name))
      let found = try #require(try packed.debugSection(name))
      #expect(array(found.bytes) == array(expected.bytes))
    }
  }

  @Test func anExpandedSizeThatCannotBeIsRefusedBeforeMemoryIsTaken() throws {
    let directory = try TemporaryDirectory()
    let packed = try fixtures.objcopy(
      ["--compress-debug-sections=zlib"],
      fixtures.program,
      to: "packed",
      in: directory
    )
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: packed)))
    let section = try #require(try ELFFile(path: packed).section(named: ".debug_info"))
    for size in [UInt64.max, 1 << 40, 1, 0] {
      withUnsafeBytes(of: size.littleEndian) {
        bytes.replaceSubrange(Int(section.fileOffset) + 8..<Int(section.fileOffset) + 16, with: $0)
      }
      let file = try ELFFile(image: bytes, name: "image")
      #expect(throws: FormatError.self) { try file.debugSection("debug_info") }
    }
  }

  @Test func aDebugOnlyFileHasABuildIDAndNoCode() throws {
    let directory = try TemporaryDirectory()
    let debug = try fixtures.objcopy(
      ["--only-keep-debug"],
      fixtures.program,
      to: "shapes.debug",
      in: directory
    )
    let file = try ELFFile(path: debug)
    #expect(file.buildID == (try ELFFile(path: fixtures.program)).buildID)
    #expect(file.hasDebugInformation)
    let text = try #require(file.section(named: ".text"))
    #expect(text.kind == .noBits)
    #expect(try file.bytes(of: text).byteCount == 0)
  }

  @Test func theDebugLinkHasTheChecksumOfItsFile() throws {
    let directory = try TemporaryDirectory()
    let debug = try fixtures.objcopy(
      ["--only-keep-debug"],
      fixtures.program,
      to: "shapes.debug",
      in: directory
    )
    let stripped = try fixtures.objcopy(
      ["--strip-all", "--add-gnu-debuglink=\(debug)"],
      fixtures.program,
      to: "stripped",
      in: directory
    )
    let file = try ELFFile(path: stripped)
    #expect(!file.hasDebugInformation)
    #expect(!file.hasFullSymbolTable)
    let link = try #require(file.debugLink)
    #expect(link.fileName == "shapes.debug")
    #expect(link.checksum == (try ELFFile(path: debug)).checksum())
    #expect(try ELFFile(path: fixtures.program).debugLink == nil)
  }

  @Test func aFileWithoutBuildIDHasNone() throws {
    let directory = try TemporaryDirectory()
    let path = try fixtures.build("plain", ["-Wl,--build-id=none"], in: directory)
    #expect(try ELFFile(path: path).buildID == nil)
  }

  @Test func aFileThatWasCutSaysWhereItsSectionHeadersShouldBe() throws {
    let directory = try TemporaryDirectory()
    let bytes = try Data(contentsOf: URL(fileURLWithPath: fixtures.program))
    let path = directory.file("cut")
    try bytes.prefix(3000).write(to: URL(fileURLWithPath: path))
    let file = try ELFFile(path: path)
    let offset = bytes[40..<48].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    let count = UInt64(bytes[60]) | UInt64(bytes[61]) << 8
    #expect(
      file.sectionProblem
        == "cut short: expected \(count * 64) bytes of section headers at offset \(offset), found the end of the file at 3000"
    )
    #expect(!file.segments.isEmpty)
  }

  @Test func aFileWithoutSectionHeadersKeepsSegmentsAndBuildID() throws {
    let directory = try TemporaryDirectory()
    var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: fixtures.program)))
    // e_shoff, e_shnum, e_shstrndx.
    bytes.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    bytes.replaceSubrange(60..<64, with: [0, 0, 0, 0])
    let path = directory.file("headless")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file = try ELFFile(path: path)
    #expect(file.sections.isEmpty)
    #expect(file.sectionProblem != nil)
    #expect(!file.segments.isEmpty)
    #expect(file.buildID == (try ELFFile(path: fixtures.program)).buildID)
  }

  @Test func anImageInMemoryReadsLikeTheFile() throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: fixtures.program)))
    let image = try ELFFile(image: bytes, name: "[image]")
    let file = try ELFFile(path: fixtures.program)
    #expect(image.sections == file.sections)
    #expect(image.segments == file.segments)
    #expect(image.buildID == file.buildID)
    #expect(image.checksum() == file.checksum())
  }

  @Test(arguments: [
    (["-no-pie"], ELFType.executable), (["-static"], .executable), (["-static-pie"], .shared),
    (["-shared", "-fPIC"], .shared), (["-c"], .relocatable),
  ])
  func everyKindOfOutputIsRead(arguments: [String], type: ELFType) throws {
    let directory = try TemporaryDirectory()
    let file = try ELFFile(path: try fixtures.build("output", arguments, in: directory))
    #expect(file.type == type)
    #expect(file.section(named: ".text") != nil)
  }

  @Test func aFileOfAarch64IsRead() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write("int one(int x) { return x + 1; }\n", to: "one.c")
    let path = directory.file("one.o")
    try runSuccessfully("clang", ["--target=aarch64-linux-gnu", "-g", "-c", source, "-o", path])
    let file = try ELFFile(path: path)
    #expect(file.machine == .aarch64)
    #expect(file.hasDebugInformation)
  }

  @Test func filesThatCannotBeReadSayWhy() throws {
    let directory = try TemporaryDirectory()
    let text = try directory.write("not an ELF file, whatever it is called\n", to: "text")
    let empty = try directory.write("", to: "empty")
    let source = try directory.write("int one(int x) { return x + 1; }\n", to: "one.c")
    let small = directory.file("one32.o")
    try runSuccessfully("clang", ["--target=i386-linux-gnu", "-c", source, "-o", small])
    let big = directory.file("one.be.o")
    try runSuccessfully("clang", ["--target=aarch64_be-linux-gnu", "-c", source, "-o", big])
    let archive = directory.file("lib.a")
    try runSuccessfully("ar", ["rc", archive, small])
    let pipe = directory.file("pipe")
    try runSuccessfully("mkfifo", [pipe])
    let whole = try Data(contentsOf: URL(fileURLWithPath: fixtures.program))
    let cuts = [4, 5, 10, 63].map { ($0, directory.file("cut \($0)")) }
    for (count, path) in cuts { try whole.prefix(count).write(to: URL(fileURLWithPath: path)) }
    let cutProblems = cuts.map { count, path in
      (
        path,
        "cut short: expected an ELF header of 64 bytes at offset 0, found the end of the file at \(count)"
      )
    }
    for (path, word) in cutProblems + [
      (pipe, "found a named pipe"), ("/dev/zero", "found a device"),
      (directory.path, "found a folder"), (text + "/none", "Not a directory"),
      (text, "7f 45 4c 46"), (empty, "empty"), (directory.path, "regular"), (small, "32-bit"),
      (big, "big-endian"), (archive, "archive"), (directory.file("none"), "No such file"),
    ] {
      let error = #expect(throws: SymbolizerError.self) { try ELFFile(path: path) }
      #expect(error?.file == path)
      #expect(error?.problem.contains(word) == true, "\(String(describing: error))")
    }
  }
}

/// Replaces a section by one compressed with Zstandard, which older binutils cannot write.
func compressWithZstandard(
  _ name: String,
  of program: String,
  in directory: TemporaryDirectory
) throws -> String {
  let (raw, packed, result) = (
    directory.file("raw"), directory.file("raw.zst"), directory.file("zstd")
  )
  try runSuccessfully("objcopy", ["--dump-section", ".\(name)=\(raw)", program, result])
  try runSuccessfully("zstd", ["-q", "-f", raw, "-o", packed])
  let size = UInt64(try Data(contentsOf: URL(fileURLWithPath: raw)).count)
  var bytes = Data([2, 0, 0, 0, 0, 0, 0, 0])
  withUnsafeBytes(of: size.littleEndian) { bytes.append(contentsOf: $0) }
  bytes.append(contentsOf: [1, 0, 0, 0, 0, 0, 0, 0])
  bytes.append(try Data(contentsOf: URL(fileURLWithPath: packed)))
  try bytes.write(to: URL(fileURLWithPath: packed))
  try runSuccessfully("objcopy", ["--update-section", ".\(name)=\(packed)", program, result])
  // objcopy cannot set SHF_COMPRESSED (0x800): set it in the section header.
  let section = try ELFFile(path: result).sections.first { $0.name == ".\(name)" }
  guard let section else { throw CommandFailure("no section .\(name)") }
  var file = Array(try Data(contentsOf: URL(fileURLWithPath: result)))
  let table = file.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 40, as: UInt64.self) }
  file[Int(table) + section.index * 64 + 9] |= 0x08
  try Data(file).write(to: URL(fileURLWithPath: result))
  return result
}
