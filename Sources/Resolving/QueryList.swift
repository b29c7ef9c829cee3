/// Questions in their order, in few bytes each: a file of a million lines is read at once.
struct QueryList: Sendable {
  /// One question; what most of them are, an address of code in the file that `--obj` names, needs no more.
  struct Query: Sendable {
    /// 0 when there is no number where one was expected.
    var address: UInt64 = 0
    /// Into the list's files; nil where none is named, and without an address.
    var file: Int? { fileNumber < 0 ? nil : Int(fileNumber) }
    var hasAddress = true
    var subject = AddressQuery.Subject.code
    fileprivate var fileNumber: Int32
  }

  private(set) var queries: [Query] = []
  /// Each file once, as it was named.
  private(set) var files: [String] = []
  /// Which of them were named by their build IDs.
  private(set) var builds: Set<Int> = []
  /// Of questions without an address: their texts, cut.
  private(set) var oddTexts: [Int: String] = [:]
  /// Some question has no address or no file.
  private(set) var hasIncomplete = false

  private let reading: ResolveSession.Reading
  private var fileNumbers: [String: Int32] = [:]
  private var buildNumbers: [String: Int32] = [:]
  /// More of a text does not help whoever wrote it.
  private static let longestOddText = 200

  /// Reads arguments.
  init(_ texts: [String], _ reading: ResolveSession.Reading) {
    self.init(reading)
    queries.reserveCapacity(texts.count)
    for text in texts { append(text[...]) }
  }

  /// Reads lines.
  ///
  /// `bytes`: without the end of the last line.
  init(lines bytes: ArraySlice<UInt8>, _ reading: ResolveSession.Reading) {
    self.init(reading)
    let text = bytes.span
    var lineCount = 1
    for index in text.indices { lineCount += text[index] == 0x0a ? 1 : 0 }
    queries.reserveCapacity(lineCount)
    var start = 0
    while start <= text.count {
      if reading.object != nil, let (number, end) = Self.plainHexadecimal(text, from: start) {
        queries.append(Query(address: number, fileNumber: 0))
        start = end + 1
        continue
      }
      var end = start
      while end < text.count, text[end] != 0x0a { end += 1 }
      let line = bytes[(bytes.startIndex + start)..<(bytes.startIndex + end)]
      append(Substring(decoding: line, as: UTF8.self))
      start = end + 1
    }
  }

  private init(_ reading: ResolveSession.Reading) {
    self.reading = reading
    guard let object = reading.object else { return }
    files.append(object)
    if reading.isBuildID { builds.insert(0) }
  }

  /// From now on, the file of a number is this one.
  mutating func rename(_ number: Int, to path: String) {
    files[number] = path
    builds.remove(number)
  }

  /// What most lines are: `0x` and 1 to 16 hexadecimal digits, nothing else; with the end of the line.
  ///
  /// Nil for all others, right or wrong.
  private static func plainHexadecimal(
    _ text: Span<UInt8>,
    from start: Int
  ) -> (number: UInt64, end: Int)? {
    guard text.count - start >= 3, text[start] == UInt8(ascii: "0"),
      text[start + 1] == UInt8(ascii: "x")
    else { return nil }
    var (number, end) = (UInt64(0), start + 2)
    while end < text.count, text[end] != 0x0a {
      guard end - start < 18, let digit = digit(text[end]) else { return nil }
      number = number << 4 | digit
      end += 1
    }
    return end > start + 2 ? (number, end) : nil
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private mutating func append(_ text: Substring) {
    let query = AddressQuery(text, file: reading.object, radix: reading.radix)
    if query.address == nil { oddTexts[queries.count] = String(text.prefix(Self.longestOddText)) }
    if query.address == nil || query.file == nil { hasIncomplete = true }
    queries.append(
      Query(
        address: query.address ?? 0,
        hasAddress: query.address != nil,
        subject: query.subject,
        fileNumber: query.file.map { number(of: $0, isBuildID: query.isBuildID) } ?? -1
      )
    )
  }

  private mutating func number(of file: String, isBuildID: Bool) -> Int32 {
    if reading.object != nil { return 0 }
    // Questions about one file follow each other.
    if let last = queries.last?.file, files[last] == file, builds.contains(last) == isBuildID {
      return Int32(last)
    }
    if let known = isBuildID ? buildNumbers[file] : fileNumbers[file] { return known }
    let number = Int32(files.count)
    files.append(file)
    if isBuildID {
      buildNumbers[file] = number
      builds.insert(Int(number))
    } else {
      fileNumbers[file] = number
    }
    return number
  }
}
