import CUnwind

/// Finds the tasks of the process and writes them (docs/swift-tasks.md).
///
/// Nobody is stopped for it. A task is read out of a copy of the memory around it, and what changes as it goes on
/// is looked at once more afterwards: where it changed meanwhile, the task is read anew.
@safe struct TaskCollection {
  private let home: Home
  private let memory: TaskMemory
  private let cache: BlockCache
  private let runtime: TaskRuntime
  private let runners: TaskRunners
  private var map: MemoryMap
  private var scan: TaskScan
  private var chain: AsyncChain
  private var stacks: StackTable
  private var executors: ExecutorTable
  private var batch: TaskBatch
  private(set) var summary: TaskSummary
  private let deadline: Int64
  private let isCrash: Bool
  private var walkTicks: UInt64 = 0

  /// How often a task is read before it counts as unstable.
  private static var attempts: Int { @_noLocks @inline(__always) get { 3 } }
  /// More bytes are not looked at, however much time there is.
  private static var byteLimit: UInt64 { @_noLocks @inline(__always) get { 64 &<< 30 } }
  private static var largeRange: UInt64 { @_noLocks @inline(__always) get { 4 &<< 30 } }
  private static var taskLimit: UInt64 { @_noLocks @inline(__always) get { 4_000_000 } }

  @_noLocks
  init(
    home: Home,
    arena: Arena,
    memory: TaskMemory,
    runtime: TaskRuntime,
    deadline: Int64,
    isCrash: Bool
  ) {
    unsafe self.home = unsafe home
    self.memory = memory
    cache = unsafe BlockCache(memory.blocks, catchesFaults: SignalRound.catchesFaults())
    self.runtime = runtime
    runners = unsafe TaskRunners(home, arena, memory)
    map = unsafe MemoryMap(memory, own: OwnMemory(home: home, arena: arena, memory))
    scan = TaskScan(memory)
    chain = unsafe AsyncChain(
      memory.frames,
      limit: min(Int(truncatingIfNeeded: home.pointee.settings.max_frames), TaskMemory.frameLimit)
    )
    stacks = unsafe StackTable(memory.stacks)
    executors = ExecutorTable(memory)
    batch = TaskBatch(memory)
    summary = unsafe TaskSummary(home, runtime)
    self.deadline = deadline
    self.isCrash = isCrash
  }

  /// Writes stacks, tasks and executors.
  @_noLocks
  mutating func write(to file: inout CaptureFile) {
    let begin = dc_clock(1)
    let beginTicks = dc_ticks()
    guard unsafe map.read(memory.chunk, TaskMemory.chunkSize) else {
      summary.reason = TaskReason.noMaps
      scan.close()
      return
    }
    runners.note(in: &executors)
    lookAtRanges(areLarge: false, &file)
    lookAtRanges(areLarge: true, &file)
    batch.flush(to: &file)
    executors.write(to: &file)
    scan.close()
    summary.take(map, scan, stacks: stacks.lastID, executors: executors.count)
    let time = dc_clock(1) &- begin
    summary.walkTime = Int64(
      truncatingIfNeeded: dc_scale(
        walkTicks,
        UInt64(truncatingIfNeeded: time),
        dc_ticks() &- beginTicks
      )
    )
    summary.scanTime = time &- summary.walkTime
  }

  /// Large ones come last: they may be address space that somebody has reserved, and take all the time.
  @_noLocks
  private mutating func lookAtRanges(areLarge: Bool, _ file: inout CaptureFile) {
    var index = 0
    while index < map.scannedCount {
      let range = map.scannedRange(index)
      index &+= 1
      guard (range.end &- range.start > Self.largeRange) == areLarge else { continue }
      if isOver { summary.lateBytes &+= range.end &- range.start } else { look(at: range, &file) }
    }
  }

  /// Time, bytes or tasks are used up, or somebody has crashed.
  private var isOver: Bool {
    @_noLocks get {
      unsafe dc_clock(1) >= deadline || scan.scannedBytes >= Self.byteLimit
        || summary.tasks >= Self.taskLimit || (!isCrash && CrashRecord.isWaiting(home))
    }
  }

  @_noLocks
  private mutating func look(at range: MemoryRange, _ file: inout CaptureFile) {
    var left = range
    while left.start < left.end {
      if isOver {
        summary.lateBytes &+= left.end &- left.start
        return
      }
      let piece = scan.firstPiece(of: left)
      let knowsPages = scan.readPages(of: piece)
      var address = piece.start
      while let part = scan.nextChunk(from: address, in: piece, knowsPages: knowsPages) {
        if isOver {
          summary.lateBytes &+= left.end &- part.start
          return
        }
        lookAtChunk(part, &file)
        address = part.end
      }
      left.start = piece.end
    }
  }

  @_noLocks
  private mutating func lookAtChunk(_ part: MemoryRange, _ file: inout CaptureFile) {
    let count = scan.copy(part)
    var offset = 0
    var isWarm = false
    while let found = scan.nextCandidate(
      from: offset,
      count: count,
      metadata: runtime.taskMetadata
    ) {
      let begin = dc_ticks()
      if !isWarm { cache.flush() }
      isWarm = true
      let copy = unsafe MemoryCopy(memory.chunk, start: part.start, count: count, cache: cache)
      lookAtCandidate(part.start &+ UInt64(truncatingIfNeeded: found), copy, &file)
      offset = found &+ 16
      walkTicks &+= dc_ticks() &- begin
      if summary.candidates & 63 == 0, isOver {
        summary.lateBytes &+= UInt64(truncatingIfNeeded: count &- offset)
        return
      }
    }
  }

  /// Reads a task until two looks at it agree.
  @_noLocks
  private mutating func lookAtCandidate(
    _ address: UInt64,
    _ copy: MemoryCopy,
    _ file: inout CaptureFile
  ) {
    summary.candidates &+= 1
    var copy = copy
    var attempt = 0
    while true {
      let task = TaskObject(at: address, in: copy, of: runtime)
      attempt &+= 1
      let isLast = attempt == Self.attempts
      if task.verdict == TaskVerdict.completed {
        summary.completed &+= 1
        return
      }
      // What it goes on with is code, however late it is; what is left of a freed one may have anything there.
      if task.verdict == TaskVerdict.task, map.isCode(task.resumeFunction) {
        chain.walk(task, copy, map, runtime)
        let isWhole = !task.isTorn && (chain.end == ChainEnd.outermost || isLast)
        let isStable = task.isUnchanged(cache)
        if isStable && isWhole || isLast {
          write(task, copy, isStable: isStable && !task.isTorn, to: &file)
          return
        }
      } else if isLast {
        summary.rejected &+= 1
        return
      }
      copy = freshCopy(around: address)
    }
  }

  /// The memory around a task as it is now.
  @_noLocks
  private func freshCopy(around address: UInt64) -> MemoryCopy {
    cache.flush()
    let count = unsafe dc_read_memory(address, memory.window, TaskMemory.windowSize)
    return unsafe MemoryCopy(memory.window, start: address, count: max(count, 0), cache: cache)
  }

  // MARK: Writing

  @_noLocks
  private mutating func write(
    _ task: TaskObject,
    _ copy: MemoryCopy,
    isStable: Bool,
    to file: inout CaptureFile
  ) {
    var stack: UInt32 = 0
    if chain.count > 0 || chain.end != ChainEnd.outermost {
      let (id, isNew) = stacks.intern(chain)
      stack = id
      if isNew { batch.add(chain, id: id, to: &file) }
    }
    if chain.end != ChainEnd.outermost { summary.partialStacks &+= 1 }
    let message = batch.beginTask(to: &file)
    batch.field(1, task.id)
    batch.field(2, task.address)
    batch.field(3, task.isRunning ? 2 : task.isEnqueued ? 1 : 0)
    summary.count(task)
    writeOrigin(task, copy)
    let priority = task.status & 0xff
    let basePriority = UInt64(task.flags &>> 8) & 0xff
    batch.field(5, priority)
    if basePriority != priority { batch.field(6, basePriority) }
    if task.status & TaskStatus.cancelled != 0 { batch.field(7, 1) }
    writeName(task)
    if !task.isRunning { writeWait(task, copy) }
    batch.field(15, UInt64(stack))
    if task.isRunning, let runner = runners.runner(of: task.id) {
      batch.field(14, UInt64(executors.intern(runner.executor, runner.implementation)))
      batch.field(16, UInt64(truncatingIfNeeded: Int64(runner.thread)))
    }
    if !isStable {
      summary.doubtful &+= 1
      batch.field(17, text: "it went on while it was read")
    }
    batch.endTask(message)
  }

  /// Kind, parent and group.
  @_noLocks
  private mutating func writeOrigin(_ task: TaskObject, _ copy: MemoryCopy) {
    guard task.flags & TaskFlag.child != 0 else { return }
    let isGroupChild = task.flags & TaskFlag.groupChild != 0
    let isAsyncLet = task.flags & TaskFlag.asyncLet != 0
    batch.field(4, isGroupChild ? 1 : isAsyncLet ? 2 : 3)
    if let parent = copy.word(at: task.address &+ TaskLayout.parent) {
      batch.field(8, id(of: parent, copy))
    }
    if isGroupChild, let group = copy.word(at: task.address &+ TaskLayout.group) {
      batch.field(9, group)
    }
  }

  /// The id of another task, 0 where there is none at that address.
  @_noLocks
  private func id(of address: UInt64, _ copy: MemoryCopy) -> UInt64 {
    guard copy.word(at: address) == runtime.taskMetadata,
      let low = copy.half(at: address &+ TaskLayout.lowID),
      let high = copy.half(at: address &+ TaskLayout.highID)
    else { return 0 }
    return UInt64(high) &<< 32 | UInt64(low)
  }

  @_noLocks
  private mutating func writeWait(_ task: TaskObject, _ copy: MemoryCopy) {
    batch.field(11, UInt64(task.wait))
    if task.wait == TaskWait.task {
      let id = id(of: task.target, copy)
      batch.field(12, id)
      if id == 0 { batch.field(18, task.target) }
    } else if task.wait == TaskWait.group {
      batch.field(13, task.target)
    } else if task.wait == TaskWait.executor {
      let id = executors.intern(task.target, task.implementation)
      batch.field(14, UInt64(id))
      if id == 0 { batch.field(18, task.target) }
    }
  }

  @_noLocks
  private mutating func writeName(_ task: TaskObject) {
    guard task.name != 0 else { return }
    let text = unsafe memory.name
    let count = unsafe dc_read_memory(task.name, text, TaskMemory.nameLimit)
    var length = 0
    while length < count, unsafe text[length] != 0 { length &+= 1 }
    if length > 0 { unsafe batch.field(10, text: text, count: length) }
  }
}
