import Foundation
import Render
import TestSupport
import Testing

struct TextWidthTests {
  @Test(arguments: [
    ("", 0), ("plain", 5), ("naïve", 5), ("nai\u{308}ve", 5), ("日本語", 6), ("한국어", 6),
    ("\u{1112}\u{1161}\u{11ab}", 2), ("👍", 2), ("a\u{200b}b", 2), ("ｆｕｌｌ", 8), ("… “x” → ←", 9),
    ("\u{20000}", 2), ("é\u{301}", 1),
  ])
  func columnsAreThoseOfATerminal(_ text: String, _ expected: Int) {
    #expect(columns(text) == expected, "\(text)")
  }

  /// Python has the Unicode tables of its own release: what both know must agree.
  @Test func theTableIsThatOfUnicode() throws {
    let listed = try runSuccessfully(
      "python3",
      [
        "-c",
        """
        import unicodedata
        for code in list(range(0x300, 0xd800)) + list(range(0xe000, 0x40000)):
          character = chr(code)
          category = unicodedata.category(character)
          if category in ("Cn", "Co"): continue
          if 0x1160 <= code <= 0x11ff or category in ("Mn", "Me", "Cf"): width = 0
          else: width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
          print(code, width)
        """,
      ]
    )
    var differences: [String] = []
    var count = 0
    for line in listed.split(separator: "\n") {
      let numbers = line.split(separator: " ").compactMap { UInt32($0) }
      let scalar = try #require(Unicode.Scalar(numbers[0]))
      count += 1
      if columns(scalar) != Int(numbers[1]) { differences.append("\(line): \(columns(scalar))") }
    }
    // A few marks changed their category between two releases of Unicode.
    #expect(count > 100_000 && differences.count < 20, "\(differences.prefix(40))")
  }
}
