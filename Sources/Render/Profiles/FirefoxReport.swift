import FoundationEssentials
import Report

/// The report as a file of the Firefox Profiler: its processed format, version 66.
///
/// Sources: docs-developer/processed-profile-format.md, CHANGELOG-formats.md and src/types/profile.ts of
/// github.com/firefox-devtools/profiler. The profiler brings older versions up to date as it opens them.
///
/// A track is all threads whose names differ in digits only, or all tasks. Each has one sample; the time axis counts them, so
/// that a stack is as wide as there are threads that have it.
struct FirefoxReport {
  private let stacks: ProfileStacks
  private let tables: FirefoxTables
  private let tracks: [FirefoxTrack]

  /// More are not shown at first; the profiler's list of tracks has the others.
  private static let visibleTracks = 40

  init(_ report: DumpReport) {
    let stacks = ProfileStacks(report)
    var tables = FirefoxTables(stacks)
    tracks = FirefoxTrack.tracks(of: report).map { track in
      var track = track
      let all =
        track.isOfTasks
        ? track.members.map { stacks.stack(of: report.tasks[$0]) }
        : track.members.map { stacks.stack(of: report.threads[$0]) }
      track.samples = Self.largestFirst(all.map { tables.node(ofStack: $0) })
      return track
    }
    (self.stacks, self.tables) = (stacks, tables)
  }

  /// The same numbers with equal ones side by side, the most frequent first.
  private static func largestFirst(_ nodes: [Int]) -> [Int] {
    var distinct = CountedValues<Int>()
    for node in nodes { distinct.add(node) }
    return distinct.values.sorted { $0.count > $1.count }.flatMap {
      Array(repeating: $0.value, count: $0.count)
    }
  }

  func write(to sink: ([UInt8]) throws -> Void) throws {
    var json = JSONWriter()
    try json.object { json in
      writeMeta(&json)
      json.newLine()
      json.key("libs")
      json.array(stacks.report.modules, onLines: true) { write($1, &$0) }
      json.newLine()
      json.key("shared")
      try tables.write(&json, sink)
      json.newLine()
      json.key("threads")
      try json.array(tracks, onLines: true) { json, track in
        write(track, &json)
        try sink(json.takeBytes())
      }
      for name in ["pages", "counters", "profilerOverhead"] {
        json.key(name)
        json.array([Int]()) { $0.number($1) }
      }
    }
    json.endDocument()
    try sink(json.takeBytes())
  }

  private func writeMeta(_ json: inout JSONWriter) {
    let report = stacks.report
    json.key("meta")
    json.object { json in
      json.field("preprocessedProfileVersion", 66)
      // Of the browser's own format, from which this one is not made.
      json.field("version", 24)
      json.field("importedFrom", "dumpcollect")
      json.field("product", visible(report.process.name ?? "dumpcollect"))
      json.field("startTime", report.time.map(milliseconds) ?? 0)
      json.field("interval", 1)
      json.field("processType", 0)
      json.field("stackwalk", 1)
      json.field("debug", false)
      json.field("platform", "Linux")
      json.field("symbolicated", true)
      json.field("symbolicationNotSupported", true)
      json.field("usesOnlyOneStackType", true)
      json.field("sourceCodeIsNotOnSearchfox", true)
      json.field("keepProfileThreadOrder", true)
      json.key("sampleUnits")
      json.object { json in
        json.field("time", "ms")
        json.field("eventDelay", "ms")
        json.field("threadCPUDelta", "ns")
      }
      json.key("categories")
      json.array(FirefoxCategory.allCases) { json, category in
        json.object { json in
          json.field("name", category.name)
          json.field("color", category.color)
          json.key("subcategories")
          json.array(["Other"]) { $0.string($1) }
        }
      }
      json.key("markerSchema")
      json.array([Int]()) { $0.number($1) }
      json.key("initialVisibleThreads")
      json.array(tracks.indices.prefix(Self.visibleTracks)) { $0.number($1) }
      // All threads together; the tasks are another quantity.
      json.key("initialSelectedThreads")
      json.array(tracks.indices.prefix(Self.visibleTracks).filter { !tracks[$0].isOfTasks }) {
        $0.number($1)
      }
      writeExtra(&json)
    }
  }

  /// What the profiler shows of the capture when it is asked for more.
  private func writeExtra(_ json: inout JSONWriter) {
    let report = stacks.report
    let heading = ReportHeading(report)
    var entries = [("process", heading.process), ("capture", heading.cause)]
    if let message = report.message { entries.append(("message", visible(message))) }
    if !report.isComplete && report.problems.isEmpty { entries.append(("incomplete", "yes")) }
    entries += report.problems.map { ("incomplete", visible($0)) }
    json.key("extra")
    json.array(["Capture"]) { json, label in
      json.object { json in
        json.field("label", label)
        json.key("entries")
        json.array(entries) { json, entry in
          json.object { json in
            json.field("label", entry.0)
            json.field("format", "string")
            json.field("value", entry.1)
          }
        }
      }
    }
  }

  private func milliseconds(_ date: Date) -> Int64 {
    Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded()) ?? 0
  }

  private func write(_ module: ReportModule, _ json: inout JSONWriter) {
    json.object { json in
      let name = visible(String(fileName(of: module.path)))
      json.field("name", name)
      json.field("path", visible(module.path))
      json.field("debugName", name)
      json.field("debugPath", visible(module.debugFile ?? module.path))
      json.field("breakpadId", breakpadID(ofBuildID: module.buildID ?? ""))
      json.nullableField("codeId", module.buildID.map(visible))
      json.nullableField("arch", nil)
    }
  }

  private func write(_ track: FirefoxTrack, _ json: inout JSONWriter) {
    let process = stacks.report.process
    json.object { json in
      json.field("name", track.name)
      json.field("isMainThread", track.isMain)
      json.field("processType", "default")
      json.field("processName", visible(process.name ?? ""))
      json.field("pid", process.processID.map(String.init) ?? "0")
      json.field("tid", track.id)
      json.field("processStartupTime", 0)
      json.nullableField("processShutdownTime", nil)
      json.field("registerTime", 0)
      json.nullableField("unregisterTime", nil)
      json.key("pausedRanges")
      json.array([Int]()) { $0.number($1) }
      json.key("samples")
      json.object { json in
        json.field("length", track.samples.count)
        json.field("weightType", "samples")
        json.nullableField("weight", nil)
        json.key("stack")
        json.array(track.samples) { $0.number($1) }
        json.key("time")
        json.array(track.samples.indices) { $0.number($1) }
      }
      json.key("markers")
      json.object { json in
        json.field("length", 0)
        for column in ["category", "data", "endTime", "name", "phase", "startTime"] {
          json.key(column)
          json.array([Int]()) { $0.number($1) }
        }
      }
    }
  }
}

/// The name under which Breakpad's tools know a build: the first 16 bytes of its build ID, read as a GUID, and an age of 0.
///
/// Zeros where there is no such build ID.
func breakpadID(ofBuildID buildID: String) -> String {
  let digits = Array(buildID.utf8.prefix(32))
  let isHexadecimal = digits.allSatisfy { byte in
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
  }
  guard isHexadecimal else { return String(repeating: "0", count: 33) }
  let bytes = digits + Array(repeating: UInt8(ascii: "0"), count: 32 - digits.count)
  // The first three numbers of a GUID are little-endian.
  let order = [3, 2, 1, 0, 5, 4, 7, 6] + Array(8..<16)
  let swapped = order.flatMap { bytes[2 * $0...2 * $0 + 1] }
  return String(decoding: swapped, as: UTF8.self).uppercased() + "0"
}

extension JSONWriter {
  /// A field that is there also where it has no value.
  mutating func nullableField(_ name: String, _ value: String?) {
    key(name)
    guard let value else { return null() }
    string(value)
  }

  mutating func null() {
    raw(Array("null".utf8))
  }
}
