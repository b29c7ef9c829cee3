import Foundation
import Render
import Report
import TestSupport
import Testing

/// Files of speedscope and of the Firefox Profiler, read back as those tools read them.
struct ProfileDocumentTests {
  @Test(arguments: ProfileScenario.allCases)
  func speedscopeShowsEveryThreadAndTaskWithItsPlaces(_ scenario: ProfileScenario) throws {
    let report = scenario.report
    let document = try ProfileDocument("speedscope", bytes(report, .speedscope))
    let expected = ExpectedProfile(report: report)
    func word(_ index: Int?, _ name: String) -> ProfileDocument.Frame {
      let frame = index.map { report.frames[$0] }
      let line = frame?.file == nil ? nil : frame?.line.flatMap { $0 > 0 ? Int($0) : nil }
      return ProfileDocument.Frame(
        name: name,
        file: frame?.file.map(visible),
        line: line,
        column: line == nil ? nil : frame?.column.flatMap { $0 > 0 ? Int($0) : nil },
        depth: nil
      )
    }
    #expect(document.threads == expected.threads(word))
    #expect(document.tasks == expected.tasks(word))
  }

  @Test(arguments: ProfileScenario.allCases)
  func theFirefoxProfilerShowsEveryThreadAndTaskWithItsPlaces(_ scenario: ProfileScenario) throws {
    let report = scenario.report
    let document = try ProfileDocument("firefox", bytes(report, .firefox))
    let expected = ExpectedProfile(report: report)
    func word(_ index: Int?, _ name: String) -> ProfileDocument.Frame {
      let frame = index.map { report.frames[$0] }
      func position(_ value: UInt32?) -> Int? { value.flatMap { $0 > 0 ? Int($0) : nil } }
      return ProfileDocument.Frame(
        name: name,
        file: frame?.file.map(visible),
        line: position(frame?.line),
        column: position(frame?.column),
        depth: nil
      )
    }
    func withoutDepths(_ stacks: [[ProfileDocument.Frame]: Int]) -> [[ProfileDocument.Frame]: Int] {
      var result: [[ProfileDocument.Frame]: Int] = [:]
      for (stack, count) in stacks {
        let frames = stack.map { frame in
          var frame = frame
          frame.depth = nil
          return frame
        }
        result[frames, default: 0] += count
      }
      return result
    }
    #expect(withoutDepths(document.threads) == expected.threads(word))
    #expect(withoutDepths(document.tasks) == expected.tasks(word))
  }

  @Test func inlinedFunctionsLieDeeperInTheirCallersFrame() throws {
    var report = SampleReport.server()
    // Two functions inlined into a third: Queue.next() into Job.pay() into Worker.run().
    report.frames[11].isInlined = true
    report.stacks[3] = [2, 11, 3, 4]
    let document = try ProfileDocument("firefox", bytes(report, .firefox))
    let stack = try #require(
      document.threads.keys.first { $0.count == 4 && $0[1].name == "Job.pay()" }
    )
    #expect(stack.map(\.depth) == [2, 1, 0, 0])
  }

  @Test func threadsOfOneKindAreOneTrack() throws {
    func names(_ report: DumpReport) throws -> [String] {
      let object = try JSONSerialization.jsonObject(with: Data(bytes(report, .firefox)))
      let threads = (object as? [String: Any])?["threads"] as? [[String: Any]]
      return threads?.compactMap { $0["name"] as? String } ?? []
    }
    #expect(
      try names(SampleReport.server())
        == ["shop", "worker-* (5 threads)", "plug in", "frozen", "(no name)"]
    )
    #expect(try names(SampleReport.tasks()) == ["bank", "bank", "Swift tasks"])
    let idle = try names(SampleReport.large(threads: 10_000, distinct: 12, depth: 27))
    #expect(idle == ["worker-* (10,000 threads)"])
    var unlike = SampleReport.large(threads: 1000, distinct: 12, depth: 5)
    for index in unlike.threads.indices {
      unlike.threads[index].name = String(repeating: "x", count: index + 1)
    }
    let tracks = try names(unlike)
    #expect(tracks.count == 200 && tracks.last == "others (801 threads)")
    let document = try ProfileDocument("firefox", bytes(unlike, .firefox))
    #expect(document.threads.values.reduce(0, +) == 1000)
  }

  @Test func buildsAreCalledAsBreakpadCallsThem() throws {
    let object = try JSONSerialization.jsonObject(
      with: Data(bytes(SampleReport.server(), .firefox))
    )
    let libs = try #require((object as? [String: Any])?["libs"] as? [[String: Any]])
    // Of 0123456789abcdef…: the first three numbers of the GUID are little-endian.
    #expect(
      libs.map { $0["breakpadId"] as? String } == [
        "67452301AB89EFCD0123456789ABCDEF0", "A94C2558FE72E991D68A4DBF4C1D6B2D0",
        String(repeating: "0", count: 33),
      ]
    )
    #expect(libs[0]["codeId"] as? String == "0123456789abcdef0123456789abcdef01234567")
  }

  @Test(arguments: [
    ("speedscope", "\"col\":7", "\"col\":0"), ("speedscope", "\"samples\":[", "\"samples\":[[],"),
    ("speedscope", "\"endValue\":9", "\"endValue\":8"), ("firefox", "\"length\":5", "\"length\":6"),
    ("firefox", "\"resource\":[", "\"resource\":[7,"), ("firefox", "\"grey\"", "\"pink\""),
    ("firefox", "\"prefixOffset\":[0", "\"prefixOffset\":[1"),
  ])
  func whatIsWrongIsRefused(_ format: String, _ right: String, _ wrong: String) throws {
    let text = try String(
      decoding: bytes(
        SampleReport.server(),
        #require(ReportFormat(rawValue: format))
      ),
      as: UTF8.self
    )
    #expect(text.contains(right), "\(text)")
    let bytes = Array(text.replacingOccurrences(of: right, with: wrong).utf8)
    #expect(throws: CommandFailure.self) { try ProfileDocument(format, bytes) }
  }

  @Test(arguments: [ReportFormat.speedscope, .firefox])
  func aLargeReportComesInPieces(_ format: ReportFormat) throws {
    let report = SampleReport.large(threads: 6000, distinct: 6000, depth: 27)
    var pieces: [Int] = []
    try format.write(report) { pieces.append($0.count) }
    #expect(pieces.count > 1)
  }
}
