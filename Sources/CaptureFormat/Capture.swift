/// What a capture file holds, as far as it is whole.
///
/// Everything a damaged file still has is here, and what it lacks stands in `damage`: nothing is made up.
package struct Capture: Sendable {
  /// Version of the file header; nil when the header itself is damaged.
  package var version: UInt16?
  package var header: WireHeader?
  package var process: WireProcess?
  /// In the order of the file, which is ascending by address.
  package var modules: [WireModule] = []
  /// In the order of the file, which is the kernel's.
  package var threads: [WireThread] = []
  /// Memory, limits, control group.
  package var vitals: WireVitals?
  /// Open descriptors and TCP connections.
  package var descriptors: WireDescriptors?
  package var environment: WireEnvironment?
  /// Lines that the service gave.
  package var notes: WireNotes?
  /// Asynchronous stacks of tasks, by their ids in no order.
  package var taskStacks: [WireTaskStack] = []
  /// Swift tasks that had not completed, in no order.
  package var tasks: [WireTask] = []
  /// Actors and executors, by their ids in no order.
  package var executors: [WireExecutor] = []
  /// Whether tasks were looked for; nil in files of handlers that knew none.
  package var taskSummary: WireTaskSummary?
  /// Descriptors that threads wait for.
  package var awaitedDescriptors: WireAwaitedDescriptors?
  /// Present when the file was written to its end.
  package var end: WireEnd?
  /// Whole records before the end record, of whatever kind.
  package var recordCount = 0
  /// Whole records of kinds that this reader does not know, by kind; they are no damage.
  package var unknownKinds: [RecordKind: Int] = [:]
  /// What is broken or missing, ascending by offset; what is missing altogether comes last.
  package var damage: [CaptureDamage] = []

  package init() {}

  /// The writer finished, and every byte it wrote is there.
  package var isComplete: Bool { damage.isEmpty }

  /// Threads that the process had, or nil when neither the end record nor the process record is there.
  package var expectedThreadCount: Int? {
    if let end {
      // Four 32-bit counts: their sum fits.
      return Int(end.threadsCaptured) + Int(end.threadsQuiet)
        + Int(end.threadsSilent) + Int(end.threadsExited)
    }
    guard let process, process.threadCount > 0 else { return nil }
    return Int(process.threadCount)
  }

  /// Threads whose records are lost, as far as that is known.
  package var lostThreadCount: Int { max(0, (expectedThreadCount ?? 0) - threads.count) }
}
