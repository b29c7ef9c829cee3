import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// What a capture does to calls that wait: docs/signal-time.md lists them, this holds the list.
@Suite struct WaitingCallTests {
  /// Calls that returned since the program began: name, count and errno.
  private func returns(_ service: Service) throws -> [String: (count: Int, error: Int32)] {
    var result: [String: (count: Int, error: Int32)] = [:]
    for entry in try service.ask("results").split(separator: ",") {
      let fields = entry.split(separator: " ")
      let count = try #require(Int(fields[1]))
      if count > 0 { result[String(fields[0])] = (count, try #require(Int32(fields[2]))) }
    }
    return result
  }

  /// The rows of the table "Calls that wait": name of the call in the fixture, whether a signal ends it.
  private func documented() throws -> [String: Bool] {
    let text = try String(
      contentsOfFile: "\(repositoryRoot)/docs/signal-time.md",
      encoding: .utf8
    )
    let rest = try #require(text.components(separatedBy: "## Calls that wait\n").last)
    let section = try #require(rest.components(separatedBy: "\n## ").first)
    var result: [String: Bool] = [:]
    for line in section.split(separator: "\n") where line.hasPrefix("| `") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      for name in cells[0].matches(of: /`([a-z_0-9]+)`/) {
        result[String(name.1)] = cells[1].hasPrefix("EINTR")
      }
    }
    return result
  }

  @Test func noCallReturnsForAQuietCaptureAndThoseListedForALoudOne() throws {
    let service = try Service(Programs.quiet("calls", "gcc", ["-O2", "-fomit-frame-pointer"]))
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep()
    let documented = try documented()
    let names = Set(
      try service.ask("results").split(separator: ",").map { $0.prefix { $0 != " " } }.map(
        String.init
      )
    )
    #expect(Set(documented.keys) == names)
    for _ in 0..<3 { _ = try service.dump(quiet: true) }
    #expect(try returns(service).isEmpty)
    _ = try service.dump()
    // Those that came back are on their way into the call again.
    try service.program.waitUntilAsleep()
    let returned = try returns(service)
    for (name, isEnded) in documented {
      #expect((returned[name] != nil) == isEnded, "\(name)")
      if let found = returned[name] { #expect(found.count == 1 && found.error == EINTR, "\(name)") }
    }
  }

  @Test(arguments: [true, false])
  func theStackOfEachThreadShowsItsCall(isQuiet: Bool) throws {
    let service = try Service(Programs.quiet("calls", "gcc", ["-O2", "-fomit-frame-pointer"]))
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep()
    let capture = try service.dump(quiet: isQuiet)
    let symbols = try SymbolRanges(service.executable)
    for name in try documented().keys {
      let thread = try #require(capture.threads(named: String(name.prefix(15))).first)
      let chain = capture.chain(thread, symbols, in: service.executable)
      #expect(chain.contains("call_\(name)"), "\(name): \(chain)")
      #expect(Array(chain.suffix(2)) == ["enter_call", "run_call"], "\(name): \(chain)")
      #expect(thread.hasSyscall && thread.syscall.number >= 0, "\(name)")
      #expect(thread.truncated == "", "\(name)")
      if isQuiet { #expect(thread.status == .quiet, "\(name): \(thread.reason)") }
    }
  }

  @Test func theCommandAsksForAQuietCaptureAndEndsNoCall() throws {
    let service = try Service(Programs.quiet("calls", "gcc", ["-O2", "-fomit-frame-pointer"]))
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep()
    let pid = service.program.processID
    let result = try run(Products.dumpcollect, ["dump", "\(pid)", "--quiet"])
    #expect(result.status == 0, "\(result.errorText)")
    let capture = try CaptureReader.capture(at: result.text.trimmingCharacters(in: .newlines))
    #expect(try returns(service).isEmpty)
    #expect(capture.end?.threadsCaptured == 0)
    #expect(capture.threads.count > 35)
    let others = capture.threads.filter { $0.status != .quiet || $0.truncated != "" }
    #expect(others.isEmpty, "\(others)")
  }

  @Test func aQuietRequestOfTheCommandWakesNoThreadOfTheService() throws {
    let service = try Service(Programs.quiet("calls", "gcc", ["-O2", "-fomit-frame-pointer"]))
    try service.program.wait(for: "ready")
    try service.program.waitUntilAsleep()
    let pid = service.program.processID
    // How often each thread was switched out so far: a signal to any of them would count.
    func switches() throws -> [String: String] {
      var result: [String: String] = [:]
      for tid in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task") {
        let status = try procText("/proc/\(pid)/task/\(tid)/status")
        if status.hasPrefix("Name:\tdumpcollect\n") { continue }
        result[tid] = status.split(separator: "\n").filter { $0.contains("ctxt_switches") }
          .joined()
      }
      return result
    }
    let before = try switches()
    for _ in 0..<3 {
      let result = try run(Products.dumpcollect, ["dump", "\(pid)", "--quiet"])
      #expect(result.status == 0, "\(result.errorText)")
    }
    #expect(try switches() == before)
  }
}
