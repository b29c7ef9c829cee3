import CUnwind
import CaptureFormat
import Foundation
import Glibc
import TestSupport

/// A fixture program with the handler in it, asked by signals and read through its state file.
final class Service {
  let program: RunningProgram
  let captures: TemporaryDirectory
  let executable: String

  /// Starts the program.
  ///
  /// `settings` are added to DUMPCOLLECT: without a least interval, so that tests need not wait;
  /// `directory` stands in the place of a new one.
  init(
    _ executable: String,
    _ arguments: [String] = [],
    settings: String = "min-interval=none",
    environment: [String: String?] = [:],
    directory: String? = nil,
    launcher: [String] = []
  ) throws {
    captures = try TemporaryDirectory()
    self.executable = executable
    var environment = environment
    let path = (directory ?? captures.path).replacing(",", with: "\\,")
    // The machine may be busy with other tests: nothing here depends on how long a capture takes.
    environment["DUMPCOLLECT"] = "directory=\(path),timeout=20s,\(settings)"
    let words = launcher + [executable] + arguments
    program = try RunningProgram(words[0], Array(words.dropFirst()), environment: environment)
  }

  /// The state file of the process, as contract and command see it.
  func state(pid: Int32? = nil, in directory: String? = nil) throws -> ServiceState {
    try ServiceState(
      path: "\(directory ?? captures.path)/.dumpcollect.\(pid ?? program.processID).state"
    )
  }

  /// Sends the dump signal, waits for its capture, and reads it.
  func dump(quiet: Bool = false) throws -> Capture {
    let state = try state()
    let accepted = state.accepted
    if quiet {
      try sendQuietRequest(to: program.processID)
    } else {
      program.send(signal: SIGQUIT)
    }
    try state.waitUntilServed(beyond: accepted)
    return try CaptureReader.capture(at: state.lastCapture)
  }

  /// Asks by a line on standard input, and returns the answer.
  func ask(_ line: String) throws -> String {
    try program.write(line: line)
    guard let answer = program.readLine() else {
      throw CommandFailure("no answer to “\(line)”; standard error: \(program.errorText)")
    }
    return answer
  }

  /// The number at the end of an answer.
  func number(_ line: String) throws -> Int {
    let answer = try ask(line)
    guard let number = answer.split(separator: " ").last.flatMap({ Int($0) }) else {
      throw CommandFailure("“\(line)” was answered with “\(answer)”")
    }
    return number
  }
}

extension Service {
  /// Asks again and again until the number has grown: the service works on.
  func waitForGrowth(of what: String, beyond before: Int) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < deadline {
      if try number(what) > before { return }
      sched_yield()
    }
    throw CommandFailure("“\(what)” stays at \(before)")
  }
}

/// Asks for a capture that signals no thread, as `dumpcollect dump --quiet` does.
///
/// To the collector's own thread: the kernel would choose the main one, which then runs while it is to be read.
func sendQuietRequest(to pid: Int32) throws {
  let tasks = "/proc/\(pid)/task"
  let collector = try FileManager.default.contentsOfDirectory(atPath: tasks).compactMap {
    Int32($0)
  }
  .first { tid in
    guard let status = try? procText("\(tasks)/\(tid)/status"),
      status.hasPrefix("Name:\tdumpcollect\n"),
      let blocked = status.firstMatch(of: /SigBlk:\t([0-9a-f]+)/)
    else { return false }
    return (UInt64(blocked.1, radix: 16) ?? 0) & 1 << (SIGQUIT - 1) == 0
  }
  guard let collector, dc_queue_signal(pid, collector, SIGQUIT, 0x4443 << 48 | 1 << 32) == 0 else {
    throw CommandFailure("pid \(pid) has no collector that takes SIGQUIT")
  }
}

/// The 4096 bytes of docs/signal-time.md, mapped as another process maps them.
final class ServiceState {
  private let memory: UnsafeMutableRawPointer

  init(path: String) throws {
    let descriptor = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    guard let memory = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { throw CommandFailure("\(path): cannot be mapped") }
    self.memory = memory
  }

  deinit { munmap(memory, 4096) }

  func u32(_ offset: Int) -> UInt32 {
    dc_load32((memory + offset).assumingMemoryBound(to: UInt32.self))
  }
  func u64(_ offset: Int) -> UInt64 {
    dc_load64((memory + offset).assumingMemoryBound(to: UInt64.self))
  }
  func text(_ offset: Int, _ size: Int) -> String {
    String(
      decoding: UnsafeRawBufferPointer(start: memory + offset, count: size).prefix { $0 != 0 },
      as: UTF8.self
    )
  }
  func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: memory + offset, count: count))
  }

  var accepted: UInt64 { u64(40) }
  var served: UInt64 { u64(48) }
  var published: UInt64 { u64(56) }
  var failed: UInt64 { u64(64) }
  var lastCapture: String { text(1344, 1024) }
  var lastFailure: String { text(2368, 256) }

  /// Sleeps on the futex word until the condition holds.
  func wait(for what: String, _ condition: () -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(30)
    let word = (memory + 72).assumingMemoryBound(to: UInt32.self)
    while true {
      let seen = u32(72)
      if condition() { return }
      guard ContinuousClock.now < deadline else {
        throw CommandFailure("\(what) did not happen; last failure: “\(lastFailure)”")
      }
      dc_futex_wait(word, seen, 1_000_000_000)
    }
  }

  func waitUntilServed(beyond accepted: UInt64) throws {
    let failures = failed
    try wait(for: "a capture") { served > accepted || failed > failures }
    guard served > accepted else { throw CommandFailure("the capture failed: \(lastFailure)") }
  }
}
