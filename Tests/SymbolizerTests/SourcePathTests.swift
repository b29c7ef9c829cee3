import Testing

@testable import SymbolLookup
@testable import Symbolizer

@Suite struct SourcePathTests {
  @Test(arguments: [
    ("/a/b.c", "/a/b.c"), ("/a/./b.c", "/a/b.c"), ("/a//b.c", "/a/b.c"), ("/a/../b.c", "/b.c"),
    ("/../b.c", "/b.c"), ("./b.c", "b.c"), ("../b.c", "../b.c"), ("a/../../b.c", "../b.c"),
    ("a/b/../../c", "c"), ("../../x/../y", "../../y"), ("/", "/"), ("a/..", "."), ("", "."),
    ("/usr/lib/gcc/x86_64/12/../../../../include/c++/x.h", "/usr/include/c++/x.h"), ("a/b/", "a/b"),
    ("/häuser/…/é.c", "/häuser/…/é.c"),
  ])
  func aPathLosesWhatSaysNothing(path: String, expected: String) {
    var bytes = Array(path.utf8)
    SourcePath.normalise(&bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == expected)
  }

  @Test func anAbsolutePartTakesThePlaceOfWhatWasBefore() {
    var path = Array("/build".utf8)
    SourcePath.append("src".utf8, to: &path)
    SourcePath.append("".utf8, to: &path)
    SourcePath.append("a.c".utf8, to: &path)
    #expect(String(decoding: path, as: UTF8.self) == "/build/src/a.c")
    SourcePath.append("/usr/include/b.h".utf8, to: &path)
    #expect(String(decoding: path, as: UTF8.self) == "/usr/include/b.h")
  }
}

@Suite struct LookupTableTests {
  @Test func numbersAreFoundAgainAmongThousands() {
    var table = IntegerTable()
    for key in 0..<5000 { table.insert(UInt64(key) << 32, UInt32(key)) }
    #expect(table.count == 5000)
    #expect((0..<5000).allSatisfy { table[UInt64($0) << 32] == UInt32($0) })
    #expect(table[1] == nil && table[5000 << 32] == nil)
  }

  @Test func aPathIsKeptOnce() {
    var table = PathTable()
    let numbers = (0..<500).map { table.number(of: Array("/src/\($0 % 100).c".utf8)) }
    #expect(table.count == 100)
    #expect(numbers[7] == numbers[107] && numbers[7] != numbers[8])
    #expect(String(decoding: table[Int(numbers[42])], as: UTF8.self) == "/src/42.c")
  }

  @Test func aBatchIsSortedAndKnowsTheInputsOrder() {
    let batch = AddressBatch([30, 10, 30, 20, .max, 0])
    #expect(batch.sorted == [0, 10, 20, 30, .max])
    #expect(batch.positions == [3, 1, 3, 2, 4, 0])
    #expect(AddressBatch([]).sorted.isEmpty)
    // As near as those of one file are, and as far apart as these may just be.
    let near = AddressBatch([30, 10, 30, 20])
    #expect(near.sorted == [10, 20, 30])
    #expect(near.positions == [2, 0, 2, 1])
    let span = UInt64(UInt32.max)
    for distance in [span - 1, span, span + 1] {
      let far = AddressBatch([7 + distance, 7, 7 + distance, 8])
      #expect(far.sorted == [7, 8, 7 + distance])
      #expect(far.positions == [2, 0, 2, 1])
    }
  }
}
