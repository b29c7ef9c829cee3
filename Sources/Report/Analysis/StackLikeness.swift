/// When two stacks belong to one group.
public enum StackLikeness: String, Sendable, CaseIterable {
  /// Every frame shows the same: function, module, file and line.
  case identical
  /// The same functions of the same modules call each other, on whatever lines, inlined or not.
  case similar

  /// What tells groups apart besides the frames: of stacks that end early, why; of similar ones only whether they do, for
  /// the reason names an address.
  func key(ofTruncation truncated: String?) -> String? {
    self == .identical ? truncated : truncated.map { _ in "" }
  }
}

/// Small numbers for stacks, equal when the stacks are alike.
struct StackKeys {
  private let report: DumpReport
  private let frameKeys: [Int]
  private var keys: [[Int]: Int] = [:]
  /// By index of the stack: thousands of threads share a stack, which is looked at once.
  private var known: [Int: Int] = [:]

  init(_ report: DumpReport, _ likeness: StackLikeness = .identical) {
    self.report = report
    switch likeness {
    case .identical: frameKeys = Self.numbers(of: report.frames.lazy.map { ShownFrame($0) })
    case .similar:
      let moduleNames = report.modules.map { fileName(of: $0.path) }
      frameKeys = Self.numbers(of: report.frames.lazy.map { CalledFunction($0, moduleNames) })
    }
  }

  mutating func key(ofStack stack: Int) -> Int {
    if let key = known[stack] { return key }
    let frames = report.stacks[stack].map { frameKeys[$0] }
    let key = keys[frames] ?? keys.count
    keys[frames] = key
    known[stack] = key
    return key
  }

  private static func numbers<Key: Hashable>(of frames: some Sequence<Key>) -> [Int] {
    var numbers: [Key: Int] = [:]
    return frames.map { key in
      if let number = numbers[key] { return number }
      numbers[key] = numbers.count
      return numbers.count - 1
    }
  }
}

/// Finds the different stacks within a group.
struct StackVariants {
  /// Nil where all of a group are identical.
  private var keys: StackKeys?

  init(_ report: DumpReport, _ likeness: StackLikeness) {
    keys = likeness == .similar ? StackKeys(report) : nil
  }

  /// One of each kind, the most frequent first, then the first in their order.
  mutating func variants(of stacks: some Sequence<Int>) -> [Int] {
    guard keys != nil else { return stacks.first { _ in true }.map { [$0] } ?? [] }
    var counts: [(key: Int, stack: Int, count: Int)] = []
    var indexOfKey: [Int: Int] = [:]
    for stack in stacks {
      let key = keys?.key(ofStack: stack) ?? stack
      if let known = indexOfKey[key] {
        counts[known].count += 1
      } else {
        indexOfKey[key] = counts.count
        counts.append((key, stack, 1))
      }
    }
    return counts.sorted { $0.count > $1.count }.map(\.stack)
  }
}

/// What a reader sees of a frame.
private struct ShownFrame: Hashable {
  private let function: String?
  private let module: Int?
  private let file: String?
  private let line: UInt32?
  private let isInlined: Bool
  private let isSignalFrame: Bool
  private let place: UInt64?

  init(_ frame: Frame) {
    function = frame.function
    module = frame.module
    file = frame.file
    line = frame.line
    isInlined = frame.isInlined
    isSignalFrame = frame.isSignalFrame
    place = frame.function == nil ? frame.offset ?? frame.address : nil
  }
}

/// What a fingerprint counts of a frame; where there is no function, the place, for two unknown ones may differ.
private struct CalledFunction: Hashable {
  private let function: Substring?
  private let module: Substring?
  private let place: UInt64?

  init(_ frame: Frame, _ moduleNames: [Substring]) {
    function = frame.function.map(stableName(of:))
    module = frame.module.map { moduleNames[$0] }
    place = frame.function == nil ? frame.offset ?? frame.address : nil
  }
}
