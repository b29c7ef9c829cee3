// A Swift service: threads of libdispatch, which block nearly every signal, blocked below closures and a
// generic method; a Foundation thread; one that works.
import Dispatch
import Foundation
import Synchronization

let work = Atomic<UInt64>(0)
let inPlace = Atomic<Int>(0)
nonisolated(unsafe) let never = DispatchSemaphore(value: 0)

@inline(never)
func blockOnSemaphore() -> Int {
  inPlace.add(1, ordering: .sequentiallyConsistent)
  never.wait()
  return 1
}

protocol Job {
  func run() -> Int
}

struct Lookup: Job {
  let key: Int
  @inline(never)
  func run() -> Int { blockOnSemaphore() + key }
}

@inline(never)
func serve<J: Job>(_ job: J) -> Int { job.run() + 1 }

@inline(never)
func workForEver() {
  while true { work.add(1, ordering: .relaxed) }
}

final class Results: @unchecked Sendable {
  var sum = 0
}

@main
enum Service {
  static func main() {
    let result = dumpcollect_install(nil)
    FileHandle.standardError.write(Data("install \(result)\n".utf8))
    let results = Results()
    for key in 0..<3 {
      DispatchQueue.global().async { results.sum += serve(Lookup(key: key)) }
    }
    let thread = Thread { results.sum += serve(Lookup(key: 9)) }
    thread.name = "foundation"
    thread.start()
    Thread { workForEver() }.start()
    while inPlace.load(ordering: .sequentiallyConsistent) < 4 { sched_yield() }
    print("ready")
    fflush(stdout)
    while readLine() != nil {
      print("work \(work.load(ordering: .relaxed))")
      fflush(stdout)
    }
    exit(results.sum == 0 ? 0 : 1)
  }
}
