/// Tasks whose asynchronous stacks read the same.
public struct TaskGroup: Sendable, Equatable {
  /// The stack's name over builds and hosts; nil when the tasks have no frames.
  public var fingerprint: StackFingerprint?
  /// Indices into `DumpReport.tasks`, ascending.
  public var tasks: [Int]
  /// Index into `DumpReport.stacks`: the first task's stack, which stands for all.
  public var stack: Int?
  /// Why the stack ends early.
  public var truncated: String?
  /// How many tasks are in which state, the most frequent first.
  public var activities: [(activity: TaskActivity, count: Int)]

  /// Compares everything.
  public static func == (a: TaskGroup, b: TaskGroup) -> Bool {
    a.fingerprint == b.fingerprint && a.tasks == b.tasks && a.stack == b.stack
      && a.truncated == b.truncated && a.activities.elementsEqual(b.activities) { $0 == $1 }
  }
}

/// What a task was doing: the part of it that groups count.
public struct TaskActivity: Sendable, Hashable {
  /// Whether it ran.
  public var state: ReportTask.State
  /// What it waits for.
  public var wait: TaskWait?
}

extension DumpReport {
  /// The tasks by identical stack: the largest group first, then in the order of their first task.
  ///
  /// Stacks are identical as in `groups()`. The cost is one look-up a task.
  public func taskGroups() -> [TaskGroup] {
    var keys = StackKeys(self)
    let waits = TaskWaits(self)
    var indexOfKey: [TaskGroupKey: Int] = [:]
    var groups: [TaskGroupDraft] = []
    for (index, task) in tasks.enumerated() {
      let key = TaskGroupKey(
        stack: task.stack.map { keys.key(ofStack: $0) },
        truncated: task.truncated
      )
      let activity = TaskActivity(state: task.state, wait: waits[task])
      if let group = indexOfKey[key] {
        groups[group].add(index, activity)
      } else {
        indexOfKey[key] = groups.count
        groups.append(TaskGroupDraft(index, activity))
      }
    }
    var fingerprinter = StackFingerprinter(self)
    return groups.map { draft in
      let first = tasks[draft.tasks[0]]
      return TaskGroup(
        fingerprint: first.stack.map { fingerprinter.fingerprint(ofStack: $0) },
        tasks: draft.tasks,
        stack: first.stack,
        truncated: first.truncated,
        activities: draft.activities.sorted { $0.count > $1.count }
      )
    }
    .sorted { ($1.tasks.count, $0.tasks[0]) < ($0.tasks.count, $1.tasks[0]) }
  }
}

private struct TaskGroupKey: Hashable {
  var stack: Int?
  var truncated: String?
}

private struct TaskGroupDraft {
  var tasks: [Int]
  /// Few: tasks with one stack mostly wait for one thing.
  var activities: [(activity: TaskActivity, count: Int)]

  init(_ task: Int, _ activity: TaskActivity) {
    tasks = [task]
    activities = [(activity, 1)]
  }

  mutating func add(_ task: Int, _ activity: TaskActivity) {
    tasks.append(task)
    if let known = activities.firstIndex(where: { $0.activity == activity }) {
      activities[known].count += 1
    } else {
      activities.append((activity, 1))
    }
  }
}
