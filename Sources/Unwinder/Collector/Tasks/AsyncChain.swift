import CUnwind

/// How an asynchronous stack ended.
enum ChainEnd {
  static var outermost: UInt8 { @_noLocks @inline(__always) get { 0 } }
  static var frameLimit: UInt8 { @_noLocks @inline(__always) get { 1 } }
  static var unreadable: UInt8 { @_noLocks @inline(__always) get { 2 } }
  static var noCode: UInt8 { @_noLocks @inline(__always) get { 3 } }
  static var elsewhere: UInt8 { @_noLocks @inline(__always) get { 4 } }
  static var noContext: UInt8 { @_noLocks @inline(__always) get { 5 } }

  @_noLocks
  static func write(_ end: UInt8, _ field: Int, _ record: inout ProtobufWriter) {
    if end == frameLimit { record.field(field, text: "more frames than max-frames") }
    if end == unreadable { record.field(field, text: "a context could not be read") }
    if end == noCode { record.field(field, text: "a context's function is no code") }
    if end == elsewhere { record.field(field, text: "the outermost context is not the task's") }
    if end == noContext { record.field(field, text: "running: no context of its was found") }
  }
}

/// The asynchronous stack of one task, innermost first: entries of the functions that go on.
///
/// A context is {the caller's context, where the caller goes on}. The outermost one lies in the task itself;
/// what goes on there is the runtime's, and left out.
@safe struct AsyncChain {
  private let frames: UnsafeMutablePointer<UInt64>
  private let limit: Int
  private(set) var count = 0
  private(set) var end = ChainEnd.outermost

  /// Allocations of a running task that are looked at for its newest context.
  private static var allocationLimit: Int { @_noLocks @inline(__always) get { 64 } }

  @_noLocks
  init(_ frames: UnsafeMutablePointer<UInt64>, limit: Int) {
    unsafe self.frames = unsafe frames
    self.limit = limit
  }

  var addresses: UnsafeMutablePointer<UInt64> { @_noLocks get { unsafe frames } }

  @_noLocks
  mutating func walk(
    _ task: TaskObject,
    _ memory: MemoryCopy,
    _ map: MemoryMap,
    _ runtime: TaskRuntime
  ) {
    count = 0
    end = ChainEnd.outermost
    if task.isRunning {
      walkRunning(task, memory, map)
    } else if runtime.isUnstarted(task.resumeFunction), task.reaches(task.resumeContext) {
      appendStart(task.resumeContext, memory, map)
    } else {
      // The context of a continuation is one of its own, and says once more where its owner goes on.
      if memory.word(at: task.resumeContext &+ 8) != task.resumeFunction {
        append(task.resumeFunction)
      }
      follow(task.resumeContext, task, memory, map)
    }
  }

  @_noLocks @inline(__always)
  private mutating func append(_ address: UInt64) {
    unsafe frames[count] = address
    count &+= 1
  }

  /// The callers of the function whose context this is.
  @_noLocks
  private mutating func follow(
    _ innermost: UInt64,
    _ task: TaskObject,
    _ memory: MemoryCopy,
    _ map: MemoryMap
  ) {
    var context = innermost
    while true {
      guard let parent = memory.word(at: context), let function = memory.word(at: context &+ 8)
      else {
        end = ChainEnd.unreadable
        return
      }
      guard map.isCode(function) else {
        end = ChainEnd.noCode
        return
      }
      if parent == 0 {
        if !task.reaches(context) { end = ChainEnd.elsewhere }
        return
      }
      guard count < limit else {
        end = ChainEnd.frameLimit
        return
      }
      append(function)
      context = parent
    }
  }

  /// Walks from the newest allocation from which the way leads to the outermost context.
  ///
  /// What a running task was resumed with is of no use any more.
  @_noLocks
  private mutating func walkRunning(_ task: TaskObject, _ memory: MemoryCopy, _ map: MemoryMap) {
    var allocation = task.lastAllocation
    var looked = 0
    while allocation != 0, looked < Self.allocationLimit {
      count = 0
      end = ChainEnd.outermost
      follow(allocation &+ TaskLayout.allocationHead, task, memory, map)
      if end == ChainEnd.outermost || end == ChainEnd.frameLimit { return }
      guard let previous = memory.word(at: allocation) else { break }
      allocation = previous
      looked &+= 1
    }
    count = 0
    end = ChainEnd.noContext
  }

  /// A task that was never started: the function that it begins with lies before its outermost context,
  /// and where that is a thunk, what the thunk calls lies in its closure.
  @_noLocks
  private mutating func appendStart(_ context: UInt64, _ memory: MemoryCopy, _ map: MemoryMap) {
    guard let entry = memory.word(at: context &- 24), map.isCode(entry) else {
      end = ChainEnd.noCode
      return
    }
    if let closure = memory.word(at: context &- 16), closure != 0 {
      // Behind the closure's head, and behind the type that a generic thunk keeps first.
      let function = function(memory.word(at: closure &+ 16), memory, map)
      if let function = function ?? self.function(memory.word(at: closure &+ 24), memory, map) {
        append(function)
      }
    }
    append(entry)
  }

  /// The function that an async function pointer names: {distance from here, size of its context}.
  @_noLocks
  private func function(_ pointer: UInt64?, _ memory: MemoryCopy, _ map: MemoryMap) -> UInt64? {
    guard let pointer, pointer != 0, pointer & 3 == 0, let distance = memory.half(at: pointer),
      let size = memory.half(at: pointer &+ 4), distance != 0, size >= 16, size < 1 &<< 20
    else { return nil }
    let function = pointer &+ UInt64(bitPattern: Int64(Int32(bitPattern: distance)))
    return map.isCode(function) ? function : nil
  }
}
