import CUnwind

/// The variable DUMPCOLLECT: `key=value` pairs with commas, or `off`.
///
/// Ignored under AT_SECURE.
@safe struct EnvironmentSettings {
  private let text: UnsafePointer<CChar>?

  init() {
    let name: StaticString = "DUMPCOLLECT"
    unsafe text = unsafe dc_is_set_user_id() != 0 ? nil : Self.variable(name)
  }

  /// A variable of the environment, nil where it is not set or empty.
  static func variable(_ name: StaticString) -> UnsafePointer<CChar>? {
    let key = unsafe UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    guard let value = unsafe dc_environment(key), unsafe value.pointee != 0 else { return nil }
    return unsafe value
  }

  /// `DUMPCOLLECT=off`: nothing is armed.
  var isOff: Bool {
    guard let text = unsafe text, unsafe textLength(text, limit: 4) == 3 else { return false }
    return unsafe Word(text.asBytes, count: 3).equals("off")
  }

  /// Hands each pair to `body`; `\,` in a value is a comma.
  func forEachPair(_ body: (Word, Word) -> Void) {
    guard let text = unsafe text else { return }
    let page = ScratchPage()
    guard let start = unsafe page.bytes else { return }
    var next = unsafe text.asBytes
    while unsafe next.pointee != 0 {
      var count = 0
      while unsafe next.pointee != 0, unsafe next.pointee != 0x2c, count < 2047 {
        if unsafe next.pointee == 0x5c, unsafe next[1] == 0x2c { unsafe next += 1 }
        unsafe start[count] = unsafe next.pointee
        count &+= 1
        unsafe next += 1
      }
      while unsafe next.pointee != 0, unsafe next.pointee != 0x2c { unsafe next += 1 }
      if unsafe next.pointee == 0x2c { unsafe next += 1 }
      unsafe start[count] = 0
      if count > 0 { unsafe Self.split(start, count, body) }
    }
  }

  private static func split(
    _ pair: UnsafeMutablePointer<UInt8>,
    _ count: Int,
    _ body: (Word, Word) -> Void
  ) {
    var equals = 0
    while equals < count, unsafe pair[equals] != 0x3d { equals &+= 1 }
    let valueStart = min(equals &+ 1, count)
    unsafe body(Word(pair, count: equals), Word(pair + valueStart, count: count &- valueStart))
  }
}

/// A piece of a text.
@safe struct Word {
  let start: UnsafePointer<UInt8>
  let count: Int

  init(_ start: UnsafePointer<UInt8>, count: Int) {
    unsafe self.start = unsafe start
    self.count = count
  }

  @inline(__always)
  init(_ text: StaticString) {
    unsafe start = unsafe text.utf8Start
    count = text.utf8CodeUnitCount
  }

  @inline(__always)
  func equals(_ text: StaticString) -> Bool {
    unsafe equals(text.utf8Start, text.utf8CodeUnitCount)
  }

  private func equals(_ text: UnsafePointer<UInt8>, _ length: Int) -> Bool {
    guard count == length else { return false }
    var index = 0
    while index < count {
      if unsafe start[index] != text[index] { return false }
      index &+= 1
    }
    return true
  }

  /// The digits in front and what follows them; nil without digits or beyond 18 of them.
  private var numberAndUnit: (number: Int64, unit: Word)? {
    var digits = 0
    while digits < count, unsafe start[digits] >= 0x30, unsafe start[digits] <= 0x39 {
      digits &+= 1
    }
    guard digits > 0, digits <= 18, let value = unsafe decimal(start, count: digits) else {
      return nil
    }
    return unsafe (Int64(truncatingIfNeeded: value), Word(start + digits, count: count &- digits))
  }

  /// `none` and 0 are no limit (−1); else a number with a unit of the table, checked for overflow.
  private func scaled(_ factor: (Word) -> Int64) -> Int64? {
    if equals("none") { return -1 }
    guard let (number, unit) = numberAndUnit else { return nil }
    let scale = factor(unit)
    let (product, overflow) = number.multipliedReportingOverflow(by: scale)
    guard scale > 0, !overflow else { return nil }
    return product == 0 ? -1 : product
  }

  /// A plain number.
  var number: Int64? { scaled { $0.count == 0 ? 1 : 0 } }

  /// Bytes: `1GiB`, `64MiB`, `16KiB`, `10kB`, `10MB`, `10GB`, or a bare number.
  var bytes: Int64? {
    scaled { unit in
      if unit.count == 0 || unit.equals("B") { return 1 }
      if unit.equals("KiB") || unit.equals("K") { return 1 << 10 }
      if unit.equals("MiB") || unit.equals("M") { return 1 << 20 }
      if unit.equals("GiB") || unit.equals("G") { return 1 << 30 }
      if unit.equals("TiB") || unit.equals("T") { return 1 << 40 }
      if unit.equals("kB") { return 1000 }
      if unit.equals("MB") { return 1_000_000 }
      if unit.equals("GB") { return 1_000_000_000 }
      return 0
    }
  }

  /// A duration in milliseconds: `500ms`, `2s`, `1m`, `1h`, or a bare number of seconds.
  var milliseconds: Int64? {
    scaled { unit in
      if unit.equals("ms") { return 1 }
      if unit.count == 0 || unit.equals("s") { return 1000 }
      if unit.equals("m") || unit.equals("min") { return 60_000 }
      if unit.equals("h") { return 3_600_000 }
      return 0
    }
  }

  /// `on` 1, `off` −1.
  var onOrOff: Int64? {
    if equals("on") || equals("1") || equals("true") || equals("yes") { return 1 }
    if equals("off") || equals("0") || equals("false") || equals("no") || equals("none") {
      return -1
    }
    return nil
  }

  /// Sets a switch to 1 or 0; false where the word is neither on nor off.
  func set(_ switch: inout Int32) -> Bool {
    guard let isOn = onOrOff else { return false }
    `switch` = isOn > 0 ? 1 : 0
    return true
  }

  /// Which unwinder walks the stacks.
  var unwinder: Int32? {
    if equals("rows") { return UnwinderChoice.rows }
    if equals("libunwind") { return UnwinderChoice.libunwind }
    if equals("check") { return UnwinderChoice.check }
    return nil
  }

  /// A signal by name, with or without SIG, or by number.
  var signal: Int64? {
    if let (number, unit) = numberAndUnit, unit.count == 0 { return number }
    let hasPrefix = unsafe count > 3 && start[0] == 0x53 && start[1] == 0x49 && start[2] == 0x47
    let name = unsafe hasPrefix ? Word(start + 3, count: count &- 3) : self
    if name.equals("HUP") { return 1 }
    if name.equals("QUIT") { return 3 }
    if name.equals("TRAP") { return 5 }
    if name.equals("USR1") { return 10 }
    if name.equals("USR2") { return 12 }
    if name.equals("PIPE") { return 13 }
    if name.equals("URG") { return 23 }
    if name.equals("VTALRM") { return 26 }
    if name.equals("PROF") { return 27 }
    if name.equals("IO") { return 29 }
    if name.equals("PWR") { return 30 }
    if name.equals("SYS") { return 31 }
    return nil
  }
}
