import Foundation
package import Report

/// Reports sketched by hand: threads with stacks of functions, for tests of what stacks tell.
package struct StackSketch {
  package private(set) var report = DumpReport()

  package init() {
    report.time = Date(timeIntervalSince1970: 1_772_355_900)
    report.process.startTime = Date(timeIntervalSince1970: 1_772_300_000)
  }

  /// A frame as `MODULE!FUNCTION`, `MODULE!FUNCTION@FILE:LINE`, or `MODULE!?` where it has no name.
  ///
  /// A module without a slash is a library of the system, the program is `app`.
  package mutating func addThreads(
    _ count: Int = 1,
    _ frames: [String],
    call: String = "futex",
    state: ReportThread.State = .sleeping,
    change: (Int, inout ReportThread) -> Void = { _, _ in }
  ) {
    report.stacks.append(frames.map { frame($0) })
    for index in 0..<count {
      var thread = ReportThread(threadID: Int32(1000 + report.threads.count))
      thread.stack = report.stacks.count - 1
      thread.state = state
      thread.systemCall = call
      change(index, &thread)
      report.threads.append(thread)
    }
  }

  /// A stack of no thread, for creators and tasks.
  package mutating func addStack(_ frames: [String]) -> Int {
    report.stacks.append(frames.map { frame($0) })
    return report.stacks.count - 1
  }

  private mutating func frame(_ text: String) -> Int {
    let parts = text.split(separator: "!", maxSplits: 1)
    let place = parts[1].split(separator: "@", maxSplits: 1)
    var frame = Frame(address: UInt64(report.frames.count + 1) * 16)
    frame.module = module(String(parts[0]))
    frame.offset = frame.address
    if place[0] != "?" { frame.function = String(place[0]) }
    if frame.function?.contains("NIO") == true { frame.linkage = "$s8NIOPosix" }
    if place.count == 2, let colon = place[1].lastIndex(of: ":") {
      frame.file = String(place[1][..<colon])
      frame.line = UInt32(place[1][place[1].index(after: colon)...])
    }
    report.frames.append(frame)
    return report.frames.count - 1
  }

  private mutating func module(_ name: String) -> Int {
    let path = name.contains(".so") ? "/usr/lib/\(name)" : "/opt/\(name)"
    if let known = report.modules.firstIndex(where: { $0.path == path }) { return known }
    let base = UInt64(report.modules.count + 1) << 24
    report.modules.append(ReportModule(path: path, buildID: nil, base: base, end: base + 4096))
    return report.modules.count - 1
  }
}
