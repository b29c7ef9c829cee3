import Foundation
import TestSupport

/// The frames of one thread that its program's source promises, innermost first.
///
/// A frame is named by a fragment of its function's name and by the comment that ends its line in the source.
struct Chain: Sendable {
  struct Link: Sendable, ExpressibleByStringLiteral {
    /// A part of the function's demangled name.
    var function: String
    /// The comment `at MARKER` stands on the frame's line.
    var marker: String
    /// Nil where the compiler may choose.
    var isInlined: Bool?

    init(_ function: String, at marker: String? = nil, inlined: Bool? = nil) {
      self.function = function
      self.marker = marker ?? function
      isInlined = inlined
    }

    init(stringLiteral name: String) {
      self.init(name)
    }
  }

  var threadName: String
  var links: [Link]
  /// The thread takes no signal, and the walk may need a register that only a signal would show: then it
  /// must end with its reason, and what it shows must be right.
  var mayEndEarly: Bool

  init(_ threadName: String, _ links: [Link], mayEndEarly: Bool = false) {
    self.threadName = threadName
    self.links = links
    self.mayEndEarly = mayEndEarly
  }

  /// What differs between the promise and the report, a sentence each; only frames of `source` count.
  func differences(from document: ReportDocument, source: String) throws -> [String] {
    guard let thread = document.thread(named: threadName) else {
      return ["no single thread is named \(threadName): \(document.threads.map { $0.name ?? "-" })"]
    }
    let lines = try markedLines(of: source)
    let sourceName = URL(fileURLWithPath: source).lastPathComponent
    let frames = (thread.frames ?? []).filter { $0.file?.hasSuffix("/" + sourceName) ?? false }
    let endsEarly = mayEndEarly && thread.truncated != nil
    let seen = frames.map { "\($0.function ?? "?"):\($0.line ?? 0)" }.joined(separator: " < ")
    guard endsEarly ? frames.count <= links.count : frames.count == links.count else {
      return ["\(threadName): \(frames.count) frames, promised \(links.count): \(seen)"]
    }
    var differences: [String] = []
    for (frame, link) in zip(frames, links) {
      if !(frame.function ?? "").contains(link.function) {
        differences.append("\(threadName): \(frame.function ?? "?") stands for \(link.function)")
      }
      if frame.line != lines[link.marker] {
        differences.append(
          "\(threadName): \(link.function) at line \(frame.line ?? 0), promised \(lines[link.marker] ?? -1)"
        )
      }
      if let isInlined = link.isInlined, frame.isInlined != isInlined {
        differences.append("\(threadName): \(link.function) inlined: \(frame.isInlined)")
      }
    }
    if let truncated = thread.truncated, !endsEarly {
      differences.append("\(threadName): the walk ended early: \(truncated)")
    }
    return differences
  }
}

/// Line numbers by the marker of their comment `at MARKER`.
func markedLines(of source: String) throws -> [String: Int] {
  let text = try String(contentsOfFile: source, encoding: .utf8)
  var lines: [String: Int] = [:]
  for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
    guard let range = line.range(of: "// at ") else { continue }
    lines[line[range.upperBound...].trimmingCharacters(in: .whitespaces)] = index + 1
  }
  return lines
}
