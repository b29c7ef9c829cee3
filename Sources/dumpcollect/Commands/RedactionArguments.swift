import ArgumentParser
import Glibc
import Report

/// What to take out of reports before others see them: the same words in every verb that writes them.
struct RedactionArguments: ParsableArguments {
  @Flag(
    help:
      "Take out arguments, values of the environment and of labels, notes, messages, hosts, addresses and what is below homes; the same value becomes the same token."
  )
  var redact = false

  @Option(
    name: .customLong("redact-label"),
    help: ArgumentHelp(
      "Redact only the labels whose keys match (default: *; may be repeated).",
      valueName: "pattern"
    )
  )
  var labelPatterns: [String] = []

  @Option(
    name: .customLong("redact-name"),
    help: ArgumentHelp(
      "Redact also the names of threads, tasks and the process that match (may be repeated).",
      valueName: "pattern"
    )
  )
  var namePatterns: [String] = []

  @Option(
    name: .customLong("redact-path"),
    help: ArgumentHelp(
      "Redact also paths below this folder, as below homes (may be repeated).",
      valueName: "dir"
    )
  )
  var folders: [String] = []

  @Option(
    name: .customLong("redact-key"),
    help: ArgumentHelp(
      "Make the tokens with the secret in this file, so that they are the same in every report ($DUMPCOLLECT_REDACT_KEY has the secret itself; default: one of this run).",
      valueName: "file"
    )
  )
  var keyFile: String?

  func validate() throws {
    for folder in folders {
      let parts = folder.split(separator: "/").filter { $0 != "." }
      guard folder.hasPrefix("/"), !parts.isEmpty, !parts.contains("..") else {
        throw ValidationError("--redact-path: expected an absolute path, found “\(folder)”")
      }
    }
    if keyFile == "" { throw ValidationError("--redact-key: expected a file, found an empty word") }
  }

  /// Nil where nothing is to be taken out.
  ///
  /// Who says what to redact wants it redacted, also without `--redact`.
  ///
  /// - Throws: why there is no key.
  func redaction() throws(CommandError) -> Redaction? {
    let isAsked =
      redact || keyFile != nil
      || !(labelPatterns.isEmpty && namePatterns.isEmpty && folders.isEmpty)
    guard isAsked else { return nil }
    var redaction = try key().map { Redaction(key: $0) } ?? Redaction()
    if !labelPatterns.isEmpty { redaction.labelPatterns = labelPatterns }
    redaction.namePatterns = namePatterns
    redaction.privateFolders =
      folders + [environment("HOME")].compactMap(\.self).filter(Self.isHome)
    return redaction
  }

  private func key() throws(CommandError) -> [UInt8]? {
    let source: String
    let bytes: [UInt8]
    if let keyFile {
      source = keyFile
      bytes = try read(keyFile)
    } else if let value = environment("DUMPCOLLECT_REDACT_KEY") {
      source = "DUMPCOLLECT_REDACT_KEY"
      bytes = Array(value.utf8)
    } else {
      return nil
    }
    // The end of a line that an editor or echo put there.
    let key = Array(bytes.prefix(bytes.count - bytes.reversed().prefix { $0 == 0x0a }.count))
    guard key.count >= Redaction.shortestKey else {
      throw CommandError(
        "\(source): expected a key of at least \(Redaction.shortestKey) bytes, found \(key.count)",
        hint: "make one: head -c 32 /dev/urandom | base64 > KEYFILE",
        status: .usage
      )
    }
    return key
  }

  private func read(_ path: String) throws(CommandError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandError(
        "\(path): cannot open the key: \(SystemError.current)",
        hint: "make one: head -c 32 /dev/urandom | base64 > KEYFILE"
      )
    }
    defer { close(descriptor) }
    do throws(SystemError) {
      return try readAll(descriptor, limit: 64 << 10)
    } catch {
      throw CommandError("\(path): cannot read the key: \(error)")
    }
  }

  /// A folder that is somebody's, and not one that programs share: service users have `/`, `/usr/sbin` and the like.
  static func isHome(_ path: String) -> Bool {
    let parts = path.split(separator: "/")
    let shared: Set<Substring> = [
      "bin", "boot", "dev", "etc", "lib", "lib64", "nonexistent", "proc", "sbin", "sys", "usr",
    ]
    return path.hasPrefix("/") && parts.count > 1 && !shared.contains(parts[0])
  }

  private func environment(_ name: String) -> String? {
    // Safe because nobody changes the environment at the same time.
    guard let value = unsafe getenv(name), unsafe value.pointee != 0 else { return nil }
    return unsafe String(cString: value)
  }
}

/// The report as others may see it; as it is where nothing was asked for.
func redacted(_ report: DumpReport, _ redaction: Redaction?) -> DumpReport {
  redaction?.knowingHome(of: report).redacted(report) ?? report
}

/// The name of a report's file as others may see it; the report is not redacted yet.
func redacted(fileName: String, of report: DumpReport, _ redaction: Redaction?) -> String {
  redaction?.knowingHome(of: report).redacted(fileName: fileName, of: report) ?? fileName
}

extension Redaction {
  /// The same with the home of the user whom the process belonged to, as this machine knows it.
  func knowingHome(of report: DumpReport) -> Redaction {
    // Safe because only this thread asks for users, and the answer is copied at once.
    guard let user = report.process.userID, let entry = unsafe getpwuid(user) else { return self }
    let home = unsafe String(cString: entry.pointee.pw_dir)
    guard RedactionArguments.isHome(home) else { return self }
    var redaction = self
    redaction.privateFolders.append(home)
    return redaction
  }
}
