import Testing

@testable import Resolving

/// Lines that are read in one go mean what each of them means alone.
struct QueryListTests {
  private static let lines = [
    "0x10", "0xfFfF", "0xffffffffffffffff", "0x10000000000000000", "0x", "", "16", " 0x10", "0x10 ",
    "0x1g",
    "DATA 0x20", "CODE 0x30", "/a b 0x40", "\"/c d\" 0x50", "nonsense", "DATA /a b 0x60",
    "0x00000000000000070",
    "/c d 0x80", "\u{fc} 0x90", "FRAME 0xa0", "BUILDID:/c d 0xb0", "FILE:/c d 0xc0",
    "BUILDID:/c d 0xd0",
  ]

  private func expectSame(_ list: QueryList, _ lines: [String], _ object: String?) {
    #expect(list.queries.count == lines.count)
    for (index, line) in lines.enumerated() {
      let radix: AddressQuery.Radix = .byPrefix
      let alone = AddressQuery(line[...], file: object, radix: radix)
      let query = list.queries[index]
      #expect((query.hasAddress ? query.address : nil) == alone.address, "\(line)")
      #expect(query.file.map { list.files[$0] } == alone.file, "\(line)")
      #expect(query.subject == alone.subject, "\(line)")
      if let file = query.file { #expect(list.builds.contains(file) == alone.isBuildID, "\(line)") }
      #expect((list.oddTexts[index] == nil) == query.hasAddress, "\(line)")
      if let text = list.oddTexts[index] { #expect(text == line) }
    }
    let files = list.files.enumerated().map { "\($1) \(list.builds.contains($0))" }
    #expect(Set(files).count == files.count)
  }

  @Test(arguments: [nil, "/an object"])
  func aLineAmongOthersMeansWhatItMeansAlone(_ object: String?) {
    let lines = Self.lines + Self.lines.reversed() + Self.lines
    let bytes = Array(lines.joined(separator: "\n").utf8)
    let list = QueryList(lines: bytes[...], ResolveSession.Reading(object: object))
    expectSame(list, lines, object)
    #expect(list.hasIncomplete)
    expectSame(QueryList(lines, ResolveSession.Reading(object: object)), lines, object)
  }

  @Test func aPartOfABufferIsReadFromWhereItBegins() {
    let bytes = Array("0x1\n0x2\n0x3\n0x4".utf8)
    let list = QueryList(lines: bytes[4..<11], ResolveSession.Reading(object: "f"))
    #expect(list.queries.map(\.address) == [2, 3])
    #expect(!list.hasIncomplete)
  }

  @Test func whatIsNoAddressIsKeptInPart() {
    let text = String(repeating: "x", count: 1000)
    let list = QueryList([text], ResolveSession.Reading(object: "f"))
    #expect(list.oddTexts[0] == String(repeating: "x", count: 200))
  }

  @Test func theFileOfABuildTakesItsPlace() {
    var list = QueryList(["BUILDID:ab 0x1", "ab 0x2", "BUILDID:ab 0x3"], ResolveSession.Reading())
    #expect(list.builds == [0])
    list.rename(0, to: "/found")
    #expect(list.builds.isEmpty)
    #expect(list.queries.map { list.files[$0.file ?? 0] } == ["/found", "ab", "/found"])
    let one = QueryList(["0x1"], ResolveSession.Reading(object: "ab", isBuildID: true))
    #expect(one.builds == [0])
  }

  @Test func aQuestionTakesSixteenBytes() {
    #expect(MemoryLayout<QueryList.Query>.stride == 16)
  }
}
