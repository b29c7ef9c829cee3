import Report

/// Threads or tasks that the Firefox Profiler shows in one row.
struct FirefoxTrack {
  /// Safe to print.
  var name: String
  /// Unique among the tracks.
  var id: String
  /// It has the process's first thread.
  var isMain = false
  var isOfTasks = false
  /// Indices into `DumpReport.threads` or `tasks`.
  var members: [Int]
  /// For each member, the number of its stack.
  var samples: [Int] = []

  /// The first thread's track, then the others by size; the tasks come last.
  static func tracks(of report: DumpReport) -> [FirefoxTrack] {
    // No pattern: the first thread, which has a track of its own.
    var patterns = CountedValues<String?>()
    var members: [[Int]] = []
    for (index, thread) in report.threads.enumerated() {
      let isFirst = thread.threadID == report.process.processID
      let track = patterns.add(isFirst ? nil : pattern(of: thread.name ?? ""))
      if track == members.count { members.append([]) }
      members[track].append(index)
    }
    var tracks = zip(patterns.values, members).map { pattern, members in
      track(of: report, members, pattern: pattern.value)
    }
    tracks.sort { ($0.isMain ? 0 : 1, $1.members.count) < ($1.isMain ? 0 : 1, $0.members.count) }
    tracks = limited(tracks)
    // The profiler opens no file without a row.
    if tracks.isEmpty { tracks = [FirefoxTrack(name: "threads", id: "threads", members: [])] }
    // A damaged capture may have two threads of one number.
    var ids: Set<String> = []
    for index in tracks.indices where !ids.insert(tracks[index].id).inserted {
      tracks[index].id += ".\(index)"
    }
    guard !report.tasks.isEmpty else { return tracks }
    var tasks = FirefoxTrack(
      name: "Swift tasks",
      id: "tasks",
      members: Array(report.tasks.indices)
    )
    tasks.isOfTasks = true
    return tracks + [tasks]
  }

  /// More rows the profiler cannot handle: the smallest become one.
  private static let largestCount = 200

  private static func limited(_ tracks: [FirefoxTrack]) -> [FirefoxTrack] {
    guard tracks.count > largestCount else { return tracks }
    let members = tracks[(largestCount - 1)...].flatMap(\.members)
    let rest = FirefoxTrack(
      name: "others (\(grouped(members.count)) threads)",
      id: "others",
      members: members
    )
    return tracks.prefix(largestCount - 1) + [rest]
  }

  private static func track(
    of report: DumpReport,
    _ members: [Int],
    pattern: String?
  ) -> FirefoxTrack {
    let first = report.threads[members[0]]
    let isAlone = members.count == 1
    let name = (isAlone ? nil : pattern) ?? first.name ?? ""
    let shown = name.isEmpty ? "(no name)" : visible(name)
    var track = FirefoxTrack(
      name: isAlone ? shown : "\(shown) (\(grouped(members.count)) threads)",
      id: isAlone ? "\(first.threadID)" : "\(first.threadID)+",
      members: members
    )
    track.isMain = pattern == nil
    return track
  }

  /// The name with a star for each number in it: `worker-*`.
  private static func pattern(of name: String) -> String {
    var pattern = ""
    for character in name {
      guard character.isASCII, character.isNumber else {
        pattern.append(character)
        continue
      }
      if pattern.last != "*" { pattern.append("*") }
    }
    return pattern
  }
}

/// What a frame's code is part of.
enum FirefoxCategory: Int, CaseIterable {
  case other, program, library, runtime

  var name: String {
    switch self {
    case .other: "Other"
    case .program: "Program"
    case .library: "Libraries"
    case .runtime: "Swift runtime"
    }
  }

  /// The format has names for colours; its default category must be grey.
  var color: String {
    switch self {
    case .other: "grey"
    case .program: "yellow"
    case .library: "blue"
    case .runtime: "purple"
    }
  }
}
