/// How the idle threads of one pool or loop are told from its busy ones.
struct IdleRule {
  let idle: IdlePool
  /// What they wait for, in the words of `ThreadWait`.
  let waits: Set<ThreadWait.Kind>
  /// Its code: file names of modules begin so.
  private let modules: [String]
  /// Its code: functions begin so, wherever they lie (templates, static programs).
  private let functions: [String]
  /// Functions of it, one of which has to be among those that wait; what they call is the pool's own.
  ///
  /// None where a thread is the library's from its beginning on, and its functions have no names (stripped).
  private let loops: [String]

  private init(
    _ kind: IdlePool.Kind,
    _ text: String,
    _ waits: Set<ThreadWait.Kind>,
    modules: [String] = [],
    functions: [String] = [],
    loops: [String] = []
  ) {
    idle = IdlePool(kind, text)
    self.waits = waits
    self.modules = modules
    self.functions = functions
    self.loops = loops
  }

  /// Whether a stack, taken from the caller of the waiting functions on, is that of an idle thread.
  func matches(_ frames: ArraySlice<Int>, of report: DumpReport, _ roles: FrameRoles) -> Bool {
    guard let first = frames.first, isOwn(first, of: report, roles) else { return false }
    let isInside = { (frame: Int) in roles.isNeutral(frame) || isOwn(frame, of: report, roles) }
    let end = frames.firstIndex { !isInside($0) } ?? frames.endIndex
    let rest = frames[end...]
    if !loops.isEmpty {
      guard frames[..<end].contains(where: { roles.name(of: $0).beginsWithOne(of: loops) }) else {
        return false
      }
    }
    // A worker is the pool's from its beginning on; a loop is run by whoever made its thread.
    guard idle.kind == .eventLoop else { return rest.isEmpty }
    // The pool's own way into the thread may stand outermost; its code anywhere else has called what waits here.
    let entry = rest.lastIndex { !isInside($0) }.map { $0 + 1 } ?? rest.startIndex
    return !rest[..<entry].contains { isOwn($0, of: report, roles) }
  }

  private func isOwn(_ frame: Int, of report: DumpReport, _ roles: FrameRoles) -> Bool {
    if let module = report.frames[frame].module,
      fileName(of: report.modules[module].path).beginsWithOne(of: modules)
    {
      return true
    }
    return roles.name(of: frame).beginsWithOne(of: functions)
  }
}

extension Substring {
  fileprivate func beginsWithOne(of prefixes: [String]) -> Bool {
    prefixes.contains { utf8.starts(with: $0.utf8) }
  }
}

// MARK: - The pools

extension IdleRule {
  private static let locks: Set<ThreadWait.Kind> = [.condition, .semaphore, .futex]
  private static let any: Set<ThreadWait.Kind> = [.condition, .semaphore, .futex, .poll]

  /// Names as in libdispatch of Swift 6.3, SwiftNIO 2.97, GLib 2.74, libuv 1.44, libevent 2.1, libev 4.33, Asio 1.22 and
  /// Boost 1.74, gRPC 1.51 to 1.60, oneTBB 2021.8, GCC's and LLVM's OpenMP, tokio 1, rayon 1, redis 7, nginx 1.22.
  static let all: [IdleRule] = [
    // Swift's cooperative pool is made of these too.
    IdleRule(
      .worker,
      "libdispatch worker",
      locks,
      modules: ["libdispatch."],
      functions: ["_dispatch_"],
      loops: ["_dispatch_worker_thread"]
    ),
    IdleRule(
      .service,
      "libdispatch manager",
      [.poll],
      modules: ["libdispatch."],
      functions: ["_dispatch_"],
      loops: ["_dispatch_mgr_invoke", "_dispatch_mgr_thread"]
    ),
    IdleRule(
      .service,
      "main thread after dispatchMain",
      [.signal],
      modules: ["libdispatch."],
      functions: ["_dispatch_"],
      loops: ["_dispatch_sig_thread"]
    ),
    // Only of the forms that never end.
    IdleRule(
      .eventLoop,
      "Foundation run loop",
      [.poll],
      modules: ["libFoundation.", "libCoreFoundation."],
      functions: ["CFRunLoop", "__CFRunLoop", "Foundation.RunLoop."],
      loops: ["CFRunLoopRun ", "Foundation.RunLoop.run() "]
    ),
    IdleRule(
      .eventLoop,
      "NIO event loop",
      [.poll],
      functions: ["NIOPosix.", "NIOCore.", "NIOConcurrencyHelpers."],
      loops: ["NIOPosix.SelectableEventLoop.run("]
    ),
    IdleRule(
      .worker,
      "NIO thread pool",
      locks,
      functions: ["NIOPosix.", "NIOCore.", "NIOConcurrencyHelpers."],
      loops: [
        "NIOPosix.NIOThreadPool._blockingWaitForWork(", "NIOPosix.NIOThreadPool.(process in ",
      ]
    ),
    IdleRule(
      .eventLoop,
      "GLib main loop",
      [.poll],
      modules: ["libglib-2.", "libgio-2."],
      functions: ["g_main_"],
      loops: ["g_main_loop_run"]
    ),
    IdleRule(.worker, "GLib worker", any, modules: ["libglib-2.", "libgio-2."]),
    IdleRule(
      .eventLoop,
      "libuv loop",
      [.poll],
      modules: ["libuv."],
      functions: ["uv_", "uv__"],
      loops: ["uv_run"]
    ),
    IdleRule(.worker, "libuv worker", locks, modules: ["libuv."]),
    IdleRule(
      .eventLoop,
      "libevent loop",
      [.poll],
      modules: ["libevent"],
      functions: ["event_base_", "epoll_dispatch", "poll_dispatch"],
      loops: ["event_base_loop"]
    ),
    IdleRule(
      .eventLoop,
      "libev loop",
      [.poll],
      modules: ["libev."],
      functions: ["ev_run", "epoll_poll"],
      loops: ["ev_run"]
    ),
    IdleRule(
      .eventLoop,
      "Asio io_context",
      any,
      functions: ["asio::", "boost::asio::", "asio_", "boost_asio_"],
      loops: ["asio::detail::scheduler::run", "boost::asio::detail::scheduler::run"]
    ),
    IdleRule(
      .worker,
      "gRPC worker",
      any,
      modules: ["libgrpc", "libgpr.", "libabsl_"],
      functions: [
        "grpc::", "grpc_core::", "grpc_event_engine::", "absl::", "gpr_", "timer_", "pollset_",
        "cq_",
      ],
      loops: [
        "grpc::ThreadManager::MainWorkLoop", "grpc_core::Executor::ThreadMain",
        "grpc_event_engine::experimental::", "timer_thread", "timer_main_loop",
      ]
    ),
    IdleRule(
      .worker,
      "TBB worker",
      locks,
      modules: ["libtbb."],
      functions: ["tbb::detail::r1::"],
      loops: ["tbb::detail::r1::rml::private_worker::"]
    ),
    IdleRule(
      .worker,
      "OpenMP worker",
      locks,
      modules: ["libgomp.", "libomp.", "libomp5.", "libiomp5."]
    ),
    IdleRule(
      .worker,
      "tokio worker",
      any,
      functions: ["tokio::", "mio::", "parking_lot"],
      loops: [
        "tokio::runtime::scheduler::multi_thread::worker::Context::park",
        "tokio::runtime::blocking::pool::Inner::run",
      ]
    ),
    IdleRule(
      .worker,
      "rayon worker",
      locks,
      functions: ["rayon_core::", "parking_lot"],
      loops: ["rayon_core::registry::WorkerThread::wait_until_cold"]
    ),
    IdleRule(
      .eventLoop,
      "redis event loop",
      [.poll],
      functions: ["aeApiPoll", "aeProcessEvents", "aeMain"],
      loops: ["aeMain"]
    ),
    IdleRule(
      .eventLoop,
      "nginx event loop",
      [.poll],
      functions: ["ngx_epoll_process_events", "ngx_process_events_and_timers"],
      loops: ["ngx_process_events_and_timers"]
    ),
  ]
}
