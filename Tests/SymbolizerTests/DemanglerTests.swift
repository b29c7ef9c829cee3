import Foundation
import TestSupport
import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct DemanglerTests {
  let demangler = Demangler()

  /// Names of a symbol table, without versions, each once.
  private func names(_ path: String, dynamic: Bool = true, prefix: String) throws -> [String] {
    let text = try runSuccessfully("nm", (dynamic ? ["-D"] : []) + ["--defined-only", path])
    let names = text.split(separator: "\n").compactMap { line in
      line.split(separator: " ").last.map { String($0.prefix { $0 != "@" }) }
    }
    return Array(Set(names.filter { $0.hasPrefix(prefix) })).sorted()
  }

  /// What a filter program answers to names, a line each.
  private func filtered(_ names: [String], _ program: String, _ arguments: [String] = []) throws
    -> [String]
  {
    let input = Data((names.joined(separator: "\n") + "\n").utf8)
    let result = try run(program, arguments, input: input)
    let lines = result.text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.dropLast().map(String.init)
  }

  @Test func namesOfTheCxxLibraryAgreeWithCxxfilt() throws {
    let names = try names("/usr/lib/x86_64-linux-gnu/libstdc++.so.6", prefix: "_Z")
    #expect(names.count > 4000)
    for (name, expected) in zip(names, try filtered(names, "c++filt", ["--no-verbose"])) {
      #expect(demangler.demangle(name).full == expected)
    }
  }

  @Test func namesOfSwiftsLibraryAgreeWithSwiftDemangle() throws {
    let swift = try locate("swift-demangle")
    let library = URL(fileURLWithPath: swift).resolvingSymlinksInPath()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("lib/swift/linux/libswift_Concurrency.so").path
    let names = try names(library, prefix: "$s")
    #expect(names.count > 1000)
    let full = try filtered(names, swift, ["-compact", "-no-sugar"])
    let short = try filtered(names, swift, ["-compact", "-simplified"])
    for (index, name) in names.enumerated() {
      let found = demangler.demangle(name)
      #expect(found.full == full[index])
      let trimmed = short[index].hasSuffix(" in ") ? String(short[index].dropLast(4)) : short[index]
      #expect(found.short ?? found.full == trimmed)
    }
  }

  private static let rustSource = """
    mod shapes {
      pub trait Shape { fn area(&self) -> f64; }
      pub struct Square<T>(pub T);
      impl<T: Copy + Into<f64>> Shape for Square<T> {
        #[inline(never)] fn area(&self) -> f64 { let x: f64 = self.0.into(); x * x }
      }
      #[inline(never)] pub fn total(list: &[&dyn Shape]) -> f64 {
        list.iter().map(|s| s.area()).sum()
      }
    }
    fn main() {
      let (a, b) = (shapes::Square(2i32), shapes::Square(2.5f32));
      println!("{}", shapes::total(&[&a, &b]));
    }
    """

  @Test func rustNamesAgreeWithLLVM() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(Self.rustSource, to: "shapes.rs")
    let path = directory.file("shapes")
    try runSuccessfully("rustc", ["-C", "symbol-mangling-version=v0", source, "-o", path])
    let names = try names(path, dynamic: false, prefix: "_R")
    #expect(names.count > 200)
    let plain = names.filter { !$0.contains(".") }
    for (name, expected) in zip(plain, try filtered(plain, "llvm-cxxfilt-19")) {
      #expect(demangler.demangle(name).full == expected)
    }
    let found = Set(names.map { demangler.demangle($0).full })
    #expect(found.contains("shapes::shapes::total"))
    #expect(found.contains("<shapes::shapes::Square<i32> as shapes::shapes::Shape>::area"))
  }

  @Test func legacyRustNamesLoseTheirHash() throws {
    let directory = try TemporaryDirectory()
    let source = try directory.write(Self.rustSource, to: "shapes.rs")
    let path = directory.file("shapes")
    // An unstable option since rustc 1.95.
    try runSuccessfully(
      "rustc",
      ["-Z", "unstable-options", "-C", "symbol-mangling-version=legacy", source, "-o", path],
      environment: ["RUSTC_BOOTSTRAP": "1"]
    )
    let names = try names(path, dynamic: false, prefix: "_ZN").filter { $0.contains("17h") }
    #expect(names.count > 20)
    let found = names.map { demangler.demangle($0).full }
    #expect(found.contains("shapes::shapes::total"))
    #expect(found.contains("<shapes::shapes::Square<T> as shapes::shapes::Shape>::area"))
    for name in found {
      #expect(name.firstMatch(of: /::h[0-9a-f]{16}/) == nil)
      #expect(!name.contains("$"), "\(name)")
    }
  }

  @Test(arguments: [
    ("main", "main"), ("foo.cold", "foo.cold"), ("puts@plt", "puts@plt"),
    ("_Z3fooiPKc", "foo(int, char const*)"),
    ("_Z3fooi.cold", "foo(int) [clone .cold]"),
    ("_Z3fooi.isra.0.part.3", "foo(int) [clone .isra.0] [clone .part.3]"),
    ("_ZNSt6vectorIiE4sizeEv@plt", "std::vector<int>::size()@plt"),
    ("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write"),
    ("_ZN4core3fmt5write17h0123456789abcdefE.llvm.123", "core::fmt::write [clone .llvm.123]"),
    ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
    ("_RNvCs1234_7mycrate3foo.llvm.99", "mycrate::foo [clone .llvm.99]"),
    ("$s4main3FooVACycfC", "main.Foo.init() -> main.Foo"),
    ("$s4main3FooVACycfC.cold.1", "main.Foo.init() -> main.Foo [clone .cold.1]"),
    ("_ZN", "_ZN"), ("$s", "$s"), ("_R", "_R"), ("_RNvC", "_RNvC"), ("", ""), ("_Z", "_Z"),
    ("$sNoSuchName", "$sNoSuchName"), ("@plt", "@plt"),
  ])
  func namesAreReadAsPeopleWriteThem(mangled: String, expected: String) {
    #expect(demangler.demangle(mangled).full == expected)
  }

  @Test func swiftNamesAreShortenedToo() {
    let name = demangler.demangle("$s4main6ClientC9keepAlive7timeout4hostSbSi_SStKF")
    #expect(
      name.full
        == "main.Client.keepAlive(timeout: Swift.Int, host: Swift.String) throws -> Swift.Bool"
    )
    #expect(name.short == "Client.keepAlive(timeout:host:)")
    #expect(demangler.demangle("_Z3fooi").short == nil)
  }

  /// Types that name the type before them twice, `levels` times.
  private func doubled(_ levels: Int, _ level: (Int) -> String) -> String {
    (0..<levels).map(level).joined()
  }

  /// A number of C++ or Rust substitutions: digits, then letters, then `_`.
  private func substitution(_ number: Int, _ digits: String) -> String {
    guard number > 0 else { return "_" }
    let digits = Array(digits)
    var rest = number - 1
    var text = ""
    repeat {
      text = String(digits[rest % digits.count]) + text
      rest /= digits.count
    } while rest > 0
    return text + "_"
  }

  @Test(arguments: [8, 14, 60])
  func aNameThatAsksForEndlessTextStaysAsItIs(levels: Int) throws {
    let upper = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    let cxx =
      "_Z1fPFvvE"
      + doubled(levels) { level in
        let last = "S" + substitution(2 * level + 1, upper)
        return "PFv\(last)\(last)E"
      }
    let letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    var rust = "INvC1a1f"
    var last = rust.utf8.count
    rust += "TmmE"
    for _ in 0..<levels + 2 {
      let reference = "B" + substitution(last, letters)
      last = rust.utf8.count
      rust += "T\(reference)\(reference)E"
    }
    rust = "_R\(rust)E"
    let swift =
      "$s4main1fyySDyAA1TVADG_"
      + doubled(levels + 2) { level in
        let index = level + 4
        let last =
          index < 26 ? "A\(Array(upper)[index + 10])" : "A\(index == 26 ? "" : "\(index - 27)")_"
        return "SDy\(last)\(last)G"
      } + "tF"
    for name in [cxx, rust, swift] {
      let result = demangler.demangle(name).full
      if levels == 8 {
        // Large, but within the limit.
        #expect(result != name && result.utf8.count > 1 << 10)
      } else {
        #expect(result == name)
      }
    }
  }

  @Test(arguments: [1000, 5000, 30_000])
  func deepNamesNeitherTrapNorHang(depth: Int) {
    for name in [
      "_Z1f" + String(repeating: "P", count: depth) + "i",
      "_Z1f" + String(repeating: "PFv", count: depth / 3) + "i"
        + String(repeating: "E", count: depth / 3),
      "_Z1fI" + String(repeating: "Li0EXad", count: depth / 7),
      "_Z" + String(repeating: "N1a", count: depth / 3),
      "_ZZ" + String(repeating: "Z", count: depth) + "1fvE1gvE",
      "_RNv" + String(repeating: "R", count: depth),
      "_RM" + String(repeating: "T", count: depth) + "m",
      "$s4main1fyy" + String(repeating: "Sg", count: depth / 2) + "F",
      "$s4main1fyySi" + String(repeating: "Sg", count: depth / 2) + "F",
      "$s4main1fyy" + String(repeating: "Say", count: depth / 3) + "Si"
        + String(repeating: "G", count: depth / 3) + "F",
      "$s4main1fyy" + String(repeating: "y", count: depth) + String(repeating: "c", count: depth)
        + "F",
      "_T0" + String(repeating: "F", count: depth),
    ] {
      #expect(!demangler.demangle(name).full.isEmpty)
    }
  }

  @Test func changedNamesNeitherTrapNorHang() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("changedNamesNeitherTrapNorHang: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let seeds = [
      "_ZNSt6vectorISt4pairIKSsSt10shared_ptrIN5boost4asio10io_contextEEESaIS8_EE9push_backEOS8_",
      "_ZZN4ceph6logger3logERKNS_5EntryEENKUlvE_clEv.isra.0",
      "_RNvXsa_NtNtCs1234_4core3fmt3numjNtB7_7Display3fmt",
      "_RINvYINtNtNtCsgEmfK2I1SDS_4core5slice4iter4IterRDNtNtCs12jkoC9p3aE_1p6shapes5ShapeEL_E3mapE",
      "_ZN73_$LT$shapes..Square$LT$T$GT$$u20$as$u20$shapes..Shape$GT$4area17h0123456789abcdefE",
      "$s4main1fyySDySS_SaySDySiAA1TVGGtF",
      "$s12ServiceCore6ClientC9keepAlive7timeout4hostSbSi_SStYaKFTY2_",
      "$ss5print_9separator10terminatoryypd_S2StF",
      "$sScTss5Error_pRs_rlE5valuexvgScTsAA_pRs_rlE5valuexvg_Tgq5",
    ]
    for _ in 0..<20_000 {
      var bytes = Array((seeds.randomElement(using: &random) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let position = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[position] = UInt8.random(in: 33...126, using: &random)
        case 1: bytes.remove(at: position)
        case 2: bytes.insert(UInt8.random(in: 33...126, using: &random), at: position)
        default:
          let other = Array((seeds.randomElement(using: &random) ?? "").utf8)
          bytes.replaceSubrange(position..., with: other[(position % other.count)...])
        }
      }
      let name = String(decoding: bytes, as: UTF8.self)
      #expect(name.isEmpty || !demangler.demangle(name).full.isEmpty, "seed \(seed): \(name)")
    }
  }

  @Test func manyThreadsMayUseOneDemangler() async {
    let names = (0..<2000).map { "_Z\("f\($0)".count)f\($0)i" }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          names.enumerated().allSatisfy { demangler.demangle($1).full == "f\($0)(int)" }
        }
      }
      for await isRight in group { #expect(isRight) }
    }
  }
}

/// A generator whose numbers a failing test can repeat (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
