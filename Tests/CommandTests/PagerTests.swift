import Foundation
import Report
import TestSupport
import Testing

/// What a person at a terminal sees of long text and of long work.
struct PagerTests {
  let directory: TemporaryDirectory
  let long: String

  init() throws {
    directory = try TemporaryDirectory()
    long = directory.file("long.dcreport")
    try ReportArchive.write(SampleReport.large(threads: 400, distinct: 40, depth: 20), to: long)
  }

  private func shown(
    _ arguments: [String] = [],
    rows: UInt16 = 25,
    _ environment: [String: String?] = ["DUMPCOLLECT_PAGER": "sed s/^/paged:/"]
  ) throws -> CommandResult {
    try runInTerminal(
      Products.dumpcollect,
      ["report", long] + arguments,
      rows: rows,
      environment: environment.merging(["NO_COLOR": "1"]) { given, _ in given }
    )
  }

  @Test func textLongerThanTheScreenGoesThroughThePager() throws {
    let result = try shown()
    let lines = result.text.split(separator: "\r\n")
    #expect(result.status == 0 && lines.count > 400)
    #expect(lines.allSatisfy { $0.hasPrefix("paged:") })
    #expect(try shown(["--format", "full"]).text.hasPrefix("paged:"))
    // The same text, to its last line.
    let plain = try dumpcollect("report", long, "--no-pager").text
    #expect(lines.last?.dropFirst(6) == plain.split(separator: "\n").last)
  }

  @Test func textThatFitsOnTheScreenDoesNot() throws {
    let count = try shown(["--no-pager"]).text.split(
      separator: "\r\n",
      omittingEmptySubsequences: false
    ).count
    #expect(try shown(rows: UInt16(count + 1)).text.hasPrefix("shop"))
    #expect(try shown(rows: UInt16(count - 1)).text.hasPrefix("paged:"))
  }

  @Test(arguments: [
    ["--no-pager"], ["--format", "json"], ["--format", "folded"], ["-o", "-", "--no-pager"],
  ])
  func whoWantsNoPagerGetsNone(_ arguments: [String]) throws {
    #expect(try !shown(arguments).text.contains("paged:"))
  }

  @Test(arguments: ["", "cat"])
  func anEmptyNameAndCatAreNoPager(_ name: String) throws {
    #expect(
      try shown([], ["DUMPCOLLECT_PAGER": name, "PAGER": "sed s/^/paged:/"]).text.hasPrefix("shop")
    )
  }

  @Test func thePagerOfOtherProgramsIsTheSecondChoice() throws {
    let environment = ["DUMPCOLLECT_PAGER": nil as String?, "PAGER": "sed s/^/other:/"]
    #expect(try shown([], environment).text.hasPrefix("other:"))
  }

  @Test func neitherPipesNorSimpleTerminalsHavePagers() throws {
    let paged = ["DUMPCOLLECT_PAGER": "sed s/^/paged:/" as String?]
    #expect(try dumpcollect("report", long, environment: paged).text.hasPrefix("shop"))
    #expect(try shown([], paged.merging(["TERM": "dumb"]) { $1 }).text.hasPrefix("shop"))
  }

  @Test func lessIsToldToShowColours() throws {
    let pager = "cat >/dev/null; echo \"LESS=$LESS LV=$LV\""
    let environment = ["DUMPCOLLECT_PAGER": pager as String?, "LV": nil]
    #expect(try shown([], environment).text == "LESS=FRX LV=-c\r\n")
    #expect(try shown([], environment.merging(["LESS": "S"]) { $1 }).text == "LESS=S LV=-c\r\n")
  }

  @Test(arguments: ["head -n 2", "true", "sleep 0.2; head -c 1", "exit 3"])
  func whoLeavesThePagerEarlyHasSeenEnough(_ pager: String) throws {
    let result = try shown(["--format", "full"], ["DUMPCOLLECT_PAGER": pager])
    #expect(result.status == 0)
    #expect(result.errorText == "")
  }

  @Test func withoutThePagerTheTextIsShownAllTheSame() throws {
    let result = try shown([], ["DUMPCOLLECT_PAGER": "no-such-pager-here -x"])
    #expect(result.status == 0)
    #expect(result.text.hasPrefix("shop"))
    #expect(result.text.contains("400 threads in 40 groups"))
    #expect(
      result.errorText.contains(
        "the pager “no-such-pager-here -x” cannot be run; without one: --no-pager"
      )
    )
  }

  @Test func anInterruptIsForThePagerAlone() throws {
    let pager = "cat >/dev/null; kill -INT $PPID; sleep 0.1; echo still here"
    let result = try shown([], ["DUMPCOLLECT_PAGER": pager])
    #expect(result.status == 0 && result.text.contains("still here"))
  }

  @Test func lessShowsTheFirstScreenAndQLeaves() throws {
    let screen = try Screen(columns: 80, rows: 24)
    try screen.run(
      "env -u DUMPCOLLECT_PAGER PAGER=less '\(Products.dumpcollect)' report '\(long)'; echo left: $?"
    )
    let first = try screen.wait { $0.contains("shop (pid 4711)") && $0.contains("400 threads") }
    // The last row is less's own.
    #expect(!first.contains("left:"), "\(first)")
    try screen.type("q")
    _ = try screen.wait { $0.contains("left: 0") }
  }

  @Test func longWorkShowsHowFarItIsAndTheLineGoes() throws {
    let service = try StaleServer()
    let program = try Fixture.build(
      ["chains/chains.c"],
      compiler: "gcc",
      arguments: ["-g", "-pthread"] + Handler.compileArguments + Handler.linkArguments,
      into: directory,
      named: "service"
    )
    let captures = directory.file("captures")
    try FileManager.default.createDirectory(atPath: captures, withIntermediateDirectories: true)
    let running = try RunningProgram(program, environment: ["DUMPCOLLECT": "directory=\(captures)"])
    try running.wait(for: "ready")
    let capture = try runSuccessfully(Products.dumpcollect, ["dump", "\(running.processID)"])
      .trimmingCharacters(in: .newlines)
    let environment = [
      "DEBUGINFOD_URLS": service.address as String?,
      "DEBUGINFOD_CACHE_PATH": directory.file("cache"),
      "DEBUGINFOD_TIMEOUT": "20",
    ]
    let arguments = ["symbolize", capture, "--debuginfod", "--sysroot", directory.path]
    let result = try runInTerminal(
      Products.dumpcollect,
      arguments,
      showsErrors: true,
      environment: environment
    )
    let erase = "\r\u{1b}[K"
    #expect(result.text.contains(#/\d+ of \d+ modules opened/#), "\(result.text)")
    let path = try #require(result.text.range(of: ".dcreport\r\n", options: .backwards))
    let before = result.text[..<path.lowerBound]
    // Erased before the result is printed, and not drawn again.
    let last = try #require(before.range(of: erase, options: .backwards))
    #expect(!before[last.upperBound...].contains("modules"), "\(result.text)")
    // Elsewhere there is none of it.
    let piped = try run(Products.dumpcollect, arguments, environment: environment)
    #expect(!piped.errorText.contains("modules opened"))
    let dumb = try runInTerminal(
      Products.dumpcollect,
      arguments,
      showsErrors: true,
      environment: environment.merging(["TERM": "dumb"]) { $1 }
    )
    #expect(!dumb.text.contains("modules opened"))
  }
}

/// A server of debug files that takes two seconds to say that it has none.
private final class StaleServer {
  private let program: RunningProgram
  let address: String

  init() throws {
    program = try RunningProgram(
      "python3",
      [
        "-u", "-c",
        """
        import http.server, time
        class Handler(http.server.BaseHTTPRequestHandler):
          def do_GET(self):
            time.sleep(2)
            self.send_error(404)
          def log_message(self, *arguments): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_port)
        server.serve_forever()
        """,
      ]
    )
    guard let port = program.readLine() else { throw CommandFailure("the server does not start") }
    address = "http://127.0.0.1:\(port)/"
  }
}
