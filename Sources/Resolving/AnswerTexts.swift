import SymbolLookup

/// The names and paths of a batch as they are written, for answers that are many.
///
/// A name of a batch is written a hundred times and more: from here that is a copy of bytes, where a `String` is
/// counted, looked into and copied piece by piece.
struct AnswerTexts: Sendable {
  /// By number of the function.
  fileprivate let functions: TextTable
  /// By number of the path, with or without its folders.
  fileprivate let paths: TextTable

  init(of batch: ResolvedBatch, _ style: AnswerStyle) {
    functions = TextTable(batch.functions)
    paths = TextTable(batch.paths.map { style.shown($0) })
  }

  /// The same, to be read one after the other.
  var words: AnswerWords {
    @_lifetime(borrow self)
    get { AnswerWords(functions: functions.texts, paths: paths.texts) }
  }
}

/// Names and paths, borrowed.
struct AnswerWords: ~Escapable {
  /// By number of the function.
  let functions: TextList
  /// By number of the path.
  let paths: TextList

  @_lifetime(copy functions, copy paths)
  init(functions: TextList, paths: TextList) {
    self.functions = functions
    self.paths = paths
  }
}

/// Texts by number, one behind the other.
private struct TextTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where each text ends in `bytes`, and the next one begins.
  private var ends: [Int] = [0]

  init(_ texts: some Collection<String>) {
    ends.reserveCapacity(texts.count + 1)
    bytes.reserveCapacity(texts.reduce(0) { $0 + $1.utf8.count })
    for text in texts {
      bytes.append(contentsOf: text.utf8)
      ends.append(bytes.count)
    }
  }

  var texts: TextList {
    @_lifetime(borrow self)
    get { TextList(bytes: bytes.span, ends: ends.span) }
  }
}

/// Texts by number, borrowed.
struct TextList: ~Escapable {
  private let bytes: Span<UInt8>
  private let ends: Span<Int>

  @_lifetime(copy bytes, copy ends)
  fileprivate init(bytes: Span<UInt8>, ends: Span<Int>) {
    self.bytes = bytes
    self.ends = ends
  }

  /// The text of a number.
  subscript(number: UInt32) -> Span<UInt8> {
    @_lifetime(copy self)
    get { bytes.extracting(ends[Int(number)]..<ends[Int(number) + 1]) }
  }
}

// MARK: - Writing

extension OutputSpan<UInt8> {
  /// Appends bytes, for which there is room.
  @_lifetime(self: copy self)
  mutating func append(_ bytes: Span<UInt8>) {
    // Safe because what does not fit is refused, and the pointers do not outlive the spans.
    unsafe withUnsafeMutableBufferPointer { target, count in
      precondition(bytes.count <= target.count - count)
      unsafe bytes.withUnsafeBytes { source in
        let free = unsafe UnsafeMutableBufferPointer(rebasing: target[count...])
        unsafe UnsafeMutableRawBufferPointer(free).copyMemory(from: source)
      }
      count += bytes.count
    }
  }

  /// Appends a number; no number has more than ten digits.
  @_lifetime(self: copy self)
  mutating func append(decimal number: UInt32) {
    // Most are small, and a division by a constant is none.
    switch number {
    case ..<10:
      append(digit: number)
    case ..<100:
      append(digit: number / 10)
      append(digit: number % 10)
    case ..<1000:
      append(digit: number / 100)
      append(digit: number / 10 % 10)
      append(digit: number % 10)
    default:
      append(decimal: number / 1000)
      append(digit: number / 100 % 10)
      append(digit: number / 10 % 10)
      append(digit: number % 10)
    }
  }

  @_lifetime(self: copy self)
  private mutating func append(digit: UInt32) {
    append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit))
  }
}

extension [UInt8] {
  mutating func append(text: String) {
    append(contentsOf: text.utf8)
  }

  mutating func append(_ bytes: Span<UInt8>) {
    append(addingCapacity: bytes.count) { $0.append(bytes) }
  }

  mutating func append(decimal number: UInt32) {
    append(addingCapacity: 10) { $0.append(decimal: number) }
  }
}
