import CommandOutput
import Glibc
import Render
import Report
import Symbolizer

/// One process that is watched: it is asked again and again, and what it answered is remembered.
final class WatchedProcess {
  let processID: pid_t
  let name: String
  /// Holds on to the process: a later one of its id is another.
  private let handle: ProcessHandle
  private let cache = SymbolCache()
  private(set) var history = GrowthHistory()
  private var keeper: CaptureKeeper
  /// What is taken out of all that is printed of it.
  private let redaction: WatchRedaction
  private var firstTime: ContinuousClock.Instant?
  private(set) var failureCount = 0
  private(set) var hasEnded = false
  /// As it was when it was asked last: who its files belong to.
  private var status: ProcessStatus?
  /// Requests that the service has taken, when nobody else asks.
  private var expectedCount: UInt64?

  /// `redaction`: nil shows what is there.
  init(
    _ processID: pid_t,
    keeper: CaptureKeeper,
    redaction: Redaction?
  ) throws(CommandError) {
    do throws(SystemError) {
      handle = try ProcessHandle(processID)
    } catch {
      throw DumpRequest.noSuchProcess(processID)
    }
    self.processID = processID
    self.keeper = keeper
    self.redaction = WatchRedaction(redaction)
    name = ProcessStatus(processID)?.name ?? "?"
  }

  /// Captures are not where they were to be.
  var hasUnkeptCaptures: Bool { keeper.failureCount > 0 }

  /// Ready to be read from when the process ends.
  var descriptor: Int32 { handle.descriptor }

  /// Asks for a capture; nil when it cannot be asked, which then was said.
  func ask(isQuiet: Bool) -> DumpRequest? {
    noteEnd()
    guard !hasEnded else { return nil }
    do throws(CommandError) {
      let request = try DumpRequest(to: processID, isQuiet: isQuiet, by: .watch)
      status = request.process
      return request
    } catch {
      fail(error)
      return nil
    }
  }

  /// Waits for the capture and takes it in; nil when there is none, which then was said.
  func take(
    _ request: DumpRequest,
    until deadline: ContinuousClock.Instant,
    timeout: Duration,
    _ options: SymbolizerOptions
  ) -> WatchedCapture? {
    let asked = ContinuousClock.now
    let wasAlone = expectedCount == request.acceptedBefore
    expectedCount = request.acceptedBefore + 1
    do throws(CommandError) {
      let path = try request.wait(until: deadline, timeout: timeout)
      let report = try symbolizedReport(ofCapture: path, as: path, options: options, cache: cache)
      return add(report, at: asked, path, request, wasAlone: wasAlone)
    } catch {
      fail(error)
      return nil
    }
  }

  private func add(
    _ report: DumpReport,
    at time: ContinuousClock.Instant,
    _ path: String,
    _ request: DumpRequest,
    wasAlone: Bool
  ) -> WatchedCapture {
    let known = history.latest.findings
    let shown = redaction.take(report)
    let start = firstTime ?? time
    firstTime = start
    let seconds = (time - start).components
    history.add(shown, at: Double(seconds.seconds) + Double(seconds.attoseconds) / 1e18)
    let isNotable = history.takeNotable()
    let isOwn = isOwn(report, request)
    let file = isOwn ? CaptureFile(path, ownedBy: request.process.userIDs) : nil
    let kept = keeper.take(
      file,
      isNotable: isNotable,
      at: time,
      isAlone: wasAlone && isOwn,
      of: request.process
    )
    return WatchedCapture(
      processID: processID,
      name: redaction.name(name),
      path: (isOwn ? kept : path).map(redaction.path),
      isNotable: isNotable,
      newFindings: shown.findings.new(since: known)
    )
  }

  /// Whether the capture is of this process, and was made for this watch and for nobody else.
  private func isOwn(_ report: DumpReport, _ request: DumpRequest) -> Bool {
    let sender = report.signal?.senderProcessID ?? 0
    // The kernel has no number of this process for one in a namespace of its own.
    return request.isServedAlone && (sender == getpid() || sender == 0)
      && report.process.processID == request.process.innerProcessID
  }

  private func fail(_ error: CommandError) {
    noteEnd()
    // Said once, as the end of the process.
    if hasEnded, history.captureCount > 0 { return }
    failureCount += 1
    note(error.description)
  }

  /// Says that the process ended, once.
  func noteEnd() {
    guard !hasEnded, handle.hasEnded else { return }
    hasEnded = true
    if history.captureCount > 0 { note("pid \(processID) (\(name)): the process ended") }
  }

  /// What became of it.
  func summary(end: WatchSummary.End, crossed: [GrowthHistory.Subject]) -> WatchSummary {
    finishCaptures()
    let (paths, missing) = keeper.remaining
    if missing > 0 {
      note(
        "pid \(processID) (\(name)): \(missing) of the captures that were to be kept are gone: the service keeps so "
          + "many and no more\n  have them moved elsewhere: dumpcollect watch \(processID) --keep DIR"
      )
    }
    return WatchSummary(
      processID: processID,
      name: redaction.name(name),
      end: hasEnded && end != .limit ? .processEnded : end,
      crossed: crossed,
      failureCount: failureCount,
      keptPaths: paths.map(redaction.path),
      ownProcessorTime: Self.ownProcessorTime
    )
  }

  /// Keeps the last capture, and lets those go that show nothing new, unless somebody else asks now.
  private func finishCaptures() {
    guard let status else { return }
    keeper.finish(status)
    guard keeper.hasOthers, !hasEnded else { return }
    usleep(useconds_t(CaptureKeeper.grace.components.seconds * 1_000_000))
    // What cannot be found out leaves the captures where they are.
    let state = try? Registration.find(processID).state
    let isAlone = state.map { state in
      state.accepted == expectedCount && !CollectorThread.isPending(state.dumpSignal, processID)
    }
    keeper.removeOthers(olderThan: .now, isAlone: isAlone ?? false)
  }

  private static var ownProcessorTime: Duration {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .zero }
    return [usage.ru_utime, usage.ru_stime].reduce(.zero) {
      $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec)
    }
  }
}
