// A service of suspended tasks, each at the end of nine asynchronous functions, and of a thread that wakes every 100 µs and notes
// how late it is.
//
//   tasks COUNT     "ready", and then answers a line for each line:
//   capture         nanoseconds of dumpcollect_capture and its file
//   ticks N         N idle stretches and N captures in turns: for each of both the ticker's ticks, and its median, 99th and 99.9th
//                   percentile and longest lateness in nanoseconds
import Glibc

final class Parking: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var continuations: [CheckedContinuation<Void, Never>] = []

  init() { pthread_mutex_init(lock, nil) }

  func keep(_ continuation: CheckedContinuation<Void, Never>) {
    pthread_mutex_lock(lock)
    continuations.append(continuation)
    pthread_mutex_unlock(lock)
  }

  var count: Int {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return continuations.count
  }
}

let parking = Parking()
nonisolated(unsafe) var steps = 0

@inline(never) func step(_ number: Int) { steps += number }
@inline(never) func park() async { await withCheckedContinuation { parking.keep($0) }; step(0) }
@inline(never) func read1() async { await park(); step(1) }
@inline(never) func read2() async { await read1(); step(2) }
@inline(never) func fetch3() async { await read2(); step(3) }
@inline(never) func fetch4() async { await fetch3(); step(4) }
@inline(never) func serve5() async { await fetch4(); step(5) }
@inline(never) func serve6() async { await serve5(); step(6) }

func now() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Lateness of each tick, by whether a capture was under way.
final class Ticker: @unchecked Sendable {
  /// 0: nothing is noted, 1: idle, 2: a capture.
  nonisolated(unsafe) static var phase = 0
  nonisolated(unsafe) static var idle: [Int] = []
  nonisolated(unsafe) static var captures: [Int] = []

  static func run() {
    var next = now()
    while true {
      next += 100_000
      var time = timespec(tv_sec: next / 1_000_000_000, tv_nsec: next % 1_000_000_000)
      while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
      let late = now() - next
      if phase == 1 { idle.append(late) }
      if phase == 2 { captures.append(late) }
      if late > 100_000 { next += late / 100_000 * 100_000 }
    }
  }

  static func summary(_ values: inout [Int]) -> String {
    values.sort()
    func at(_ share: Double) -> Int { values[min(values.count - 1, Int(Double(values.count) * share))] }
    return "\(values.count) \(at(0.5)) \(at(0.99)) \(at(0.999)) \(values.last!)"
  }
}

func capture() -> (nanoseconds: Int, path: String) {
  let begin = now()
  guard dumpcollect_capture("benchmark") == 0, let path = dumpcollect_last_capture() else { return (0, "failed") }
  return (now() - begin, String(cString: path))
}

func measureTicks(_ rounds: Int) -> String {
  Ticker.idle.removeAll(keepingCapacity: true)
  Ticker.captures.removeAll(keepingCapacity: true)
  for _ in 0..<rounds {
    Ticker.phase = 2
    let spent = capture().nanoseconds
    Ticker.phase = 1
    usleep(UInt32(max(spent / 1000, 20_000)))
    Ticker.phase = 0
  }
  return Ticker.summary(&Ticker.idle) + " " + Ticker.summary(&Ticker.captures)
}

@main
enum Service {
  static func main() {
    let count = Int(CommandLine.arguments[1])!
    guard dumpcollect_install(nil) == 0 else { exit(2) }
    for _ in 0..<count {
      Task.detached {
        await serve6()
        step(7)
      }
    }
    while parking.count < count { usleep(1000) }
    Ticker.idle.reserveCapacity(1_000_000)
    Ticker.captures.reserveCapacity(1_000_000)
    var thread = pthread_t()
    pthread_create(&thread, nil, { _ in Ticker.run(); return nil }, nil)
    print("ready")
    fflush(stdout)
    while let line = readLine() {
      let words = line.split(separator: " ")
      switch words.first {
      case "capture":
        let (nanoseconds, path) = capture()
        print("\(nanoseconds) \(path)")
      case "ticks": print(measureTicks(Int(words[1])!))
      default: print("failed")
      }
      fflush(stdout)
    }
    exit(0)
  }
}
