import CUnwind
import Unwinder

/// Makes a capture when no tick came for so long, while the hang lasts; the next one after it has ticked again.
///
///     let watchdog = try DumpWatchdog("event loop", limit: .seconds(2))
///     while true {
///       watchdog.tick()
///       …
///     }
///
/// It ends with its last reference.
public final class DumpWatchdog: Sendable {
  private let id: Int32

  /// Begins to watch; the limit is at least 10 ms, and there may be 128 at a time.
  /// - Throws: `DumpHandlerError`, when the handler is not installed, the name is empty or the limit out of range.
  public init(_ name: String, limit: Duration) throws {
    let milliseconds = milliseconds(limit)
    // Safe because the handler copies the name before it returns.
    let result = unsafe name.withCString { text in
      unsafe dumpcollect_watchdog_begin(text, milliseconds)
    }
    guard result > 0 else { throw DumpHandlerError(result, "beginning a watchdog") }
    id = result
  }

  deinit { _ = dumpcollect_watchdog_end(id) }

  /// What has to come by again and again has come by: a store, from any thread.
  public func tick() { dumpcollect_watchdog_tick(id) }
}
