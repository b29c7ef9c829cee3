import Glibc

/// Answers in words, for questions that come one by one: whoever asks for the frames of many stacks asks for the same
/// addresses again and again.
///
/// Answers share their lines: those of one function have its name and places of its calls in common.
struct AnswerMemory {
  /// One answer: some of `answerLines`.
  private struct Entry {
    var address: UInt64
    var file: Int
    var start: Int
    var end: Int
  }

  /// A line of some answers, in `texts`.
  private struct Line {
    var hash: UInt64
    var start: Int
    var end: Int
  }

  /// More than this is dropped, all together.
  private let mostBytes: Int
  /// By number, mostly one: they are looked for one by one.
  private var files: [String] = []
  private static let mostFiles = 64
  private var entries = SlotTable<Entry>()
  /// The lines of all answers, by their numbers.
  private var answerLines: [UInt32] = []
  private var lines = SlotTable<Line>()
  private var texts: [UInt8] = []

  /// Remembers nothing yet.
  init(mostBytes: Int = 4 << 20) {
    self.mostBytes = mostBytes
  }

  /// Memory that it takes, without what arrays have in reserve.
  var byteCount: Int {
    texts.count + answerLines.count * MemoryLayout<UInt32>.stride + entries.byteCount
      + lines.byteCount
  }

  /// Appends the answer that was given before; false when there is none.
  func append(_ address: UInt64, of file: String, to output: inout [UInt8]) -> Bool {
    guard let number = files.firstIndex(of: file),
      let found = entries.number(
        Self.hash(address, number),
        where: { $0.address == address && $0.file == number }
      )
    else { return false }
    let entry = entries.elements[Int(found)]
    for line in answerLines[entry.start..<entry.end] {
      let place = lines.elements[Int(line)]
      output.append(texts.span.extracting(place.start..<place.end))
    }
    return true
  }

  /// Keeps an answer that is not known yet.
  mutating func keep(_ text: [UInt8], for address: UInt64, of file: String) {
    guard text.count <= mostBytes / 2 else { return }
    if byteCount + text.count > mostBytes || files.count >= Self.mostFiles {
      self = Self(mostBytes: mostBytes)
    }
    let number = files.firstIndex(of: file) ?? files.count
    if number == files.count { files.append(file) }
    let first = answerLines.count
    // Safe because no pointer outlives the text, and none leads out of it.
    unsafe text.withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      var start = 0
      while start < bytes.count {
        let found = unsafe memchr(base + start, 0x0a, bytes.count - start)
        let end = unsafe found.map { unsafe UnsafeRawPointer($0) - base + 1 } ?? bytes.count
        unsafe answerLines.append(line(UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
        start = end
      }
    }
    let entry = Entry(address: address, file: number, start: first, end: answerLines.count)
    entries.append(entry, Self.hash(address, number)) { Self.hash($0.address, $0.file) }
  }

  private static func hash(_ address: UInt64, _ file: Int) -> UInt64 {
    address &+ UInt64(file) &* 0xd6e8_feb8_6659_fd93
  }

  /// The number of a line, new or known.
  private mutating func line(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let hash = unsafe Self.hash(bytes)
    // Safe because the pointers do not outlive the texts.
    let known = unsafe texts.withUnsafeBytes { all in
      lines.number(hash) { line in
        guard line.hash == hash, line.end - line.start == bytes.count else { return false }
        guard let text = all.baseAddress, let other = bytes.baseAddress else { return false }
        return unsafe memcmp(text + line.start, other, bytes.count) == 0
      }
    }
    if let known { return known }
    let start = texts.count
    unsafe texts.append(contentsOf: bytes)
    lines.append(Line(hash: hash, start: start, end: texts.count), hash) { $0.hash }
    return UInt32(lines.elements.count - 1)
  }

  /// Eight bytes at a time.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = UInt64(bytes.count)
    var position = 0
    while position + 8 <= bytes.count {
      // Safe because eight bytes are there.
      let word = unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 29
      position += 8
    }
    while position < bytes.count {
      hash = unsafe (hash ^ UInt64(bytes[position])) &* 0x100_0000_01b3
      position += 1
    }
    return hash
  }
}

/// Elements by number, found by their hashes: the first entry of a dictionary costs as much as an answer.
private struct SlotTable<Element> {
  private(set) var elements: [Element] = []
  /// Numbers of elements, or -1, by open addressing; at most half of them are taken.
  private var slots: [Int32] = []
  private static var smallestCount: Int { 64 }

  var byteCount: Int {
    elements.count * MemoryLayout<Element>.stride + slots.count * MemoryLayout<Int32>.stride
  }

  /// The number of the first element of a hash that is meant.
  func number(_ hash: UInt64, where isMeant: (Element) -> Bool) -> UInt32? {
    guard !slots.isEmpty else { return nil }
    var slot = firstSlot(hash)
    while slots[slot] >= 0 {
      if isMeant(elements[Int(slots[slot])]) { return UInt32(slots[slot]) }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  /// Adds an element that is not there yet.
  mutating func append(_ element: Element, _ hash: UInt64, hashOf: (Element) -> UInt64) {
    if (elements.count + 1) * 2 > slots.count {
      slots = Array(repeating: -1, count: max(Self.smallestCount, slots.count * 2))
      for (number, known) in elements.enumerated() { take(hashOf(known), Int32(number)) }
    }
    take(hash, Int32(elements.count))
    elements.append(element)
  }

  private mutating func take(_ hash: UInt64, _ number: Int32) {
    var slot = firstSlot(hash)
    while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = number
  }

  /// Fibonacci hashing: addresses differ in few bits.
  private func firstSlot(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15) >> 32) & (slots.count - 1)
  }
}
