package import Report

/// What of a report is shown, and how it is put together; each form takes of it what it can.
package struct ReportView: Sendable {
  /// What to do with groups of threads that wait for work.
  package enum IdleGroups: String, Sendable, CaseIterable {
    /// A line each, behind the others.
    case sink
    /// As all others.
    case show
    /// Not at all; how many there are is said.
    case hide
  }

  /// Which stacks are one group.
  package var likeness = StackLikeness.identical
  /// What to do with idle threads.
  package var idle = IdleGroups.sink

  /// Identical stacks are grouped, and idle threads sink below.
  package init() {}
}
