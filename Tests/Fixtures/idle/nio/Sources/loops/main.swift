// Event loops and thread pools of SwiftNIO that wait for work, and one of each that waits for something else. Prints
// "ready".

import Dispatch
import Glibc
import NIOCore
import NIOPosix

/// Names the calling thread.
@Sendable func name(_ text: String) {
  guard let file = fopen("/proc/thread-self/comm", "w") else { return }
  fputs(text, file)
  fclose(file)
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 3)
let pool = NIOThreadPool(numberOfThreads: 2)
pool.start()
let channel = try ServerBootstrap(group: group)
  .childChannelInitializer { $0.eventLoop.makeSucceededVoidFuture() }
  .bind(host: "127.0.0.1", port: 0)
  .wait()
_ = try pool.runIfActive(eventLoop: group.next()) { 1 }.wait()

let busyGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let busyPool = NIOThreadPool(numberOfThreads: 1)
busyPool.start()
let isBlocked = DispatchSemaphore(value: 0)
busyGroup.next().execute {
  name("busy loop")
  isBlocked.signal()
  DispatchSemaphore(value: 0).wait()
}
busyPool.submit { _ in
  name("busy worker")
  isBlocked.signal()
  DispatchSemaphore(value: 0).wait()
}
isBlocked.wait()
isBlocked.wait()
print("ready")
fflush(nil)
try channel.closeFuture.wait()
