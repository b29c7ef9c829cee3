/// A finding of one or both of two reports.
public struct FindingChange: Sendable, Equatable {
  /// Which of the reports has it.
  public enum Kind: String, Sendable, CaseIterable {
    /// Only the new one.
    case new
    /// Both.
    case still
    /// Only the old one.
    case gone
  }

  /// Which of the reports has it.
  public var kind: Kind
  /// What was found; of both reports, as the new one says it.
  public var finding: Finding

  /// New findings first, then those that are still there, then those that are gone.
  static func changes(from old: [Finding], to new: [Finding]) -> [FindingChange] {
    let pairs = FindingPairs(old, new)
    let fresh = pairs.fresh.map { FindingChange(kind: .new, finding: $0) }
    let still = pairs.still.map { FindingChange(kind: .still, finding: $0) }
    let gone = pairs.gone.map { FindingChange(kind: .gone, finding: $0) }
    return fresh + still + gone
  }
}

/// Which findings of two reports are the same.
///
/// Those of one text are, else those of one subject, one of the old for one of the new: a second deadlock is new, though it
/// differs from the first in numbers alone.
struct FindingPairs {
  /// Only in the new report.
  private(set) var fresh: [Finding] = []
  /// In both, as the new report has them.
  private(set) var still: [Finding] = []
  /// Only in the old report.
  private(set) var gone: [Finding] = []

  init(_ old: [Finding], _ new: [Finding]) {
    var isKnown = Array(repeating: false, count: new.count)
    var left = old
    let names: [(Finding) -> [String]] = [
      { [$0.kind, $0.text] }, { [$0.kind, $0.subject] },
    ]
    for name in names {
      var counts: [[String]: Int] = [:]
      for finding in left { counts[name(finding), default: 0] += 1 }
      var taken: [[String]: Int] = [:]
      for index in new.indices where !isKnown[index] {
        let key = name(new[index])
        guard counts[key, default: 0] > taken[key, default: 0] else { continue }
        taken[key, default: 0] += 1
        isKnown[index] = true
      }
      left.removeAll { finding in
        guard let count = taken[name(finding)], count > 0 else { return false }
        taken[name(finding)] = count - 1
        return true
      }
    }
    gone = left
    for (finding, isKnown) in zip(new, isKnown) {
      if isKnown { still.append(finding) } else { fresh.append(finding) }
    }
  }
}

extension Array where Element == Finding {
  /// Those that an earlier look did not have.
  package func new(since known: [Finding]) -> [Finding] { FindingPairs(known, self).fresh }
}

extension Finding {
  /// What it is about: its text without numbers, and without what another look at the same thing says otherwise.
  var subject: String {
    var subject = Self.withoutNumbers(text)
    let ends = Self.details[kind] ?? []
    if let end = ends.compactMap({ subject.firstRange(of: $0)?.lowerBound }).min() {
      subject = String(subject[..<end])
    }
    return subject
  }

  /// How many, for how long, who waits behind: where a text begins to say that, by kind.
  private static let details: [String: [String]] = [
    "deadlock": [". ", "; # more task"],
    "lock-abandoned": [" was held by "],
    "lock-contention": [", held by ", "; who holds "],
    "pool-exhausted": [" ("],
    "actor-blocked": ["; "],
    "leak-suspect": [", created one after another ", ", each until "],
    "watchdog": [" had no tick "],
  ]

  /// `# threads wait for mutex #`: digits, and those of an address.
  private static func withoutNumbers(_ text: String) -> String {
    var result: [UInt8] = []
    var bytes = Array(text.utf8)[...]
    while let byte = bytes.popFirst() {
      guard isDigit(byte) else {
        result.append(byte)
        continue
      }
      result.append(UInt8(ascii: "#"))
      if byte == UInt8(ascii: "0"), bytes.first == UInt8(ascii: "x") {
        bytes = bytes.dropFirst().drop { isDigit($0) || (0x61...0x66).contains($0) }
      } else {
        bytes = bytes.drop(while: isDigit)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
