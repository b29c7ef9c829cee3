import CUnwind

/// Puts defaults, options and the environment together.
///
/// A bad option of the program is refused (-EINVAL): its author sees it at the first start. A bad pair
/// of the environment costs a line on stderr and itself: whoever operates the service must not stop it
/// from starting.
@safe struct SettingsBuilder {
  private let home: Home

  private static var maximumFrames: Int64 { 16_384 }
  private static var maximumStackBytes: Int64 { 1_048_576 }

  init(_ home: Home) { unsafe self.home = unsafe home }

  /// 0 or -errno.
  mutating func apply(
    _ options: UnsafePointer<dumpcollect_options>?,
    _ environment: EnvironmentSettings
  ) -> Int32 {
    setDefaults()
    var directory: UnsafePointer<CChar>?
    if let options = unsafe options {
      let result = unsafe take(options, &directory)
      guard result == 0 else { return result }
    }
    var isGiven = false
    if let directory = unsafe directory {
      guard unsafe addDirectory(directory, DirectoryKind.given) else {
        return 0 &- ErrorNumber.nameTooLong
      }
      isGiven = true
    }
    environment.forEachPair { key, value in
      if key.equals("directory") {
        unsafe home.pointee.settings.directory_count = 0
        isGiven = addDirectory(value)
        if !isGiven { complain("bad value of DUMPCOLLECT's ", key) }
      } else {
        takePair(key, value)
      }
    }
    unsafe home.pointee.settings.directory_is_given = isGiven ? 1 : 0
    addDefaultDirectories()
    guard unsafe home.pointee.settings.dump_signal != home.pointee.settings.thread_signal else {
      unsafe Message.write("dump signal and thread signal are the same")
      return 0 &- ErrorNumber.invalid
    }
    return 0
  }

  private func setDefaults() {
    unsafe home.pointee.settings = dc_settings()
    unsafe home.pointee.settings.dump_signal = SignalNumber.quit
    unsafe home.pointee.settings.thread_signal = SignalNumber.profile
    unsafe home.pointee.settings.timeout_ns = 2_000_000_000
    unsafe home.pointee.settings.min_interval_ns = 1_000_000_000
    unsafe home.pointee.settings.max_captures = 32
    unsafe home.pointee.settings.max_total_bytes = 1 << 30
    unsafe home.pointee.settings.max_frames = 512
    unsafe home.pointee.settings.crash = 1
    unsafe home.pointee.settings.tasks = 1
  }

  // MARK: Options of the program

  /// Fields behind the size that the caller was built with do not exist: they read as 0.
  private func take(
    _ options: UnsafePointer<dumpcollect_options>,
    _ directory: inout UnsafePointer<CChar>?
  ) -> Int32 {
    let whole = unsafe MemoryLayout<dumpcollect_options>.size
    let size = unsafe Int(truncatingIfNeeded: options.pointee.size)
    guard size >= 8, size <= 4096 else {
      unsafe Message.write("dumpcollect_options.size is not set")
      return 0 &- ErrorNumber.invalid
    }
    var known = unsafe dumpcollect_options()
    unsafe dc_move(&known, options, min(size, whole))
    unsafe directory = unsafe known.directory
    guard
      unsafe set(
        signal: known.dump_signal,
        "dump_signal",
        { unsafe home.pointee.settings.dump_signal = $0 }
      ),
      unsafe set(
        signal: known.thread_signal,
        "thread_signal",
        { unsafe home.pointee.settings.thread_signal = $0 }
      ),
      unsafe setTimeout(known.timeout_ms), unsafe setInterval(known.min_interval_ms),
      unsafe setLimit(known.max_captures, { unsafe home.pointee.settings.max_captures = $0 }),
      unsafe setLimit(known.max_total_bytes, { unsafe home.pointee.settings.max_total_bytes = $0 }),
      unsafe setFrames(known.max_frames), unsafe setStackBytes(known.stack_bytes)
    else {
      unsafe Message.write("a value of dumpcollect_options is out of its range")
      return 0 &- ErrorNumber.invalid
    }
    unsafe home.pointee.settings.arguments = unsafe known.arguments > 0 ? 1 : 0
    unsafe home.pointee.settings.environment = unsafe known.environment > 0 ? 1 : 0
    unsafe home.pointee.settings.crash = unsafe known.on_crash < 0 ? 0 : 1
    unsafe home.pointee.settings.tasks = unsafe known.tasks < 0 ? 0 : 1
    unsafe home.pointee.settings.crash_limits = unsafe known.crash_limits > 0 ? 1 : 0
    unsafe home.pointee.settings.thread_origins = unsafe known.thread_origins > 0 ? 1 : 0
    return 0
  }

  /// Signals that can be caught and are not the cause of a fault.
  private func set(signal: Int64, _ name: StaticString, _ body: (Int32) -> Void) -> Bool {
    if signal == 0 { return true }
    let isRefused =
      signal < 1 || signal > 64 || signal == 9 || signal == 19 || signal == 32 || signal == 33
      || signal == 11 || signal == 7 || signal == 4 || signal == 8
    if !isRefused { body(Int32(truncatingIfNeeded: signal)) }
    return !isRefused
  }

  private func setTimeout(_ milliseconds: Int64) -> Bool {
    if milliseconds == 0 { return true }
    // No timeout is an hour: nothing here waits for ever.
    let value = milliseconds == -1 ? 3_600_000 : milliseconds
    guard value >= 10, value <= 3_600_000 else { return false }
    unsafe home.pointee.settings.timeout_ns = value &* 1_000_000
    return true
  }

  private func setInterval(_ milliseconds: Int64) -> Bool {
    if milliseconds == 0 { return true }
    guard milliseconds >= -1, milliseconds <= 86_400_000 else { return false }
    unsafe home.pointee.settings.min_interval_ns =
      milliseconds == -1 ? 0 : milliseconds &* 1_000_000
    return true
  }

  private func setLimit(_ limit: Int64, _ body: (Int64) -> Void) -> Bool {
    if limit == 0 { return true }
    guard limit >= -1 else { return false }
    body(limit)
    return true
  }

  private func setFrames(_ frames: Int64) -> Bool {
    if frames == 0 { return true }
    let value = frames == -1 ? Self.maximumFrames : frames
    guard value >= 1, value <= Self.maximumFrames else { return false }
    unsafe home.pointee.settings.max_frames = value
    return true
  }

  private func setStackBytes(_ bytes: Int64) -> Bool {
    guard bytes >= -1, bytes <= Self.maximumStackBytes else { return false }
    unsafe home.pointee.settings.stack_bytes = max(bytes, 0)
    return true
  }

  // MARK: The environment

  private func takePair(_ key: Word, _ value: Word) {
    guard let isTaken = takeKnown(key, value) else {
      complain("DUMPCOLLECT has no key ", key)
      return
    }
    if !isTaken { complain("bad value of DUMPCOLLECT's ", key) }
  }

  /// Nil for a key that does not exist, false for a value that is not taken.
  private func takeKnown(_ key: Word, _ value: Word) -> Bool? {
    if key.equals("signal") {
      return value.signal.map {
        set(signal: $0, "signal", { unsafe home.pointee.settings.dump_signal = $0 })
      } ?? false
    }
    if key.equals("thread-signal") {
      return value.signal.map {
        set(signal: $0, "thread-signal", { unsafe home.pointee.settings.thread_signal = $0 })
      } ?? false
    }
    if key.equals("timeout") { return value.milliseconds.map(setTimeout) ?? false }
    if key.equals("min-interval") { return value.milliseconds.map(setInterval) ?? false }
    if key.equals("max-captures") {
      return value.number.map { setLimit($0, { unsafe home.pointee.settings.max_captures = $0 }) }
        ?? false
    }
    if key.equals("max-total") {
      return value.bytes.map { setLimit($0, { unsafe home.pointee.settings.max_total_bytes = $0 }) }
        ?? false
    }
    if key.equals("max-frames") { return value.number.map(setFrames) ?? false }
    if key.equals("stack-bytes") { return value.bytes.map(setStackBytes) ?? false }
    if key.equals("unwinder") {
      guard let choice = value.unwinder else { return false }
      unsafe home.pointee.settings.unwinder = choice
      return true
    }
    if key.equals("environment") { return unsafe value.set(&home.pointee.settings.environment) }
    if key.equals("tasks") { return unsafe value.set(&home.pointee.settings.tasks) }
    if key.equals("crash") { return unsafe value.set(&home.pointee.settings.crash) }
    if key.equals("crash-limits") { return unsafe value.set(&home.pointee.settings.crash_limits) }
    if key.equals("thread-origins") {
      return unsafe value.set(&home.pointee.settings.thread_origins)
    }
    if key.equals("arguments") { return unsafe value.set(&home.pointee.settings.arguments) }
    return nil
  }

  private func complain(_ text: StaticString, _ key: Word) {
    let name = unsafe UnsafeRawPointer(key.start).assumingMemoryBound(to: CChar.self)
    unsafe Message.write(text, name, count: key.count)
  }

  // MARK: Directories

  /// A relative path is made absolute now: the service may change its directory later.
  private func addDirectory(_ path: Word) -> Bool {
    unsafe addDirectory(
      UnsafeRawPointer(path.start).assumingMemoryBound(to: CChar.self),
      DirectoryKind.given
    )
  }

  private func addDirectory(
    _ path: UnsafePointer<CChar>,
    _ kind: UInt8,
    _ suffix: Word? = nil
  ) -> Bool {
    let index = unsafe home.pointee.settings.directory_count
    let capacity = dc_path_size
    guard unsafe path.pointee != 0, index < UInt32(truncatingIfNeeded: dc_directory_candidates)
    else {
      return false
    }
    var text = unsafe TextBuilder(dc_directory(home, index), capacity: capacity)
    if unsafe path.pointee != 0x2f {
      guard let current = unsafe dc_working_directory(), unsafe current.pointee == 0x2f else {
        return false
      }
      unsafe text.append(cString: current)
      text.append(byte: 0x2f)
    }
    unsafe text.append(cString: path)
    if let suffix { unsafe text.append(suffix.start, count: suffix.count) }
    _ = unsafe text.terminated()
    // Room for the file's name behind it.
    guard !text.isCut, text.count <= 900 else { return false }
    unsafe dc_creates_parents(home, index).pointee = kind
    unsafe home.pointee.settings.directory_count = index &+ 1
    return true
  }

  private func addDefaultDirectories() {
    if let path = unsafe EnvironmentSettings.variable("STATE_DIRECTORY") {
      unsafe addFirstOfList(path)
    }
    if let path = unsafe EnvironmentSettings.variable("XDG_STATE_HOME"), unsafe path.pointee == 0x2f
    {
      _ = unsafe addDirectory(path, DirectoryKind.own, Word("/dumpcollect"))
    }
    if let path = unsafe EnvironmentSettings.variable("HOME"), unsafe path.pointee == 0x2f {
      _ = unsafe addDirectory(path, DirectoryKind.own, Word("/.local/state/dumpcollect"))
    }
    let page = ScratchPage()
    guard let start = unsafe page.bytes else { return }
    var text = unsafe TextBuilder(start, capacity: 64)
    text.append("/var/tmp/dumpcollect-")
    text.append(decimal: UInt64(dc_effective_user()))
    _ = unsafe addDirectory(text.terminated(), DirectoryKind.shared)
  }

  /// systemd gives several directories with colons between them.
  private func addFirstOfList(_ list: UnsafePointer<CChar>) {
    let page = ScratchPage()
    guard let start = unsafe page.bytes else { return }
    var text = unsafe TextBuilder(start, capacity: 1024)
    var next = unsafe list
    while unsafe next.pointee != 0, unsafe next.pointee != 0x3a {
      unsafe text.append(byte: UInt8(bitPattern: next.pointee))
      unsafe next += 1
    }
    if !text.isCut { _ = unsafe addDirectory(text.terminated(), DirectoryKind.given) }
  }
}
