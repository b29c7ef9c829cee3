/// What a record's payload is; the numbers stand beside the messages of capture.proto.
package struct RecordKind: RawRepresentable, Hashable, Sendable {
  package var rawValue: UInt16

  package init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  package static let header = RecordKind(rawValue: 1)
  package static let process = RecordKind(rawValue: 2)
  package static let module = RecordKind(rawValue: 3)
  package static let thread = RecordKind(rawValue: 4)
  package static let vitals = RecordKind(rawValue: 5)
  package static let descriptors = RecordKind(rawValue: 6)
  package static let environment = RecordKind(rawValue: 7)
  package static let notes = RecordKind(rawValue: 8)
  package static let taskStacks = RecordKind(rawValue: 9)
  package static let tasks = RecordKind(rawValue: 10)
  package static let executors = RecordKind(rawValue: 11)
  package static let taskSummary = RecordKind(rawValue: 12)
  package static let awaitedDescriptors = RecordKind(rawValue: 13)
  package static let end = RecordKind(rawValue: 255)
}

extension RecordKind: CustomStringConvertible {
  /// The kind's name, or its number when this reader does not know it.
  package var description: String {
    switch self {
    case .header: "header"
    case .process: "process"
    case .module: "module"
    case .thread: "thread"
    case .vitals: "vitals"
    case .descriptors: "descriptors"
    case .environment: "environment"
    case .notes: "notes"
    case .taskStacks: "task stacks"
    case .tasks: "tasks"
    case .executors: "executors"
    case .taskSummary: "task summary"
    case .awaitedDescriptors: "awaited descriptors"
    case .end: "end"
    default: "kind \(rawValue)"
    }
  }
}
