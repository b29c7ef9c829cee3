// A Swift service that starts and releases tasks as its standard input says, for comparisons of its dumps.
import Foundation

final class Followers: @unchecked Sendable {
  private let lock = NSLock()
  private var waiting: [CheckedContinuation<Void, Never>] = []
  let begun = DispatchSemaphore(value: 0)
  let ended = DispatchSemaphore(value: 0)

  @inline(never)
  func follow() async {
    await withCheckedContinuation { continuation in  // await: follow
      lock.withLock { waiting.append(continuation) }
      begun.signal()
    }
    ended.signal()
  }

  func release() { lock.withLock { waiting.removeFirst() }.resume() }
}

@main struct Main {
  static func main() {
    setvbuf(stdout, nil, _IOLBF, 0)
    let result = dumpcollect_install(nil)
    print("ready \(result)")
    let followers = Followers()
    var number = 0
    while let line = readLine() {
      let words = line.split(separator: " ")
      let count = words.count > 1 ? Int(words[1]) ?? 0 : 0
      for _ in 0..<count where words[0] == "leak" {
        number += 1
        Task.detached(name: "follower \(number)") { await followers.follow() }
        followers.begun.wait()
      }
      for _ in 0..<count where words[0] == "release" {
        followers.release()
        followers.ended.wait()
      }
      print("done")
    }
  }
}
