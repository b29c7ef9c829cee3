/// Which thread waits for which other one: for a lock that it holds, or for its end.
struct LockGraph {
  /// By thread, as an index into `DumpReport.threads`: the one that has to do something first; nil where none is known.
  private let target: [Int?]
  /// The same, only where it is certain for one moment that all of these share.
  private let certainTarget: [Int?]
  /// By thread: those that wait for it.
  private let waiters: [Int: [Int]]

  init(_ report: DumpReport) {
    var indexOfID: [Int32: Int] = [:]
    for (index, thread) in report.threads.enumerated() where thread.status != .exited {
      indexOfID[thread.threadID] = index
    }
    let target = report.threads.map { thread in
      thread.waitsFor?.ownerThreadID.flatMap { indexOfID[$0] }
    }
    self.target = target
    certainTarget = report.threads.indices.map { index in
      report.threads[index].waitsFor?.isSteady == true ? target[index] : nil
    }
    var waiters: [Int: [Int]] = [:]
    for (index, target) in target.enumerated() {
      if let target { waiters[target, default: []].append(index) }
    }
    self.waiters = waiters
  }

  /// Threads that wait for each other in a circle, each for the next, and how many wait for one of these
  /// without being of them.
  ///
  /// A thread has one that it waits for at most: circles share no thread.
  func circles() -> [(threads: [Int], behind: Int)] {
    var isSeen = [Bool](repeating: false, count: target.count)
    var circles: [(threads: [Int], behind: Int)] = []
    for start in certainTarget.indices where !isSeen[start] {
      var path: [Int] = []
      var positions: [Int: Int] = [:]
      var thread = start
      while !isSeen[thread], let next = certainTarget[thread] {
        isSeen[thread] = true
        positions[thread] = path.count
        path.append(thread)
        thread = next
      }
      guard let first = positions[thread] else { continue }
      let circle = Array(path[first...])
      circles.append((circle, behind(Set(circle))))
    }
    return circles
  }

  /// Threads that wait for one of these, or for one that does.
  private func behind(_ circle: Set<Int>) -> Int {
    var seen = circle
    var open = Array(circle)
    while let thread = open.popLast() {
      for waiter in waiters[thread] ?? [] where seen.insert(waiter).inserted { open.append(waiter) }
    }
    return seen.count - circle.count
  }
}
