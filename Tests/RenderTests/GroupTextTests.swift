import Foundation
import Render
import Report
import TestSupport
import Testing

/// How groups read: similar ones, idle ones, suspects.
struct GroupTextTests {
  private static let entry = ["libc.so.6!start_thread"]
  private static let dispatch =
    [
      "libc.so.6!__new_sem_wait_slow64", "libdispatch.so!_dispatch_semaphore_wait_slow",
      "libdispatch.so!_dispatch_worker_thread",
    ] + entry

  /// A service with a leak, workers on several lines, and idle threads.
  private func report() -> DumpReport {
    var sketch = StackSketch()
    let creator = sketch.addStack([
      "app!Client.init(port:)@/src/shop/Client.swift:10", "app!main@/src/shop/main.swift:30",
    ])
    let start = Date(timeIntervalSince1970: 1_772_355_000)
    for line in [41, 41, 43, 88, 90, 92] {
      sketch.addThreads(
        1,
        ["app!work(_:)@/src/shop/Work.swift:\(line)", "app!run()@/src/shop/Work.swift:7"]
          + Self.entry,
        state: .running
      ) { _, thread in
        thread.name = "worker-\(line)"
        thread.cpuUser = .seconds(line)
      }
    }
    sketch.addThreads(
      12,
      ["libc.so.6!clock_nanosleep", "app!Client.keepAlive()@/src/shop/Client.swift:22"]
        + Self.entry,
      call: "clock_nanosleep"
    ) { index, thread in
      thread.name = "keep-alive"
      thread.startTime = start.addingTimeInterval(Double(index * 80))
      thread.createdBy = ThreadCreator(threadID: 999)
      thread.createdBy?.stack = creator
      thread.cpuUser = .milliseconds(20)
    }
    sketch.addThreads(3, Self.dispatch) { index, thread in
      thread.name = "oot.default-qos"
      thread.cpuUser = .milliseconds(100)
    }
    sketch.addThreads(
      1,
      ["libc.so.6!epoll_wait", "libevent-2.1.so.7!event_base_loop", "app!main"],
      call: "epoll_wait"
    )
    var report = sketch.report
    report.process.name = "shop"
    var made = ReportConnection(state: "ESTABLISHED", count: 12)
    made.peer = "10.0.0.7:5432"
    report.connections = [made]
    report.findings = report.leakSuspects()
    return report
  }

  private func text(
    _ likeness: StackLikeness = .identical,
    _ idle: ReportView.IdleGroups = .sink,
    width: Int? = nil,
    hasColor: Bool = false
  ) throws -> String {
    var view = ReportView()
    (view.likeness, view.idle) = (likeness, idle)
    var bytes: [UInt8] = []
    let style = TextStyle(hasColor: hasColor, width: width)
    try ReportFormat.text.write(report(), style: style, view: view) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func theFirstScreenReadsAsItsGoldenText() throws {
    try Golden.expect(text(), equals: "groups.text")
    try Golden.expect(text(width: 60), equals: "groups-60.text")
    try Golden.expect(text(width: 80, hasColor: true), equals: "groups-color.text")
  }

  @Test func similarGroupsReadAsTheirGoldenText() throws {
    try Golden.expect(text(.similar), equals: "groups-similar.text")
    let similar = try text(.similar)
    #expect(
      similar.contains(
        "6 threads  running  5 different stacks  \"worker-41\" … \"worker-92\"  tids 1000-1005  cpu 6 min"
      ),
      "\(similar)"
    )
    #expect(
      similar.contains("work(_:)      /src/shop/Work.swift:41, :43, :88, :90 and 1 more"),
      "\(similar)"
    )
  }

  @Test func idleGroupsAreALineEachShownOrHidden() throws {
    let sunk = try text()
    #expect(
      sunk.contains(
        "\nIdle:  4 threads in 2 groups  --idle show has their stacks\n    3 threads  libdispatch worker  "
      )
    )
    #expect(!sunk.contains("_dispatch_worker_thread"))
    let shown = try text(.identical, .show)
    #expect(!shown.contains("\nIdle:"))
    #expect(shown.contains("_dispatch_worker_thread"))
    #expect(shown.contains("3 threads  sleeping in futex (semaphore)  idle: libdispatch worker"))
    let hidden = try text(.identical, .hide)
    #expect(hidden.contains("\nIdle:  4 threads in 2 groups  --idle show has them\n"))
    #expect(!hidden.contains("libdispatch worker"))
  }

  @Test func jsonHasWhatGroupsAre() throws {
    var view = ReportView()
    view.likeness = .similar
    func json() throws -> [String: Any] {
      var bytes: [UInt8] = []
      try ReportFormat.json.write(report(), view: view) { bytes += $0 }
      let text = String(decoding: bytes, as: UTF8.self)
      let result = try ReportSchema.validate(text)
      #expect(result.status == 0, "\(result.errorText)")
      return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }
    let document = try json()
    #expect(document["grouping"] as? String == "similar")
    let groups = try #require(document["groups"] as? [[String: Any]])
    #expect(groups.map { $0["count"] as? Int } == [12, 6, 3, 1])
    #expect(groups[0]["oldest_start"] as? String == "2026-03-01T08:50:00.000000Z")
    #expect(groups[0]["newest_start"] as? String == "2026-03-01T09:04:40.000000Z")
    #expect(groups[0]["cpu_ms"] as? Int == 240)
    #expect((groups[0]["waits"] as? [[String: Any]])?.first?["kind"] as? String == "sleep")
    #expect(groups[1]["variants"] as? Int == 5)
    #expect((groups[1]["names"] as? [[String: Any]])?.first?["last"] as? String == "worker-92")
    #expect((groups[2]["idle"] as? [String: String])?["text"] == "libdispatch worker")
    view.idle = .hide
    #expect((try json()["groups"] as? [Any])?.count == 2)
  }

  @Test(arguments: [40, 60, 80, 120])
  func wideLettersDoNotMakeLinesTooLong(_ width: Int) throws {
    var report = report()
    for index in report.threads.indices { report.threads[index].name = "작업자\(index)" }
    report.findings[0].text = Array(repeating: "接続が増えている", count: 30).joined(separator: " ")
    var bytes: [UInt8] = []
    try ReportFormat.text.write(report, style: TextStyle(hasColor: false, width: width)) {
      bytes += $0
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.contains { $0.contains("接続") })
    for line in lines where line.contains("接続") || line.contains("작업자") {
      #expect(columns(String(line)) <= width, "\(line)")
    }
  }
}
