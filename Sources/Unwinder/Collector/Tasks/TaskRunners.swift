import CUnwind

/// The task and the executor that a thread ran.
enum NotedTask {
  /// What the thread noted in its handler; a thread that crashed stands still, and is asked now.
  @_noLocks
  static func find(
    _ thread: UnsafeMutablePointer<dc_thread>,
    home: Home,
    arena: Arena
  ) -> dc_noted_task {
    if unsafe thread.pointee.reason == ThreadReason.crashed {
      guard let crash = unsafe home.pointee.crash, unsafe home.pointee.tasks.notes_tasks != 0 else {
        return dc_noted_task()
      }
      return unsafe read(dc_crash_crasher(crash, thread.pointee.slot).pointee.thread_pointer, home)
    }
    guard unsafe thread.pointee.status == ThreadStatus.captured,
      let slots = unsafe arena.pointee.slots
    else { return dc_noted_task() }
    return unsafe slots[Int(truncatingIfNeeded: thread.pointee.slot)].noted
  }

  @_noLocks
  private static func read(_ pointer: UInt64, _ home: Home) -> dc_noted_task {
    var noted = dc_noted_task()
    let task = unsafe word(at: pointer &+ UInt64(bitPattern: home.pointee.tasks.task))
    if task != 0 {
      let low = word(at: task &+ TaskLayout.flags) &>> 32
      noted.id = word(at: task &+ TaskLayout.highID) &<< 32 | low
    }
    let executor = unsafe word(at: pointer &+ UInt64(bitPattern: home.pointee.tasks.executor))
    if executor != 0 {
      noted.executor = word(at: executor)
      noted.implementation = word(at: executor &+ 8)
    }
    return noted
  }

  @_noLocks
  private static func word(at address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    return unsafe dc_read_memory(address, &value, 8) == 8 ? value : 0
  }
}

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
  init(_ home: Home, _ arena: Arena, _ memory: TaskMemory) {
    unsafe runners = unsafe memory.runners
    guard let threads = unsafe arena.pointee.threads else { return }
    var index = 0
    while unsafe index < Int(truncatingIfNeeded: arena.pointee.thread_count),
      count < TaskMemory.runnerLimit
    {
      let thread = unsafe threads + index
      index &+= 1
      let noted = unsafe NotedTask.find(thread, home: home, arena: arena)
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
