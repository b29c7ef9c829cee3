// Threads of libdispatch, of Swift's cooperative pool and of Foundation that wait for work, and a job that waits for
// something else. Prints "ready".

import Dispatch
import Foundation

/// Names the calling thread.
private func name(_ text: String) {
  try? Data(text.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
}

@main
struct Workers {
  static func main() async {
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { usleep(20_000) } }
    }
    let timer = DispatchSource.makeTimerSource()
    timer.schedule(deadline: .now() + 1000)
    timer.setEventHandler {}
    timer.resume()
    let isBlocked = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      name("job")
      isBlocked.signal()
      DispatchSemaphore(value: 0).wait()
    }
    isBlocked.wait()
    Thread {
      name("run loop")
      RunLoop.current.add(Timer(timeInterval: 1000, repeats: true) { _ in }, forMode: .default)
      RunLoop.current.run()
    }
    .start()
    print("ready")
    fflush(stdout)
    try? await Task.sleep(for: .seconds(1000))
  }
}
