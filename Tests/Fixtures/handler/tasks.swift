// A Swift service whose tasks wait for everything that a task can wait for, each under a name that says what.
//
//   tasks waits        one task of each kind
//   tasks many N       N tasks that are parked at the end of nine functions
//   tasks churn N      N parked ones, beside tasks that come and go
//   tasks reserved N   N parked ones, beside very much address space
//   tasks unstarted    tasks that wait for the first thread they get
import Dispatch
import Foundation

/// Continuations that nobody resumes.
final class Parking: @unchecked Sendable {
  private let lock = NSLock()
  private var continuations: [CheckedContinuation<Void, Never>] = []

  func keep(_ continuation: CheckedContinuation<Void, Never>) {
    lock.withLock { continuations.append(continuation) }
  }
  var count: Int { lock.withLock { continuations.count } }
}

let parking = Parking()
nonisolated(unsafe) let never = DispatchSemaphore(value: 0)

@inline(never)
func park() async {
  await withCheckedContinuation { parking.keep($0) }
  print("park")
}
@inline(never)
func innerCall() async {
  await park()
  print("inner")
}
@inline(never)
func outerCall() async {
  await innerCall()
  print("outer")
}
@inline(never)
func descend(_ depth: Int) async -> Int {
  if depth == 0 {
    await park()
    return 0
  }
  return await descend(depth - 1) + 1
}

func waitUntil(_ condition: () -> Bool) {
  while !condition() { usleep(200) }
}

actor Bank {
  var balance = 0
  /// Keeps the actor and its thread.
  func hold(_ started: DispatchSemaphore) {
    started.signal()
    never.wait()
    balance += 1
  }
  func deposit() -> Int {
    balance += 1
    return balance
  }
}

@MainActor
final class Screen {
  var lines = 0
  func draw() -> Int {
    lines += 1
    return lines
  }
}

struct Failure: Error {}

func startWaits() {
  let bank = Bank()
  Task.detached(name: "continuation") { await outerCall() }
  Task.detached(name: "deep") { print(await descend(300)) }
  Task.detached(name: "endless") { print(await descend(3000)) }
  Task.detached(name: "sleep") { try? await Task.sleep(for: .seconds(100_000)) }
  let target = Task.detached(name: "target") { await park() }
  Task.detached(name: "value") { await target.value }
  let thrower = Task.detached(name: "throwing target") { () async throws -> Int in
    await park()
    throw Failure()
  }
  Task.detached(name: "throwing value") { print(try await thrower.value) }
  Task.detached(name: "group") {
    await withTaskGroup(of: Int.self) { group in
      group.addTask(name: "group child") {
        await park()
        return 1
      }
      group.addTask(name: "group child") {
        await park()
        return 2
      }
      for await value in group { print(value) }
    }
  }
  Task.detached(name: "discarding group") {
    await withDiscardingTaskGroup { group in
      group.addTask(name: "discarding child") { await park() }
    }
  }
  Task.detached(name: "async let") {
    async let first: Void = park()
    async let second: Void = park()
    _ = await (first, second)
  }
  Task.detached(name: "stream") {
    let (stream, continuation) = AsyncStream<Int>.makeStream()
    for await value in stream { print(value) }
    continuation.finish()
  }
  let cancelled = Task.detached(name: "cancelled") { await park() }
  cancelled.cancel()
  Task.detached(name: "high", priority: .high) { await park() }
  Task.detached(name: "low", priority: .background) { await park() }
  Task.detached(name: String(repeating: "long name ", count: 40)) { await park() }
  Task.detached { await park() }
  waitUntil { parking.count == 15 }
  let started = DispatchSemaphore(value: 0)
  Task.detached(name: "holder") { await bank.hold(started) }
  started.wait()
  Task.detached(name: "actor") { print(await bank.deposit()) }
  Task.detached(name: "actor") { print(await bank.deposit()) }
  // The main thread reads lines and serves the main actor not at all.
  Task.detached(name: "main actor") { print(await Screen().draw()) }
}

@inline(never) func frame1() async { await park(); print(1) }
@inline(never) func frame2() async { await frame1(); print(2) }
@inline(never) func frame3() async { await frame2(); print(3) }
@inline(never) func frame4() async { await frame3(); print(4) }
@inline(never) func frame5() async { await frame4(); print(5) }

func startMany(_ count: Int) {
  for _ in 0..<count {
    Task.detached {
      await frame5()
      print(6)
    }
  }
  waitUntil { parking.count == count }
}

@inline(never)
func crash() async { abort() }

/// How far each source is: tasks of the rounds before have all ended.
final class Rounds: @unchecked Sendable {
  private let lock = NSLock()
  private var rounds = [0, 0]

  func end(_ source: Int) { lock.withLock { rounds[source] += 1 } }
  var text: String { lock.withLock { "\(rounds[0]) \(rounds[1])" } }
}

let rounds = Rounds()

/// Tasks that end as soon as they have begun, for ever.
func startChurn() {
  for source in 0..<2 {
    Task.detached(name: "source") {
      for round in 0... {
        await withTaskGroup(of: Int.self) { group in
          for index in 0..<64 {
            group.addTask(name: "ephemeral \(source) \(round)") {
              await Task.yield()
              return index
            }
          }
          for await _ in group {}
        }
        rounds.end(source)
      }
    }
  }
}

/// Threads of the pool that work without an end, and tasks that then wait for one.
func startUnstarted() {
  let cores = ProcessInfo.processInfo.activeProcessorCount
  let started = DispatchSemaphore(value: 0)
  for _ in 0..<cores {
    Task.detached(name: "busy") {
      started.signal()
      var number = 0
      while true {
        number &+= 1
        if number == -1 { await park() }
      }
    }
  }
  for _ in 0..<cores { started.wait() }
  Task.detached(name: "unstarted") { await outerCall() }
  Task.detached(name: "unstarted value") { () -> Int in
    await outerCall()
    return 1
  }
}

@main
enum Service {
  static func main() {
    let arguments = CommandLine.arguments
    #if !UNMODIFIED
      let result = dumpcollect_install(nil)
      FileHandle.standardError.write(Data("install \(result)\n".utf8))
    #endif
    let count = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 0
    switch arguments[1] {
    case "waits": startWaits()
    case "many": startMany(count)
    case "churn":
      startMany(count)
      startChurn()
    case "unstarted": startUnstarted()
    case "reserved":
      // Address space that nobody uses, and that takes longer to look through than a capture may.
      let size = 16 << 40
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
      guard mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED else { exit(3) }
      startMany(count)
    default: exit(2)
    }
    print("ready")
    fflush(stdout)
    while let line = readLine() {
      if line == "crash" { abort() }
      if line == "crash in a task" { Task.detached(name: "crashing") { await crash() } }
      print(line == "rounds" ? rounds.text : line)
      fflush(stdout)
    }
    exit(0)
  }
}
