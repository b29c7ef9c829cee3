import Foundation
import Report
import TestSupport
import Testing

/// Which stacks are those of idle threads, and which only look like it.
struct IdlePoolTests {
  private static let futex = ["libc.so.6!__futex_abstimed_wait_common"]
  private static let condition = futex + ["libc.so.6!pthread_cond_wait"]
  private static let entry = ["libc.so.6!start_thread", "libc.so.6!__clone3"]

  private func idle(
    _ frames: [String],
    call: String = "futex",
    count: Int = 1,
    change: (Int, inout ReportThread) -> Void = { _, _ in }
  ) -> String? {
    var sketch = StackSketch()
    sketch.addThreads(count, frames, call: call, change: change)
    return sketch.report.groups()[0].idle?.text
  }

  private static let idleThreads: [(String, String, [String])] = [
    (
      "libdispatch worker", "futex",
      futex + [
        "libc.so.6!__new_sem_wait_slow64", "libdispatch.so!_dispatch_sema4_timedwait",
        "libdispatch.so!_dispatch_semaphore_wait_slow", "libdispatch.so!_dispatch_worker_thread",
      ] + entry
    ),
    (
      "libdispatch manager", "epoll_wait",
      [
        "libc.so.6!epoll_wait", "libdispatch.so!_dispatch_event_loop_drain",
        "libdispatch.so!_dispatch_mgr_invoke", "libdispatch.so!_dispatch_mgr_thread",
        "libdispatch.so!_dispatch_worker_thread",
      ] + entry
    ),
    (
      "NIO event loop", "epoll_wait",
      [
        "libc.so.6!epoll_wait",
        "app!closure #1 () -> Swift.Int32 in static NIOPosix.Epoll.epoll_wait(epfd: Swift.Int32) -> Swift.Int",
        "app!NIOPosix.Selector.whenReady(strategy: NIOPosix.SelectorStrategy) throws -> ()",
        "app!NIOPosix.SelectableEventLoop.run() throws -> ()",
        "app!@objc closure #1 () -> () in static NIOPosix.ThreadOpsPosix.run() -> ()",
      ] + entry
    ),
    (
      "libevent loop", "epoll_wait",
      [
        "libc.so.6!epoll_wait", "libevent-2.1.so.7!?", "libevent-2.1.so.7!event_base_loop",
        "app!serve()",
      ]
        + entry
    ),
    (
      "libevent loop", "poll",
      ["libc.so.6!poll", "app!poll_dispatch", "app!event_base_loop", "app!main", "app!_start"]
    ),
    ("libuv worker", "futex", condition + ["libuv.so.1!uv_cond_wait", "libuv.so.1!?"] + entry),
    ("OpenMP worker", "futex", ["libgomp.so.1!?", "libgomp.so.1!?"] + entry),
    (
      "GLib main loop", "poll",
      [
        "libc.so.6!poll", "libglib-2.0.so.0!?", "libglib-2.0.so.0!g_main_loop_run", "app!ui_thread",
        "libglib-2.0.so.0!?",
      ] + entry
    ),
    (
      "Asio io_context", "futex",
      condition + [
        "app!void asio::detail::posix_event::wait<asio::detail::conditionally_enabled_mutex>(int&)",
        "app!asio::detail::scheduler::run(std::error_code&)",
        "app!main::{lambda()#1}::operator()() const",
      ] + entry
    ),
    (
      "tokio worker", "epoll_wait",
      [
        "libc.so.6!epoll_wait", "app!mio::sys::unix::selector::epoll::Selector::select",
        "app!tokio::runtime::io::driver::Driver::turn",
        "app!tokio::runtime::scheduler::multi_thread::worker::Context::park_timeout",
        "app!tokio::runtime::scheduler::multi_thread::worker::run",
        "app!<tokio::runtime::blocking::task::BlockingTask<T> as core::future::future::Future>::poll",
        "app!std::sys::backtrace::__rust_begin_short_backtrace",
      ] + entry
    ),
    (
      "rayon worker", "futex",
      [
        "libc.so.6!syscall", "app!std::sys::pal::unix::futex::futex_wait",
        "app!rayon_core::sleep::Sleep::sleep",
        "app!rayon_core::registry::WorkerThread::wait_until_cold",
        "app!rayon_core::registry::ThreadBuilder::run",
      ] + entry
    ),
    (
      "gRPC worker", "futex",
      condition + [
        "libabsl_synchronization.so!absl::CondVar::WaitCommon(absl::Mutex*)",
        "libgrpc.so.29!grpc_event_engine::experimental::WorkStealingThreadPool::ThreadState::Step()",
      ] + entry
    ),
  ]

  @Test(arguments: idleThreads)
  func aThreadThatWaitsForWorkSaysWhere(_ text: String, _ call: String, _ frames: [String]) {
    #expect(idle(frames, call: call) == text)
  }

  private static let busyThreads: [(String, [String])] = [
    // A job waits for a semaphore.
    (
      "futex",
      futex + [
        "libc.so.6!__new_sem_wait_slow64", "libdispatch.so!_dispatch_semaphore_wait_slow",
        "app!Shop.pay() -> ()", "libdispatch.so!_dispatch_worker_thread",
      ] + entry
    ),
    // A callback of one loop waits in another.
    (
      "epoll_wait",
      [
        "libc.so.6!epoll_wait", "libuv.so.1!?", "libuv.so.1!uv_run", "app!wait_for_answer",
        "libuv.so.1!?", "libuv.so.1!uv_run", "app!main", "libc.so.6!__libc_start_call_main",
      ]
    ),
    // A region of OpenMP, at its barrier.
    ("futex", ["libgomp.so.1!?", "app!main._omp_fn.0", "libgomp.so.1!?"] + entry),
    // A user's own wait that goes through a library.
    ("futex", ["libc.so.6!syscall", "libglib-2.0.so.0!g_cond_wait", "app!take"] + entry),
    // A unary call of gRPC.
    (
      "poll",
      ["libc.so.6!poll", "libgrpc.so.29!?", "libgrpc.so.29!grpc_completion_queue_pluck", "app!ask"]
        + entry
    ),
    // tokio's main thread waits for what it was asked to wait for.
    (
      "futex",
      [
        "libc.so.6!syscall", "app!tokio::runtime::park::CachedParkThread::block_on",
        "app!app::main",
      ]
    ),
    // A job of a rayon pool waits for its other half.
    (
      "futex",
      [
        "libc.so.6!syscall", "app!rayon_core::sleep::Sleep::sleep",
        "app!rayon_core::registry::WorkerThread::wait_until_cold",
        "app!rayon_core::join::join_context",
        "app!shop::sum", "app!rayon_core::job::StackJob::execute",
      ] + entry
    ),
    // The same stack, but in no call that a worker waits in.
    (
      "read",
      [
        "libc.so.6!read", "libdispatch.so!_dispatch_semaphore_wait_slow",
        "libdispatch.so!_dispatch_worker_thread",
      ]
        + entry
    ),
    // Nobody's pool is known.
    ("futex", condition + ["app!shop::Pool::take()", "app!shop::Pool::work()"] + entry),
    ("epoll_wait", ["libc.so.6!epoll_wait", "app!loop", "app!main"]),
  ]

  @Test(arguments: busyThreads)
  func whoWaitsForSomethingElseIsNotIdle(_ call: String, _ frames: [String]) {
    #expect(idle(frames, call: call) == nil)
  }

  private static let worker =
    futex + [
      "libdispatch.so!_dispatch_semaphore_wait_slow", "libdispatch.so!_dispatch_worker_thread",
    ] + entry

  @Test func crashedThreadsRunningOnesAndThoseOfFindingsAreNotIdle() {
    #expect(idle(Self.worker, count: 3) == "libdispatch worker")
    #expect(idle(Self.worker, count: 3) { if $0 == 1 { $1.state = .running } } == nil)
    #expect(idle(Self.worker, count: 3) { if $0 == 1 { $1.status = .noAnswer } } == nil)
    #expect(
      idle(Self.worker, count: 3) {
        if $0 == 1 { $1.fatalSignal = ReportSignal(number: 6, code: 0) }
      } == nil
    )
    #expect(idle(Self.worker, count: 3) { if $0 == 1 { $1.task = 7 } } == nil)
    var sketch = StackSketch()
    sketch.addThreads(3, Self.worker)
    var report = sketch.report
    var finding = Finding(kind: "deadlock", text: "")
    finding.threadIDs = [1001]
    report.findings = [finding]
    #expect(report.groups()[0].idle == nil)
    report.findings = []
    report.crashedThreadID = 1002
    #expect(report.groups()[0].idle == nil)
  }

  // MARK: Pools of the service's own

  private static let take =
    condition + [
      "app!shop::Pool::take()@/src/pool.cpp:46", "app!shop::Pool::work()@/src/pool.cpp:52",
    ] + entry

  private func lock(_ address: UInt64, after seconds: Double = 0) -> (inout ReportThread) -> Void {
    { thread in
      thread.waitsFor = WaitTarget()
      thread.waitsFor?.lock = address
      thread.startTime = Date(timeIntervalSince1970: 1_772_300_001 + seconds)
    }
  }

  @Test func workersThatWaitForOneConditionAreAPool() {
    // Either of the two words of one condition.
    #expect(
      idle(Self.take, count: 4) { index, thread in
        lock(0x7f00_0000 + UInt64(index % 2) * 4)(&thread)
      } == "pool that waits for one condition"
    )
  }

  @Test func threadsThatWaitForConditionsOfTheirOwnAreNone() {
    #expect(idle(Self.take, count: 4) { lock(0x7f00_0000 + UInt64($0) * 64)(&$1) } == nil)
  }

  @Test func threadsThatCameOneAfterAnotherAreNone() {
    #expect(idle(Self.take, count: 4) { lock(0x7f00_0000, after: Double($0))(&$1) } == nil)
    #expect(idle(Self.take, count: 1) { lock(0x7f00_0000)(&$1) } == nil)
    #expect(
      idle(Self.take, count: 4) {
        lock(0x7f00_0000)(&$1)
        $1.startTime = nil
      } == nil
    )
  }

  @Test func threadsThatWaitDeepInTheirWorkAreNone() {
    let deep = Self.condition + (0..<5).map { "app!shop::step\($0)()" } + Self.entry
    #expect(idle(deep, count: 4) { lock(0x7f00_0000)(&$1) } == nil)
  }

  private func watching(_ kinds: [(String, peer: String?)]) -> (Int, inout ReportThread) -> Void {
    { _, thread in
      thread.startTime = Date(timeIntervalSince1970: 1_772_300_001)
      thread.waitsFor = WaitTarget()
      thread.waitsFor?.descriptors = kinds.enumerated().map { number, entry in
        var descriptor = WaitDescriptor(number: Int32(number))
        descriptor.kind = entry.0
        descriptor.local = "127.0.0.1:80"
        descriptor.peer = entry.peer
        return descriptor
      }
    }
  }

  @Test func anEpollSetWithAListenerOrAWakeUpIsALoop() {
    let loop = ["libc.so.6!epoll_wait", "app!loop@/src/loop.c:7", "app!main@/src/main.c:9"]
    for kind in ["tcp", "eventfd", "pipe", "timerfd"] {
      #expect(
        idle(loop, call: "epoll_wait", change: watching([("epoll", nil), (kind, nil)]))
          == "epoll loop"
      )
    }
    // One connection: somebody waits for an answer.
    #expect(
      idle(loop, call: "epoll_wait", change: watching([("epoll", nil), ("tcp", "10.0.0.1:80")]))
        == nil
    )
    #expect(idle(loop, call: "epoll_wait", change: watching([("epoll", nil)])) == nil)
    let deep = ["libc.so.6!epoll_wait"] + (0..<4).map { "app!step\($0)" }
    #expect(
      idle(deep, call: "epoll_wait", change: watching([("epoll", nil), ("eventfd", nil)])) == nil
    )
  }
}
