import Foundation
import TestSupport
import Testing

@testable import Report

/// What redaction makes of single values; `RedactionOutputTests` looks at whole reports in every format.
struct RedactionTests {
  private let key = Array("sixteen bytes or".utf8)

  private func redactor(
    _ change: (inout Redaction) -> Void = { _ in },
    report: DumpReport = DumpReport()
  ) -> Redactor {
    var redaction = Redaction(key: key)
    change(&redaction)
    return Redactor(redaction, key: key, report)
  }

  /// The token of a value, worked out by python.
  private func token(_ value: String) throws -> String {
    let program = """
      import hashlib, hmac, sys
      print("redacted-" + hmac.new(b"sixteen bytes or", sys.argv[1].encode(), hashlib.sha256).hexdigest()[:12], end="")
      """
    return try runSuccessfully("python3", ["-c", program, value])
  }

  @Test func aShortNameIsTakenOutOfFindings() throws {
    var report = SampleReport.server()
    report.threads[0].name = "al"
    report.findings = [
      Finding(
        kind: "deadlock",
        text: "thread 7 “al” waits for itself: for normal mutex 0x1 (global)"
      )
    ]
    var redaction = Redaction(key: key)
    redaction.namePatterns = ["*"]
    let text = redaction.redacted(report).findings[0].text
    #expect(
      text == "thread 7 “\(try token("al"))” waits for itself: for normal mutex 0x1 (global)"
    )
    redaction.namePatterns = ["b*"]
    #expect(redaction.redacted(report).findings[0].text == report.findings[0].text)
  }

  @Test func aTokenIsTheBeginningOfTheKeyedSum() throws {
    var redactor = redactor()
    #expect(try redactor.value("tenant 7") == token("tenant 7"))
    #expect(redactor.value("") == "")
    #expect(redactor.value(nil) == nil)
  }

  @Test(arguments: [
    ("/opt/shop/bin/shop", "/opt/shop/bin/shop"),
    ("nptl/pthread_create.c", "nptl/pthread_create.c"),
    ("/home", "/home"), ("/homework/a.c", "/homework/a.c"), ("/srv/home.c", "/srv/home.c"),
    ("/home/alice/shop/src/pay.cpp", "/home/{/home/alice/shop/src}/{pay.cpp}.cpp"),
    ("/home/alice/notes.acme", "/home/{/home/alice}/{notes.acme}"),
    ("/home/alice/lib/libpay.so.1.2", "/home/{/home/alice/lib}/{libpay.so.1.2}.so"),
    (
      "/home/alice/shop/.build/checkouts/swift-nio/a.swift",
      "/home/{/home/alice/shop}/.build/checkouts/{/home/alice/shop/.build/checkouts/swift-nio}/{a.swift}.swift"
    ),
    (
      "/home/al/.cargo/registry/src/x.rs",
      "/home/{/home/al}/.cargo/registry/src/{x.rs}.rs"
    ),
    ("/home/alice", "/home/{/home/alice}"), ("/home/alice/", "/home/{/home/alice}/"),
    ("/root" + "/a b (old)/x.rs", "/root" + "/{/root" + "/a b (old)}/{x.rs}.rs"),
    ("/Users/alice/x.swift", "/Users/{/Users/alice}/{x.swift}.swift"),
    (
      "/usr/lib/debug/home/alice/bin/shop.debug",
      "/usr/lib/debug/home/{/home/alice/bin}/{shop.debug}.debug"
    ),
    ("/srv/acme/src/a.c", "/srv/{/srv/acme/src}/{a.c}.c"), ("/srv/acme", "/srv/{/srv/acme}"),
    ("/srv/acme2/a.c", "/srv/acme2/a.c"),
  ])
  func pathsBelowHomesBecomeTokens(_ path: String, _ expected: String) throws {
    var redactor = redactor { $0.privateFolders = ["/srv/acme/"] }
    #expect(try redactor.path(path) == filled(expected))
  }

  @Test(arguments: [
    ("no path here: 1/2", "no path here: 1/2"),
    (
      "/home/alice/My Shop/x.debug: wrong build ID",
      "/home/{/home/alice/My Shop}/{x.debug}.debug: wrong build ID"
    ),
    (
      "f<(lambda at /home/alice/a, b/x.cpp:3:4)>::operator()(int) const",
      "f<(lambda at /home/{/home/alice/a, b}/{x.cpp}.cpp:3:4)>::operator()(int) const"
    ),
    (
      "looked in /home/a/x.c, then\n/Users/y.c!",
      "looked in /home/{/home/a}/{x.c}.c, then\n/Users/{/Users/y.c!}"
    ),
  ])
  func pathsInTextsBecomeTokens(_ text: String, _ expected: String) throws {
    var redactor = redactor()
    #expect(try redactor.text(text) == filled(expected))
  }

  @Test(arguments: [
    ("127.0.0.1:8081", "{127.0.0.1}:8081"), ("2001:db8::1", "{2001:db8::1}"),
    ("[2001:db8::1]:443", "{2001:db8::1}:443"), (":8080", ":8080"), ("[::]:8080", "[::]:8080"),
    ("0.0.0.0:80", "0.0.0.0:80"), ("10.0.0.3", "{10.0.0.3}"), ("/run/x.sock", "{/run/x.sock}"),
    ("[::]:name", "{[::]:name}"), ("host:name", "{host:name}"), ("", ""),
  ])
  func addressesBecomeTokensAndPortsStay(_ endpoint: String, _ expected: String) throws {
    var redactor = redactor()
    #expect(try redactor.endpoint(endpoint) == filled(expected))
  }

  /// The text with tokens in place of the values in braces.
  private func filled(_ text: String) throws -> String {
    var result = ""
    for (index, part) in text.split(
      omittingEmptySubsequences: false,
      whereSeparator: { "{}".contains($0) }
    ).enumerated() {
      result += index % 2 == 0 ? String(part) : try token(String(part))
    }
    return result
  }

  @Test func oneValueHasOneTokenAndOneKeyTheSameInEachReport() throws {
    var report = SampleReport.server()
    report.process.host = "10.0.0.3"
    report.connections[0].peer = "10.0.0.3:5432"
    report.threads[0].labels = ["peer": "10.0.0.3"]
    report.findings = [Finding(kind: "leak-suspect", text: "1,170 connections to 10.0.0.3:5432")]
    let redacted = Redaction(key: key).redacted(report)
    let token = try token("10.0.0.3")
    #expect(redacted.process.host == token)
    #expect(redacted.connections[0].peer == token + ":5432")
    #expect(redacted.threads[0].labels == ["peer": token])
    #expect(redacted.findings[0].text == "1,170 connections to \(token):5432")
    #expect(Redaction(key: key).redacted(report) == redacted)
    let others = [Redaction(key: key + [1]), Redaction(), Redaction()].map {
      $0.redacted(report).process.host
    }
    #expect(Set(others + [token]).count == 4)
    // One value of it, one run: both sides of a comparison.
    let run = Redaction()
    #expect(run.redacted(report) == run.redacted(report))
  }

  @Test func labelsAndNamesGoByPattern() throws {
    var report = SampleReport.server()
    report.threads[0].labels = ["tenant": "acme", "tenant_id": "7", "role": "acceptor"]
    let chosen = Redaction(key: key).changed { $0.labelPatterns = ["tenant*", "x[ab]"] }
    let labels = chosen.redacted(report).threads[0].labels
    #expect(labels["role"] == "acceptor")
    #expect(try labels["tenant"] == token("acme") && labels["tenant_id"] == token("7"))
    let all = Redaction(key: key).redacted(report)
    #expect(try all.threads[0].labels["role"] == token("acceptor"))
    #expect(all.threads.map(\.name) == report.threads.map(\.name))
    let named = Redaction(key: key).changed { $0.namePatterns = ["worker-*", "shop"] }
      .redacted(report)
    #expect(try named.process.name == token("shop"))
    #expect(try named.threads[1].name == token("worker-8"))
    #expect(try named.threads[1].createdBy?.name == token("shop"))
    #expect(named.threads[6].name == "plug in")
  }

  @Test func addressesInNamesAndValuesInSentencesBecomeTokens() throws {
    var report = DumpReport()
    report.process.host = "db-7"
    report.connections = [ReportConnection(state: "ESTABLISHED", count: 1)]
    report.connections[0].peer = "[2001:db8::1]:443"
    report.process.arguments = ["acme", "42", "acme-corp"]
    report.threads = [ReportThread(threadID: 1)]
    report.threads[0].name = "to 2001:db8::1"
    report.threads[0].reason = "acme 42 acme-corp db-7 acm 2001:db8::1"
    report.tasks = [ReportTask(id: 1, address: 0, state: .running)]
    report.tasks[0].name = "acme via db-7"
    let redacted = Redaction(key: key).redacted(report)
    #expect(try redacted.threads[0].name == filled("to {2001:db8::1}"))
    // The longest value that fits is one; what is shorter than four bytes stays.
    #expect(
      try redacted.threads[0].reason == filled("{acme} 42 {acme-corp} {db-7} acm {2001:db8::1}")
    )
    #expect(try redacted.tasks[0].name == filled("acme via {db-7}"))
  }

  @Test func theHandlersOwnReasonsStay() throws {
    func reason(_ text: String, watchdog: Bool = false) -> String? {
      var report = DumpReport()
      report.reason = text
      if watchdog { report.findings = [Finding(kind: "watchdog", text: "queue had no tick")] }
      return Redaction(key: key).redacted(report).reason
    }
    #expect(reason("signal") == "signal")
    #expect(reason("watchdog queue", watchdog: true) == "watchdog queue")
    #expect(try reason("watchdog queue") == token("watchdog queue"))
    #expect(try reason("alice asked", watchdog: true) == token("alice asked"))
  }

  @Test func tenThousandLabelsAndSentencesAreLookedThroughOnceEach() {
    var report = DumpReport()
    report.threads = (0..<10_000).map { index in
      var thread = ReportThread(threadID: Int32(index))
      thread.labels = ["request": "request \(index) of many"]
      thread.reason = "request \(9999 - index) of many was cut at 0x\(String(index, radix: 16))"
      return thread
    }
    let redacted = Redaction(key: key).redacted(report)
    #expect(redacted.threads.allSatisfy { $0.reason?.hasPrefix("redacted-") ?? false })
  }

  @Test func whatAReportIsAboutStays() {
    let report = SampleReport.server()
    let redacted = Redaction(key: key).redacted(report)
    #expect(redacted.frames == report.frames)
    #expect(redacted.stacks == report.stacks)
    #expect(redacted.modules == report.modules)
    #expect(redacted.groups() == report.groups())
    #expect(redacted.process.arguments.count == 3)
    #expect(redacted.environment.map(\.name) == ["PATH", "MODE"])
    #expect(redacted.environment.map(\.value) == [nil, ""])
    #expect(redacted.connections.map(\.local) == [nil, ":8080", "[::]:8080"])
    #expect(redacted.reason == "signal" && redacted.time == report.time)
    #expect(redacted.snippets.isEmpty && redacted.process.userID == nil)
    #expect(Redaction(key: key).redacted(DumpReport()) == DumpReport())
  }
}

extension Redaction {
  fileprivate func changed(_ change: (inout Redaction) -> Void) -> Redaction {
    var copy = self
    change(&copy)
    return copy
  }
}
