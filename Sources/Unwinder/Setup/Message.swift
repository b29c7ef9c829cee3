import CUnwind

/// One line on standard error.
enum Message {
  /// Writes `dumpcollect: ` and both texts.
  ///
  /// Never more than one write: lines of others stay whole.
  @inline(__always)
  static func write(_ text: StaticString, _ detail: UnsafePointer<CChar>? = nil, count: Int = 4096)
  {
    unsafe write(Word(text), detail, count)
  }

  private static func write(_ text: Word, _ detail: UnsafePointer<CChar>?, _ count: Int) {
    let page = ScratchPage()
    guard let start = unsafe page.bytes else { return }
    var line = unsafe TextBuilder(start, capacity: ScratchPage.byteCount &- 2)
    line.append("dumpcollect: ")
    unsafe line.append(text.start, count: text.count)
    if let detail = unsafe detail {
      unsafe line.append(detail.asBytes, count: textLength(detail, limit: count))
    }
    _ = unsafe line.terminated()
    unsafe start[line.count] = 0x0a
    unsafe dc_write_message(start, line.count &+ 1)
  }
}
