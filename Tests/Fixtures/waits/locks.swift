// Threads that wait for locks of Swift and of libdispatch; "owner" has the mutex. Prints "ready" when all are about to wait.
import Dispatch
import Foundation
import Synchronization

let stock = Mutex(7)
let begun = Atomic(0)
let held = Atomic(0)
let semaphore = DispatchSemaphore(value: 0)
let lock = NSLock()

enum Slow {
  static let value: Int = {
    held.add(1, ordering: .relaxed)
    while true { pause() }
  }()
}

/// The C library's; a Foundation thread's own name reaches the kernel at some later time, or not at all.
@_silgen_name("pthread_setname_np")
func setName(_ thread: pthread_t, _ name: UnsafePointer<CChar>) -> Int32

func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
  let thread = Thread {
    guard setName(pthread_self(), name) == 0 else { exit(3) }
    begun.add(1, ordering: .relaxed)
    body()
    while true { pause() }
  }
  thread.start()
}

func waitUntil(_ condition: () -> Bool) {
  while !condition() { usleep(1000) }
}

guard dumpcollect_install(nil) == 0 else { exit(2) }
// A queue whose block never returns.
let orders = DispatchQueue(label: "orders")
orders.async {
  held.add(1, ordering: .relaxed)
  while true { pause() }
}
start("owner") {
  lock.lock()
  stock.withLock { _ in
    held.add(1, ordering: .relaxed)
    while true { pause() }
  }
}
start("initializer") { _ = Slow.value }
waitUntil { held.load(ordering: .relaxed) == 3 }
start("mutex") { stock.withLock { $0 += 1 } }
start("nslock") { lock.lock() }
start("static") { _ = Slow.value }
start("semaphore") { semaphore.wait() }
start("queue") { orders.sync { begun.add(1, ordering: .relaxed) } }
waitUntil { begun.load(ordering: .relaxed) == 7 }
print("ready")
fflush(stdout)
if readLine() == nil { exit(0) }
exit(0)
