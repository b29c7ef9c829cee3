import Foundation
import Logging
import Report
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// Split units: found where they are, refused when they are others', and never trusted.
@Suite struct SplitDWARFTests {
  /// A program of two sources whose split files lie in a folder, and addresses of all its functions.
  private struct Sample {
    let directory: TemporaryDirectory
    let program: String
    let addresses: [UInt64]

    /// `package`: the tool that makes one, where the split files are to be replaced by it.
    init(compiler: String, version: Int, package: String? = nil) throws {
      directory = try TemporaryDirectory()
      try directory.write(
        """
        inline __attribute__((always_inline)) int add(int a, int b) { return a * 3 + b; }
        __attribute__((noinline)) int sum(int x) { volatile int y = add(x, 2); return y; }
        namespace shop { int total(int); }
        int main(int count, char **) { return sum(count) + shop::total(count); }
        """,
        to: "main.cpp"
      )
      try directory.write(
        """
        namespace shop {
        struct Cart { int twice(int x) { volatile int y = x * 2; return y; } };
        __attribute__((noinline)) int total(int x) { return Cart().twice(x); }
        }
        """,
        to: "cart.cpp"
      )
      program = directory.file("program")
      for name in ["main", "cart"] {
        try runSuccessfully(
          compiler,
          [
            "-g", "-gdwarf-\(version)", "-gsplit-dwarf", "-O1", "-c", directory.file("\(name).cpp"),
            "-o", directory.file("\(name).o"),
          ]
        )
      }
      try runSuccessfully(
        compiler,
        [directory.file("main.o"), directory.file("cart.o"), "-o", program]
      )
      if let package {
        try runSuccessfully(package, ["-e", program, "-o", "\(program).dwp"])
        for name in ["main", "cart"] {
          try FileManager.default.removeItem(atPath: directory.file("\(name).dwo"))
        }
      }
      let wanted = ["main", "_Z3sumi", "_ZN4shop5totalEi"]
      addresses = try runSuccessfully("nm", ["-S", program]).split(separator: "\n").flatMap {
        line -> [UInt64] in
        let words = line.split(separator: " ")
        guard words.count == 4, wanted.contains(String(words[3])),
          let start = UInt64(words[0], radix: 16), let size = UInt64(words[1], radix: 16)
        else { return [] }
        return Array(start..<(start + size))
      }
    }

    /// Inline chains, innermost first, by name.
    func chains(debugDirectories: [String] = [], log: Logger = NoteRecorder().logger) throws
      -> Set<[String]>
    {
      var options = SymbolizerOptions()
      options.debugDirectories = debugDirectories
      let answers = try AddressResolver(options: options, log: log)
        .resolve(addresses, in: program, kind: .exact)
      return Set(answers.map { $0.frames.map { $0.function ?? "?" } })
    }

    func move(to folder: String) throws {
      try FileManager.default.createDirectory(
        atPath: directory.file(folder),
        withIntermediateDirectories: true
      )
      for name in ["main.dwo", "cart.dwo"] {
        try FileManager.default.moveItem(
          atPath: directory.file(name),
          toPath: directory.file("\(folder)/\(name)")
        )
      }
    }
  }

  private static let inlined: Set<[String]> = [
    ["add(int, int)", "sum(int)"], ["shop::Cart::twice(int)", "shop::total(int)"],
  ]

  @Test(arguments: ["g++", "clang++"], [4, 5])
  func splitFilesAreFoundWhereTheCompilerPutThemAndInADebugDirectory(
    compiler: String,
    version: Int
  ) throws {
    let sample = try Sample(compiler: compiler, version: version)
    #expect(sample.addresses.count > 20)
    #expect(try sample.chains().isSuperset(of: Self.inlined))
    try sample.move(to: "elsewhere")
    #expect(try sample.chains().isDisjoint(with: Self.inlined) || compiler == "clang++")
    let found = try sample.chains(debugDirectories: [sample.directory.file("elsewhere")])
    #expect(found.isSuperset(of: Self.inlined))
  }

  @Test(arguments: [("g++", 4, "dwp"), ("g++", 5, "llvm-dwp"), ("clang++", 5, "llvm-dwp")])
  func aPackageBesideTheProgramHasAllOfThem(
    compiler: String,
    version: Int,
    package: String
  ) throws {
    let sample = try Sample(compiler: compiler, version: version, package: package)
    #expect(try sample.chains().isSuperset(of: Self.inlined))
    // By its name in a debug directory too.
    let folder = sample.directory.file("packages")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.moveItem(
      atPath: "\(sample.program).dwp",
      toPath: "\(folder)/program.dwp"
    )
    #expect(try sample.chains(debugDirectories: [folder]).isSuperset(of: Self.inlined))
  }

  @Test func aMissingSplitFileIsNamedAndCostsInlinedCallsAlone() throws {
    let sample = try Sample(compiler: "g++", version: 5)
    try sample.move(to: "hidden")
    let notes = NoteRecorder()
    let chains = try sample.chains(log: notes.logger)
    #expect(chains.contains(["sum(int)"]))
    let problem = try #require(notes.all.first { $0.contains("main.dwo") })
    #expect(problem.contains("was not found") && problem.contains("--debug-dir"))
  }

  @Test func aSplitFileOfAnotherBuildIsRefused() throws {
    let sample = try Sample(compiler: "g++", version: 5)
    let other = try Sample(compiler: "g++", version: 4)
    let path = sample.directory.file("main.dwo")
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.copyItem(atPath: other.directory.file("main.dwo"), toPath: path)
    let notes = NoteRecorder()
    let chains = try sample.chains(log: notes.logger)
    #expect(!chains.contains(["add(int, int)", "sum(int)"]))
    #expect(chains.contains(["shop::Cart::twice(int)", "shop::total(int)"]))
    #expect(notes.all.contains { $0.contains("\(path) is of another build") })
  }

  @Test(arguments: [("g++", 4, "dwp"), ("g++", 5, "llvm-dwp")])
  func aDamagedPackageNeitherTrapsNorHangs(
    compiler: String,
    version: Int,
    package: String
  ) throws {
    let sample = try Sample(compiler: compiler, version: version, package: package)
    let path = "\(sample.program).dwp"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for length in stride(from: 0, to: whole.count, by: 61) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      #expect(try !sample.chains().isEmpty)
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var damaged = whole
      for _ in 0..<8 {
        damaged[Int.random(in: 64..<whole.count, using: &random)] = .random(
          in: 0...255,
          using: &random
        )
      }
      try damaged.write(to: URL(fileURLWithPath: path))
      #expect(try !sample.chains().isEmpty)
    }
  }
}
