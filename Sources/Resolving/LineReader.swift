import CommandOutput
import Glibc

/// Standard input, line by line, as many lines at once as are there already.
///
/// A line that has arrived is never held back to wait for another one: who asks interactively gets each
/// answer at once, who sends a file gets them in batches.
struct LineReader {
  /// More than this is answered in several batches, so that memory stays bounded.
  private static let batchBytes = 8 << 20
  private static let longestLine = 1 << 20
  private static let largestChunk = 256 << 10
  /// The corresponding C constant is F_SETPIPE_SZ (fcntl(2)), which glibc shows to GNU sources alone.
  private static let setPipeSize: Int32 = 1031

  private var pending: [UInt8] = []
  private var hasEnded = false
  /// The last read found few bytes and no more.
  private var isAlone = false
  private static let fewBytes = 128
  /// Grows with what is there: who asks a few lines needs no large buffer.
  private var chunkBytes = 16 << 10

  init() {
    // A larger pipe holds more lines that are there already; where the kernel refuses, batches are smaller.
    _ = fcntl(STDIN_FILENO, Self.setPipeSize, Int32(1 << 20))
  }

  /// The next lines, without the end of the last of them; nil at the end of input.
  mutating func nextLines() throws(CommandError) -> ArraySlice<UInt8>? {
    while true {
      if let end = pending.lastIndex(of: 0x0a), pending.count >= Self.batchBytes || !isMoreThere() {
        let rest = Array(pending[(end + 1)...])
        defer { pending = rest }
        return take()[..<end]
      }
      if hasEnded { return pending.isEmpty ? nil : take()[...] }
      guard pending.count < Self.batchBytes + Self.longestLine else {
        throw CommandError("standard input: expected lines of at most \(Self.longestLine) bytes")
      }
      try readMore()
    }
  }

  /// What is there, which is then nobody else's: a second owner would make it a copy.
  private mutating func take() -> [UInt8] {
    defer { pending = [] }
    return pending
  }

  private func isMoreThere() -> Bool {
    // Who waits for the answer to one line writes no other one before: asking the kernel takes as long as some answers.
    guard !hasEnded, !isAlone else { return false }
    var poller = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&poller, 1, 0) == 1
  }

  private mutating func readMore() throws(CommandError) {
    var (count, error) = (0, Int32(0))
    let chunk = unsafe [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, filled in
      // Safe because the buffer has room for so many bytes.
      count = unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count)
      error = errno
      filled = max(count, 0)
    }
    switch count {
    case 0: hasEnded = true
    case 1...:
      isAlone = pending.isEmpty && count < Self.fewBytes
      if pending.isEmpty { pending = chunk } else { pending += chunk }
      if count == chunkBytes { chunkBytes = min(chunkBytes * 2, Self.largestChunk) }
    case _ where error == EINTR: break
    default: throw CommandError("cannot read standard input: \(SystemError(code: error))")
    }
  }
}
