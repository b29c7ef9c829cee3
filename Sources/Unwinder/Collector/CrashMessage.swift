import CUnwind

/// The last words of a process, as the runtimes keep them: what assert, malloc or fatalError said, and the C++
/// exception that nobody caught.
///
/// All of it is read as memory that may be broken: nothing of the runtimes is called.
@safe struct CrashMessage {
  private let messages: UnsafeMutablePointer<dc_messages>
  private let crasher: Crasher
  /// `textLimit` bytes.
  private let scratch: UnsafeMutablePointer<UInt8>

  private static var textLimit: Int { @_noLocks @inline(__always) get { 1024 } }

  @_noLocks
  init(
    _ messages: UnsafeMutablePointer<dc_messages>,
    _ crasher: Crasher,
    scratch: UnsafeMutablePointer<UInt8>
  ) {
    unsafe self.messages = unsafe messages
    unsafe self.crasher = unsafe crasher
    unsafe self.scratch = unsafe scratch
  }

  /// Fields 7, 11 and 12 of the header.
  @_noLocks
  func write(to record: inout ProtobufWriter) {
    let isAbort = unsafe crasher.pointee.signal == SignalNumber.abort
    var hasText = false
    if isAbort {
      // struct abort_msg_s of glibc: a size of four bytes, then the text.
      let message = unsafe word(messages.pointee.abort_message)
      hasText = message != 0 && writeText(7, at: message &+ 4, &record)
    }
    let isTrap =
      unsafe isAbort || crasher.pointee.signal == SignalNumber.illegalInstruction
      || crasher.pointee.signal == SignalNumber.trap
    if !hasText, isTrap {
      let message = unsafe word(messages.pointee.swift_message)
      if message != 0 { _ = writeText(7, at: message, &record) }
    }
    if isAbort, unsafe messages.pointee.has_exceptions != 0 { writeException(&record) }
  }

  /// 0 where nothing can be read.
  @_noLocks
  private func word(_ address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    guard address != 0, unsafe dc_read_memory(address, &value, 8) == 8 else { return 0 }
    return value
  }

  /// Reads a text up to its NUL into the scratch memory; its length, without line feeds at its end.
  @_noLocks
  private func readText(at address: UInt64) -> Int {
    var count = 0
    while count < Self.textLimit {
      // Not across the end of a page: the next one need not be there.
      let inPage =
        4096 &- Int(truncatingIfNeeded: (address &+ UInt64(truncatingIfNeeded: count)) & 4095)
      let wanted = min(inPage, Self.textLimit &- count)
      let read = unsafe dc_read_memory(
        address &+ UInt64(truncatingIfNeeded: count),
        scratch + count,
        wanted
      )
      guard read > 0 else { break }
      var index = 0
      while index < read, unsafe scratch[count &+ index] != 0 { index &+= 1 }
      count &+= index
      if index < read { break }
    }
    while count > 0, unsafe scratch[count &- 1] == 0x0a { count &-= 1 }
    return count
  }

  @_noLocks
  private func writeText(_ field: Int, at address: UInt64, _ record: inout ProtobufWriter) -> Bool {
    let count = readText(at: address)
    unsafe record.field(field, text: scratch, count: count)
    return count > 0
  }
}

/// The C++ exception that the thread is handling: std::terminate has caught it when it aborts (Itanium C++ ABI,
/// Exception Handling, 2.2; libsupc++'s unwind-cxx.h).
extension CrashMessage {
  /// Bytes of __cxa_exception in front of a thrown object.
  private static var headerSize: UInt64 { @_noLocks @inline(__always) get { 112 } }
  private static var unwindHeader: UInt64 { @_noLocks @inline(__always) get { 80 } }

  @_noLocks
  private func writeException(_ record: inout ProtobufWriter) {
    let globals =
      unsafe UInt64(bitPattern: messages.pointee.exceptions) &+ crasher.pointee.thread_pointer
    // The first word of __cxa_eh_globals is the exception caught last.
    var header = word(globals)
    guard header != 0 else { return }
    // "GNUCC++\\0"; the last byte is 1 in one that std::rethrow_exception made, whose first word is the object.
    let language = word(header &+ Self.unwindHeader)
    guard language & ~1 == 0x474e_5543_432b_2b00 else { return }
    if language & 1 != 0 {
      let object = word(header)
      guard object != 0 else { return }
      header = object &- Self.headerSize
    }
    let type = word(header)
    // A type_info: its class's table, then its name.
    guard type != 0, writeText(11, at: word(type &+ 8), &record) else { return }
    let object = header &+ Self.headerSize
    guard let offset = offsetOfText(in: type, depth: 0) else { return }
    // std::runtime_error and std::logic_error: the table, then a pointer to the text.
    _ = writeText(12, at: word(object &+ offset &+ 8), &record)
  }

  /// Where in an object of the type its part lies that has the text; nil where it has none.
  ///
  /// Type information of a class with one base has that at byte 16; of one with several bases flags, their count, and
  /// for each a pointer and its offset in the upper bits (Itanium C++ ABI, 2.9.5).
  @_noLocks
  private func offsetOfText(in type: UInt64, depth: Int) -> UInt64? {
    guard type != 0, depth < 16 else { return nil }
    if isNamed(type, "St13runtime_error") || isNamed(type, "St11logic_error") { return 0 }
    // The type information of the type information's class lies in front of its table.
    let kind = word(word(type) &- 8)
    if isNamed(kind, "N10__cxxabiv120__si_class_type_infoE") {
      return offsetOfText(in: word(type &+ 16), depth: depth &+ 1)
    }
    guard isNamed(kind, "N10__cxxabiv121__vmi_class_type_infoE") else { return nil }
    var count = word(type &+ 16) &>> 32
    var base = type &+ 24
    while count > 0, count < 9 {
      let flags = word(base &+ 8)
      // A virtual base lies elsewhere.
      if flags & 1 == 0, let inner = offsetOfText(in: word(base), depth: depth &+ 4) {
        return (flags &>> 8) &+ inner
      }
      base &+= 16
      count &-= 1
    }
    return nil
  }

  @_noLocks @inline(__always)
  private func isNamed(_ type: UInt64, _ name: StaticString) -> Bool {
    let count = name.utf8CodeUnitCount
    guard type != 0, readText(at: word(type &+ 8)) == count else { return false }
    return unsafe isEqual(name.utf8Start, count)
  }

  @_noLocks
  private func isEqual(_ name: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    var index = 0
    while index < count {
      if unsafe scratch[index] != name[index] { return false }
      index &+= 1
    }
    return true
  }
}
