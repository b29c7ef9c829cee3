import TestSupport

/// gdb's opinion of a live process.
enum Debugger {
  /// Program counters of the frames that exist in memory, by thread id, innermost first.
  ///
  /// Not inlined frames, nor those that gdb infers of tail calls (DWARF 5, 3.4.1): neither has a place on the stack.
  static func stacks(of processID: Int32) throws -> [Int32: [UInt64]] {
    let script = """
      import gdb
      for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame = gdb.newest_frame()
        addresses = []
        while frame is not None:
          if frame.type() in (gdb.NORMAL_FRAME, gdb.SIGTRAMP_FRAME):
            addresses.append("%d" % frame.pc())
          frame = frame.older()
        print("STACK", thread.ptid[1], *addresses)
      """
    let directory = try TemporaryDirectory()
    let path = try directory.write(script, to: "stacks.py")
    // Past `main` gdb stops by itself; the walk here goes to the end as ours does.
    let command = [
      "--signal=KILL", "60", "gdb", "--nx", "--batch", "-p", String(processID), "-ex",
      "set backtrace past-main on", "-ex", "set backtrace past-entry on", "-x", path,
    ]
    // gdb 13 now and then waits for ever for a stop that it has already seen; killed, it lets go.
    var result = try run("timeout", command)
    for _ in 0..<4 where result.status == 128 + 9 { result = try run("timeout", command) }
    guard result.status == 0 else {
      throw CommandFailure("gdb: exit \(result.status)\n\(result.errorText)")
    }
    let output = result.text
    var stacks: [Int32: [UInt64]] = [:]
    for line in output.split(separator: "\n") where line.hasPrefix("STACK ") {
      let numbers = line.split(separator: " ").dropFirst()
      guard let thread = numbers.first.flatMap({ Int32($0) }) else { continue }
      stacks[thread] = numbers.dropFirst().compactMap { UInt64($0) }
    }
    return stacks
  }
}
