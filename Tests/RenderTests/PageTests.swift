import Foundation
import Render
import Report
import TestSupport
import Testing

/// What of the HTML report needs no browser to be seen.
struct PageTests {
  @Test func theOnlyScriptAndStyleAreThoseOfThePolicy() throws {
    let page = try rendered(SampleReport.server(), .html)
    let policy = try #require(
      page.firstMatch(of: #/Content-Security-Policy" content="([^"]*)"/#)?.1
    )
    #expect(policy.hasPrefix("default-src 'none'; "))
    for (element, directive) in [("script", "script-src"), ("style", "style-src")] {
      let contents = try #require(
        page.firstMatch(
          of: try Regex("(?s)<\(element)>(.*?)</\(element)>", as: (Substring, Substring).self)
        )?.1
      )
      let digest = try digest(of: String(contents))
      #expect(policy.contains("\(directive) 'sha256-\(digest)'"))
      #expect(page.components(separatedBy: "<\(element)").count == (element == "script" ? 3 : 2))
    }
  }

  /// As `openssl dgst -sha256 -binary | base64` has it, of a text.
  private func digest(of text: String) throws -> String {
    let directory = try TemporaryDirectory()
    let file = try directory.write(text, to: "text")
    return try runSuccessfully(
      "python3",
      [
        "-c",
        "import base64, hashlib, sys; print(base64.b64encode(hashlib.sha256(open(sys.argv[1], 'rb').read()).digest()).decode(), end='')",
        file,
      ]
    )
  }

  @Test func thePageAsksForNothing() throws {
    let page = try rendered(SampleReport.server(), .html)
    for word in ["http://", "https://", "src=", "@import", "url("] {
      let found = page.components(separatedBy: word).count - 1
      // A namespace's name, which nobody fetches, and the comment on what is no field of a search.
      #expect(found == (word == "http://" ? 2 : 0), "\(word)")
    }
  }

  /// The policy forbids it too (trusted types); who reads the script shall find it nowhere.
  @Test func theScriptMakesNoElementsOfText() throws {
    let folder = "\(repositoryRoot)/Sources/CPage/script"
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(files.count > 8)
    for file in files {
      let script = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      for word in [
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(",
        "createContextualFragment", "DOMParser", "setHTML", "srcdoc", "javascript:", "fetch(",
        "XMLHttpRequest", "WebSocket", "import(", "sendBeacon",
      ] {
        // `new Function(`, not a name that ends so.
        let count = script.components(separatedBy: word).count - 1
        #expect(count == 0, "\(file): \(word)")
      }
    }
  }

  @Test func everyScriptStandsInThePage() throws {
    let folder = "\(repositoryRoot)/Sources/CPage/script"
    let page = try rendered(DumpReport(), .html)
    for file in try FileManager.default.contentsOfDirectory(atPath: folder) {
      let script = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)
      #expect(page.contains(script), "\(file) is not in CPage.c")
    }
  }

  @Test func nothingOfAReportLeavesItsElement() throws {
    let page = try rendered(SampleReport.hostile(), .html)
    let parts = page.components(separatedBy: "<script")
    // Before, the data, the script.
    #expect(parts.count == 3)
    #expect(page.components(separatedBy: "</script>").count == 3)
    let data = try #require(parts[1].components(separatedBy: "</script>").first)
    #expect(!data.dropFirst(40).contains("<") && !data.dropFirst(40).contains("&"))
    #expect(!page.contains("<img") && !page.contains("<svg onload"))
    #expect(!page.unicodeScalars.contains { [0x202e, 0x2066, 0x2028, 0x1b, 0].contains($0.value) })
  }

  @Test func theDataIsWholeAndHasEachTextOnce() throws {
    for report in [
      DumpReport(), SampleReport.server(), SampleReport.tasks(), SampleReport.hostile(),
    ] {
      let data = try pageData(of: report)
      let strings = try #require(data["strings"] as? [String])
      #expect(Set(strings).count == strings.count)
      let threads = try #require(data["threads"] as? [String: Any])
      #expect(threads["count"] as? Int == report.threads.count)
      #expect((data["groups"] as? [Any])?.count == report.groups().count)
      #expect((data["taskGroups"] as? [Any])?.count ?? 0 == report.taskGroups().count)
    }
  }

  private func pageData(of report: DumpReport) throws -> [String: Any] {
    let page = try rendered(report, .html)
    let json = try #require(
      page.firstMatch(of: #/(?s)<script type="application\/json" id="data">(.*?)<\/script>/#)?.1
    )
    return try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
    )
  }

  @Test func withoutJavaScriptTheBeginningOfTheTextIsThere() throws {
    let page = try rendered(SampleReport.server(), .html)
    #expect(page.contains("<pre class=\"plain\""))
    #expect(page.contains("4 threads  sleeping in futex (condition)"))
    let large = try rendered(SampleReport.large(threads: 1000, distinct: 1000, depth: 27), .html)
    #expect(large.contains("… and more: dumpcollect report --format text"))
  }

  @Test func tenThousandThreadsStayBelowSixMegabytes() throws {
    let report = SampleReport.large(threads: 10_000, distinct: 10_000, depth: 27)
    var byteCount = 0
    try ReportFormat.html.write(report) { byteCount += $0.count }
    #expect(byteCount < 6_000_000)
  }
}
