import Foundation
import TestSupport

/// Real ELF files for the tests of ELF reading, built once by the compilers of the machine.
final class ELFFixtures: Sendable {
  let directory: TemporaryDirectory
  /// A position-independent C++ program with debug information, made by g++.
  let program: String

  static let shared = Result { try ELFFixtures() }

  private init() throws {
    directory = try TemporaryDirectory()
    try directory.write(Self.source, to: "shapes.cpp")
    program = directory.file("shapes")
    try runSuccessfully(
      "g++",
      ["-g", "-O1", directory.file("shapes.cpp"), "-o", program, "-Wl,--build-id"]
    )
  }

  /// Compiles the same source with other options into a file of `directory`.
  func build(
    _ name: String,
    compiler: String = "g++",
    _ arguments: [String],
    in directory: TemporaryDirectory
  ) throws -> String {
    let path = directory.file(name)
    try runSuccessfully(compiler, arguments + [self.directory.file("shapes.cpp"), "-o", path])
    return path
  }

  /// A copy of `file` after `objcopy` with these options.
  func objcopy(
    _ arguments: [String],
    _ file: String,
    to name: String,
    in directory: TemporaryDirectory
  ) throws -> String {
    let path = directory.file(name)
    try runSuccessfully("objcopy", arguments + [file, path])
    return path
  }

  private static let source = """
    #include <cstdio>
    #include <cstdlib>
    #include <string>
    namespace shapes {
    struct Shape { virtual ~Shape() = default; virtual double area() const = 0; };
    template <typename T> struct Square final : Shape {
      T side;
      explicit Square(T side) : side(side) {}
      __attribute__((noinline)) double area() const override { return double(side) * double(side); }
    };
    __attribute__((noinline)) double total(const Shape *const *list, int count) {
      double sum = 0;
      for (int i = 0; i < count; i++) sum += list[i]->area();
      return sum;
    }
    }
    extern "C" __attribute__((noinline, weak)) int weak_one(int x) { return x * 3 + 1; }
    extern "C" int strong_one(int x) __attribute__((alias("weak_one")));
    static __attribute__((noinline)) int hidden(int x) { return x + std::atoi("4"); }
    int main(int argc, char **) {
      shapes::Square<int> a(argc);
      shapes::Square<double> b(2.5);
      const shapes::Shape *list[] = {&a, &b};
      std::string text = std::to_string(shapes::total(list, 2));
      std::printf("%s %d %d\\n", text.c_str(), weak_one(argc), hidden(argc));
      return 0;
    }
    """
}

/// The text of a report line that holds a label, such as `Build ID: 1234`.
func value(after label: String, in text: String) -> String? {
  text.split(separator: "\n").first { $0.contains(label) }
    .flatMap { line in
      line.range(of: label).map { line[$0.upperBound...].trimmingCharacters(in: .whitespaces) }
    }
}

/// All bytes of a span.
func array(_ span: RawSpan) -> [UInt8] {
  span.withUnsafeBytes { Array($0) }
}
