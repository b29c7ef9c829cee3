import CaptureFormat
import Glibc

/// Names of code that a process generated at run time, as it wrote them for perf: `/tmp/perf-PID.map`, a line
/// `START SIZE NAME` for each function, in hexadecimal (Linux, tools/perf/Documentation/jit-interface.txt).
struct JITMap: Sendable {
  /// More than any runtime writes; what is larger is not read.
  private static let largestByteCount = 256 << 20
  private static let longestName = 4096

  private struct Entry: Sendable {
    var start: UInt64
    var end: UInt64
    /// Of the name in `text`.
    var name: Range<Int>
  }

  let path: String
  /// Ascending by start; what was written later is in front of what it overlaps.
  private let entries: [Entry]
  private let text: [UInt8]

  /// The map of a process, if it can have written one; nil where there is none.
  ///
  /// - Parameters:
  ///   - processID: as the process sees itself: the name has that number.
  ///   - userID: whose the file must be, or root's: anybody can write to `/tmp`.
  ///   - startTime: nanoseconds since 1970; an older file is that of an earlier process with this number.
  ///   - root: of the sysroot, without a slash at its end.
  init?(processID: Int32, userID: UInt32?, startTime: Int64?, root: String) {
    // A container has a /tmp of its own.
    let inRoot = root.isEmpty ? ["/proc/\(processID)/root", ""] : [root]
    for folder in inRoot {
      let path = "\(folder)/tmp/perf-\(processID).map"
      guard let text = Self.read(path, userID: userID, startTime: startTime) else { continue }
      self.init(text, path: path)
      return
    }
    return nil
  }

  /// The map that a text is; lines that are none are passed over.
  init(_ text: [UInt8], path: String) {
    self.path = path
    self.text = text
    var entries: [Entry] = []
    var start = 0
    while start < text.count {
      let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
      if let entry = Self.entry(text, start..<end) { entries.append(entry) }
      start = end + 1
    }
    // Code is generated where other code was before: of two with one start the later line counts.
    self.entries = entries.enumerated()
      .sorted { ($0.element.start, $1.offset) < ($1.element.start, $0.offset) }
      .map(\.element)
  }

  /// The name of the code at an address.
  func name(at address: UInt64) -> String? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let start = entries[low - 1].start
    // Back to the first of those that start here: the one that was written last.
    var index = low - 1
    while index > 0, entries[index - 1].start == start { index -= 1 }
    guard address < entries[index].end else { return nil }
    return String(decoding: text[entries[index].name], as: UTF8.self)
  }

  private static func entry(_ text: [UInt8], _ line: Range<Int>) -> Entry? {
    var position = line.lowerBound
    guard let start = number(text, &position, line.upperBound),
      let size = number(text, &position, line.upperBound), size > 0,
      position < line.upperBound
    else { return nil }
    let (end, overflows) = start.addingReportingOverflow(size)
    guard !overflows else { return nil }
    return Entry(
      start: start,
      end: end,
      name: position..<min(line.upperBound, position + longestName)
    )
  }

  /// A hexadecimal number and the space behind it.
  private static func number(_ text: [UInt8], _ position: inout Int, _ end: Int) -> UInt64? {
    var value: UInt64 = 0
    let first = position
    if end - position > 2, text[position] == UInt8(ascii: "0"),
      text[position + 1] | 0x20 == UInt8(ascii: "x")
    {
      position += 2
    }
    while position < end, text[position] != UInt8(ascii: " ") {
      guard let digit = Character(UnicodeScalar(text[position])).hexDigitValue, value >> 60 == 0
      else { return nil }
      value = value << 4 | UInt64(digit)
      position += 1
    }
    guard position > first, position < end else { return nil }
    position += 1
    return value
  }

  private static func read(_ path: String, userID: UInt32?, startTime: Int64?) -> [UInt8]? {
    guard let file = SmallFile(path: path, limit: largestByteCount),
      file.owner == 0 || file.owner == userID ?? 0
    else { return nil }
    // The clock of files is coarser than that of processes.
    if let startTime, file.changed + 2 < startTime / 1_000_000_000 { return nil }
    return file.bytes
  }
}

extension JITMap {
  /// The map of the captured process; nil where there is none, or the capture is of another machine.
  init?(of capture: Capture, _ options: SymbolizerOptions) {
    guard let process = capture.process, process.pid > 0,
      options.sysroot != nil || process.host == Self.hostName
    else { return nil }
    self.init(
      processID: process.pid,
      userID: process.uid,
      startTime: process.startTimeNs == 0 ? nil : Int64(clamping: process.startTimeNs),
      root: options.rootPrefix
    )
  }

  private static var hostName: String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "" }
    // Safe because the kernel ends the name with NUL.
    return unsafe withUnsafeBytes(of: &names.nodename) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
