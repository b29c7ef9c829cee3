import Bytes

/// What a service says of its handler in its state file: 4096 bytes, little-endian.
///
/// Offsets: 0 magic, 8 size, 12 pid, 16 start time, 24 flags, 28 dump signal, 32 thread signal, 40 accepted,
/// 48 served, 56 published, 64 failed, 72 futex word, 76 errno, 80 duration, 256 version, 320 directory,
/// 1344 path of the last capture, 2368 text of the last failure.
struct ServiceState {
  static let byteCount = 4096
  /// Where the word lies that changes at the end of each capture.
  static let futexOffset = 72
  private static let magic = Array("DCSTATE\u{1}".utf8)

  struct Flags: OptionSet {
    let rawValue: UInt32
    static let armed = Flags(rawValue: 1)
    static let crashes = Flags(rawValue: 2)
    static let tasks = Flags(rawValue: 4)
    static let degraded = Flags(rawValue: 8)
  }

  /// As the process itself sees it.
  var processID: Int32
  var startTicks: UInt64
  var flags: Flags
  var dumpSignal: Int32
  /// Requests taken so far.
  var accepted: UInt64
  /// Highest accepted number that a finished capture covers.
  var served: UInt64
  var published: UInt64
  var failed: UInt64
  var futexWord: UInt32
  /// errno of the last failure.
  var errorCode: Int32
  var version: String
  var directory: String
  var lastCapture: String
  var lastFailure: String

  init(parsing bytes: [UInt8]) throws(FormatError) {
    guard bytes.starts(with: Self.magic) else {
      throw FormatError(.malformed("expected the magic “DCSTATE\\1”"), offset: 0)
    }
    var input = unsafe ByteCursor(bytes.span.bytes)
    _ = try input.split(8)
    let size = try input.u32()
    guard size == UInt32(Self.byteCount), bytes.count == Self.byteCount else {
      throw FormatError(
        .malformed("expected a state of \(Self.byteCount) bytes, found \(size)"),
        offset: 8
      )
    }
    processID = Int32(bitPattern: try input.u32())
    startTicks = try input.u64()
    flags = Flags(rawValue: try input.u32())
    dumpSignal = Int32(bitPattern: try input.u32())
    _ = try input.split(8)
    accepted = try input.u64()
    served = try input.u64()
    published = try input.u64()
    failed = try input.u64()
    futexWord = try input.u32()
    errorCode = Int32(bitPattern: try input.u32())
    version = Self.text(bytes[256..<320])
    directory = Self.text(bytes[320..<1344])
    lastCapture = Self.text(bytes[1344..<2368])
    lastFailure = Self.text(bytes[2368..<2624])
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }
}
