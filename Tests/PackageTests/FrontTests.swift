import Foundation
import Testing
import TestSupport

/// The two programs that an installation has: the one people call, and the one with all verbs that it becomes.
@Suite struct FrontTests {
  private let installation: Installation
  private let directory: TemporaryDirectory
  private let program: String

  init() throws {
    installation = try Installation.make()
    directory = try TemporaryDirectory()
    program = try Fixture.build(
      ["resolve/shop.cpp"],
      compiler: "g++",
      arguments: ["-O1", "-g"],
      into: directory,
      named: "a shop"
    )
  }

  private var whole: String { installation.path("libexec/dumpcollect/dumpcollect") }

  /// A copy of the two programs below another prefix, without the second where that is to be missing.
  private func move(withWhole: Bool = true) throws -> String {
    let prefix = directory.file(withWhole ? "moved here" : "half")
    for name in ["bin/dumpcollect"] + (withWhole ? ["libexec/dumpcollect/dumpcollect"] : []) {
      let path = "\(prefix)/\(name)"
      try FileManager.default.createDirectory(
        atPath: URL(fileURLWithPath: path).deletingLastPathComponent().path,
        withIntermediateDirectories: true
      )
      try FileManager.default.copyItem(atPath: installation.path(name), toPath: path)
    }
    return prefix
  }

  /// Addresses of the program's functions, in hexadecimal, and one of nobody.
  private func addresses() throws -> [String] {
    let lines = try runSuccessfully("nm", ["--defined-only", program]).split(separator: "\n")
    let functions = lines.filter { $0.contains(" T ") || $0.contains(" t ") }
    return functions.map { "0x" + $0.prefix { $0 != " " } } + ["0x1"]
  }

  @Test func whatIsCalledNeedsNoLibraryAndNoLoader() throws {
    let headers = try runSuccessfully("readelf", ["-lW", installation.dumpcollect])
    #expect(headers.contains("LOAD") && !headers.contains("INTERP") && !headers.contains("DYNAMIC"))
    let size = try FileManager.default.attributesOfItem(atPath: installation.dumpcollect)[.size]
    // All of it may be in memory: what that takes is the bound of a short answer.
    #expect(try #require(size as? Int) < 12 << 20)
  }

  @Test(arguments: [
    [], ["--output-style", "JSON"], ["--output-style=GNU", "-f", "-i", "-C"], ["-a", "-p", "-s"],
    ["--output-style", "LLVM-JSON"], ["--verbose"], ["--no-demangle", "--no-inlines"],
    ["--return-addresses"],
  ])
  func bothProgramsAnswerAlike(_ options: [String]) throws {
    let addresses = try addresses()
    #expect(addresses.count > 5)
    let arguments = ["resolve", "--obj", program] + options
    for input in [nil, Data((addresses.joined(separator: "\n") + "\n").utf8)] {
      let words = arguments + (input == nil ? addresses : [])
      let ours = try run(installation.dumpcollect, words, input: input)
      let theirs = try run(whole, words, input: input)
      #expect(ours.text == theirs.text)
      #expect(ours.errorText == theirs.errorText)
      #expect(ours.status == theirs.status)
      #expect(ours.text.contains("shop"))
    }
  }

  @Test(arguments: [
    ["resolve", "--obj", "/proc/none", "0x1"], ["resolve", "--obj", "/bin", "1"],
    ["resolve", "--help"], ["resolve", "--output-style", "XML"],
    ["resolve", "-C", "--no-demangle"],
    ["resolve", "--obj", "/bin/true", "nothing"], ["resolve", "--debug-dir", "/proc/none", "0x1"],
    ["resolve", "--jobs", "0"], ["--version"], ["--help"], ["nothing"], ["report", "/proc/none"],
  ])
  func bothProgramsEndAlike(_ words: [String]) throws {
    let ours = try run(installation.dumpcollect, words)
    let theirs = try run(whole, words)
    #expect(ours.text == theirs.text)
    #expect(ours.errorText == theirs.errorText)
    #expect(ours.status == theirs.status)
    #expect(!(ours.text + ours.errorText).isEmpty)
  }

  @Test func namesOfSwiftCxxAndRustAreDemangledWithoutLibraries() throws {
    let source = directory.file("names.s")
    let names = ["_ZN4shop4Cart5totalEi", "_RNvCs1234_7mycrate3foo", "$s4main3fooyyF"]
    let text = names.map { "\"\($0)\": nop\n.type \"\($0)\",@function\n.size \"\($0)\",1\n" }
    try (".text\n.globl _start\n_start: nop\n" + text.joined())
      .write(toFile: source, atomically: true, encoding: .utf8)
    let object = directory.file("names")
    try runSuccessfully("gcc", ["-nostdlib", "-static", source, "-o", object])
    let symbols = try runSuccessfully("nm", [object]).split(separator: "\n")
    for (name, readable) in zip(
      names,
      ["shop::Cart::total(int)", "mycrate::foo", "main.foo() -> ()"]
    ) {
      let line = try #require(symbols.first { $0.hasSuffix(" \(name)") })
      let address = "0x" + line.prefix { $0 != " " }
      let answer = try runSuccessfully(
        installation.dumpcollect,
        ["resolve", "-e", object, address]
      )
      #expect(answer.split(separator: "\n").first.map(String.init) == readable)
    }
  }

  @Test func anInstallationMayBeMovedAndLinkedTo() throws {
    let prefix = try move()
    let address = try addresses()[0]
    let version = try runSuccessfully(installation.dumpcollect, ["--version"])
    #expect(try runSuccessfully("\(prefix)/bin/dumpcollect", ["--version"]) == version)
    for name in ["dumps", "llvm-symbolizer", "addr2line"] {
      let link = directory.file(name)
      try FileManager.default.createSymbolicLink(
        atPath: link,
        withDestinationPath: "\(prefix)/bin/dumpcollect"
      )
      #expect(try runSuccessfully(link, ["--version"]) == version)
      let words = name == "dumps" ? ["resolve", "--obj"] : ["-e"]
      #expect(try runSuccessfully(link, words + [program, address]).contains("/shop.cpp:"))
    }
  }

  /// Kilobytes of memory of a kind, as `/proc/PID/status` states them.
  private func memory(_ kind: String, of processID: Int32) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(kind):") })
    return try #require(Int(line.split(whereSeparator: \.isWhitespace)[1]))
  }

  /// A reader of a whole process' questions asks one library after the other, each of them a little.
  @Test func pagesOfManyLargeFilesAreGivenBackBetweenQuestions() throws {
    let large = "\(Products.directory)/dumpcollectPackageTests.xctest"
    let headers = try runSuccessfully("readelf", ["-SW", large])
    let text = try #require(
      headers.firstMatch(of: /\ \.text +PROGBITS +([0-9a-f]+) [0-9a-f]+ ([0-9a-f]+)/)
    )
    let start = try #require(UInt64(text.1, radix: 16))
    let size = try #require(UInt64(text.2, radix: 16))
    let links = try (0..<16).map { number in
      let link = directory.file("large\(number)")
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: large)
      return link
    }
    let running = try RunningProgram(
      installation.dumpcollect,
      ["resolve", "--output-style", "JSON"]
    )
    var most = 0
    var named = 0
    // The same addresses in each run: a multiplicative sequence goes all over the code.
    var place: UInt64 = 1
    for question in 0..<400 {
      place = place &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let address = String(start + (place >> 20) % size, radix: 16)
      try running.write(line: "\"\(links[question % links.count])\" 0x\(address)")
      let answer = try #require(running.readLine(), "\(running.errorText)")
      if answer.contains("\"line\":") { named += 1 }
      most = max(most, try memory("RssFile", of: running.processID))
    }
    #expect(named > 80)
    // 128 MiB, and what one question brings in.
    #expect(most < 176 << 10, "\(most) kB")
    // There was something to give back.
    #expect(most > 120 << 10, "\(most) kB")
  }

  @Test func whereTheOtherProgramIsMissingItsPathIsNamed() throws {
    let prefix = try move(withWhole: false)
    let missing = try run("\(prefix)/bin/dumpcollect", ["--version"])
    #expect(missing.status == 2)
    #expect(missing.text == "")
    let path = "\(prefix)/libexec/dumpcollect/dumpcollect"
    #expect(missing.errorText.contains("\(path): cannot start it: No such file or directory"))
    let address = try addresses()[0]
    let answer = try runSuccessfully(
      "\(prefix)/bin/dumpcollect",
      ["resolve", "--obj", program, address]
    )
    #expect(answer.contains("/shop.cpp:"))
  }
}
