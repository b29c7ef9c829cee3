package import Report

/// One capture of a process that is watched.
package struct WatchedCapture: Sendable {
  /// The process as this machine sees it.
  package var processID: Int32
  /// Its name.
  package var name: String
  /// Where the capture is; nil when it was removed, because it shows nothing new.
  package var path: String?
  /// It shows something that those before do not.
  package var isNotable: Bool
  /// Findings that the capture before did not have.
  package var newFindings: [Finding]

  /// A capture.
  package init(
    processID: Int32,
    name: String,
    path: String?,
    isNotable: Bool,
    newFindings: [Finding]
  ) {
    self.processID = processID
    self.name = name
    self.path = path
    self.isNotable = isNotable
    self.newFindings = newFindings
  }
}

/// What a process was like while it was watched.
package struct WatchSummary: Sendable {
  /// Why the watch ended.
  package enum End: String, Sendable {
    /// As many captures were made as were asked for.
    case count
    /// It grew beyond the limit.
    case limit
    /// A signal ended the watch.
    case signal
    /// The process ended.
    case processEnded = "process-ended"
    /// Another process that was watched crossed the limit.
    case other
  }

  /// The process as this machine sees it.
  package var processID: Int32
  /// Its name.
  package var name: String
  /// Why the watch ended.
  package var end: End
  /// What is beyond the limit.
  package var crossed: [GrowthHistory.Subject]
  /// Captures that could not be made.
  package var failureCount: Int
  /// Captures that are still there, as far as they are this watch's own, the oldest first.
  package var keptPaths: [String]
  /// Processor time that the watch itself used, for all processes.
  package var ownProcessorTime: Duration

  /// A watch that was ended.
  package init(
    processID: Int32,
    name: String,
    end: End,
    crossed: [GrowthHistory.Subject],
    failureCount: Int,
    keptPaths: [String],
    ownProcessorTime: Duration
  ) {
    self.processID = processID
    self.name = name
    self.end = end
    self.crossed = crossed
    self.failureCount = failureCount
    self.keptPaths = keptPaths
    self.ownProcessorTime = ownProcessorTime
  }
}
