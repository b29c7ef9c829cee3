import CUnwind

/// The last lines that threads gave with `dumpcollect_note`: written by any thread, read by the collector,
/// neither waits for the other.
///
/// A writer takes a ticket, which names its place, and marks the place odd while it writes. A reader takes a
/// note only if the place shows the note's ticket before and after it was copied.
@safe struct NoteRing {
  private let notes: UnsafeMutablePointer<dc_notes>

  @_noLocks
  init(_ notes: UnsafeMutablePointer<dc_notes>) { unsafe self.notes = unsafe notes }

  private static var textLimit: Int { @_noLocks @inline(__always) get { dc_note_size &- 25 } }

  /// Room for the ring, once in a process's life; without it notes are refused.
  @_noLocks
  static func reserve(_ home: Home) {
    let size = UInt64(truncatingIfNeeded: MemoryLayout<dc_notes>.size)
    guard unsafe home.pointee.notes == nil, let memory = unsafe dc_reserve(size) else { return }
    unsafe dc_wipe_on_fork(memory, size)
    unsafe home.pointee.notes = unsafe memory.assumingMemoryBound(to: dc_notes.self)
  }

  /// Keeps a line, unless a thread that is a whole ring behind still writes in its place.
  @_noLocks
  func append(_ line: UnsafePointer<CChar>) {
    let ticket = unsafe dc_add64(dc_notes_next(notes), 1) &+ 1
    let note = unsafe dc_notes_entry(notes, ticket)
    let word = unsafe dc_load64(dc_note_word(note))
    guard word & 1 == 0, word < ticket &* 2,
      unsafe dc_claim64(dc_note_word(note), word, ticket &* 2 &- 1) != 0
    else {
      _ = unsafe dc_add64(dc_notes_lost(notes), 1)
      return
    }
    var length = unsafe textLength(line, limit: Self.textLimit)
    unsafe dc_move(dc_note_text(note), line, length)
    if length == Self.textLimit { length = unsafe wholeCharacters(dc_note_text(note), length) }
    while length > 0, unsafe isLineEnd(dc_note_text(note)[length &- 1]) { length &-= 1 }
    unsafe note.pointee.length = UInt32(truncatingIfNeeded: length)
    unsafe note.pointee.time_ns = dc_clock(0)
    unsafe note.pointee.tid = dc_gettid()
    unsafe dc_store64(dc_note_word(note), ticket &* 2)
  }

  /// The length without the bytes of a UTF-8 sequence that the limit cut.
  @_noLocks
  private func wholeCharacters(_ text: UnsafeMutablePointer<CChar>, _ length: Int) -> Int {
    var start = length
    while start > length &- 4, start > 0 {
      start &-= 1
      let byte = unsafe UInt8(bitPattern: text[start])
      if byte & 0xc0 == 0x80 { continue }
      let wanted = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
      return start &+ wanted <= length ? length : start
    }
    return length
  }

  @_noLocks
  private func isLineEnd(_ byte: CChar) -> Bool { byte == 0x0a || byte == 0x0d }

  /// Writes the notes, the oldest first.
  @_noLocks
  func write(to file: inout CaptureFile) {
    let last = unsafe dc_load64(dc_notes_next(notes))
    guard last > 0 else { return }
    let count = UInt64(truncatingIfNeeded: dc_note_count)
    var record = file.beginRecord(room: 4 &* dc_note_count &* dc_note_size)
    var ticket = last > count ? last &- count &+ 1 : 1
    while ticket <= last {
      unsafe write(dc_notes_entry(notes, ticket), ticket, to: &record)
      ticket &+= 1
    }
    record.field(2, varint: last > count ? last &- count : 0)
    unsafe record.field(3, varint: dc_load64(dc_notes_lost(notes)))
    file.endRecord(RecordKind.notes, record)
  }

  @_noLocks
  private func write(
    _ note: UnsafeMutablePointer<dc_note>,
    _ ticket: UInt64,
    to record: inout ProtobufWriter
  ) {
    guard unsafe dc_load64(dc_note_word(note)) == ticket &* 2 else { return }
    let mark = record
    let message = record.beginMessage(1)
    let length = unsafe min(Int(note.pointee.length), Self.textLimit)
    unsafe record.field(1, text: dc_note_text(note).asBytes, count: length)
    unsafe record.field(2, fixed64: UInt64(bitPattern: note.pointee.time_ns))
    unsafe record.field(3, signed: Int64(note.pointee.tid))
    record.endMessage(message)
    dc_fence()
    if unsafe dc_load64(dc_note_word(note)) != ticket &* 2 { record = mark }
  }
}
