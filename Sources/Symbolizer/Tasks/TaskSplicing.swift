import Report

extension DumpReport {
  /// Puts the machine frames of their threads before the asynchronous frames of running tasks.
  ///
  /// Down to the runtime's function that runs a task: what lies below it is the thread's own. Where that function is
  /// not among the thread's frames, the task keeps its asynchronous frames alone, and says so.
  mutating func spliceRunningTasks() {
    var threadOfID: [Int32: Int] = [:]
    for (index, thread) in threads.enumerated() { threadOfID[thread.threadID] = index }
    let isBoundary = frames.map(Self.isBoundary)
    var numbers: [[Int]: Int] = [:]
    for (index, stack) in stacks.enumerated() { numbers[stack] = index }
    for index in tasks.indices where tasks[index].state == .running {
      guard let id = tasks[index].threadID, let thread = threadOfID[id],
        let machine = threads[thread].stack
      else { continue }
      guard let end = stacks[machine].firstIndex(where: { isBoundary[$0] }) else {
        tasks[index].doubt =
          tasks[index].doubt ?? "its thread's frames do not show where the task begins"
        continue
      }
      let spliced = stacks[machine][..<end] + (tasks[index].stack.map { stacks[$0] } ?? [])
      guard !spliced.isEmpty else { continue }
      let number = numbers[Array(spliced)] ?? stacks.count
      if number == stacks.count {
        numbers[Array(spliced)] = number
        stacks.append(Array(spliced))
      }
      tasks[index].stack = number
    }
  }

  /// A function in which the runtime runs a job, innermost of them first to be met.
  private static func isBoundary(_ frame: Frame) -> Bool {
    guard let function = frame.function else { return false }
    return function.contains("runJobInEstablishedExecutorContext") || function == "swift_job_run"
      || function.hasPrefix("swift_job_run_on_")
  }
}
