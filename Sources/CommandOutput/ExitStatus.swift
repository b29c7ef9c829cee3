/// How the command ends; the whole list.
package enum ExitStatus: Int32, Error {
  case complete = 0
  /// Threads or records were lost, files were refused, or some of several things asked for failed;
  /// for `diff`: what was compared differs.
  case partial = 1
  /// Nothing could be done.
  case nothingDone = 2
  /// What was watched grew beyond its limit.
  case limitCrossed = 3
  /// Wrong usage; swift-argument-parser ends with it too (EX_USAGE of sysexits.h).
  case usage = 64
}

/// Why a verb could not do what it was asked: what was wrong, and the command to try next.
package struct CommandError: Error, CustomStringConvertible {
  package var problem: String
  package var hint: String?
  package var status = ExitStatus.nothingDone

  package init(
    _ problem: String,
    hint: String? = nil,
    status: ExitStatus = .nothingDone
  ) {
    self.problem = problem
    self.hint = hint
    self.status = status
  }

  package var description: String {
    hint.map { "\(problem)\n  \($0)" } ?? problem
  }
}

/// What became of several things that were asked for at once.
package struct Outcomes {
  private var done = 0
  private var partial = 0
  private var failed = 0

  package init() {}

  package mutating func add(_ status: ExitStatus, count: Int = 1) {
    switch status {
    case .complete: done += count
    case .partial: partial += count
    case .nothingDone, .limitCrossed, .usage: failed += count
    }
  }

  /// Ends with the exit code that says it all; returns when everything was complete.
  package func finish() throws {
    if failed > 0 && done == 0 && partial == 0 { throw ExitStatus.nothingDone }
    if failed > 0 || partial > 0 { throw ExitStatus.partial }
  }
}
