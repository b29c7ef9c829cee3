import CUnwind
import Unwinder

/// Settings of the dump handler; what is left out takes the default of `dumpcollect.h`.
///
/// The environment variable `DUMPCOLLECT` wins over everything set here.
public struct DumpHandlerOptions: Sendable {
  /// Where captures go, tried first at each capture; nil: the first of the default directories that
  /// can be written.
  public var directory: String?
  /// The signal that asks for a capture; nil: SIGQUIT.
  public var dumpSignal: Int32?
  /// The signal that threads are asked with; nil: SIGPROF.
  public var threadSignal: Int32?
  /// Bound of one capture; nil: 2 seconds.
  public var timeout: Duration?
  /// Files kept in the directory; nil: 32.
  public var maximumCaptures: Int?
  /// Bytes kept in the directory; nil: 1 GiB.
  public var maximumTotalBytes: Int?
  /// Least time between the starts of two captures, `.zero` for none; nil: 1 second.
  public var minimumInterval: Duration?
  /// Frames of a thread; nil: 512.
  public var maximumFrames: Int?
  /// Stack bytes of each thread that are written; nil: none.
  public var stackBytes: Int?
  /// Whether the arguments of the process are written.
  public var writesArguments = false
  /// Whether values of environment variables are written, not their names alone.
  public var writesEnvironment = false
  /// Whether fatal signals make a capture before they do what they did before.
  public var capturesCrashes = true
  /// Whether Swift tasks are captured, with their asynchronous stacks.
  public var capturesTasks = true
  /// Whether SIGXCPU and SIGXFSZ count as fatal signals.
  public var capturesLimits = false
  /// Whether threads that are made through libdumpcollect-threads carry the stack that created them.
  public var keepsThreadOrigins = false

  /// All defaults.
  public init() {}
}

/// Why the handler could not be installed, or no capture was made.
public struct DumpHandlerError: Error, Equatable, CustomStringConvertible {
  /// The errno, as in `dumpcollect.h`.
  public let errorNumber: Int32
  /// What was asked for.
  public let operation: String

  /// What was asked for and its errno.
  public var description: String {
    "\(operation) failed with errno \(errorNumber)"
  }

  init(_ result: Int32, _ operation: String) {
    errorNumber = 0 &- result
    self.operation = operation
  }
}

/// Arms the handler: from now on the dump signal makes a capture of all threads, and the process goes on.
///
/// Call it once, at the start. A directory or a libunwind that is missing is reported on standard error
/// and tried again at each capture.
/// - Throws: `DumpHandlerError`, for an option out of its range or when it is installed already.
public func installDumpHandler(_ options: DumpHandlerOptions = DumpHandlerOptions()) throws {
  var values = unsafe dumpcollect_options()
  unsafe values.size = MemoryLayout<dumpcollect_options>.size
  unsafe values.dump_signal = Int64(options.dumpSignal ?? 0)
  unsafe values.thread_signal = Int64(options.threadSignal ?? 0)
  unsafe values.timeout_ms = milliseconds(options.timeout)
  unsafe values.max_captures = Int64(options.maximumCaptures ?? 0)
  unsafe values.max_total_bytes = Int64(options.maximumTotalBytes ?? 0)
  unsafe values.min_interval_ms = milliseconds(options.minimumInterval)
  unsafe values.max_frames = Int64(options.maximumFrames ?? 0)
  unsafe values.stack_bytes = Int64(options.stackBytes ?? 0)
  unsafe values.arguments = options.writesArguments ? 1 : 0
  unsafe values.environment = options.writesEnvironment ? 1 : 0
  unsafe values.on_crash = options.capturesCrashes ? 1 : -1
  unsafe values.tasks = options.capturesTasks ? 1 : -1
  unsafe values.thread_origins = options.keepsThreadOrigins ? 1 : 0
  unsafe values.crash_limits = options.capturesLimits ? 1 : 0
  let result: Int32
  if let directory = options.directory {
    // Safe because the handler copies the path before it returns.
    result = unsafe directory.withCString { path in
      unsafe values.directory = unsafe path
      return unsafe dumpcollect_install(&values)
    }
  } else {
    result = unsafe dumpcollect_install(&values)
  }
  guard result == 0 else { throw DumpHandlerError(result, "installing the dump handler") }
}

/// Takes the handler back where it is still ours, and ends the collector thread.
/// - Throws: `DumpHandlerError`, when it is not installed.
public func uninstallDumpHandler() throws {
  let result = dumpcollect_uninstall()
  guard result == 0 else { throw DumpHandlerError(result, "uninstalling the dump handler") }
}

/// Makes one capture now and returns the path of its file.
/// - Throws: `DumpHandlerError`; errno 11 when the last capture is younger than the minimum interval.
public func captureDump(reason: String) throws -> String {
  // Safe because the handler copies the reason before it returns.
  let result = unsafe reason.withCString { text in unsafe dumpcollect_capture(text) }
  guard result == 0, let path = lastDump else {
    throw DumpHandlerError(result, "capturing a dump")
  }
  return path
}

/// The path of the last published capture, nil when there was none.
public var lastDump: String? {
  // Safe because the text belongs to this thread until it asks again.
  guard let path = unsafe dumpcollect_last_capture() else { return nil }
  return unsafe String(cString: path)
}

/// Zero is no limit, which the C interface calls −1.
func milliseconds(_ duration: Duration?) -> Int64 {
  guard let duration else { return 0 }
  let (seconds, attoseconds) = duration.components
  let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
  guard !milliseconds.overflow else { return Int64.max }
  let total = milliseconds.partialValue.addingReportingOverflow(
    attoseconds / 1_000_000_000_000_000
  )
  guard !total.overflow else { return Int64.max }
  return total.partialValue == 0 ? -1 : total.partialValue
}
