import Glibc

/// Takes out of reports what says who runs a service, where, and for whom, so that they can be handed on.
///
/// Each value becomes a token, the same value the same token; docs/command.md lists what is taken out and what stays. Reports
/// that are redacted with one key can be compared with each other.
public struct Redaction: Sendable {
  /// Labels whose values are taken out: patterns of fnmatch(3) for their keys.
  public var labelPatterns = ["*"]
  /// Names of threads, tasks and of the process that are taken out: patterns of fnmatch(3).
  public var namePatterns: [String] = []
  /// Folders that are treated as homes are, besides those in `/home`, `/root` and `/Users`: absolute paths.
  public var privateFolders: [String] = []
  private let key: [UInt8]

  /// The fewest bytes of a key that nobody finds by trying.
  public static let shortestKey = 16

  /// Tokens that cannot be compared with those of another run: of a key that nobody has.
  public init() {
    var random = SystemRandomNumberGenerator()
    key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
  }

  /// Tokens of a key of at least `shortestKey` bytes, which whoever has it can check values against.
  public init(key: [UInt8]) {
    precondition(key.count >= Self.shortestKey)
    self.key = key
  }

  /// The report without what says who, where and for whom.
  public func redacted(_ report: DumpReport) -> DumpReport {
    var redactor = Redactor(self, key: key, report)
    return redactor.redacted(report)
  }

  /// The name of the process that the report is of, as the kernel has it.
  public func redacted(processName: String, of report: DumpReport) -> String {
    var redactor = Redactor(self, key: key, report)
    return redactor.name(processName) ?? processName
  }

  /// The name of a report's or capture's file, as a person typed it.
  ///
  /// Captures are called as their processes: what is taken out of the report, which is not redacted yet, is taken out of its name.
  public func redacted(fileName: String, of report: DumpReport) -> String {
    var redactor = Redactor(self, key: key, report)
    return redactor.captureFile(fileName)
  }
}

/// Redacts one report.
struct Redactor {
  private let redaction: Redaction
  private let folders: PrivateFolders
  private var tokens: RedactionTokens
  /// Values that were taken out, which sentences may repeat.
  private var values = RepeatedValues([])
  /// Addresses among them, which names may repeat.
  private var addresses = RepeatedValues([])
  /// Many threads have the same texts.
  private var knownTexts: [String: String] = [:]

  init(_ redaction: Redaction, key: [UInt8], _ report: DumpReport) {
    self.redaction = redaction
    folders = PrivateFolders(others: redaction.privateFolders)
    tokens = RedactionTokens(key: key)
    let addresses = Self.addresses(in: report)
    self.addresses = RepeatedValues(addresses)
    values = RepeatedValues(addresses + otherValues(in: report))
  }

  mutating func redacted(_ report: DumpReport) -> DumpReport {
    var report = report
    report.reason = reason(report)
    report.problems = report.problems.map { sentence($0) }
    report.captureFile = report.captureFile.map { captureFile($0) }
    report.message = value(report.message)
    report.process = redacted(report.process)
    report.modules = report.modules.map { redacted($0) }
    report.frames = report.frames.map { redacted($0) }
    report.threads = report.threads.map { redacted($0) }
    report.tasks = report.tasks.map { redacted($0) }
    report.executors = report.executors.map { redacted($0) }
    report.taskSummary = report.taskSummary.map { redacted($0) }
    report.descriptors = report.descriptors.map {
      DescriptorCount(kind: sentence($0.kind), count: $0.count)
    }
    report.connections = report.connections.map { redacted($0) }
    report.environment = report.environment.map {
      EnvironmentVariable(name: text($0.name), value: value($0.value))
    }
    report.notes = report.notes.map { note in
      var note = note
      note.text = tokens.token(for: note.text)
      return note
    }
    report.snippets = []
    report.findings = report.findings.map { finding in
      var finding = finding
      finding.kind = sentence(finding.kind)
      finding.text = sentence(finding.text)
      return finding
    }
    return report
  }

  /// The host's name, and the addresses of connections.
  private static func addresses(in report: DumpReport) -> [String] {
    let descriptors = report.threads.flatMap { $0.waitsFor?.descriptors ?? [] }
    let endpoints =
      descriptors.flatMap { [$0.local, $0.peer] }
      + report.connections.flatMap { [$0.local, $0.peer] }
    return [report.process.host].compactMap(\.self)
      + endpoints.compactMap(\.self).map(address).filter { !isAny($0) }
  }

  /// What else a sentence about the process may repeat.
  private func otherValues(in report: DumpReport) -> [String] {
    var all = [report.message].compactMap(\.self)
    all += report.process.arguments
    all += report.environment.compactMap(\.value)
    all += report.notes.map(\.text)
    for thread in report.threads {
      all += thread.labels.filter { isRedacted(label: $0.key) }.map(\.value)
    }
    let names = (report.threads.map(\.name) + report.tasks.map(\.name) + [report.process.name])
      .compactMap(\.self).filter { isRedacted(name: $0) }
    // Names of two letters are parts of many words, but not between the marks that findings put around names.
    return all + names + names.map { "“\($0)”" }
  }

  /// Why the capture was made: the handler's own words stay, and the name of a watchdog, which a finding tells too.
  private mutating func reason(_ report: DumpReport) -> String? {
    guard let reason = report.reason, reason != "signal" else { return report.reason }
    let isWatchdog =
      reason.hasPrefix("watchdog ") && report.findings.contains { $0.kind == "watchdog" }
    return isWatchdog ? sentence(reason) : value(reason)
  }
}

// MARK: Values

extension Redactor {
  /// A token; nothing and the empty text stay what they are.
  mutating func value(_ value: String?) -> String? {
    value.map { $0.isEmpty ? "" : tokens.token(for: $0) }
  }

  /// A name of the program's own, in which only private paths are redacted.
  mutating func text(_ text: String) -> String {
    tokens.text(text, folders)
  }

  mutating func text(_ text: String?) -> String? {
    text.map { tokens.text($0, folders) }
  }

  /// A sentence of this program's or of the handler's: also what it repeats is redacted.
  mutating func sentence(_ sentence: String) -> String {
    if let known = knownTexts[sentence] { return known }
    let result = tokens.text(withTokens(sentence, values), folders)
    knownTexts[sentence] = result
    return result
  }

  /// The text with tokens in place of the values that it repeats.
  private mutating func withTokens(_ text: String, _ values: RepeatedValues) -> String {
    values.replaced(in: text) { value in
      guard value.count > 2, value.first == "“", value.last == "”" else {
        return tokens.token(for: value)
      }
      return "“\(tokens.token(for: String(value.dropFirst().dropLast())))”"
    }
  }

  mutating func sentence(_ sentence: String?) -> String? {
    sentence.map { self.sentence($0) }
  }

  mutating func path(_ path: String) -> String {
    tokens.path(path, folders)
  }

  mutating func path(_ path: String?) -> String? {
    path.map { tokens.path($0, folders) }
  }

  /// A name that somebody gave to a thread, a task or the process.
  mutating func name(_ name: String?) -> String? {
    guard let name else { return nil }
    if isRedacted(name: name) { return tokens.token(for: name) }
    // Names such as "from 10.0.0.3" are common.
    return text(withTokens(name, addresses))
  }

  /// Where a capture lies, as the person called it: from where a relative path goes is not known.
  mutating func captureFile(_ path: String) -> String {
    if path == "-" { return path }
    guard path.hasPrefix("/") else { return tokens.token(forFileName: path) }
    return withTokens(tokens.path(path, folders), values)
  }

  /// A file that the service had open: its data, unless it is the system's.
  mutating func openFile(_ path: String) -> String {
    let isOfSystem = ["/dev/", "/proc/", "/sys/", "/usr/", "/lib/", "/etc/"].contains {
      path.hasPrefix($0)
    }
    return isOfSystem ? tokens.path(path, folders) : tokens.token(forFileName: path)
  }

  /// An address with a port, of which the port stays, and addresses that stand for any.
  mutating func endpoint(_ endpoint: String) -> String {
    let (address, port) = Self.parts(of: endpoint)
    if Self.isAny(address) { return endpoint }
    return tokens.token(for: address) + (port.map { ":\($0)" } ?? "")
  }

  /// It stands for all of a machine's addresses.
  private static func isAny(_ address: String) -> Bool {
    ["", "0.0.0.0", "::", "*"].contains(address)
  }

  /// The address of `1.2.3.4:5`, `[::1]:5` or `::1`; of what is none of these, the whole.
  static func address(of endpoint: String) -> String {
    parts(of: endpoint).address
  }

  private static func parts(of endpoint: String) -> (address: String, port: Substring?) {
    var address = endpoint[...]
    var rest: Substring = ""
    if let end = endpoint.lastIndex(of: "]"), endpoint.first == "[" {
      address = endpoint[..<end].dropFirst()
      rest = endpoint[endpoint.index(after: end)...]
    } else if let colon = endpoint.firstIndex(of: ":"), colon == endpoint.lastIndex(of: ":") {
      (address, rest) = (endpoint[..<colon], endpoint[colon...])
    }
    if rest.isEmpty { return (String(address), nil) }
    let port = rest.dropFirst()
    let isPort =
      !port.isEmpty && port.utf8.count <= 5 && port.utf8.allSatisfy { (0x30...0x39).contains($0) }
    return rest.first == ":" && isPort ? (String(address), port) : (endpoint, nil)
  }

  func isRedacted(label key: String) -> Bool {
    redaction.labelPatterns.contains { matches(key, $0) }
  }

  func isRedacted(name: String) -> Bool {
    redaction.namePatterns.contains { matches(name, $0) }
  }

  private func matches(_ text: String, _ pattern: String) -> Bool {
    // Safe because both strings live during the call.
    unsafe fnmatch(pattern, text, 0) == 0
  }
}
