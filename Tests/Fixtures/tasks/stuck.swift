// A Swift service whose tasks are stuck in the way that its argument names.
//
//   stuck circle   two tasks that wait for each other, one behind them, and a group whose child waits for its parent
//   stuck pool     more tasks that block their threads than the pool has threads
//   stuck running  a task that works without an end
import Dispatch
import Foundation

/// Tasks that know each other.
final class Ring: @unchecked Sendable {
  private let lock = NSLock()
  private var tasks: [String: Task<Void, Never>] = [:]

  func add(_ name: String, _ task: Task<Void, Never>) { lock.withLock { tasks[name] = task } }
  func task(_ name: String) -> Task<Void, Never>? { lock.withLock { tasks[name] } }
}

let ring = Ring()
let never = DispatchSemaphore(value: 0)
let begun = DispatchSemaphore(value: 0)

@inline(never)
func wait(for name: String) async {
  while true {
    guard let task = ring.task(name) else {
      await Task.yield()
      continue
    }
    begun.signal()
    await task.value  // await: wait
    print(name)
  }
}

@inline(never)
func parent() async {
  await withTaskGroup(of: Void.self) { group in
    group.addTask(name: "child") { await wait(for: "parent") }
    for await _ in group { print("child") }
  }
}

func startCircle() {
  ring.add("first", Task.detached(name: "first") { await wait(for: "second") })
  ring.add("second", Task.detached(name: "second") { await wait(for: "first") })
  ring.add("third", Task.detached(name: "third") { await wait(for: "first") })
  ring.add("parent", Task.detached(name: "parent") { await parent() })
  for _ in 0..<4 { begun.wait() }
}

@inline(never)
func block() {
  begun.signal()
  never.wait()  // line: block
}

func startPool() {
  for number in 0..<400 { Task.detached(name: "blocker \(number)") { block() } }
  for _ in 0..<ProcessInfo.processInfo.activeProcessorCount { begun.wait() }
}

@inline(never)
func work() -> Int {
  begun.signal()
  var number = 0
  while number >= 0 { number = (number &* 31 &+ 7) & 0xffff }  // line: work
  return number
}

@inline(never)
func callWork() async -> Int {
  await Task.yield()
  return work() + 1  // line: callWork
}

func startRunning() {
  Task.detached(name: "worker") {
    let number = await callWork()  // await: worker
    print(number)
  }
  begun.wait()
}

@main
enum Stuck {
  static func main() {
    _ = dumpcollect_install(nil)
    switch CommandLine.arguments.dropFirst().first {
    case "circle": startCircle()
    case "pool": startPool()
    default: startRunning()
    }
    print("ready")
    fflush(stdout)
    while readLine() != nil {}
    exit(0)
  }
}
