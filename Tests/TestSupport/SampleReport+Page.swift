import Foundation
package import Report

extension SampleReport {
  /// Texts that a browser would obey if it read them as anything but text.
  package static let hostileTexts = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "<!--<script>", "{{data}}", "javascript:alert(1)", "__proto__", "constructor",
    "$& $1 ${alert(1)}",
    "\u{202e}txt.exe\u{2066}", "a\u{0}b\u{7}\u{1b}[31m\u{9b}", "\u{2028}\u{2029}",
    "\u{fffd}\u{fffd}",
    "&lt;b&gt;&amp;", "<style>*{display:none}</style>", "\"", "'", "\\", "İstanbul İİİ",
  ]

  /// A report whose every text is hostile.
  package static func hostile() -> DumpReport {
    var report = crash()
    let texts = hostileTexts + [String(repeating: "very_long_name<", count: 700)]
    func text(_ index: Int) -> String { texts[index % texts.count] }
    report.reason = text(0)
    report.message = texts.joined(separator: "\n")
    report.captureFile = text(1)
    report.problems = texts
    report.process.name = text(0)
    report.process.executable = text(0)
    report.process.host = text(1)
    report.process.arguments = texts
    report.process.cgroup = text(2)
    report.modules = texts.map {
      var module = ReportModule(path: "/opt/\($0)", buildID: $0, base: 1 << 40, end: .max)
      module.reason = $0
      return module
    }
    report.frames = texts.enumerated().map { index, text in
      var frame = Frame(address: .max - UInt64(index))
      frame.module = index
      frame.offset = .max
      frame.function = text
      frame.linkage = text
      frame.file = "/src/\(text)"
      frame.line = .max
      frame.aliases = texts
      frame.unknown = text
      return frame
    }
    report.stacks = texts.indices.map { first in texts.indices.map { ($0 + first) % texts.count } }
    report.threads = texts.enumerated().map { index, text in
      var thread = ReportThread(threadID: Int32.max - Int32(index))
      thread.name = text
      thread.state = .sleeping
      thread.systemCall = text
      thread.labels[text] = text
      thread.labels["__proto__"] = text
      thread.reason = text
      thread.truncated = text
      thread.stack = index
      return thread
    }
    report.tasks = texts.enumerated().map { index, text in
      var task = ReportTask(id: .max - UInt64(index), address: .max, state: .suspended)
      task.name = text
      task.doubt = text
      task.stack = index
      task.parent = .max - UInt64((index + 1) % texts.count)
      return task
    }
    report.snippets = Set(
      texts.map {
        SourceSnippet(
          file: "/src/\($0)",
          line: .max,
          firstLine: .max - 1,
          lines: texts,
          origin: .disk
        )
      }
    )
    report.descriptors = texts.map { DescriptorCount(kind: $0, count: 7) }
    report.environment = texts.map { EnvironmentVariable(name: $0, value: $0) }
    report.notes = texts.map { ReportNote(text: $0) }
    report.findings = texts.map { Finding(kind: $0, text: $0) }
    return report
  }

  /// Three idle workers of libdispatch beside one that works.
  package static func pool() -> DumpReport {
    var sketch = StackSketch()
    let worker = [
      "libdispatch.so!_dispatch_semaphore_wait_slow", "libdispatch.so!_dispatch_worker_thread",
      "libc.so.6!start_thread",
    ]
    sketch.addThreads(3, ["libc.so.6!__new_sem_wait_slow64"] + worker)
    sketch.addThreads(
      1,
      ["app!work()@/src/shop/Work.swift:41"] + worker.dropFirst(),
      state: .running
    )
    return sketch.report
  }

  /// Workers of one loop on several lines, tasks that wait on two, and threads that are alone in what they do.
  package static func similar() -> DumpReport {
    var sketch = StackSketch()
    for (line, count) in [(41, 9), (43, 4), (88, 3), (90, 1), (92, 1)] {
      let run = "app!Pool.run()@/src/shop/Pool.swift:\(line < 90 ? 7 : 9)"
      sketch.addThreads(
        count,
        ["app!work(_:)@/src/shop/Work.swift:\(line)", run, "libc.so.6!start_thread"],
        state: .running
      ) { index, thread in
        thread.name = "worker-\(line * 10 + index)"
      }
    }
    sketch.addThreads(
      12,
      ["libc.so.6!clock_nanosleep", "app!Client.keepAlive()@/src/shop/Client.swift:22"],
      call: "clock_nanosleep"
    ) { _, thread in
      thread.name = "keep-alive"
    }
    let stacks = [12, 12, 15].map { line in
      sketch.addStack(["app!Cart.load()@/src/shop/Cart.swift:\(line)"])
    }
    var report = sketch.report
    report.tasks = stacks.enumerated().map { index, stack in
      var task = ReportTask(
        id: UInt64(index + 1),
        address: UInt64(index + 1) << 9,
        state: .suspended
      )
      task.dependency = .continuation
      task.stack = stack
      return task
    }
    return report
  }

  /// As many threads and Swift tasks as a large service has, all with different stacks or few.
  package static func huge(threads: Int, tasks: Int) -> DumpReport {
    var report = large(threads: threads, distinct: threads, depth: 27)
    report.tasks = (0..<tasks).map { index in
      var task = ReportTask(
        id: UInt64(index + 1),
        address: 0x7f80_0000_0000 + UInt64(index) * 512,
        state: index % 100 == 0 ? .enqueued : .suspended
      )
      task.name = index % 10 == 0 ? "request \(index)" : nil
      task.dependency = .continuation
      task.priority = 21
      task.kind = index % 20 == 0 ? .task : .groupChild
      task.parent = index % 20 == 0 ? nil : UInt64(index / 20 * 20 + 1)
      task.stack = index % 300
      return task
    }
    return report
  }
}
