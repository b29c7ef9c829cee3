import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// A hang leaves a capture while it lasts, once.
@Suite struct WatchdogTests {
  private func service(_ settings: String = "min-interval=none") throws -> Service {
    let service = try Service(Programs.watchdogs(), settings: settings)
    try service.program.wait(for: "ready")
    return service
  }

  private func begin(_ service: Service, _ name: String = "loop", limit: Int) throws -> Int {
    let id = try service.number("begin \(name) \(limit)")
    #expect(id > 0)
    return id
  }

  @Test func aHangIsCapturedWhileItLasts() throws {
    let service = try service()
    let id = try begin(service, "event-loop", limit: 150)
    let state = try service.state()
    try state.wait(for: "the watchdog's capture") { state.published > 0 }
    let capture = try CaptureReader.capture(at: state.lastCapture)
    let header = try #require(capture.header)
    let main = service.program.processID
    #expect(
      header.reason.wholeMatch(
        of: /watchdog event-loop: no tick for \d+ ms \(limit 150 ms\), begun by thread (\d+)/
      )?.1 == "\(main)"
    )
    #expect(header.kind == .live && !header.hasSignal)
    let alarm = try #require(header.watchdogs.first)
    #expect(header.watchdogs.count == 1)
    #expect(alarm.name == "event-loop" && alarm.tid == main && alarm.limitNs == 150_000_000)
    #expect(alarm.silentNs >= alarm.limitNs)
    #expect(capture.isComplete && capture.threads.contains { $0.tid == main })
    #expect(try service.ask("end \(id)") == "end 0")
  }

  @Test func oneHangIsOneCaptureAndTheNextOneAnother() throws {
    let service = try service()
    let id = try begin(service, limit: 60)
    let state = try service.state()
    try state.wait(for: "the first capture") { state.published == 1 }
    // Ten limits more of the same hang.
    #expect(try service.ask("rest 600") == "rested")
    #expect(state.published == 1)
    #expect(try service.ask("tick \(id)") == "ticked")
    try state.wait(for: "the second capture") { state.published == 2 }
    #expect(try service.ask("rest 600") == "rested")
    #expect(state.published == 2)
  }

  @Test func whatTicksOrHasEndedIsLeftInPeace() throws {
    let service = try service()
    let state = try service.state()
    // The limit is a hundred ticks long: a busy machine makes no hang of it.
    let id = try begin(service, limit: 2000)
    #expect(try service.ask("loop \(id) 150 20") == "looped")
    #expect(try service.ask("end \(id)") == "end 0")
    #expect(try service.ask("end \(id)") == "end -22")
    let ended = try begin(service, limit: 300)
    #expect(try service.ask("end \(ended)") == "end 0")
    #expect(try service.ask("rest 900") == "rested")
    #expect(state.published == 0 && state.accepted == 0)
  }

  @Test func severalHangsAtOnceAreNamedInOneCapture() throws {
    let service = try service()
    _ = try begin(service, "one", limit: 200)
    _ = try begin(service, "two", limit: 200)
    let state = try service.state()
    var seen: Set<String> = []
    try state.wait(for: "both watchdogs' captures") {
      guard state.published > 0, let names = try? alarms(in: service) else { return false }
      seen = names
      return names == ["one", "two"]
    }
    #expect(state.published <= 2 && seen.count == 2)
  }

  /// Names of the watchdogs that the captures tell of.
  private func alarms(in service: Service) throws -> Set<String> {
    let names = try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
      .filter { $0.hasSuffix(".dcap") }
    return Set(
      try names.flatMap {
        try CaptureReader.capture(at: service.captures.file($0)).header?.watchdogs.map(\.name) ?? []
      }
    )
  }

  @Test func theLeastIntervalHoldsWatchdogsBack() throws {
    let service = try service("min-interval=3600s")
    let state = try service.state()
    let id = try begin(service, limit: 60)
    try state.wait(for: "the first capture") { state.published == 1 }
    #expect(try service.ask("tick \(id)") == "ticked")
    // The second hang lasts, and is not captured within the hour.
    #expect(try service.ask("rest 600") == "rested")
    #expect(state.published == 1 && state.accepted == 1)
  }

  @Test func theTimeInWhichTheProcessWasStoppedDoesNotCount() throws {
    let service = try service()
    let state = try service.state()
    let id = try begin(service, limit: 1600)
    #expect(try service.ask("stop \(id) 4000") == "continued")
    #expect(try service.ask("end \(id)") == "end 0")
    #expect(state.published == 0 && state.accepted == 0)
  }

  @Test func idsThatAreNoneAndLimitsOutOfRangeDoNoHarm() throws {
    let service = try service()
    #expect(try service.ask("bad") == "refused 9 of 9, -22, -22, -22")
    #expect(try service.ask("fill") == "begun 128, then -28, ended 128")
    #expect(try service.ask("fill") == "begun 128, then -28, ended 128")
  }

  @Test func aForkedChildBeginsWithNoneAndMayHaveItsOwn() throws {
    let service = try service()
    // It would fire in whoever inherited it.
    let inherited = try begin(service, "parent", limit: 60_000)
    let watch = try DirectoryWatch(service.captures.path)
    let answer = try service.ask("fork 80")
    let child = try #require(answer.split(separator: " ").last.flatMap { Int32($0) })
    defer { kill(child, SIGKILL) }
    let name = try watch.waitForName { $0.contains(".\(child).") && $0.hasSuffix(".dcap") }
    let capture = try CaptureReader.capture(at: service.captures.file(name))
    #expect(capture.header?.watchdogs.map(\.name) == ["child"])
    #expect(capture.header?.watchdogs.first?.tid == child)
    #expect(capture.process?.pid == child)
    #expect(try service.ask("end \(inherited)") == "end 0")
  }
}
