import Foundation
import Render
import Report
import TestSupport
import Testing

/// Whoever names a place of the service names the same one: texts, JSON, page, comparison, watch and findings.
struct OwnFrameTests {
  /// Below a library of the system that has lines, Swift's library, and a package: what each could be taken for.
  private static let stack = [
    "libc.so.6!recv", "libcurl.so.4!curl_multi_poll@/usr/src/curl/multi.c:1201",
    "app!std::function<void ()>::operator()()@/usr/include/c++/12/functional:3",
    "app!NIOCore.EventLoopFuture.wait()@/src/.build/checkouts/swift-nio/Sources/a.swift:5",
    "app!Fetcher.run()@/src/shop/Fetcher.swift:12", "app!main@/src/shop/main.swift:3",
    "libdispatch.so!_dispatch_call_block_and_release", "libc.so.6!start_thread",
  ]
  private static let place = "Fetcher.run() (Fetcher.swift:12)"

  /// A thread that holds a lock which eight wait for, two that wait for each other, and a leak: all with one stack.
  private func report(leaking count: Int = 12) -> DumpReport {
    var sketch = StackSketch()
    let time = sketch.report.time
    sketch.addThreads(3 + count, Self.stack, call: "recvfrom") { index, thread in
      thread.startTime = time?.addingTimeInterval(Double(index - 2 - count) * 30)
    }
    sketch.addThreads(8, ["libc.so.6!pthread_mutex_lock", "app!wait()@/src/shop/main.swift:8"])
    var report = sketch.report
    report.process.name = "shop"
    func wait(_ thread: Int, lock: UInt64, owner: Int) {
      var target = WaitTarget()
      target.kind = .mutex
      target.lock = lock
      target.ownerThreadID = report.threads[owner].threadID
      target.isSteady = true
      report.threads[thread].waitsFor = target
      report.threads[thread].systemCall = "futex"
    }
    for thread in (3 + count)..<(11 + count) { wait(thread, lock: 0x5000, owner: 0) }
    wait(1, lock: 0x6000, owner: 2)
    wait(2, lock: 0x7000, owner: 1)
    report.tasks = (1...3).map { id in
      var task = ReportTask(id: UInt64(id), address: UInt64(id) * 64, state: .suspended)
      task.stack = 0
      return task
    }
    report.findings = report.lockFindings() + report.leakSuspects()
    return report
  }

  private func rendered(_ report: DumpReport, _ format: ReportFormat) throws -> String {
    var bytes: [UInt8] = []
    try format.write(report, style: .plain) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func json(_ text: some StringProtocol) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// The function of the frame that each group of threads or tasks with this stack calls its own.
  private func ownFunctions(_ document: [String: Any]) throws -> [String] {
    let groups = try #require(document["groups"] as? [[String: Any]])
    return try groups.compactMap { group in
      let frames = try #require(group["frames"] as? [[String: Any]])
      guard frames.count == Self.stack.count else { return nil }
      return frames[try #require(group["own_frame"] as? Int)]["function"] as? String
    }
  }

  @Test func findingsNameIt() throws {
    let findings = report().findings
    let contention = try #require(findings.first { $0.kind == "lock-contention" })
    #expect(contention.text.hasSuffix("is in recvfrom, in \(Self.place)"), "\(contention.text)")
    let leak = try #require(findings.first { $0.kind == "leak-suspect" })
    #expect(leak.text.hasPrefix("15 threads in \(Self.place), "), "\(leak.text)")
    // The lines of a circle begin with it.
    let text = try rendered(report(), .text)
    #expect(text.contains("1001: \(Self.place) ← main (main.swift:3)\n"), "\(text)")
  }

  @Test func reportsNameIt() throws {
    for format in [ReportFormat.text, .full] {
      let text = try rendered(report(), format)
      #expect(text.contains("in Fetcher.run()  Fetcher.swift:12") || format == .full, "\(text)")
      #expect(!text.contains("in NIOCore"), "\(text)")
    }
    let functions = try ownFunctions(json(rendered(report(), .json)))
    #expect(functions == ["Fetcher.run()", "Fetcher.run()"])
  }

  @Test func thePageNamesIt() throws {
    let page = try rendered(report(), .html)
    let start = try #require(page.range(of: #"<script type="application/json" id="data">"#))
    let end = try #require(page[start.upperBound...].range(of: "</script>"))
    let data = try json(page[start.upperBound..<end.lowerBound])
    let own = try #require(data["own"] as? [Int])
    let stacks = try #require(data["stacks"] as? [[Int]])
    let names = try #require((data["frames"] as? [String: Any])?["name"] as? [Int])
    let strings = try #require(data["strings"] as? [String])
    #expect(strings[names[stacks[0][own[0]]]] == "Fetcher.run()")
    #expect(strings[names[stacks[1][own[1]]]] == "wait()")
  }

  @Test func aComparisonNamesIt() throws {
    let comparison = ReportComparison(old: report(leaking: 0), new: report())
    let old = comparison.groups.map(\.fingerprint)
    var bytes: [UInt8] = []
    try ComparisonFormat.json.write(comparison, names: ["a", "b"], style: .plain) { bytes += $0 }
    let document = try json(String(decoding: bytes, as: UTF8.self))
    #expect(try ownFunctions(document) == ["Fetcher.run()"])
    #expect(old == report().groups(.similar).prefix(1).compactMap(\.fingerprint))
    var changed = report()
    changed.tasks = []
    bytes = []
    try ComparisonFormat.text.write(
      ReportComparison(old: changed, new: report()),
      names: ["a", "b"],
      style: .plain
    ) { bytes += $0 }
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.contains("new: 3 tasks in Fetcher.run()  Fetcher.swift:12"), "\(text)")
  }

  @Test func aWatchNamesIt() throws {
    var history = GrowthHistory()
    history.add(report(leaking: 0), at: 0)
    history.add(report(), at: 30)
    let capture = WatchedCapture(
      processID: 1,
      name: "shop",
      path: nil,
      isNotable: true,
      newFindings: []
    )
    let line = try json(String(decoding: JSONWatch.line(capture, history), as: UTF8.self))
    let group = try #require(line["top_group"] as? [String: Any])
    #expect(group["function"] as? String == "Fetcher.run()" && group["line"] as? Int == 12)
    let text = try TextWatch(style: .plain, sparkline: nil, namesProcess: false)
      .line(capture, history)
    #expect(
      String(decoding: text, as: UTF8.self).contains(
        "+12 threads in Fetcher.run() Fetcher.swift:12"
      )
    )
  }
}
