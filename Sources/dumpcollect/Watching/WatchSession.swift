import CommandOutput
import Glibc
import Render
import Report
import Symbolizer

/// Captures of one or more processes again and again, until something ends it.
struct WatchSession {
  let processes: [WatchedProcess]
  let interval: Duration
  /// Captures of each process; nil goes on until something else ends it.
  let count: Int?
  let limit: GrowthLimit?
  let timeout: Duration
  let isQuiet: Bool
  let options: SymbolizerOptions
  let output: WatchOutput

  /// Watches; how it ended, as an exit code.
  func run() throws -> ExitStatus {
    var next = ContinuousClock.now
    var round = 0
    var end = WatchSummary.End.count
    while true {
      round += 1
      next += pause()
      try captureAll()
      guard processes.contains(where: { $0.history.captureCount > 0 }) else { return .nothingDone }
      if processes.contains(where: { !crossed(by: $0).isEmpty }) {
        end = .limit
        break
      }
      if let count, round >= count { break }
      next = max(next, ContinuousClock.now)
      guard sleep(until: next) else {
        end = Interruption.isRequested ? .signal : .processEnded
        break
      }
    }
    return try finish(end)
  }

  /// The interval with up to a tenth more or less.
  ///
  /// What the service does periodically would else be caught at the same moment each time, and watches that were
  /// started together would ask their services together for ever.
  private func pause() -> Duration {
    interval * Double.random(in: 0.9...1.1)
  }

  /// Asks all of them first and waits afterwards.
  private func captureAll() throws {
    let deadline = ContinuousClock.now + timeout
    let requests = processes.compactMap { process in
      process.ask(isQuiet: isQuiet).map { (process, $0) }
    }
    for (process, request) in requests {
      guard let capture = process.take(request, until: deadline, timeout: timeout, options)
      else { continue }
      try output.write(capture, process.history)
    }
  }

  /// Sleeps until then; false when there is nothing to go on for.
  private func sleep(until next: ContinuousClock.Instant) -> Bool {
    while ContinuousClock.now < next {
      if Interruption.isRequested { return false }
      for process in processes { process.noteEnd() }
      let alive = processes.filter { !$0.hasEnded }
      guard !alive.isEmpty else { return false }
      Interruption.sleep(until: next, or: alive.map(\.descriptor))
    }
    return !Interruption.isRequested
  }

  private func crossed(by process: WatchedProcess) -> [GrowthHistory.Subject] {
    limit?.crossed(by: process.history) ?? []
  }

  private func finish(_ end: WatchSummary.End) throws -> ExitStatus {
    var isPartial = false
    for process in processes {
      process.noteEnd()
      let crossed = crossed(by: process)
      isPartial = isPartial || process.failureCount > 0 || process.hasEnded
      guard process.history.captureCount > 0 else { continue }
      let isOther = end == .limit && crossed.isEmpty
      let summary = process.summary(end: isOther ? .other : end, crossed: crossed)
      try output.write(summary, process.history)
      isPartial = isPartial || process.hasUnkeptCaptures
    }
    if end == .limit { return .limitCrossed }
    return isPartial ? .partial : .complete
  }
}

/// Where a watch writes: text for people, JSON lines for programs.
enum WatchOutput {
  case text(TextWatch)
  case json

  func write(_ capture: WatchedCapture, _ history: GrowthHistory) throws {
    switch self {
    case .text(let text): try StandardOutput.write(text.line(capture, history))
    case .json: try StandardOutput.write(JSONWatch.line(capture, history))
    }
  }

  func write(_ summary: WatchSummary, _ history: GrowthHistory) throws {
    switch self {
    case .text(let text): try StandardOutput.write(text.summary(summary, history))
    case .json: try StandardOutput.write(JSONWatch.summary(summary, history))
    }
  }
}
