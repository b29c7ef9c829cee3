/// Tasks whose asynchronous stacks are alike.
public struct TaskGroup: Sendable, Equatable {
  /// The stack's name over builds and hosts; nil when the tasks have no frames.
  public var fingerprint: StackFingerprint?
  /// Indices into `DumpReport.tasks`, ascending.
  public var tasks: [Int]
  /// Index into `DumpReport.stacks`, which stands for all: the first task's stack, of similar stacks the most frequent.
  public var stack: Int?
  /// Indices into `DumpReport.stacks`: one for each of the different stacks in the group, the most frequent first.
  ///
  /// A single one where stacks are identical.
  public var variants: [Int] = []
  /// Why the stack ends early.
  public var truncated: String?
  /// How many tasks are in which state, the most frequent first.
  public var activities: [(activity: TaskActivity, count: Int)]
  /// What the tasks' names have in common, the most frequent first.
  public var names: [NamePattern] = []

  /// How many tasks wait for what, the most frequent first; those that run, or wait for a thread, are in none.
  public var waits: [(kind: TaskWait.Kind, count: Int)] {
    var counts: [(kind: TaskWait.Kind, count: Int)] = []
    for (activity, count) in activities {
      guard let kind = activity.wait?.kind else { continue }
      if let known = counts.firstIndex(where: { $0.kind == kind }) {
        counts[known].count += count
      } else {
        counts.append((kind, count))
      }
    }
    return counts.sorted { $0.count > $1.count }
  }

  /// Compares everything.
  public static func == (a: TaskGroup, b: TaskGroup) -> Bool {
    a.fingerprint == b.fingerprint && a.tasks == b.tasks && a.stack == b.stack
      && a.variants == b.variants && a.truncated == b.truncated && a.names == b.names
      && a.activities.elementsEqual(b.activities) { $0 == $1 }
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
  /// The tasks by stack: the largest group first, then in the order of their first task.
  ///
  /// Stacks are identical or similar as in `groups(_:)`. The cost is one look-up a task.
  public func taskGroups(_ likeness: StackLikeness = .identical) -> [TaskGroup] {
    var keys = StackKeys(self, likeness)
    var variants = StackVariants(self, likeness)
    let waits = TaskWaits(self)
    var indexOfKey: [TaskGroupKey: Int] = [:]
    var groups: [TaskGroupDraft] = []
    for (index, task) in tasks.enumerated() {
      let key = TaskGroupKey(
        stack: task.stack.map { keys.key(ofStack: $0) },
        truncated: likeness.key(ofTruncation: task.truncated)
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
      let members = draft.tasks.lazy.map { tasks[$0] }
      let variants = variants.variants(of: members.compactMap(\.stack))
      return TaskGroup(
        fingerprint: variants.first.map { fingerprinter.fingerprint(ofStack: $0) },
        tasks: draft.tasks,
        stack: variants.first,
        variants: variants,
        truncated: tasks[draft.tasks[0]].truncated,
        activities: draft.activities.sorted { $0.count > $1.count },
        names: NamePattern.patterns(of: members.compactMap(\.name))
      )
    }
    .sorted { ($1.tasks.count, $0.tasks[0]) < ($0.tasks.count, $1.tasks[0]) }
  }

  /// The tasks by similar stack: the same functions, on other lines or at other addresses.
  public func similarTaskGroups() -> [TaskGroup] { taskGroups(.similar) }
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
