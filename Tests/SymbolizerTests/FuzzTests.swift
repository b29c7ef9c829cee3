import Foundation
import Fuzzing
import TestSupport
import Testing

/// The inputs that went wrong once, and the list of what is fuzzed.
@Suite struct FuzzTests {
  private static let kept = "\(repositoryRoot)/Tests/Fuzzing/Kept"

  @Test func theScriptKnowsEveryTarget() throws {
    let listed = try runSuccessfully("\(repositoryRoot)/scripts/fuzz", ["--list"])
    #expect(
      Set(listed.split(separator: "\n").map(String.init))
        == Set(FuzzTarget.allCases.map(\.rawValue))
    )
    let wrong = try run("\(repositoryRoot)/scripts/fuzz", ["nonsense"])
    #expect(wrong.status == 64)
    #expect(wrong.errorText.contains("nonsense"))
  }

  @Test(arguments: FuzzTarget.allCases)
  func keptInputsAndAFewOthersEndWell(target: FuzzTarget) throws {
    let directory = try TemporaryDirectory()
    let program = try Fixture.build(
      ["dwarf/inlines.c"],
      compiler: "clang",
      arguments: ["-g", "-gdwarf-5", "-O2"],
      into: directory,
      named: "inlines"
    )
    let base = try FuzzBase(path: program)
    #expect(base.addresses.count > 20)
    let folder = "\(Self.kept)/\(target.rawValue)"
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      let input = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
      target.run([UInt8](input), base: base)
    }
    for count in [0, 1, 7, 64, 4096] {
      for byte in [UInt8(0), 1, 0x7f, 0x80, 0xff] {
        target.run([UInt8](repeating: byte, count: count), base: base)
      }
    }
  }
}
