import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Limits of the handler's own, where a service goes beyond them.
@Suite struct LimitTests {
  private func names(_ service: Service) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: service.captures.path)
  }

  private func residentKibibytes(_ pid: Int32) throws -> Int {
    let line = try #require(
      procText("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
    )
    return try #require(
      line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    )
  }

  @Test func aModuleOfManyMappingsIsWhole() throws {
    let service = try Service(Programs.hostile(), ["pages"])
    let words = try #require(service.program.readLine()).split(separator: " ")
    let pages = try #require(Int(words[1]))
    let address = try #require(UInt64(words[3], radix: 16))
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let module = try #require(capture.modules.first { $0.path == service.executable })
    #expect(module.segments.count >= pages)
    #expect(module.base < address && address < module.end)
    #expect(module.segments.contains { $0.start <= address && address < $0.end })
    #expect(module.end == module.segments.last?.end)
  }

  @Test func aCallerWhoComesTooLateForACaptureIsRefusedAtOnce() throws {
    // Without the refusal they would wait for twice the timeout, in vain.
    let service = try Service(
      Programs.hostile(),
      ["crowd"],
      settings: "min-interval=1h,timeout=1s"
    )
    let words = try #require(service.program.readLine()).split(separator: " ")
    #expect(words[5] == "0", "\(words)")
    #expect(try #require(Int(words[1])) >= 1)
    #expect(try #require(Int(words[1])) + (try #require(Int(words[3]))) == 48)
  }

  @Test func memoryOfLongStacksIsGivenBackAfterTheCapture() throws {
    let service = try Service(Programs.hostile(), ["long stacks"])
    try service.program.wait(for: "ready")
    let before = try residentKibibytes(service.program.processID)
    for _ in 0..<3 {
      let capture = try service.dump()
      #expect(capture.end?.threadsCaptured == 65)
      for thread in capture.threads { #expect(thread.truncated == "") }
      // The next dump's answer comes when this one is over, and its memory given back.
      _ = try service.dump(quiet: true)
    }
    let grown = try residentKibibytes(service.program.processID) - before
    // 64 stacks of 200 KiB are 12.8 MiB; kept are 8 KiB a thread, 1 MiB, and what a capture needs itself.
    #expect(grown < 6 * 1024, "\(grown) KiB")
  }

  @Test func aFileThatCannotBeRemovedDoesNotKeepTheOthers() throws {
    let service = try Service(
      Programs.service(),
      settings: "min-interval=none,max-captures=2"
    )
    try service.program.wait(for: "ready")
    try service.captures.write("old", to: "stuck.1.x.1.dcap")
    let stuck = service.captures.file("stuck.1.x.1.dcap")
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1000)],
      ofItemAtPath: stuck
    )
    // Not even root may remove an immutable file.
    try runSuccessfully("chattr", ["+i", stuck])
    defer { _ = try? run("chattr", ["-i", stuck]) }
    for _ in 0..<5 { #expect(try service.ask("capture") == "capture 0") }
    let left = try names(service).filter { $0.hasSuffix(".dcap") }
    #expect(left.count == 2, "\(left)")
    #expect(left.contains("stuck.1.x.1.dcap"))
  }

  @Test func unfinishedFilesOfProcessesThatAreGoneAreSwept() throws {
    let service = try Service(Programs.service(), settings: "min-interval=none,max-captures=3")
    try service.program.wait(for: "ready")
    let swept = [".dumpcollect.4000000.state.new", ".dumpcollect.4000001.state.new"]
    let kept = [
      // Young: its process may be about to fill it. And one that is not ours by its name.
      ".dumpcollect.4000002.state.new", ".dumpcollect.of-mine.state.new",
    ]
    for name in swept + kept { try service.captures.write("", to: name) }
    for name in swept + [".dumpcollect.of-mine.state.new"] {
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: 1000)],
        ofItemAtPath: service.captures.file(name)
      )
    }
    #expect(try service.ask("capture") == "capture 0")
    let left = try names(service)
    for name in swept { #expect(!left.contains(name), "\(name)") }
    for name in kept { #expect(left.contains(name), "\(name)") }
  }

  @Test func aLeftOverPartialFileIsReadableAndGoesFirst() throws {
    let service = try Service(Programs.service(), ["threads"], settings: "min-interval=none")
    try service.program.wait(for: "ready")
    let whole = try service.dump()
    let name = try #require(names(service).first { $0.hasSuffix(".dcap") })
    // As a process leaves it that dies in the middle of a capture.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: service.captures.file(name)))
    let partial = service.captures.file("gone.1.20200101T000000Z.1.dcap.partial")
    try bytes.prefix(bytes.count * 2 / 3).write(to: URL(fileURLWithPath: partial))
    let cut = try CaptureReader.capture(at: partial)
    #expect(!cut.isComplete)
    #expect(cut.header?.reason == whole.header?.reason)
    #expect(cut.modules.count > 0)
    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1000)],
      ofItemAtPath: partial
    )
    let limited = try Service(
      Programs.service(),
      settings: "min-interval=none,max-captures=2",
      directory: service.captures.path
    )
    try limited.program.wait(for: "ready")
    #expect(try limited.ask("capture") == "capture 0")
    #expect(try !names(service).contains { $0.hasSuffix(".partial") })
    #expect(try names(service).contains(name))
  }

  @Test func aProcessEndsWithItsThreadsWhereAnotherOneThanTheMainInstalled() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      """
      #include <dumpcollect.h>
      #include <pthread.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      static int comes_and_goes;
      static void goodbye(void) { puts("atexit"); }
      static void *install(void *argument) {
        if (dumpcollect_install(NULL) != 0) exit(2);
        if (comes_and_goes && (dumpcollect_uninstall() != 0 || dumpcollect_install(NULL) != 0)) exit(3);
        return argument;
      }
      static void *body(void *argument) { getchar(); puts("last"); return argument; }
      int main(int argc, char **argv) {
        pthread_t thread;
        comes_and_goes = argc > 1 && strcmp(argv[1], "twice") == 0;
        atexit(goodbye);
        if (pthread_create(&thread, NULL, install, NULL) != 0) return 2;
        pthread_join(thread, NULL);
        if (pthread_create(&thread, NULL, body, NULL) != 0) return 2;
        puts("ready");
        fflush(stdout);
        pthread_exit(NULL);
      }
      """,
      to: "leave.c"
    )
    _ = try Programs.handler.get()
    let program = directory.file("leave")
    try runSuccessfully(
      "gcc",
      [directory.file("leave.c"), "-o", program] + Handler.compileArguments + Handler.linkArguments
    )
    for arguments in [[], ["twice"]] {
      let service = try Service(program, arguments)
      try service.program.wait(for: "ready")
      // The thread that looks after the end is none of the service's.
      #expect(try service.dump().threads.count == 2)
      service.program.closeInput()
      #expect(service.program.readLine() == "last")
      #expect(service.program.readLine() == "atexit")
      #expect(service.program.waitForExit() == 0)
    }
  }

  @Test func aChildForkedWhileLibunwindIsAtWorkWritesRawStacksAndSaysSo() throws {
    // A library in front of libunwind keeps the collector in it for the time of the fork.
    let library = try TemporaryDirectory()
    let real = try #require(
      runSuccessfully("ldconfig", ["-p"]).split(separator: "\n")
        .first { $0.contains("libunwind-x86_64.so.8 ") && $0.contains("x86-64") }?
        .split(separator: " ").last
    )
    _ = try Fixture.build(
      ["quiet/unwinder.c"],
      compiler: "gcc",
      arguments: [
        "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-DLIBUNWIND=\"\(real)\"",
        "-Wl,-soname,libunwind-x86_64.so.8",
      ],
      into: library,
      named: "libunwind-x86_64.so.8"
    )
    let service = try Service(
      Programs.quiet("forks"),
      settings: "min-interval=none,unwinder=libunwind",
      environment: ["LD_LIBRARY_PATH": library.path]
    )
    let words = try #require(service.program.readLine()).split(separator: " ")
    let children = words.dropFirst().compactMap { Int32($0) }
    try #require(children.count == 2)
    let symbols = try SymbolRanges(service.executable)
    for (child, isBroken) in zip(children, [true, false]) {
      let watch = try DirectoryWatch(service.captures.path)
      kill(child, SIGQUIT)
      let name = try watch.waitForName { $0.contains(".\(child).") && $0.hasSuffix(".dcap") }
      let capture = try CaptureReader.capture(at: service.captures.file(name))
      #expect(capture.isComplete)
      let thread = try #require(capture.threads.first)
      #expect(capture.threads.count == 1)
      let degraded = try #require(capture.header?.degraded)
      #expect(degraded.hasPrefix("forked while libunwind was at work") == isBroken, "\(degraded)")
      if isBroken {
        #expect(thread.addresses.count == 1 && thread.truncated.contains("libunwind"))
        #expect(thread.registers.values.count == 17 && thread.stack.count > 128)
        #expect(thread.stackAddress == thread.registers.values[7] - 128)
      } else {
        let chain = capture.chain(thread, symbols, in: service.executable)
        #expect(Array(chain.prefix(3)) == ["block", "in_child", "start_child"])
        #expect(thread.stack.isEmpty)
      }
    }
    // The parent's collector went on.
    #expect(try service.dump().threads.allSatisfy { $0.truncated == "" })
  }
}
