import CUnwind

/// What a place that begins as a task does turned out to be.
enum TaskVerdict {
  static var task: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var completed: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var rejected: UInt8 { @_noLocks @inline(__always) get { 2 } }
}

/// Values of Task.Wait in capture.proto.
enum TaskWait {
  static var unknown: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var continuation: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var task: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var group: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var executor: UInt8 { @_noLocks @inline(__always) get { 4 } }
}

/// The fields of one task.
///
/// A freed task keeps its first word, and so do copies of it: what is taken for a task has the fields of one
/// that do not change while it lives, and a slab to allocate from.
struct TaskObject {
  let address: UInt64
  private(set) var verdict = TaskVerdict.rejected
  private(set) var flags: UInt32 = 0
  private(set) var id: UInt64 = 0
  private(set) var status: UInt64 = 0
  private(set) var resumeFunction: UInt64 = 0
  private(set) var resumeContext: UInt64 = 0
  private(set) var innermostRecord: UInt64 = 0
  private(set) var lastAllocation: UInt64 = 0
  private(set) var wait = TaskWait.unknown
  /// What it waits for: a task, a group, an executor, by address.
  private(set) var target: UInt64 = 0
  private(set) var implementation: UInt64 = 0
  /// Address of the name's first byte.
  private(set) var name: UInt64 = 0
  /// What it waits for contradicts itself: it changed while it was read.
  private(set) var isTorn = false

  private static var recordLimit: Int { @_noLocks @inline(__always) get { 256 } }

  @_noLocks
  init(at address: UInt64, in memory: MemoryCopy, of runtime: TaskRuntime) {
    self.address = address
    guard memory.word(at: address) == runtime.taskMetadata,
      let references = memory.word(at: address &+ TaskLayout.references),
      let flags = memory.half(at: address &+ TaskLayout.flags),
      let low = memory.half(at: address &+ TaskLayout.lowID),
      let high = memory.half(at: address &+ TaskLayout.highID),
      let function = memory.word(at: address &+ TaskLayout.resumeFunction),
      let context = memory.word(at: address &+ TaskLayout.resumeContext),
      let status = memory.word(at: address &+ TaskLayout.status),
      let record = memory.word(at: address &+ TaskLayout.innermostRecord),
      let allocation = memory.word(at: address &+ TaskLayout.lastAllocation),
      let slab = memory.word(at: address &+ TaskLayout.firstSlab)
    else { return }
    self.flags = flags
    id = UInt64(high) &<< 32 | UInt64(low)
    self.status = status
    resumeFunction = function
    resumeContext = context
    innermostRecord = record
    lastAllocation = allocation
    guard flags & TaskFlag.kindAndUnused == 0, id != 0, status & TaskStatus.unknown == 0 else {
      return
    }
    // Bit 32 of the reference counts, where they are not in a table of their own: it is being destroyed.
    let isDying = references &>> 63 == 0 && references &>> 32 & 1 != 0
    if isDying || status & TaskStatus.complete != 0 {
      verdict = TaskVerdict.completed
      return
    }
    guard ownsSlab(slab, memory, runtime) else { return }
    verdict = TaskVerdict.task
    readRecords(memory)
  }

  /// Whether an address lies where a task keeps its outermost context.
  @_noLocks @inline(__always)
  func reaches(_ place: UInt64) -> Bool {
    place &- address &- TaskLayout.size < TaskLayout.reach &- TaskLayout.size
  }

  @_noLocks
  private func ownsSlab(_ slab: UInt64, _ memory: MemoryCopy, _ runtime: TaskRuntime) -> Bool {
    // Without a slab nothing was allocated yet: the outermost context is there all the same.
    if slab == 0 { return reaches(resumeContext) }
    return slab & 15 == 0 && memory.word(at: slab) == runtime.slabMetadata
  }

  var isRunning: Bool {
    @_noLocks @inline(__always) get { status & TaskStatus.running != 0 }
  }
  var isEnqueued: Bool {
    @_noLocks @inline(__always) get { !isRunning && status & TaskStatus.enqueued != 0 }
  }

  /// The records of its status, innermost first: what it waits for, and last its name.
  @_noLocks
  private mutating func readRecords(_ memory: MemoryCopy) {
    var record = innermostRecord
    var count = 0
    while record != 0, count < Self.recordLimit {
      guard let head = memory.word(at: record), let next = memory.word(at: record &+ 8) else {
        isTorn = true
        return
      }
      let kind = head & 0xff
      if kind == StatusRecord.dependency, count == 0, status & TaskStatus.hasDependency != 0 {
        readDependency(record, memory)
      } else if kind == StatusRecord.name {
        name = memory.word(at: record &+ StatusRecord.payload) ?? 0
        return
      }
      record = next
      count &+= 1
    }
    if status & TaskStatus.hasDependency != 0, wait == TaskWait.unknown { isTorn = true }
  }

  @_noLocks
  private mutating func readDependency(_ record: UInt64, _ memory: MemoryCopy) {
    guard let target = memory.word(at: record &+ StatusRecord.payload),
      let implementation = memory.word(at: record &+ StatusRecord.implementation),
      let kind = memory.half(at: record &+ StatusRecord.dependencyKind),
      memory.word(at: record &+ StatusRecord.waitingTask) == address, kind >= 1, kind <= 4
    else {
      isTorn = true
      return
    }
    self.target = target
    if kind == 1 { wait = TaskWait.task }
    if kind == 2 { wait = TaskWait.continuation }
    if kind == 3 { wait = TaskWait.group }
    if kind == 4 {
      wait = TaskWait.executor
      self.implementation = implementation
    }
  }

  /// Whether the fields that change as it goes on are now what they were.
  @_noLocks
  func isUnchanged(_ cache: BlockCache) -> Bool {
    // From the resume function to the last allocation.
    var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) =
      (0, 0, 0, 0, 0, 0, 0, 0)
    guard unsafe cache.read(address &+ TaskLayout.resumeFunction, into: &words, count: 64) else {
      return false
    }
    return words.0 == resumeFunction && words.1 == resumeContext && words.5 == status
      && words.6 == innermostRecord && words.7 == lastAllocation
  }
}
