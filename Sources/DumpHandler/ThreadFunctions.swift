import CUnwind
import Unwinder

/// Keeps a line for the next captures, which have the last 256 of them.
///
/// Never waits and takes no lock: a log handler may call it for each of its lines.
/// - Throws: `DumpHandlerError`, when the handler is not installed.
public func noteForDumps(_ line: String) throws {
  // Safe because the handler copies the line before it returns.
  let result = unsafe line.withCString { text in unsafe dumpcollect_note(text) }
  guard result == 0 else { throw DumpHandlerError(result, "noting a line") }
}

/// Gives the calling thread a label (a request's id, a tenant), or removes it.
///
/// A thread, not a task: a task that was suspended goes on in another thread.
/// - Throws: `DumpHandlerError`, when the handler is not installed, or errno 28 when the thread has eight labels.
public func setDumpLabel(_ key: String, to value: String?) throws {
  // Safe because the handler copies both before it returns.
  let result = unsafe key.withCString { key in
    guard let value else { return unsafe dumpcollect_set_label(key, nil) }
    return unsafe value.withCString { value in unsafe dumpcollect_set_label(key, value) }
  }
  guard result == 0 else { throw DumpHandlerError(result, "setting a label") }
}

/// Gives the calling thread an alternate signal stack until it ends, so that an overflow of its stack is captured.
/// - Throws: `DumpHandlerError`, when the handler is not installed or there is no memory.
public func attachThreadToDumpHandler() throws {
  let result = dumpcollect_thread_attach()
  guard result == 0 else { throw DumpHandlerError(result, "attaching a thread") }
}

/// Takes the calling thread's alternate signal stack back before the thread ends.
/// - Throws: `DumpHandlerError`, errno 1 on that very stack.
public func detachThreadFromDumpHandler() throws {
  let result = dumpcollect_thread_detach()
  guard result == 0 else { throw DumpHandlerError(result, "detaching a thread") }
}
