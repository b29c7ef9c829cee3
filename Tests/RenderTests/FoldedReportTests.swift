import Foundation
import Render
import Report
import TestSupport
import Testing

/// Folded stacks, drawn by flamegraph.pl.
struct FoldedReportTests {
  /// The lines as they stand: frames, the outermost first, to their count.
  private func lines(_ report: DumpReport) throws -> [(frames: [String], count: Int)] {
    let text = try rendered(report, .folded)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return try text.split(separator: "\n").map { line in
      let space = try #require(line.lastIndex(of: " "))
      let count = try #require(Int(line[line.index(after: space)...]), "\(line)")
      return (
        line[..<space].split(separator: ";", omittingEmptySubsequences: false).map(String.init),
        count
      )
    }
  }

  @Test(arguments: ProfileScenario.allCases)
  func everyThreadAndTaskIsCountedOnceWithItsStack(_ scenario: ProfileScenario) throws {
    let report = scenario.report
    let expected = ExpectedProfile(report: report)
    func word(_ frame: Int?, _ name: String) -> String {
      let word = name.replacingOccurrences(of: ";", with: ":")
      if frame.map({ report.frames[$0].isInlined }) ?? false { return word + "_[i]" }
      return word == "ends 12" ? "ends_12" : word == "ends 1.5" ? "ends_1.5" : word
    }
    var counts: [[String]: Int] = [:]
    for (stack, count) in expected.threads(word) {
      counts[["threads"] + stack.reversed(), default: 0] += count
    }
    for (stack, count) in expected.tasks(word) {
      counts[["tasks"] + stack.reversed(), default: 0] += count
    }
    let lines = try lines(report)
    #expect(Set(lines.map(\.frames)).count == lines.count)
    #expect(Dictionary(lines.map { ($0.frames, $0.count) }) { $0 + $1 } == counts)
    for kind in ["threads", "tasks"] {
      let sorted = lines.filter { $0.frames[0] == kind }.map(\.count)
      #expect(sorted == sorted.sorted(by: >))
    }
  }

  @Test(arguments: ProfileScenario.allCases.filter { $0 != .nothing })
  func flamegraphDrawsEachFunctionAsWideAsItsThreads(_ scenario: ProfileScenario) throws {
    let report = scenario.report
    let directory = try TemporaryDirectory()
    let folded = try directory.write(rendered(report, .folded), to: "stacks.folded")
    let result = try run(
      "perl",
      [
        "/usr/share/perl5/Devel/NYTProf/flamegraph.pl", "--width", "1020", "--minwidth", "0",
        "--countname", "entries", folded,
      ]
    )
    #expect(result.status == 0 && result.errorText == "", "\(result.errorText)")
    let drawn = try Self.rectangles(of: result.text)
    // A function's width is the share of the threads and tasks below which it stands: the sum of its rectangles in a
    // row is checked for each depth.
    var expected: [Rectangle: Int] = [:]
    let lines = try lines(report)
    let total = lines.reduce(0) { $0 + $1.count }
    for (frames, count) in lines {
      for (depth, name) in frames.enumerated() {
        expected[Rectangle(depth: depth, name: Self.drawnName(name)), default: 0] += count
      }
    }
    #expect(Set(drawn.keys) == Set(expected.keys))
    for (rectangle, count) in expected {
      let width = try #require(drawn[rectangle])
      #expect(
        abs(width.pixels - 1000 * Double(count) / Double(total)) < 1.5 && width.entries == count,
        "\(rectangle.name): \(width), expected \(count) of \(total)"
      )
    }
  }

  private struct Rectangle: Hashable {
    var depth: Int
    var name: String
  }

  /// This flamegraph.pl shows no angle brackets.
  private static func drawnName(_ name: String) -> String {
    name.replacingOccurrences(of: "<", with: "(").replacingOccurrences(of: ">", with: ")")
  }

  /// What an SVG of flamegraph.pl shows, row by row from the root's; those of a name in a row together.
  private static func rectangles(
    of picture: String
  ) throws -> [Rectangle: (pixels: Double, entries: Int)] {
    let directory = try TemporaryDirectory()
    let reader = try directory.write(
      """
      import sys, json, xml.etree.ElementTree as tree
      svg = "{http://www.w3.org/2000/svg}"
      for group in tree.parse(sys.argv[1]).iter(svg + "g"):
        title, box = group.find(svg + "title"), group.find(svg + "rect")
        print(json.dumps([title.text, float(box.get("y")), float(box.get("width"))]))
      """,
      to: "read.py"
    )
    let path = try directory.write(picture, to: "stacks.svg")
    let groups = try runSuccessfully("python3", [reader, path]).split(separator: "\n").map {
      let group = try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [Any]
      return (
        title: try #require(group?[0] as? String), y: try #require(group?[1] as? Double),
        width: try #require(group?[2] as? Double)
      )
    }
    // Below the row of the root is flamegraph.pl's own, "all".
    let bottom = groups.map(\.y).max() ?? 0
    var rectangles: [Rectangle: (pixels: Double, entries: Int)] = [:]
    for group in groups where group.y < bottom {
      let pattern = /(?<name>.*) \((?<entries>[0-9,]+) entries, [0-9.]+%\)/
      let match = try #require(try pattern.wholeMatch(in: group.title), "\(group.title)")
      let key = Rectangle(depth: Int((bottom - group.y) / 16) - 1, name: String(match.name))
      let entries = try #require(Int(match.entries.filter { $0 != "," }))
      let before = rectangles[key] ?? (0, 0)
      rectangles[key] = (before.pixels + group.width, before.entries + entries)
    }
    return rectangles
  }

  @Test func runningTasksAreNotAddedToTheirThreads() throws {
    let text = try rendered(SampleReport.tasks(), .folded)
    #expect(text.contains("threads;swift_job_run;"))
    #expect(text.contains("tasks;") && !text.hasPrefix("tasks;"))
  }
}
