/// Which task waits for which other tasks: through its value or its task group.
struct TaskGraph {
  /// What a task waits for; indices into `DumpReport.tasks`.
  enum Edge {
    /// Nothing that another task of the report has to do.
    case none
    case task(Int)
    /// One of them is enough: `next()` waits for whichever comes first.
    case group([Int])
    fileprivate var targets: [Int] {
      switch self {
      case .none: []
      case .task(let target): [target]
      case .group(let members): members
      }
    }
  }

  private let edges: [Edge]

  init(_ report: DumpReport) {
    var indexOfID: [UInt64: Int] = [:]
    var members: [UInt64: [Int]] = [:]
    for (index, task) in report.tasks.enumerated() {
      indexOfID[task.id] = index
      if let group = task.group { members[group, default: []].append(index) }
    }
    edges = report.tasks.map { task in
      // What changed while it was read proves nothing.
      guard task.state != .running, task.doubt == nil else { return .none }
      switch task.dependency {
      case .task:
        return task.awaitedTask.flatMap { indexOfID[$0] }.map { .task($0) } ?? .none
      case .group:
        return task.awaitedGroup.flatMap { members[$0] }.map { .group($0) } ?? .none
      // Who holds an actor runs: a task that suspends lets go of it.
      case .executor, .continuation, nil: return .none
      }
    }
  }

  /// What the task waits for.
  func edge(of task: Int) -> Edge { edges[task] }

  /// Tasks that wait for each other in a circle, and how many wait for one of these without being of them.
  ///
  /// A task is only counted when nothing that it waits for can go on: one that runs, waits for a thread, or waits for
  /// something outside of the tasks may free those that wait for it.
  func cycles() -> [(tasks: [Int], behind: Int)] {
    let isStuck = stuck()
    // Each stuck task has at least one target, and all of them are stuck: following the first leads to a circle.
    var circleOfTask = [Int?](repeating: nil, count: edges.count)
    var circles: [(tasks: [Int], behind: Int)] = []
    for start in edges.indices where isStuck[start] && circleOfTask[start] == nil {
      var path: [Int] = []
      var positions: [Int: Int] = [:]
      var task = start
      while circleOfTask[task] == nil, positions[task] == nil, let next = edges[task].targets.first
      {
        positions[task] = path.count
        path.append(task)
        task = next
      }
      let circle: Int
      if let known = circleOfTask[task] {
        circle = known
        circles[circle].behind += path.count
      } else {
        let first = positions[task] ?? 0
        circle = circles.count
        circles.append((Array(path[first...]), first))
      }
      for member in path { circleOfTask[member] = circle }
    }
    return circles
  }

  /// By task: neither it nor anything that it waits for can go on.
  private func stuck() -> [Bool] {
    var isStuck = [Bool](repeating: true, count: edges.count)
    var dependents = [[Int32]](repeating: [], count: edges.count)
    var free: [Int] = []
    for (task, edge) in edges.enumerated() {
      let targets = edge.targets
      for target in targets { dependents[target].append(Int32(task)) }
      if targets.isEmpty {
        isStuck[task] = false
        free.append(task)
      }
    }
    while let task = free.popLast() {
      for dependent in dependents[task] where isStuck[Int(dependent)] {
        isStuck[Int(dependent)] = false
        free.append(Int(dependent))
      }
    }
    return isStuck
  }
}
