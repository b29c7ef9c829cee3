import CDebuginfod
import Glibc
public import Logging
import Synchronization

/// The servers of debug files that `DEBUGINFOD_URLS` names, with the cache of what they gave (debuginfod(8)).
///
/// Nobody is asked before a file is wanted that is not on this machine; then the servers are named first. Any number of
/// threads may ask; they wait for each other.
public final class DebugServer: Sendable {
  /// What is wanted of a build.
  enum Kind {
    case debugFile, executable
    /// The source file of this path.
    case source(String)

    /// As the servers' addresses and their cache have it (debuginfod(8)).
    fileprivate var name: String {
      switch self {
      case .debugFile: "debuginfo"
      case .executable: "executable"
      case .source(let path): "source" + path.replacing("/", with: "##")
      }
    }

    fileprivate var number: Int32 {
      switch self {
      case .debugFile: 0
      case .executable: 1
      case .source: 2
      }
    }

    fileprivate var sourcePath: String {
      guard case .source(let path) = self else { return "" }
      return path
    }
  }

  /// Told of a file on its way: its name, bytes so far, and how many there are, 0 while that is not known.
  public typealias Progress = @Sendable (_ name: String, _ done: Int, _ total: Int) -> Void

  private struct State {
    var hasNamedServers = false
    /// Of each question: the path, or why there is none.
    var answers: [String: Result<String, SymbolizerError>] = [:]
  }

  /// Limits that hold where the environment states none: bytes of one file, and seconds for it.
  private static let limits = ["DEBUGINFOD_MAXSIZE": "4294967296", "DEBUGINFOD_MAXTIME": "600"]

  private let servers: String
  private let isOffline: Bool
  private let log: Logger
  private let progress: Progress?
  private let state = Mutex(State())

  /// Servers as the environment names them; asks none of them yet.
  ///
  /// `isOffline`: only what is in the cache already is used.
  ///
  /// - Throws: that no server is named, or libdebuginfod is not installed.
  public init(
    isOffline: Bool = false,
    log: Logger,
    progress: Progress? = nil
  ) throws(SymbolizerError) {
    servers = Self.environment("DEBUGINFOD_URLS") ?? ""
    self.isOffline = isOffline
    self.log = log
    self.progress = progress
    guard !isOffline else { return }
    guard servers.contains(where: { $0 != " " }) else {
      throw SymbolizerError(
        file: "DEBUGINFOD_URLS",
        problem: "names no server",
        hint: "For Debian's: export DEBUGINFOD_URLS=https://debuginfod.debian.net"
      )
    }
    guard cdebuginfod_load() == 0 else {
      throw SymbolizerError(
        file: "libdebuginfod.so.1",
        problem: "cannot be loaded",
        hint: "Debian: apt-get install libdebuginfod1"
      )
    }
    for (name, value) in Self.limits {
      // Safe because both strings live during the call.
      unsafe setenv(name, value, 0)
    }
  }

  /// The path of a build's file, on this machine now.
  ///
  /// `name`: what the file is called to a person.
  ///
  /// - Throws: why there is none.
  func file(_ kind: Kind, of id: BuildID, for name: String) throws(SymbolizerError) -> String {
    let result = state.withLock { state -> Result<String, SymbolizerError> in
      let key = "\(id)/\(kind.name)"
      if let known = state.answers[key] { return known }
      let answer = isOffline ? cached(key) : ask(kind, id, name, &state)
      state.answers[key] = answer
      return answer
    }
    return try result.get()
  }

  /// The path of a copy of a source file of a build.
  ///
  /// - Throws: why there is none.
  func source(_ path: String, of id: BuildID) throws(SymbolizerError) -> String {
    try file(.source(path), of: id, for: path)
  }

  private func ask(
    _ kind: Kind,
    _ id: BuildID,
    _ name: String,
    _ state: inout State
  ) -> Result<String, SymbolizerError> {
    if !state.hasNamedServers {
      log.notice("asking \(servers) for debug files (DEBUGINFOD_URLS)")
      state.hasNamedServers = true
    }
    log.info("\(name): asking for \(kind.name) of build ID \(id)")
    var path: UnsafeMutablePointer<CChar>?
    let transfer = Transfer(name: name, progress: progress)
    let result = unsafe cdebuginfod_find(
      kind.number,
      kind.sourcePath,
      id.bytes,
      id.bytes.count,
      noteProgress,
      Unmanaged.passUnretained(transfer).toOpaque(),
      &path
    )
    withExtendedLifetime(transfer) {}
    defer { unsafe free(path) }
    guard result >= 0, let path = unsafe path else {
      let refusal = refusal(result)
      // That a server lacks a build is said where the module is listed.
      let level = -result == ENOENT ? Logger.Level.info : .warning
      log.log(level: level, "\(name): \(refusal.file): \(refusal.problem)")
      return .failure(refusal)
    }
    close(result)
    // Safe because the string ends in NUL and is freed after this.
    return unsafe .success(String(cString: path))
  }

  private func refusal(_ code: Int32) -> SymbolizerError {
    let problem =
      switch -code {
      case ENOENT: "has no such build"
      case EFBIG: "the file is larger than DEBUGINFOD_MAXSIZE"
      case ETIME, ETIMEDOUT: "no answer within DEBUGINFOD_TIMEOUT or DEBUGINFOD_MAXTIME"
      case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH: "cannot be reached"
      // Safe because the text of an error is copied at once.
      default: unsafe String(cString: strerror(-code))
      }
    return SymbolizerError(file: servers, problem: problem)
  }

  private func cached(_ key: String) -> Result<String, SymbolizerError> {
    for folder in Self.cacheFolders {
      let path = "\(folder)/\(key)"
      var status = stat()
      // An empty file notes that the servers had nothing.
      // Safe because the string and the value live during the call.
      if unsafe stat(path, &status) == 0, status.st_size > 0 { return .success(path) }
    }
    return .failure(
      SymbolizerError(file: Self.cacheFolders[0], problem: "has no such build (--offline)")
    )
  }

  /// As debuginfod_find_debuginfo(3) has it.
  private static var cacheFolders: [String] {
    if let folder = environment("DEBUGINFOD_CACHE_PATH") { return [folder] }
    let home = environment("HOME") ?? ""
    let caches = environment("XDG_CACHE_HOME") ?? "\(home)/.cache"
    return ["\(caches)/debuginfod_client", "\(home)/.debuginfod_client_cache"]
  }

  private static func environment(_ name: String) -> String? {
    // Safe because nobody changes the environment at the same time.
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}

/// A file on its way.
private final class Transfer {
  let name: String
  let progress: DebugServer.Progress?

  init(name: String, progress: DebugServer.Progress?) {
    self.name = name
    self.progress = progress
  }
}

private func noteProgress(_ context: UnsafeMutableRawPointer?, _ done: Int, _ total: Int) {
  guard let context = unsafe context else { return }
  // Safe because `ask` passes a transfer, which it keeps until the servers have answered.
  let transfer = unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  transfer.progress?(transfer.name, max(done, 0), max(total, 0))
}
