import Glibc

/// What /proc says of a process, proc(5).
struct ProcessStatus {
  let processID: pid_t
  /// comm.
  var name = ""
  /// The letter of the main thread's state, or of another thread's where the main thread alone has ended.
  var state: Character = "?"
  /// Where the kernel shows mappings and root: that of a living thread.
  private(set) var directory: String
  var userID: uid_t = 0
  /// Real, effective, saved and file system user: files that the process made belong to one of them.
  var userIDs: [uid_t] = []
  /// The id that the process itself sees.
  var innerProcessID: pid_t
  var threadCount = 0
  /// Signals with a handler: bit 0 is signal 1.
  var handledSignals: UInt64 = 0
  /// Signals sent to the process that no thread has taken yet.
  var pendingSignals: UInt64 = 0
  /// Clock ticks from the start of the system to that of the process (field 22 of stat).
  var startTicks: UInt64 = 0

  /// Reads the status; nil when there is no such process.
  init?(_ processID: pid_t) {
    self.processID = processID
    innerProcessID = processID
    directory = "/proc/\(processID)"
    guard let status = try? procText("/proc/\(processID)/status"),
      let stat = try? procText("/proc/\(processID)/stat")
    else { return nil }
    for line in status.split(separator: "\n") { parse(line) }
    // The name, in parentheses, may itself hold parentheses and spaces.
    guard let parenthesis = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: parenthesis)...].split(separator: " ")
    guard fields.count > 19, let ticks = UInt64(fields[19]) else { return nil }
    startTicks = ticks
    if hasEndedMainThread, threadCount > 1 { useLivingThread() }
  }

  /// The signal has a handler.
  func handles(_ signal: Int32) -> Bool {
    (1...64).contains(signal) && handledSignals >> UInt64(signal - 1) & 1 == 1
  }

  /// The signal was sent and waits for a thread that does not block it.
  func isPending(_ signal: Int32) -> Bool {
    (1...64).contains(signal) && pendingSignals >> UInt64(signal - 1) & 1 == 1
  }

  /// Stopped by a signal or by a tracer: it would not answer.
  var isStopped: Bool { state == "T" || state == "t" }

  /// Ended, but not yet waited for.
  ///
  /// A process whose main thread alone has ended is not.
  var isZombie: Bool { hasEndedMainThread }

  private var hasEndedMainThread: Bool { state == "Z" || state == "X" }

  /// The main thread of a living process may have ended (pthread_exit): its files in /proc are then empty.
  private mutating func useLivingThread() {
    for id in numbers(inDirectory: "\(directory)/task") where id != processID {
      let candidate = "\(directory)/task/\(id)"
      guard let stat = try? procText("\(candidate)/stat"), let end = stat.lastIndex(of: ")"),
        let letter = stat[stat.index(after: end)...].first(where: { $0 != " " }),
        letter != "Z", letter != "X"
      else { continue }
      state = letter
      directory = candidate
      return
    }
  }

  /// Seconds since its start.
  var uptime: Duration? {
    guard let text = try? procText("/proc/uptime"), let now = text.split(separator: " ").first,
      let seconds = Double(now)
    else { return nil }
    return .seconds(max(0, seconds - Double(startTicks) / Double(sysconf(Int32(_SC_CLK_TCK)))))
  }

  /// The executable's file name; nil where the kernel does not tell this caller.
  var executableName: String? {
    guard var path = linkTarget("/proc/\(processID)/exe") else { return nil }
    if path.hasSuffix(" (deleted)") { path.removeLast(" (deleted)".count) }
    return path.split(separator: "/").last.map(String.init)
  }

  private mutating func parse(_ line: Substring) {
    guard let colon = line.firstIndex(of: ":") else { return }
    let words = line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace)
    switch line[..<colon] {
    case "Name": name = unescaped(line[line.index(after: colon)...].dropFirst())
    case "State": state = words.first?.first ?? "?"
    case "Uid":
      userIDs = words.compactMap { uid_t($0) }
      userID = userIDs.first ?? 0
    case "NSpid": innerProcessID = words.last.flatMap { pid_t($0) } ?? processID
    case "Threads": threadCount = words.first.flatMap { Int($0) } ?? 0
    case "ShdPnd": pendingSignals = words.first.flatMap { UInt64($0, radix: 16) } ?? 0
    case "SigCgt": handledSignals = words.first.flatMap { UInt64($0, radix: 16) } ?? 0
    default: break
    }
  }

  /// The kernel writes a newline and a backslash of a name as `\n` and `\\`.
  private func unescaped(_ name: Substring) -> String {
    guard name.contains("\\") else { return String(name) }
    return String(name).replacing("\\\\", with: "\u{0}").replacing("\\n", with: "\n")
      .replacing("\u{0}", with: "\\")
  }
}

/// The ids of all processes that this caller sees, ascending.
func allProcessIDs() -> [pid_t] {
  numbers(inDirectory: "/proc").sorted()
}

/// The ids of a process's threads.
func threadIDs(of processID: pid_t) -> [pid_t] {
  numbers(inDirectory: "/proc/\(processID)/task")
}

/// The entries of a directory whose names are positive numbers.
private func numbers(inDirectory path: String) -> [pid_t] {
  guard let directory = unsafe opendir(path) else { return [] }
  defer { unsafe closedir(directory) }
  var numbers: [pid_t] = []
  while let entry = unsafe readdir(directory) {
    // Safe because d_name ends with a zero byte.
    let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
    }
    if let number = pid_t(name), number > 0 { numbers.append(number) }
  }
  return numbers
}

/// The text of a file in /proc.
func procText(_ path: String) throws(SystemError) -> String {
  let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw .current }
  defer { close(descriptor) }
  return String(decoding: try readAll(descriptor), as: UTF8.self)
}

/// Where a symbolic link points to; nil where it cannot be read.
func linkTarget(_ path: String) -> String? {
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  let count = unsafe readlink(path, &buffer, buffer.count)
  guard count >= 0 else { return nil }
  return String(decoding: buffer.prefix(count).lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A user's name, or the number where nobody has it.
func userName(_ userID: uid_t) -> String {
  guard let entry = unsafe getpwuid(userID), let name = unsafe entry.pointee.pw_name else {
    return "\(userID)"
  }
  return unsafe String(cString: name)
}
