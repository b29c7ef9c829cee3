import Report

/// Frames as lines of text; what a frame shows is worked out once, however many stacks hold it.
struct FrameLines {
  /// One frame, safe to print.
  private struct Shown: Equatable {
    var function: String
    var functionColumns: Int
    var place: String
    var isKnown: Bool
    /// Other names of the function; empty where there are none.
    var aliases: String
    var isRuntime: Bool
    var isPlumbing: Bool
    var source: SourceLines?
  }

  /// Other names that are written out.
  private static let shownAliases = 4
  /// Lines that are written out of one function in similar stacks.
  private static let shownPlaces = 4

  /// Function names up to this width have their places in one column.
  private static let alignedColumns = 56
  private static let indent = "    "

  private let report: DumpReport
  private let shown: [Shown]

  init(_ report: DumpReport) {
    self.report = report
    let snippets = SnippetTable(report.snippets)
    shown = report.frames.map { frame in
      let function = Self.function(frame, in: report)
      return Shown(
        function: function,
        functionColumns: columns(function),
        place: Self.place(frame, in: report),
        isKnown: frame.function != nil,
        aliases: Self.aliases(frame),
        isRuntime: frame.isRuntime,
        isPlumbing: Self.isPlumbing(frame),
        source: snippets[frame].map(SourceLines.init)
      )
    }
  }

  /// Writes a stack, innermost frame first, and why it ends early.
  ///
  /// `folded` shows what a recursion repeats once, with the number of times, no function's other names, and the source
  /// of one frame alone: the innermost whose source is there, which mostly is the service's own. `hidesRuntime` leaves
  /// out what nobody wrote in the service: of Swift's own functions only those are shown that the service called.
  /// `variants` are similar stacks, whose lines are named where they differ.
  func write(
    stack: Int,
    variants: [Int] = [],
    truncated: String?,
    folded: Bool,
    hidesRuntime: Bool = false,
    to text: inout TextBuilder
  ) throws {
    let all = frames(ofStack: stack, variants)
    let frames = hidesRuntime ? Self.withoutRuntime(all) : all
    let aligned =
      frames.lazy.map(\.functionColumns).filter { $0 <= Self.alignedColumns }.max() ?? 0
    var needsSource = true
    for run in folded ? repetitions(in: frames) : [Repetition(frames: frames.indices, count: 1)] {
      let isAlone = run.frames.count == 1
      for frame in frames[run.frames] {
        try write(frame, times: isAlone ? run.count : 1, aligned: aligned, to: &text)
        if !folded, !frame.aliases.isEmpty {
          try text.paragraph("\(Self.indent)\(Self.indent)\(frame.aliases)", indent: 10, .faint)
        }
        guard needsSource, let source = frame.source else { continue }
        try source.write(to: &text)
        needsSource = !folded
      }
      if run.count > 1, !isAlone {
        let size = run.frames.count
        try text.line("\(Self.indent)↑ these \(size) frames (× \(grouped(run.count)))", .heading)
      }
    }
    if let truncated {
      try text.paragraph(
        "\(Self.indent)… the stack ends here: \(visible(truncated))",
        indent: 8,
        .doubt
      )
    }
  }

  /// The frames of a stack; where its variants are at other places, these too.
  private func frames(ofStack stack: Int, _ variants: [Int]) -> [Shown] {
    var frames = report.stacks[stack].map { shown[$0] }
    // What more than some different stacks have is not read anyway.
    let others = variants.dropFirst().prefix(64).map { report.stacks[$0] }
      .filter { $0.count == frames.count }
    guard !others.isEmpty else { return frames }
    for position in frames.indices {
      var places = [frames[position].place]
      for other in others {
        let place = shown[other[position]].place
        if !places.contains(place) { places.append(place) }
      }
      frames[position].place = Self.text(ofPlaces: places)
    }
    return frames
  }

  /// `/src/shop/Worker.swift:41, :88, pool.cpp:33 and 2 more`.
  private static func text(ofPlaces places: [String]) -> String {
    guard places.count > 1 else { return places[0] }
    let file = places[0].prefix { $0 != ":" }
    let others = places.dropFirst().prefix(shownPlaces - 1).map { place in
      guard place.hasPrefix("\(file):") else { return String(fileName(of: place)) }
      return String(place.dropFirst(file.count))
    }
    let more = places.count - shownPlaces
    return ([places[0]] + others).joined(separator: ", ")
      + (more > 0 ? " and \(grouped(more)) more" : "")
  }

  /// The frames without thunks and without the runtime's own, except for the function that the service called.
  private static func withoutRuntime(_ frames: [Shown]) -> [Shown] {
    var kept: [Shown] = []
    // The outermost of a run of the runtime's functions; nil where the service's own code stands last.
    var called: Shown?
    for frame in frames {
      guard !frame.isRuntime else {
        if !frame.isPlumbing { called = frame }
        continue
      }
      if let function = called { kept.append(function) }
      called = nil
      kept.append(frame)
    }
    // Nobody called what is outermost; but a stack that is the runtime's alone is shown as it is.
    return kept.isEmpty ? frames : kept
  }

  /// Writes where threads were created, behind their stack.
  ///
  /// Of several threads the creators may have been different ones, in the same place.
  func write(creator: ThreadCreator?, of threads: Int, to text: inout TextBuilder) throws {
    guard let creator, let stack = creator.stack else { return }
    let name = creator.name.map { " " + quoted($0) } ?? ""
    let who = threads == 1 ? "created by thread \(creator.threadID)\(name):" : "created by\(name):"
    try text.line("  \(who)", .heading)
    try write(stack: stack, truncated: nil, folded: true, to: &text)
  }

  private func write(
    _ frame: Shown,
    times: Int,
    aligned: Int,
    to text: inout TextBuilder
  ) throws {
    text.add(Self.indent)
    text.add(frame.function, frame.isKnown ? .plain : .doubt)
    let suffix = times > 1 ? "  (× \(grouped(times)))" : ""
    guard !frame.place.isEmpty else { return try text.line(suffix, .heading) }
    let terminal = text.style.width.map { $0 - columns(suffix) } ?? .max
    let end = Self.indent.count + frame.functionColumns
    let column = max(end, Self.indent.count + aligned) + 2
    // In the column of the stack, else closer to the name, else on a line of its own.
    if let place = shortened(frame.place, toColumns: terminal - column) {
      text.add(String(repeating: " ", count: column - end))
      text.add(place, .faint)
    } else if let place = shortened(frame.place, toColumns: terminal - end - 2) {
      text.add(String(repeating: " ", count: terminal - end - columns(place)))
      text.add(place, .faint)
    } else {
      try text.endLine()
      text.add(Self.indent + Self.indent)
      let place = shortened(frame.place, toColumns: terminal - 2 * Self.indent.count)
      text.add(place ?? frame.place, .faint)
    }
    try text.line(suffix, .heading)
  }

  /// The name, or the place in the module where there is none.
  private static func function(_ frame: Frame, in report: DumpReport) -> String {
    var name = visible(report.name(of: frame))
    if frame.isSignalFrame { name += " (signal frame)" }
    if frame.isInlined { name += " (inlined)" }
    return name
  }

  /// What nobody in the service called by its name: thunks, the runtime's own functions that a task goes on in, and
  /// `withCheckedContinuation` and its kin, of which the wait tells already.
  private static func isPlumbing(_ frame: Frame) -> Bool {
    guard frame.isRuntime else { return false }
    let name = frame.shortFunction ?? frame.function ?? ""
    let isContinuation = name.hasPrefix("with") && name.contains("Continuation<")
    return frame.isThunk || isContinuation
      || (frame.isAsync && frame.linkage?.hasPrefix("$s") != true)
  }

  /// File and line; the module where there is no line; the reason where there is nothing.
  private static func place(_ frame: Frame, in report: DumpReport) -> String {
    if let file = frame.file {
      // swiftc's name for code that stands in no file; its compilation directory is the root.
      if file == "/<compiler-generated>" { return "<compiler-generated>" }
      return visible(file) + (frame.line.map { ":\($0)" } ?? "")
    }
    guard frame.function != nil, let module = frame.module else {
      return frame.unknown.map { "(\(visible($0)))" } ?? ""
    }
    return visible(String(fileName(of: report.modules[module].path)))
  }

  /// `also called a, b and 3 more`.
  ///
  /// Names that the C library has for its own use (`__GI___clone3` of `clone3`) say nothing new.
  private static func aliases(_ frame: Frame) -> String {
    let own = plain(frame.function ?? "")
    let others = frame.aliases.filter { plain($0) != own }
    guard !others.isEmpty else { return "" }
    let names = others.prefix(shownAliases).map(visible).joined(separator: ", ")
    let more = others.count - shownAliases
    return "also called \(names)\(more > 0 ? " and \(grouped(more)) more" : "")"
  }

  /// The name without what glibc puts before it.
  private static func plain(_ name: String) -> Substring {
    var rest = name.drop { $0 == "_" }
    for prefix in ["GI_", "libc_", "new_"] where rest.hasPrefix(prefix) {
      rest = rest.dropFirst(prefix.count).drop { $0 == "_" }
    }
    return rest
  }
}

/// A path without its first folders, `…/Sources/main.swift:7`, or whole where that is short enough.
///
/// Nil when not even the file and its folder fit.
private func shortened(_ path: String, toColumns limit: Int) -> String? {
  if columns(path) <= limit { return path }
  let parts = path.split(separator: "/")
  guard path.contains("/"), parts.count > 2 else { return nil }
  for first in 1...(parts.count - 2) {
    let short = "…/" + parts[first...].joined(separator: "/")
    if columns(short) <= limit { return short }
  }
  return nil
}
