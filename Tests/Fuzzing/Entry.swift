import Glibc

/// The target and its program, from the environment: libFuzzer keeps the command line for itself.
private let chosen: (target: FuzzTarget, base: FuzzBase?) = {
  guard let name = getenv("DUMPCOLLECT_FUZZ_TARGET"),
    let target = FuzzTarget(rawValue: String(cString: name))
  else {
    refuse("DUMPCOLLECT_FUZZ_TARGET: expected one of scripts/fuzz --list\n")
  }
  guard target.needsBase else { return (target, nil) }
  guard let path = getenv("DUMPCOLLECT_FUZZ_BASE"),
    let base = try? FuzzBase(path: String(cString: path))
  else {
    refuse("DUMPCOLLECT_FUZZ_BASE: expected a program with debug information\n")
  }
  return (target, base)
}()

private func refuse(_ text: String) -> Never {
  // Whoever does not read it sees the status.
  _ = write(STDERR_FILENO, text, text.utf8.count)
  exit(64)
}

/// Called by libFuzzer with each input (LLVM's documentation, "Fuzz Target").
@_cdecl("LLVMFuzzerTestOneInput")
package func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  chosen.target.run(input, base: chosen.base)
  return 0
}
