import CUnwind

/// What a thread noted of the task that it ran when it was signalled.
struct TaskRunner {
  var task: UInt64
  var executor: UInt64
  var implementation: UInt64
  var thread: Int32

  @_noLocks
  init(_ noted: dc_noted_task, thread: Int32) {
    task = noted.id
    executor = noted.executor
    implementation = noted.implementation
    self.thread = thread
  }
}

/// The threads that ran tasks.
@safe struct TaskRunners {
  private let runners: UnsafeMutablePointer<TaskRunner>
  private var count = 0

  @_noLocks
  init(_ arena: Arena, _ memory: TaskMemory) {
    unsafe runners = unsafe memory.runners
    guard let threads = unsafe arena.pointee.threads, let slots = unsafe arena.pointee.slots else {
      return
    }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count),
      count < TaskMemory.runnerLimit
    {
      let thread = unsafe threads + index
      index &+= 1
      guard unsafe thread.pointee.status == ThreadStatus.captured,
        unsafe thread.pointee.reason != ThreadReason.crashed
      else { continue }
      let noted = unsafe slots[Int(truncatingIfNeeded: thread.pointee.slot)].noted
      guard noted.id != 0 || noted.executor != 0 else { continue }
      unsafe runners[count] = unsafe TaskRunner(noted, thread: thread.pointee.tid)
      count &+= 1
    }
  }

  /// Gives the executors that threads ran on their holders.
  @_noLocks
  func note(in executors: inout ExecutorTable) {
    var index = 0
    while index < count {
      let runner = unsafe runners[index]
      index &+= 1
      let id = executors.intern(runner.executor, runner.implementation)
      executors.setHolder(id, thread: runner.thread, task: runner.task)
    }
  }

  @_noLocks
  func runner(of task: UInt64) -> TaskRunner? {
    var index = 0
    while index < count {
      if unsafe runners[index].task == task { return unsafe runners[index] }
      index &+= 1
    }
    return nil
  }
}
