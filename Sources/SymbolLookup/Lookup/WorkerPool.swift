import Glibc

/// Runs the same work on several threads, this one among them.
package enum WorkerPool {
  /// What one thread is to do.
  private final class Job {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
      self.body = body
    }
  }

  /// The results of all workers; a thread that cannot be started leaves its share to the others.
  ///
  /// `body`: takes its work from where all workers take theirs, until there is none.
  package static func run<Output: Sendable>(
    workerCount: Int,
    _ body: @escaping @Sendable () -> Output
  ) -> [Output] {
    guard workerCount > 1 else { return [body()] }
    let results = ResultList<Output>()
    var threads: [pthread_t] = []
    for _ in 1..<workerCount {
      let job = unsafe Unmanaged.passRetained(Job { results.append(body()) })
      var thread = pthread_t()
      // Safe because the thread takes over the one reference that was made for it.
      let status = unsafe pthread_create(
        &thread,
        nil,
        { argument in
          if let argument = unsafe argument {
            unsafe Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
          }
          return nil
        },
        unsafe job.toOpaque()
      )
      if status == 0 { threads.append(thread) } else { unsafe job.release() }
    }
    results.append(body())
    for thread in threads { pthread_join(thread, nil) }
    return results.all
  }

  /// Cores that this process may run on.
  package static let coreCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
}
