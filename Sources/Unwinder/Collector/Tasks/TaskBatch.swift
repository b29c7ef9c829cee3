import CUnwind

/// Tasks and stacks that are gathered until there are enough for a record of each.
@safe struct TaskBatch {
  private var tasks: ProtobufWriter
  private var stacks: ProtobufWriter
  private let memory: TaskMemory
  private var taskCount = 0

  private static var taskLimit: Int { @_noLocks @inline(__always) get { 400 } }
  /// A task with the longest name, and a doubt.
  private static var taskRoom: Int { @_noLocks @inline(__always) get { 1536 } }

  @_noLocks
  init(_ memory: TaskMemory) {
    self.memory = memory
    tasks = unsafe ProtobufWriter(memory.taskBatch, capacity: TaskMemory.batchSize)
    stacks = unsafe ProtobufWriter(memory.stackBatch, capacity: TaskMemory.stackBatchSize)
  }

  @_noLocks
  mutating func add(_ chain: AsyncChain, id: UInt32, to file: inout CaptureFile) {
    if stacks.capacity &- stacks.count < chain.count &* 8 &+ 512 { flush(to: &file) }
    let message = stacks.beginMessage(1)
    stacks.field(1, varint: UInt64(id))
    unsafe stacks.field(2, packed: chain.addresses, count: chain.count)
    ChainEnd.write(chain.end, 3, &stacks)
    stacks.endMessage(message)
  }

  /// Begins a task's message; hand the result to `endTask`.
  @_noLocks
  mutating func beginTask(to file: inout CaptureFile) -> Int {
    if taskCount >= Self.taskLimit || tasks.capacity &- tasks.count < Self.taskRoom {
      flush(to: &file)
    }
    taskCount &+= 1
    return tasks.beginMessage(1)
  }

  @_noLocks
  mutating func field(_ number: Int, _ value: UInt64) { tasks.field(number, varint: value) }

  @_noLocks @inline(__always)
  mutating func field(_ number: Int, text: StaticString) { tasks.field(number, text: text) }

  @_noLocks
  mutating func field(_ number: Int, text: UnsafePointer<UInt8>, count: Int) {
    unsafe tasks.field(number, text: text, count: count)
  }

  @_noLocks
  mutating func endTask(_ message: Int) { tasks.endMessage(message) }

  /// Writes what is gathered: the stacks stand before the tasks that have them.
  @_noLocks
  mutating func flush(to file: inout CaptureFile) {
    Self.write(stacks, RecordKind.taskStacks, to: &file)
    Self.write(tasks, RecordKind.tasks, to: &file)
    taskCount = 0
    tasks = unsafe ProtobufWriter(memory.taskBatch, capacity: TaskMemory.batchSize)
    stacks = unsafe ProtobufWriter(memory.stackBatch, capacity: TaskMemory.stackBatchSize)
  }

  @_noLocks
  private static func write(
    _ payload: ProtobufWriter,
    _ kind: UInt16,
    to file: inout CaptureFile
  ) {
    guard payload.count > 0 else { return }
    var record = file.beginRecord(room: payload.count &+ 64)
    unsafe record.copy(payload.start, count: payload.count)
    file.endRecord(kind, record)
  }
}
