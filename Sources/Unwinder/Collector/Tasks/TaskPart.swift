import CUnwind

/// The part of a capture that is about Swift tasks.
///
/// Where the process has no Swift concurrency it is one small record. A fault in it costs the tasks not yet written.
@safe struct TaskPart {
  let home: Home
  let arena: Arena
  let isCrash: Bool

  /// Time that is left for what follows, and least time of this part in a live capture that is late.
  private static var reserve: Int64 { @_noLocks @inline(__always) get { 100_000_000 } }

  @_noLocks
  init(home: Home, arena: Arena, isCrash: Bool) {
    unsafe self.home = unsafe home
    unsafe self.arena = unsafe arena
    self.isCrash = isCrash
  }

  /// Whether tasks of the runtime as it is can be decoded.
  @_noLocks
  static func canDecode(_ home: Home) -> Bool {
    unsafe home.pointee.settings.tasks != 0 && home.pointee.tasks.task_metadata != 0
      && TaskRuntime(home).reason == TaskReason.none
  }

  /// `deadline` is the capture's.
  @_noLocks
  func write(to file: UnsafeMutablePointer<CaptureFile>, deadline: Int64) {
    let runtime = unsafe TaskRuntime(home)
    var summary = unsafe TaskSummary(home, runtime)
    guard unsafe home.pointee.tasks.task_metadata != 0 else {
      unsafe summary.write(to: &file.pointee)
      return
    }
    if unsafe home.pointee.settings.tasks == 0 { summary.reason = TaskReason.switchedOff }
    guard summary.reason == TaskReason.none else {
      unsafe summary.write(to: &file.pointee)
      return
    }
    guard let memory = TaskMemory() else {
      summary.reason = TaskReason.noMemory
      unsafe summary.write(to: &file.pointee)
      return
    }
    let now = dc_clock(1)
    let last = isCrash ? deadline : max(deadline &- Self.reserve, now &+ Self.reserve)
    let collection = unsafe TaskCollection(
      home: home,
      arena: arena,
      memory: memory,
      runtime: runtime,
      deadline: last,
      isCrash: isCrash
    )
    var attempt = unsafe TaskAttempt(collection, file)
    let isBroken = unsafe dc_recover(dc_arena_recovery(arena), runTasks, &attempt) != 0
    summary = attempt.collection.summary
    if isBroken { summary.reason = TaskReason.fault }
    memory.release()
    unsafe summary.write(to: &file.pointee)
  }
}

@safe private struct TaskAttempt {
  var collection: TaskCollection
  let file: UnsafeMutablePointer<CaptureFile>

  @_noLocks
  init(_ collection: TaskCollection, _ file: UnsafeMutablePointer<CaptureFile>) {
    self.collection = collection
    unsafe self.file = unsafe file
  }
}

@_noLocks @c(dc_run_tasks)
private func runTasks(_ argument: UnsafeMutableRawPointer?) {
  guard let attempt = unsafe argument?.assumingMemoryBound(to: TaskAttempt.self) else { return }
  unsafe attempt.pointee.collection.write(to: &attempt.pointee.file.pointee)
}
