import Testing

@testable import Resolving

struct AnswerMemoryTests {
  private func answer(_ memory: AnswerMemory, _ address: UInt64, _ file: String) -> String? {
    var text = Array("before ".utf8)
    guard memory.append(address, of: file, to: &text) else { return nil }
    return String(decoding: text, as: UTF8.self)
  }

  @Test func eachFilesAnswersAreItsOwn() {
    var memory = AnswerMemory()
    #expect(answer(memory, 16, "a") == nil)
    for address in 0..<5000 as Range<UInt64> {
      memory.keep(Array("a\(address)".utf8), for: address &* 0x1000, of: "a")
      memory.keep(Array("b\(address)".utf8), for: address &* 0x1000, of: "b")
    }
    memory.keep(Array("last".utf8), for: .max, of: "b")
    for address in 0..<5000 as Range<UInt64> {
      #expect(answer(memory, address &* 0x1000, "a") == "before a\(address)")
      #expect(answer(memory, address &* 0x1000, "b") == "before b\(address)")
    }
    #expect(answer(memory, 1, "a") == nil)
    #expect(answer(memory, 0x1000, "c") == nil)
    #expect(answer(memory, .max, "b") == "before last")
    #expect(answer(memory, .max, "a") == nil)
  }

  @Test func answersShareTheirLines() {
    var memory = AnswerMemory()
    let name = String(repeating: "name", count: 100)
    // Ends of other lines, nothing, and lines without an end are lines too.
    let texts = [
      "\(name)\nfile:1\n\n", "\(name)\nfile:2\n\n", "e:1\n", "", "\n\n\n", "file:1", "1\nfile:1\n",
    ]
    for (number, text) in texts.enumerated() {
      memory.keep(Array(text.utf8), for: UInt64(number), of: "a")
    }
    for (number, text) in texts.enumerated() {
      #expect(answer(memory, UInt64(number), "a") == "before \(text)")
    }
    let before = memory.byteCount
    for number in 100..<110 as Range<UInt64> {
      memory.keep(Array(texts[0].utf8), for: number, of: "a")
    }
    #expect(memory.byteCount - before < name.utf8.count * 2)
  }

  @Test func whatIsTooMuchIsDroppedAndKeptAnew() {
    var memory = AnswerMemory(mostBytes: 10_000)
    for address in 0..<100 as Range<UInt64> {
      let text = [UInt8](repeating: UInt8(address), count: 1000)
      memory.keep(text, for: address, of: "a")
      #expect(answer(memory, address, "a") != nil)
      #expect(memory.byteCount <= 11_000)
    }
    let known = (0..<100 as Range<UInt64>).filter { answer(memory, $0, "a") != nil }
    #expect((1...9).contains(known.count))
    memory.keep([UInt8](repeating: 0, count: 6000), for: 200, of: "a")
    #expect(answer(memory, 200, "a") == nil)
  }

  @Test func manyFilesAreToldApart() {
    var memory = AnswerMemory()
    for number in 0..<200 {
      memory.keep(Array("\(number)".utf8), for: 7, of: "file \(number)")
      #expect(answer(memory, 7, "file \(number)") == "before \(number)")
    }
  }
}
