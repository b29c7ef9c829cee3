import CUnwind

/// An actor or executor that a task waits for or a thread ran on.
struct TaskExecutor {
  var address: UInt64
  var implementation: UInt64
  var holderTask: UInt64
  var holderThread: Int32

  @_noLocks
  init(address: UInt64, implementation: UInt64) {
    self.address = address
    self.implementation = implementation
    holderTask = 0
    holderThread = 0
  }
}

/// Which executors there are, by address; their ids are 1 and up.
@safe struct ExecutorTable {
  private let slots: UnsafeMutablePointer<UInt64>
  private let executors: UnsafeMutablePointer<TaskExecutor>
  private(set) var count = 0

  @_noLocks
  init(_ memory: TaskMemory) {
    unsafe slots = unsafe memory.executorSlots
    unsafe executors = unsafe memory.executors
  }

  /// The id of an executor; 0 for the global one and where there is no more room.
  @_noLocks
  mutating func intern(_ address: UInt64, _ implementation: UInt64) -> UInt32 {
    guard address != 0 else { return 0 }
    let mask = TaskMemory.executorLimit &* 2 &- 1
    let hash = (address &>> 4) &* 0x9e37_79b9_7f4a_7c15
    var slot = Int(truncatingIfNeeded: hash &>> 40) & mask
    while unsafe slots[slot] != 0 {
      let id = unsafe slots[slot]
      if unsafe executors[Int(truncatingIfNeeded: id) &- 1].address == address {
        return UInt32(truncatingIfNeeded: id)
      }
      slot = (slot &+ 1) & mask
    }
    guard count < TaskMemory.executorLimit else { return 0 }
    unsafe executors[count] = TaskExecutor(address: address, implementation: implementation)
    count &+= 1
    unsafe slots[slot] = UInt64(truncatingIfNeeded: count)
    return UInt32(truncatingIfNeeded: count)
  }

  /// Notes who ran on it.
  @_noLocks
  func setHolder(_ id: UInt32, thread: Int32, task: UInt64) {
    guard id > 0 else { return }
    unsafe executors[Int(id) &- 1].holderThread = thread
    unsafe executors[Int(id) &- 1].holderTask = task
  }

  @_noLocks
  func write(to file: inout CaptureFile) {
    var index = 0
    while index < count {
      var record = file.beginRecord(room: 65_536)
      let end = min(index &+ 256, count)
      while index < end {
        let message = record.beginMessage(1)
        unsafe write(executors[index], id: index &+ 1, to: &record)
        record.endMessage(message)
        index &+= 1
      }
      file.endRecord(RecordKind.executors, record)
    }
  }

  @_noLocks
  private func write(_ executor: TaskExecutor, id: Int, to record: inout ProtobufWriter) {
    let type = ExecutorType(executor)
    record.field(1, varint: UInt64(truncatingIfNeeded: id))
    record.field(2, fixed64: executor.address)
    record.field(3, fixed64: type.metadata)
    record.field(4, varint: type.kind)
    record.field(5, fixed64: executor.implementation & ~7)
    record.field(6, signed: Int64(executor.holderThread))
    record.field(7, varint: executor.holderTask)
    type.writeName(8, &record)
  }
}

/// The class of an executor, read from its object.
@safe struct ExecutorType {
  private(set) var metadata: UInt64 = 0
  private(set) var kind: UInt64 = 0
  private var name: UInt64 = 0

  /// In the metadata of a class: its kind, 0; and its descriptor, in which the name is at 8 (docs/ABI, Type Metadata).
  private static var descriptor: UInt64 { @_noLocks @inline(__always) get { 40 } }
  private static var nameLimit: Int { @_noLocks @inline(__always) get { 128 } }

  @_noLocks
  init(_ executor: TaskExecutor) {
    kind = executor.implementation == 0 ? 1 : 0
    metadata = Self.word(at: executor.address)
    guard metadata != 0, Self.word(at: metadata) == 0 else { return }
    let descriptor = Self.word(at: metadata &+ Self.descriptor)
    // Context descriptor kind 16: a class.
    guard descriptor != 0, Self.word(at: descriptor) & 0x1f == 16 else { return }
    let distance = Int32(truncatingIfNeeded: Self.word(at: descriptor &+ 8))
    name = descriptor &+ 8 &+ UInt64(bitPattern: Int64(distance))
    if kind == 0, isNamed("DispatchMainExecutor") || isNamed("CFMainExecutor") { kind = 2 }
  }

  @_noLocks
  private static func word(at address: UInt64) -> UInt64 {
    var value: UInt64 = 0
    return unsafe dc_read_memory(address, &value, 8) == 8 ? value : 0
  }

  @_noLocks
  private func isNamed(_ text: StaticString) -> Bool {
    var index = 0
    while index < text.utf8CodeUnitCount {
      let byte = UInt8(truncatingIfNeeded: Self.word(at: name &+ UInt64(truncatingIfNeeded: index)))
      if unsafe byte != text.utf8Start[index] { return false }
      index &+= 1
    }
    return true
  }

  /// Writes the name, where it looks like one.
  @_noLocks
  func writeName(_ field: Int, _ record: inout ProtobufWriter) {
    guard name != 0 else { return }
    var bytes:
      (
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
        UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64
      ) = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    let count = unsafe dc_read_memory(name, &bytes, Self.nameLimit)
    guard count > 0 else { return }
    unsafe Self.writeText(field, &bytes, count, &record)
  }

  @_noLocks
  private static func writeText(
    _ field: Int,
    _ bytes: UnsafeMutableRawPointer,
    _ count: Int,
    _ record: inout ProtobufWriter
  ) {
    let text = unsafe bytes.assumingMemoryBound(to: UInt8.self)
    var length = 0
    while length < count, unsafe text[length] != 0 {
      if unsafe text[length] < 0x20 { return }
      length &+= 1
    }
    if length < count { unsafe record.field(field, text: text, count: length) }
  }
}
