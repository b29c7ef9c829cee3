import Foundation
package import Report

extension SampleReport {
  /// A service that stands still.
  ///
  /// Two threads in a circle of mutexes, others behind them, one that joins, a reader of a socket, a child: every field
  /// of a wait is used somewhere.
  package static func stuck() -> DumpReport {
    var report = server()
    report.threads = [
      waiting(20, "alpha", .mutex, 0x5555_5556_4100, "g_b", "normal", owner: 21, steady: true),
      waiting(21, "beta", .mutex, 0x5555_5556_40d8, "g_a", "recursive", owner: 20, steady: true),
      waiting(22, "gamma", .mutex, 0x5555_5556_40d8, "g_a", "recursive", owner: 20),
      waiting(23, "reader", .rwlock, 0x7fff_e000_0010, nil, nil, owner: nil),
      waiting(24, "main", .join, 0x7fff_e123_4990, nil, nil, owner: 20, steady: true),
      waiting(25, "late", .mutex, 0x7fff_e000_0400, nil, "normal", owner: 99),
      reading(26),
      polling(27),
      waitingForChild(28),
    ]
    report.threads[3].waitsFor?.readerCount = 3
    report.threads[5].waitsFor?.note = "no thread of the process: it ended while it held the lock"
    report.tasks = []
    report.findings = report.lockFindings()
    return report
  }

  private static func waiting(
    _ id: Int32,
    _ name: String,
    _ kind: ThreadWait.Kind,
    _ address: UInt64,
    _ symbol: String?,
    _ type: String?,
    owner: Int32?,
    steady: Bool = false
  ) -> ReportThread {
    var thread = ReportThread(threadID: id)
    thread.name = name
    thread.state = .sleeping
    thread.systemCall = "futex"
    thread.waitChannel = "futex_wait_queue"
    thread.startTime = Date(timeIntervalSince1970: 1_772_270_100 + Double(id))
    thread.stack = id == 24 ? 1 : 3
    var wait = WaitTarget()
    wait.kind = kind
    wait.lock = address
    wait.lockName = symbol
    wait.lockType = type
    wait.ownerThreadID = owner
    wait.isSteady = steady
    thread.waitsFor = wait
    return thread
  }

  private static func reading(_ id: Int32) -> ReportThread {
    var thread = ReportThread(threadID: id)
    thread.name = "client"
    thread.state = .sleeping
    thread.systemCall = "recvfrom"
    thread.stack = 3
    var descriptor = WaitDescriptor(number: 7)
    descriptor.kind = "tcp"
    descriptor.local = "10.0.0.1:41000"
    descriptor.peer = "10.0.0.2:5432"
    thread.waitsFor = WaitTarget()
    thread.waitsFor?.descriptors = [descriptor]
    return thread
  }

  private static func polling(_ id: Int32) -> ReportThread {
    var thread = ReportThread(threadID: id)
    thread.name = "loop"
    thread.state = .sleeping
    thread.systemCall = "epoll_wait"
    thread.stack = 3
    var descriptors = (0..<6).map { WaitDescriptor(number: Int32(10 + $0)) }
    descriptors[0].kind = "epoll"
    descriptors[1].kind = "unix"
    descriptors[1].local = "/run/shop/\u{1b}[31m.sock"
    descriptors[1].peer = "@peer"
    descriptors[2].kind = "file"
    descriptors[2].path = "/var/lib/shop/a \"b\""
    thread.waitsFor = WaitTarget()
    thread.waitsFor?.descriptors = descriptors
    thread.waitsFor?.moreDescriptors = 4
    thread.waitsFor?.timeout = .milliseconds(250)
    return thread
  }

  private static func waitingForChild(_ id: Int32) -> ReportThread {
    var thread = ReportThread(threadID: id)
    thread.name = "parent"
    thread.state = .sleeping
    thread.systemCall = "wait4"
    thread.waitsFor = WaitTarget()
    thread.waitsFor?.childProcessID = 4242
    return thread
  }
}
