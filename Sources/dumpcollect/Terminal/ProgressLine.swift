import Glibc
import Render
import Report
import Symbolizer
import Synchronization

/// How far long work is: one line on standard error where that is a terminal, from half a second on, gone at the end.
///
/// A thread of its own draws it, so that it appears in the middle of a long step too.
enum ProgressLine {
  private struct State {
    /// What is done; nil when nothing is.
    var work: String?
    /// A file that is being fetched meanwhile.
    var transfer: String?
    var start = ContinuousClock.now
    var drawn: String?
    var hasThread = false

    var text: String? { transfer ?? work }
  }

  private static let state = Mutex(State())
  /// Shorter work is over before a person looks.
  private static let delay = Duration.milliseconds(500)
  private static let isWanted = isatty(STDERR_FILENO) == 1 && !StandardOutput.isDumbTerminal

  /// Says what is done now.
  static func show(_ text: String) { set { $0.work = text } }

  /// The work is done: erases the line.
  static func end() {
    state.withLock { state in
      (state.work, state.transfer) = (nil, nil)
      erase(&state)
    }
  }

  /// What to hand to a symbolizer; nil where nobody sees it.
  static func display(for name: String) -> (@Sendable (SymbolizerProgress) -> Void)? {
    guard isWanted else { return nil }
    let name = String(fileName(of: name))
    return { progress in
      switch progress {
      case .openingModules(let done, let count):
        show("\(name): \(done) of \(grouped(count)) modules opened")
      case .lookingUp(let done, let count, let module):
        show("\(name): \(grouped(done)) of \(grouped(count)) addresses, in \(module)")
      }
    }
  }

  /// What to hand to a server of files; nil where nobody sees it.
  static var transferDisplay: (@Sendable (String, Int, Int) -> Void)? {
    guard isWanted else { return nil }
    return { name, done, total in
      let ofTotal = total > 0 ? " of \(megabytes(total))" : ""
      // A server that has not answered yet says that something came, and not how much will.
      let isWhole = total > 0 ? done >= total : done < 512 << 10
      set { $0.transfer = isWhole ? nil : "\(name): \(megabytes(done))\(ofTotal)" }
    }
  }

  private static func megabytes(_ count: Int) -> String { "\((count + 524_288) / 1_048_576) MiB" }

  private static func set(_ change: (inout State) -> Void) {
    guard isWanted else { return }
    let isFirst = state.withLock { state in
      if state.text == nil { state.start = .now }
      change(&state)
      guard state.text != nil else {
        erase(&state)
        return false
      }
      guard !state.hasThread else { return false }
      state.hasThread = startThread()
      return true
    }
    guard isFirst else { return }
    // Notes come on lines of their own; the next drawing brings this one back.
    StatusLine.erase.withLock { action in
      action = { Self.state.withLock { state in Self.erase(&state) } }
    }
  }

  private static func erase(_ state: inout State) {
    guard state.drawn != nil else { return }
    state.drawn = nil
    write("\r\u{1b}[K")
  }

  /// Draws the line; false when there is nothing more to draw.
  private static func draw() -> Bool {
    state.withLock { state in
      guard let text = state.text else {
        state.hasThread = false
        return false
      }
      guard ContinuousClock.now - state.start >= delay, text != state.drawn else { return true }
      state.drawn = text
      write("\r\u{1b}[K" + cut(visible(text)))
      return true
    }
  }

  /// A longer line would wrap, and could not be erased.
  private static func cut(_ text: String) -> String {
    let width = ScreenSize(ofTerminal: STDERR_FILENO)?.columns ?? 80
    guard columns(text) >= width else { return text }
    var (short, used) = ("", 0)
    for scalar in text.unicodeScalars {
      used += columns(scalar)
      if used >= width - 1 { break }
      short.unicodeScalars.append(scalar)
    }
    return short + "…"
  }

  private static func write(_ text: String) {
    // A line that cannot be written is not missed.
    try? writeAll(Array(text.utf8), to: STDERR_FILENO)
  }

  private static func startThread() -> Bool {
    var thread = pthread_t()
    let status = unsafe pthread_create(
      &thread,
      nil,
      { _ in
        repeat { usleep(100_000) } while ProgressLine.draw()
        return nil
      },
      nil
    )
    if status == 0 { pthread_detach(thread) }
    return status == 0
  }
}
