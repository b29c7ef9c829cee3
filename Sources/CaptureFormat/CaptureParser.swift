import Bytes
internal import SwiftProtobuf

/// Goes through the bytes of a capture file once, from record to whole record.
///
/// After damage it searches the next whole record, so every record whose own bytes are intact is kept. Time and
/// memory are in proportion to the bytes, whatever they say.
struct CaptureParser: ~Escapable {
  private var input: ByteCursor
  private(set) var capture = Capture()
  /// Bytes that may still be summed, negative once that was too little.
  ///
  /// A file without damage is summed once; one of false records, each as long as the rest, would be summed once for each of them.
  private var budget: Int

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) {
    input = ByteCursor(bytes)
    budget = Self.passes * bytes.byteCount
  }

  /// How often all bytes may be summed; the reader refuses files so large that this would overflow.
  private static let passes = 8

  /// Some record of a kind that this reader knows is whole.
  var hasKnownRecord: Bool {
    capture.recordCount > capture.unknownKinds.values.reduce(0, +) || capture.end != nil
  }

  /// Reads the header, or finds the first record behind a broken one.
  ///
  /// Throws the format error of the header when no record is whole either, or when its version is unknown.
  @_lifetime(self: copy self)
  mutating func parseFileHeader() throws(FormatError) {
    do throws(FormatError) {
      capture.version = try FileHeader(parsing: &input).version
    } catch {
      if case .unsupportedVersion = error.reason { throw error }
      let start = input
      var magic = input
      let skipped = searchWholeRecord()
      guard !input.isAtEnd else {
        input = start
        throw error
      }
      let found = (0..<FileHeader.magic.count).map { _ in magic.quietU8() }
      note(.fileHeader(found: found), at: start.offset, bytesSkipped: skipped)
    }
  }

  /// Reads records to the end record or the end of the bytes, and then states what is missing.
  @_lifetime(self: copy self)
  mutating func parseRecords() {
    while !input.isAtEnd, capture.end == nil { parseRecord() }
    if capture.end != nil, !input.isAtEnd {
      note(.trailing(byteCount: input.remaining), at: input.offset, bytesSkipped: input.remaining)
    }
    for (kind, isThere) in [
      (RecordKind.header, capture.header != nil), (.process, capture.process != nil),
      (.end, capture.end != nil),
    ] where !isThere {
      note(.missing(kind), at: input.offset)
    }
  }

  @_lifetime(self: copy self)
  private mutating func parseRecord() {
    let offset = input.offset
    do throws(CaptureDamage.Reason) {
      let head = try RecordHead(parsing: &input, budget: &budget)
      take(head, at: offset)
    } catch {
      if case .searchAbandoned = error { budget = -1 }
      let skipped = searchWholeRecord()
      note(
        budget < 0 ? .searchAbandoned(byteCount: skipped) : error,
        at: offset,
        bytesSkipped: skipped
      )
    }
  }

  /// Moves to the next whole record behind this place, or to the end; returns the bytes passed.
  @_lifetime(self: copy self)
  private mutating func searchWholeRecord() -> Int {
    let start = input.offset
    while budget >= 0 {
      input.quietSkip(1)
      if input.isAtEnd { break }
      var peek = input
      guard peek.quietU32() == RecordHead.sync else { continue }
      var look = input
      do throws(CaptureDamage.Reason) {
        _ = try RecordHead(parsing: &look, budget: &budget)
        break
      } catch {
        if case .searchAbandoned = error { budget = -1 }
      }
    }
    if budget < 0 { input.quietSkip(input.remaining) }
    return input.offset - start
  }

  /// Takes the payload of a whole record that begins at `offset`; the input stands behind its head.
  @_lifetime(self: copy self)
  private mutating func take(_ head: RecordHead, at offset: Int) {
    let payload = input.quietBytes(head.payloadByteCount)
    let count = capture.recordCount
    do throws(CaptureDamage.Reason) {
      try capture.add(head.kind, payload)
    } catch {
      note(error, at: offset, bytesSkipped: RecordHead.byteCount + head.payloadByteCount)
    }
    guard head.kind == .end else { return capture.recordCount = count + 1 }
    if let end = capture.end, end.records != count {
      note(.recordCount(expected: Int(end.records), found: count), at: offset)
    }
  }

  @_lifetime(self: copy self)
  private mutating func note(_ reason: CaptureDamage.Reason, at offset: Int, bytesSkipped: Int = 0)
  {
    capture.damage.append(CaptureDamage(offset: offset, reason: reason, bytesSkipped: bytesSkipped))
  }
}

extension Capture {
  /// Adds what a record's payload says.
  fileprivate mutating func add(
    _ kind: RecordKind,
    _ payload: RawSpan
  ) throws(CaptureDamage.Reason) {
    switch kind {
    case .header: try Self.set(&header, kind, payload)
    case .process: try Self.set(&process, kind, payload)
    case .module: modules.append(try Self.message(kind, payload))
    case .thread: threads.append(try Self.message(kind, payload))
    case .vitals: try Self.set(&vitals, kind, payload)
    case .descriptors: try Self.set(&descriptors, kind, payload)
    case .environment: try Self.set(&environment, kind, payload)
    case .notes: try Self.set(&notes, kind, payload)
    case .taskStacks:
      let message: WireTaskStacks = try Self.message(kind, payload)
      taskStacks += message.stacks
    case .tasks:
      let message: WireTasks = try Self.message(kind, payload)
      tasks += message.tasks
    case .executors:
      let message: WireExecutors = try Self.message(kind, payload)
      executors += message.executors
    case .taskSummary: try Self.set(&taskSummary, kind, payload)
    case .awaitedDescriptors: try Self.set(&awaitedDescriptors, kind, payload)
    case .end: try Self.set(&end, kind, payload)
    default: unknownKinds[kind, default: 0] += 1
    }
  }

  private static func set<Payload: Message>(
    _ field: inout Payload?,
    _ kind: RecordKind,
    _ payload: RawSpan
  ) throws(CaptureDamage.Reason) {
    guard field == nil else { throw .repeated(kind) }
    field = try message(kind, payload)
  }

  private static func message<Payload: Message>(
    _ kind: RecordKind,
    _ payload: RawSpan
  ) throws(CaptureDamage.Reason) -> Payload {
    var options = BinaryDecodingOptions()
    // Fields of a newer writer are of no use here, and would be kept in memory.
    options.discardUnknownFields = true
    do {
      return try Payload(serializedBytes: payload, options: options)
    } catch {
      throw .payload(kind, byteCount: payload.byteCount)
    }
  }
}
