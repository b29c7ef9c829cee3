import Foundation
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Source around frames: whose text it is, and when it is doubted.
@Suite struct SourceSnippetTests {
  private let directory: TemporaryDirectory
  private let source: String

  init() throws {
    directory = try TemporaryDirectory()
    source = try directory.write(
      "// first\nint twice(int x) {\r\n\treturn x * 2;\n}\nint main(void) { return twice(0); }",
      to: "small source.c"
    )
  }

  /// The snippets of `twice`, whose second address is on line 3.
  private func snippets(
    _ program: String,
    context: Int = 1,
    root: String = ""
  ) throws -> [SourceSnippet] {
    var files = ModuleFiles()
    files.main = try ELFFile(path: program)
    var problems: [String] = []
    let lookup = files.lookup(problems: &problems)
    var symbol: UInt64?
    for line in try runSuccessfully("nm", [program]).split(separator: "\n")
    where line.hasSuffix(" twice") { symbol = UInt64(line.prefix { $0 != " " }, radix: 16) }
    let start = try #require(symbol)
    let addresses = Array(start..<start + 12)
    let answer = lookup.answer(addresses, jobs: 1)
    let names = ReadableNames(of: answer.functions, with: nil, jobs: 1)
    let frames = addresses.indices.flatMap { index in
      answer.frames(at: index).map {
        Frame(names.frame($0, of: answer, reason: nil), address: addresses[index])
      }
    }
    let dwarf = try #require(lookup.dwarf)
    return SourceTexts(context: context, root: root, server: nil)
      .snippets(of: frames, embedded: answer.embeddedSources(of: dwarf), files: files)
  }

  private func build(_ compiler: String, _ options: [String]) throws -> String {
    let program = directory.file("program")
    try runSuccessfully(compiler, ["-O0"] + options + [source, "-o", program])
    return program
  }

  @Test func theFileOnDiskIsCutAroundTheLine() throws {
    let program = try build("gcc", ["-g"])
    let snippets = try snippets(program)
    let snippet = try #require(snippets.first { $0.line == 3 })
    #expect(snippet.file == source)
    #expect(snippet.firstLine == 2)
    #expect(snippet.lines == ["int twice(int x) {", "\treturn x * 2;", "}"])
    #expect(snippet.origin == .disk && !snippet.isNewer)
    let wide = try self.snippets(program, context: 100)
    #expect(wide.first { $0.line == 2 }?.lines.count == 5)
    #expect(wide.first { $0.line == 2 }?.firstLine == 1)
  }

  @Test func aFileChangedAfterTheBuildIsMarked() throws {
    let program = try build("gcc", ["-g"])
    try runSuccessfully("touch", ["-d", "1 hour ago", program])
    #expect(try snippets(program).allSatisfy(\.isNewer))
  }

  @Test func aShorterFileOrNoneGivesNothing() throws {
    let program = try build("gcc", ["-g"])
    try directory.write("// one line\n", to: "small source.c")
    #expect(try snippets(program).isEmpty)
    try FileManager.default.removeItem(atPath: source)
    #expect(try snippets(program).isEmpty)
  }

  @Test func embeddedSourceNeedsNoFile() throws {
    let program = try build("clang", ["-gdwarf-5", "-gembed-source"])
    try FileManager.default.removeItem(atPath: source)
    let snippet = try #require(try snippets(program).first { $0.line == 3 })
    #expect(snippet.lines == ["int twice(int x) {", "\treturn x * 2;", "}"])
    #expect(snippet.origin == .embedded && !snippet.isNewer)
  }

  @Test func pathsAreLookedUpBelowTheSysroot() throws {
    let program = try build("gcc", ["-g"])
    let root = directory.file("root")
    let folder = "\(root)\(directory.path)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: source, toPath: "\(folder)/small source.c")
    #expect(try snippets(program).isEmpty)
    #expect(try snippets(program, root: root).contains { $0.line == 3 })
  }
}
