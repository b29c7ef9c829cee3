/// Which functions wait for which kinds of locks.
enum LockFunctions {
  /// glibc's names; `__`, symbol versions and suffixes (`__pthread_mutex_lock_full`) are its own business.
  static func kind(ofLibraryFunction function: String) -> ThreadWait.Kind? {
    let name = function.drop { $0 == "_" }
    for (prefix, kind) in library where name.hasPrefix(prefix) { return kind }
    return nil
  }

  private static let library: [(String, ThreadWait.Kind)] = [
    ("pthread_mutex_", .mutex),
    ("pthread_rwlock_", .rwlock),
    ("pthread_cond_", .condition),
    ("pthread_once", .once),
    ("pthread_join", .join), ("pthread_timedjoin", .join), ("pthread_clockjoin", .join),
    ("sem_wait", .semaphore), ("sem_timedwait", .semaphore), ("sem_clockwait", .semaphore),
    ("new_sem_wait", .semaphore),
  ]

  /// Functions of other runtimes whose names nobody else gives.
  static func kind(ofRuntimeFunction function: String) -> ThreadWait.Kind? {
    if let kind = runtime[function] { return kind }
    if function.hasPrefix("swift::threading_impl::once_slow(") { return .once }
    guard isOfRust(function) else { return nil }
    for (part, kind) in rust where function.contains(part) { return kind }
    return nil
  }

  private static let runtime: [String: ThreadWait.Kind] = [
    "__cxa_guard_acquire": .once, "swift_once": .once, "_dispatch_once_wait": .once,
    "__DISPATCH_WAIT_FOR_QUEUE__": .queue, "_dispatch_sync_f_slow": .queue,
  ]

  private static let rust: [(String, ThreadWait.Kind)] = [
    ("Mutex", .mutex), ("RwLock", .rwlock), ("Condvar", .condition), ("Once", .once),
  ]

  /// A frame between the kernel and the function that says more.
  static func isInner(_ function: String) -> Bool {
    isOfRust(function) || function.hasPrefix("_dispatch_") || function.hasPrefix("swift::")
      || function == "syscall"
  }

  private static func isOfRust(_ function: String) -> Bool {
    function.drop { $0 == "<" }.hasPrefix("std::sys")
  }

  /// The C library by the name of its file.
  static func isCLibrary(_ name: Substring) -> Bool {
    name.hasPrefix("libc.so") || name.hasPrefix("libc-") || name.hasPrefix("libpthread")
  }
}

extension DumpReport {
  /// The lock function that the thread is in: its innermost frames are those of the C library or another runtime.
  func lockKind(ofStack stack: Int?) -> ThreadWait.Kind? {
    guard let stack, stacks.indices.contains(stack) else { return nil }
    for index in stacks[stack].prefix(8) {
      guard frames.indices.contains(index) else { return nil }
      let frame = frames[index]
      if isOfCLibrary(frame) {
        if let kind = frame.function.flatMap(LockFunctions.kind(ofLibraryFunction:)) { return kind }
        continue
      }
      guard let function = frame.function else { return nil }
      if let kind = LockFunctions.kind(ofRuntimeFunction: function) { return kind }
      guard LockFunctions.isInner(function) else { return nil }
    }
    return nil
  }

  /// In a program without shared libraries the C library is part of it, and any frame may be one of it.
  private func isOfCLibrary(_ frame: Frame) -> Bool {
    guard let module = frame.module, modules.indices.contains(module) else { return false }
    if LockFunctions.isCLibrary(fileName(of: modules[module].path)) { return true }
    return modules[module].path == process.executable && isStatic
  }

  private var isStatic: Bool {
    // The program and the kernel's page.
    modules.count <= 2
      && !modules.contains { fileName(of: $0.path).contains(".so") && !$0.path.hasPrefix("[") }
  }

  /// The functions that the thread is in, innermost first: enough of them to tell how it waits for a lock.
  package func innermostFunctions(of thread: ReportThread) -> [String] {
    guard let stack = thread.stack, stacks.indices.contains(stack) else { return [] }
    return stacks[stack].prefix(8).compactMap { frames[$0].function }
  }
}
