import Foundation
import Render
import Report
import TestSupport
import Testing

/// pprof files, opened by pprof.
struct PprofReportTests {
  @Test(arguments: ProfileScenario.allCases)
  func pprofShowsEveryThreadAndTaskWithItsStack(_ scenario: ProfileScenario) throws {
    let report = scenario.report
    let pprof = try Pprof(bytes(report, .pprof))
    let expected = ExpectedProfile(report: report)
    func word(_ frame: Int?, _ name: String) -> String {
      name.trimmingCharacters(in: .whitespaces)
    }
    #expect(try stacks(pprof.traces("threads")) == expected.threads(word))
    #expect(try stacks(pprof.traces("tasks")) == expected.tasks(word))
  }

  /// The stacks of traces, without the marks of inlined functions.
  private func stacks(_ traces: [Pprof.Trace]) -> [[String]: Int] {
    var counts: [[String]: Int] = [:]
    for trace in traces {
      let names = trace.functions.map { $0.replacingOccurrences(of: " (inline)", with: "") }
        .map { $0.trimmingCharacters(in: .whitespaces) }
      counts[names, default: 0] += trace.count
    }
    return counts
  }

  @Test func filesLinesAndInlinedFunctionsAreThere() throws {
    let pprof = try Pprof(bytes(SampleReport.server(), .pprof))
    let lines = try pprof.text("-traces", "-lines").split(separator: "\n").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    #expect(lines.count { $0 == "Queue.next() /src/shop/Worker.swift:41 (inline)" } == 5)
    #expect(lines.count { $0 == "Worker.run() /src/shop/Worker.swift:88" } == 5)
    #expect(lines.contains("main /src/shop/main.cpp:17"))
    #expect(
      lines.contains("shop::Acceptor::loop(int, std::string const&) /src/shop/acceptor.cpp:120")
    )
    let raw = try pprof.text("-raw")
    // Module, function and its name in the symbol table; the addresses are those of the capture.
    #expect(raw.contains("0x555555558188 M=1 Job.pay() /src/shop/Worker.swift:77"), "\(raw)")
    #expect(raw.contains("($s4Shop88)"), "\(raw)")
    #expect(
      raw.contains(
        "1: 0x555555554000/0x555555654000/0x0 /opt/shop/bin/shop 0123456789abcdef0123456789abcdef01234567 [FN][FL][LN][IN]"
      ),
      "\(raw)"
    )
  }

  @Test func labelsTellThreadStateAndWait() throws {
    let pprof = try Pprof(bytes(SampleReport.server(), .pprof))
    let traces = try pprof.traces("threads")
    let acceptor = try #require(traces.first { $0.labels["thread"] == "shop" })
    #expect(
      acceptor.labels == [
        "kind": "thread", "thread": "shop", "state": "sleeping", "wait": "accept",
        "syscall": "accept4", "role": "acceptor", "tenant": "a \"b\"", "tid": "4711",
      ]
    )
    // Each worker has a name of its own, and so a sample and its number.
    let workers = traces.filter { $0.labels["wait"] == "condition" }
    #expect(workers.map { $0.labels["tid"] } == ["4712", "4713", "4714", "4715"])
    let focused = try pprof.text("-top", "-tagfocus=wait=condition")
    #expect(focused.contains("4 44.44%"), "\(focused)")
    let silent = try #require(traces.first { $0.labels["thread"] == "frozen" })
    #expect(silent.labels["status"] == "no-answer")
    #expect(silent.labels["reason"] == "no answer within 2s")
    #expect(silent.functions == ["(no stack)"])
  }

  @Test func alikeThreadsAndTasksAreOneSampleEach() throws {
    var report = SampleReport.server()
    for index in report.threads.indices { report.threads[index].name = "pool" }
    let workers = try Pprof(bytes(report, .pprof)).traces("threads").filter { $0.count == 4 }
    #expect(workers.map { $0.labels["tid"] } == [nil])
    let tasks = try Pprof(bytes(SampleReport.tasks(), .pprof)).traces("tasks")
    let leaked = try #require(tasks.first { $0.count == 40 })
    #expect(
      leaked.labels == [
        "kind": "task", "state": "suspended", "wait": "continuation", "priority": "medium",
      ]
    )
    let transfer = try #require(tasks.first { $0.labels["task"] == "transfer" })
    #expect(transfer.labels["task_id"] == "5" && transfer.labels["wait"] == "task")
  }

  @Test func aLabelOfTheServicesDoesNotPassForOneOfOurs() throws {
    var report = SampleReport.server()
    report.threads[0].labels = ["state": "paid", "tid": "7"]
    let trace = try #require(try Pprof(bytes(report, .pprof)).traces("threads").first)
    #expect(trace.labels["state"] == "sleeping" && trace.labels["label:state"] == "paid")
    #expect(trace.labels["tid"] == "4711" && trace.labels["label:tid"] == "7")
  }

  @Test func processorTimeIsAQuantityOfItsOwn() throws {
    let pprof = try Pprof(bytes(SampleReport.server(), .pprof))
    let top = try pprof.text("-top", "-sample_index=cpu", "-unit=ms")
    #expect(top.contains("99000ms 95.16% 95.16%    99000ms 95.16%  Job.pay()"), "\(top)")
    #expect(top.contains("5040ms  4.84%   100%     5040ms  4.84%  __futex_abstimed_wait_common"))
  }

  @Test func pprofShowsWhatGrewBetweenTwoReports() throws {
    let before = SampleReport.server()
    var after = before
    after.threads += (0..<40).map { index in
      var worker = before.threads[1]
      worker.threadID = Int32(6000 + index)
      return worker
    }
    after.threads.removeAll { $0.name == "shop" }
    let top = try Pprof(bytes(after, .pprof)).text(
      "-top",
      since: Pprof(bytes(before, .pprof))
    )
    let rows = top.split(separator: "\n").map { $0.split(separator: " ") }
    func change(_ function: String) -> Substring? {
      rows.first { $0.last?.elementsEqual(function) ?? false }?.first
    }
    #expect(change("__futex_abstimed_wait_common") == "40", "\(top)")
    #expect(change("accept4") == "-1", "\(top)")
  }

  @Test func whatWasCapturedAndWhatIsMissingIsSaid() throws {
    let comments = try Pprof(bytes(SampleReport.crash(), .pprof)).text("-comments")
    #expect(
      comments == """
        shop (pid 4711) on shop-01, 2026-03-01 09:05:00 UTC
        crash capture
        message: Fatal error: Unexpectedly found nil
        incomplete: offset 4096: record of kind 4 is damaged (CRC)

        """
    )
    let top = try Pprof(bytes(SampleReport.server(), .pprof)).text("-top")
    #expect(top.hasPrefix("File: shop\nBuild ID: 0123456789abcdef"))
    #expect(top.contains("\nType: threads\nTime: Mar 1, 2026 at 9:05am (UTC)\n"), "\(top)")
  }

  @Test func nothingFromOutsideDrivesATerminal() throws {
    let pprof = try Pprof(bytes(ProfileScenario.hostile.report, .pprof))
    for option in ["-raw", "-traces", "-top", "-tags", "-comments"] {
      let output = try pprof.text(option)
      #expect(!output.unicodeScalars.contains { $0 != "\n" && $0 != "\t" && $0.value < 0x20 })
      #expect(!output.contains("\u{202e}"))
    }
  }

  @Test func theFileIsGzipAndTheSameEachTime() throws {
    let report = SampleReport.tasks()
    let file = try bytes(report, .pprof)
    #expect(file.prefix(3) == [0x1f, 0x8b, 8])
    #expect(try bytes(report, .pprof) == file)
    // Several reads of zlib's; the same samples whether packed or not.
    let large = try bytes(SampleReport.large(threads: 5000, distinct: 1000, depth: 40), .pprof)
    let directory = try TemporaryDirectory()
    try Data(large).write(to: URL(fileURLWithPath: directory.file("p.gz")))
    try runSuccessfully("gzip", ["-d", directory.file("p.gz")])
    let plain = try Array(Data(contentsOf: URL(fileURLWithPath: directory.file("p"))))
    #expect(plain.count > large.count)
    #expect(try Pprof(plain).traces("threads").count == 5000)
  }
}
