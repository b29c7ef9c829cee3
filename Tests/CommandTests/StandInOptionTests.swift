import Foundation
import TestSupport
import Testing

/// Every option of llvm-symbolizer and addr2line that means something for an ELF file, byte by byte as those tools print it.
struct StandInOptionTests {
  private let directory: TemporaryDirectory
  /// Compiled in a folder of its own, by a relative name.
  private let program: String

  init() throws {
    directory = try TemporaryDirectory()
    let folder = directory.file("built here")
    try FileManager.default.createDirectory(
      atPath: "\(folder)/src",
      withIntermediateDirectories: true
    )
    try FileManager.default.copyItem(
      atPath: Fixture.source("resolve/shop.cpp"),
      toPath: "\(folder)/src/shop.cpp"
    )
    program = directory.file("shop")
    // Built by clang: what gcc puts into the abbreviation (DW_FORM_implicit_const) llvm-symbolizer loses.
    let arguments = ["-O2", "-g", "src/shop.cpp", "-o", program, "-Wl,--build-id"]
    try runSuccessfully("clang++", arguments, directory: folder)
    for name in ["llvm-symbolizer", "llvm-addr2line", "addr2line"] {
      try FileManager.default.createSymbolicLink(
        atPath: directory.file(name),
        withDestinationPath: Products.dumpcollect
      )
    }
  }

  /// Every address of the program's own functions, without a prefix.
  private func addresses(of file: String? = nil) throws -> [String] {
    let symbols = try runSuccessfully("nm", ["-S", "--defined-only", file ?? program])
    let found = symbols.split(separator: "\n").flatMap { line -> [String] in
      let words = line.split(separator: " ")
      guard words.count == 4, ["main", "plain", "_ZN4shop3sumEPKNS_5PriceEi"].contains(words[3]),
        let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16)
      else { return [] }
      return (start..<(start + size)).map { String($0, radix: 16) }
    }
    try #require(found.count > 100)
    return found
  }

  private func expectSame(
    _ ours: String,
    _ peer: String,
    _ arguments: [String],
    environment: [String: String?] = [:]
  ) throws {
    let mine = try run(directory.file(ours), arguments, environment: environment)
    let theirs = try runSuccessfully(peer, arguments, environment: environment)
    #expect(mine.status == 0 && mine.errorText.isEmpty, "\(mine.errorText)")
    #expect(theirs.contains("shop.cpp") || theirs.contains("??"))
    #expect(mine.text == theirs, "\(arguments.prefix(4))")
  }

  // One program for all options of a tool: not as arguments of the test, each of which would build it again.

  @Test func optionsOfLLVMSymbolizer() throws {
    let questions = try addresses().map { "0x\($0)" }
    for options in [
      ["--adjust-vma=0x10"], ["--adjust-vma", "16"], ["--relative-address"], ["--relativenames"],
      ["--relativenames", "--output-style=JSON"], ["--functions=none"],
      ["--functions=none", "-pa"],
      ["--functions=none", "--verbose"], ["--functions=none", "--output-style=JSON"],
      ["--functions=short"], ["--functions=short", "-p"],
      ["--functions=short", "--output-style=JSON"], ["--functions=linkage"], ["-f=none"],
      ["-f=short", "-p"], ["-fiC"], ["-sp"], ["--output-style=GNU"],
      ["--output-style=GNU", "-pas"],
      ["--output-style=GNU", "--no-inlines"], ["--output-style=GNU", "--functions=none"],
      ["--output-style=GNU", "--verbose"], ["--output-style=GNU", "--no-demangle"],
      ["--output-style", "GNU", "-p", "-f=none"], ["--color"], ["--color=always"],
      ["--debug-file-directory=/no/such/folder"], ["--dwp=/no/such/package"], ["--no-debuginfod"],
      ["--inlining=true", "--no-inlines"], ["--no-inlines", "--inlining"], ["-C", "--no-demangle"],
      ["--no-demangle", "-C"], ["-demangle=false"], ["--default-arch=x86_64"], ["--dia"],
      ["--cache-size=1000000"], ["--dsym-hint=nothing"], ["--no-untag-addresses"],
    ] {
      let arguments = ["-e=\(program)"] + options + questions
      try expectSame("llvm-symbolizer", "llvm-symbolizer-19", arguments)
    }
  }

  @Test func optionsOfLLVMAddr2line() throws {
    let questions = try addresses()
    for options in [
      [], ["-f"], ["-i"], ["-f", "-i"], ["-afiCp"], ["-a"], ["-sf"], ["-fC"], ["-pi"],
      ["--output-style=LLVM", "-f"], ["--output-style=JSON", "-f", "-i"],
    ] {
      try expectSame("llvm-addr2line", "llvm-addr2line-19", ["-e", program] + options + questions)
    }
  }

  @Test func optionsOfAddr2line() throws {
    // By gcc, at -O1: binutils 2.40 misses inlined functions whose ranges stand by index, as clang writes them, and those that
    // are all of a function.
    let program = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O1", "-g"],
      into: directory,
      named: "shop of gcc"
    )
    let addresses = try addresses(of: program)
    let start = try sectionStart(".text", of: program)
    // The last one lies behind the section.
    let offsets =
      try addresses.map { String(try #require(UInt64($0, radix: 16)) - start, radix: 16) }
      + ["100000"]
    for options in [
      ["-j", ".text", "-f"], ["--section=.text", "-a"], ["-j.text", "-fi"],
      ["--sec", ".text", "-fp"], ["--demangle=gnu-v3", "-f"], ["--demangle=none", "-f"],
      ["-C", "--demangle=none", "-f"],
      ["--func", "--inl", "--addr", "--pretty", "--base", "--dem"], ["--no-rec", "-f"],
      ["--r", "-f"], ["-b", "elf64-x86-64", "-f"], ["--target=elf64-x86-64", "-f"],
    ] {
      let questions = options.contains { $0.contains(".text") } ? offsets : addresses
      let arguments = ["-e", program] + options
      let ours = try runSuccessfully(directory.file("addr2line"), arguments + questions)
      // Asked twice: binutils 2.40 misses the inlined function that its very first answer lies in.
      let first = try runSuccessfully("addr2line", arguments + questions)
      let both = try runSuccessfully("addr2line", arguments + questions + questions)
      #expect(both.hasPrefix(first) && ours.contains("shop.cpp:"))
      #expect(ours == String(both.dropFirst(first.count)), "\(options)")
    }
  }

  private func sectionStart(_ name: String, of program: String) throws -> UInt64 {
    let headers = try runSuccessfully("readelf", ["-SW", program])
    for line in headers.split(separator: "\n") {
      let words = line.split(whereSeparator: { " []".contains($0) })
      if words.count > 4, words[1] == name { return try #require(UInt64(words[3], radix: 16)) }
    }
    throw CommandFailure("there is no section \(name)")
  }

  @Test func wordsMayStandInAFileOrInTheEnvironment() throws {
    let address = try addresses()[3]
    let words = try directory.write(
      "-e '\(program)'\n\t-f \"0x\(address)\" 0x\\\(address)\n",
      to: "words"
    )
    try expectSame("llvm-symbolizer", "llvm-symbolizer-19", ["@\(words)", "0x\(address)"])
    try expectSame("addr2line", "addr2line", ["@\(words)", address])
    let options = ["LLVM_SYMBOLIZER_OPTS": "-e '\(program)' -p", "LLVM_ADDR2LINE_OPTS": "-f -a"]
    try expectSame(
      "llvm-symbolizer",
      "llvm-symbolizer-19",
      ["0x\(address)"],
      environment: options
    )
    try expectSame(
      "llvm-addr2line",
      "llvm-addr2line-19",
      ["-e", program, address],
      environment: options
    )
    // A file that names itself ends.
    let endless = try directory.write("@\(directory.file("endless"))\n", to: "endless")
    #expect(try run(directory.file("addr2line"), ["-e", program, "@\(endless)"]).status == 2)
  }

  @Test func aBuildIDStandsForItsFile() throws {
    let note = try runSuccessfully("readelf", ["-n", program])
    let id = try #require(note.firstMatch(of: /Build ID: ([0-9a-f]+)/)?.1)
    let folder = directory.file("debug/.build-id/\(id.prefix(2))")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try runSuccessfully("cp", [program, "\(folder)/\(id.dropFirst(2)).debug"])
    let address = "0x\(try addresses()[3])"
    let options = ["--debug-file-directory=\(directory.file("debug"))"]
    try expectSame(
      "llvm-symbolizer",
      "llvm-symbolizer-19",
      options + ["--build-id=\(id)", address]
    )
    let input = Data("BUILDID:\(id) \(address)\nFILE:\"\(program)\" \(address)\n".utf8)
    let ours = try run(directory.file("llvm-symbolizer"), options, input: input)
    let theirs = try run("llvm-symbolizer-19", options, input: input)
    #expect(ours.status == 0 && ours.text == theirs.text)
    let known = try dumpcollect("resolve", "--obj", program, address).text
    #expect(ours.text == known + known)
    let none = try run(directory.file("llvm-symbolizer"), ["--build-id=\(id)", address])
    #expect(none.status == 2 && none.text == "??\n??:0:0\n\n")
    #expect(none.errorText.contains("no file of this build ID was found\n  --debug-dir"))
  }

  @Test func variablesOfAFrameAreNotToldInTheWayOfLLVMSymbolizer() throws {
    let input = Data("FRAME \"\(program)\" 0x1\nDATA \"\(program)\" 0x1\n\"\(program)\" 0x1\n".utf8)
    for style in ["LLVM", "GNU", "JSON"] {
      let options = ["--output-style=\(style)"]
      let ours = try run(directory.file("llvm-symbolizer"), options, input: input)
      #expect(ours.status == 0 && ours.errorText.isEmpty, "\(ours.errorText)")
      #expect(try ours.text == run("llvm-symbolizer-19", options, input: input).text)
    }
  }

  @Test func aPackageOfSplitFilesMayLieAnywhere() throws {
    let source = Fixture.source("resolve/shop.cpp")
    let folder = directory.file("split")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let options = ["-O2", "-gdwarf-5", "-gsplit-dwarf", "-fno-split-dwarf-inlining"]
    try runSuccessfully("clang++", options + ["-c", source, "-o", "a.o"], directory: folder)
    try runSuccessfully("clang++", ["a.o", "-o", "shop"], directory: folder)
    let package = directory.file("elsewhere.package")
    try runSuccessfully("llvm-dwp-19", ["-e", "shop", "-o", package], directory: folder)
    try FileManager.default.removeItem(atPath: "\(folder)/a.dwo")
    let main = try #require(
      try runSuccessfully("nm", ["\(folder)/shop"]).firstMatch(of: /([0-9a-f]+) T _ZN4shop3sum/)
    )
    let start = try #require(UInt64(main.1, radix: 16))
    let arguments =
      ["--obj=\(folder)/shop"] + (start..<start + 100).map { "0x\(String($0, radix: 16))" }
    let without = try run(directory.file("llvm-symbolizer"), arguments)
    #expect(without.errorText.contains("a.dwo"))
    let ours = try runSuccessfully(
      directory.file("llvm-symbolizer"),
      arguments + ["--dwp=\(package)"]
    )
    #expect(ours != without.text)
    #expect(try ours == runSuccessfully("llvm-symbolizer-19", arguments + ["--dwp=\(package)"]))
  }

  @Test func whatIsNotDoneIsSaid() throws {
    for (tool, option) in [
      ("llvm-symbolizer", "--filter-markup"), ("llvm-symbolizer", "--functions=nonsense"),
      ("addr2line", "--demangle=nonsense"), ("addr2line", "-addresses"),
      ("addr2line", "--nonsense"), ("llvm-addr2line", "--section=.text"),
    ] {
      let result = try run(directory.file(tool), [option, "-e", program, "1000"])
      #expect(result.status == 64 && result.text.isEmpty)
      let name = option.prefix { $0 != "=" }
      #expect(result.errorText.contains(name), "\(result.errorText)")
    }
  }
}
