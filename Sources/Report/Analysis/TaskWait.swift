/// What a task that does not run waits for, as far as it is certain.
public struct TaskWait: Sendable, Hashable {
  /// The words of the report format; docs/report-schema.md says what each rests on.
  public enum Kind: String, Sendable, CaseIterable {
    case continuation, task, group, actor
    case mainActor = "main-actor"
    case sleep, unknown
  }

  /// What is waited for.
  public var kind: Kind
  /// The function of Swift's library that it waits in, where that says more than the kind.
  public var detail: String?

  /// A wait of a kind.
  public init(kind: Kind, detail: String? = nil) {
    self.kind = kind
    self.detail = detail
  }
}

/// The waits of a report's tasks; what a stack tells is worked out once, however many tasks have it.
public struct TaskWaits {
  private let report: DumpReport
  /// By index of the stack: what its innermost frames, which are the library's own, wait for.
  private let continuations: [TaskWait]

  /// The waits of all tasks of a report.
  public init(_ report: DumpReport) {
    self.report = report
    continuations =
      report.tasks.isEmpty
      ? [] : report.stacks.map { Self.continuation(report.libraryFunction(ofStack: $0)) }
  }

  /// What the task waits for; nil when it runs, or waits for nothing but a thread.
  public subscript(task: ReportTask) -> TaskWait? {
    guard task.state != .running else { return nil }
    switch task.dependency {
    case .continuation: return resumption(task)
    case .task: return TaskWait(kind: .task)
    case .group: return TaskWait(kind: .group)
    case .executor:
      // The global executor: it waits for a thread.
      guard let executor = task.executor else {
        return task.state == .enqueued ? nil : TaskWait(kind: .unknown)
      }
      return TaskWait(kind: report.executors[executor].kind == .mainActor ? .mainActor : .actor)
    case nil:
      guard task.state == .suspended else { return nil }
      let wait = resumption(task)
      // The runtime noted nothing; what the stack tells is certain all the same.
      return wait.kind == .continuation && wait.detail == nil ? TaskWait(kind: .unknown) : wait
    }
  }

  private func resumption(_ task: ReportTask) -> TaskWait {
    task.stack.map { continuations[$0] } ?? TaskWait(kind: .continuation)
  }

  private static func continuation(_ function: String?) -> TaskWait {
    guard let function else { return TaskWait(kind: .continuation) }
    let name = function.prefix { $0 != "(" }.split(separator: ".").last ?? ""
    if name == "sleep" { return TaskWait(kind: .sleep, detail: function) }
    // What says the same as the kind.
    return TaskWait(kind: .continuation, detail: isContinuation(name) ? nil : function)
  }

  private static func isContinuation(_ name: Substring) -> Bool {
    name.hasPrefix("with") && name.hasSuffix("Continuation")
  }
}

extension DumpReport {
  /// A task of the library's own that counts the time of a `sleep`.
  fileprivate func isSleepTimer(_ stack: [Int]) -> Bool {
    guard let function = stack.first.flatMap({ frames[$0].function }) else { return false }
    return stack.allSatisfy { frames[$0].isRuntime } && function.contains("._sleep<")
  }

  /// The function of Swift's library that the service's code called last and that has not come back; its short name.
  fileprivate func libraryFunction(ofStack stack: [Int]) -> String? {
    var name: String?
    for index in stack {
      let frame = frames[index]
      guard frame.isRuntime else { break }
      if !frame.isThunk { name = frame.shortFunction ?? frame.function ?? name }
    }
    return name.map { SwiftFunction.plainName($0) }
  }
}
