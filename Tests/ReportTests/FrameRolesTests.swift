import Report
import TestSupport
import Testing

/// Which frame of a stack is the service's own.
struct FrameRolesTests {
  private func own(_ frames: [String], executable: String? = nil) -> String? {
    var sketch = StackSketch()
    let stack = sketch.addStack(frames)
    var report = sketch.report
    report.process.executable = executable
    let roles = FrameRoles(report)
    #expect(
      roles.ownFrames(ofStack: stack).first ?? roles.ownFrame(ofStack: stack)
        == roles.ownFrame(ofStack: stack)
    )
    return roles.ownFrame(ofStack: stack).map { index in
      let frame = report.frames[index]
      return "\(report.name(of: frame))\(frame.line.map { ":\($0)" } ?? "")"
    }
  }

  private static let stacks: [(String, [String], String)] = [
    (
      "line before library",
      ["libc.so.6!read@/usr/src/glibc/io/read.c:9", "app!load()@/src/a.c:4"], "load():4"
    ),
    // Whoever has debug information of all libraries looks for a line of the service all the same.
    (
      "system library with lines",
      ["libcurl.so.4!curl_multi_poll@/usr/src/curl/multi.c:1201", "app!fetch()@/src/a.c:7"],
      "fetch():7"
    ),
    (
      "inlined code of C++'s library",
      ["app!std::mutex::lock()@/usr/include/c++/12/mutex:9", "app!take()@/src/a.cc:3"],
      "take():3"
    ),
    (
      "header of the system's",
      ["app!byteswap@/usr/include/bits/byteswap.h:9", "app!take()@/src/a.c:3"],
      "take():3"
    ),
    (
      "Rust's library",
      ["app!<std::sync::Mutex<T>>::lock@/rustc/12/library/std/src/a.rs:8", "app!work@/src/a.rs:2"],
      "work:2"
    ),
    (
      "a package that the service was built with",
      [
        "app!NIOCore.EventLoopFuture.wait()@/src/.build/checkouts/swift-nio/Sources/a.swift:5",
        "app!serve()@/src/Sources/main.swift:8",
      ], "serve():8"
    ),
    (
      "a package alone",
      [
        "libc.so.6!epoll_wait",
        "app!NIOPosix.run()@/src/.build/checkouts/swift-nio/Sources/a.swift:5",
        "libFoundation.so!Thread.main()",
      ], "NIOPosix.run():5"
    ),
    ("lines before functions", ["libshop.so.1!step()", "/app!main@/src/a.c:7"], "main:7"),
    ("function of the service", ["libcurl.so.4!curl_multi_poll", "app!fetch()"], "fetch()"),
    ("named library before unnamed code", ["libuv.so.1!uv_run", "app!?"], "uv_run"),
    ("unnamed code before the C library", ["libc.so.6!nanosleep", "app!?"], "app+0x20"),
    (
      "libdispatch alone",
      ["libc.so.6!syscall", "libdispatch.so!_dispatch_worker_thread", "libc.so.6!start_thread"],
      "_dispatch_worker_thread"
    ),
    ("the C library alone", ["libc.so.6!nanosleep", "libc.so.6!start_thread"], "nanosleep"),
    (
      "the compiler's",
      ["app!thunk@/<compiler-generated>:1", "app!work()@/src/a.swift:3"], "work():3"
    ),
  ]

  @Test(arguments: stacks)
  func theOwnFrameIsTheInnermostLineOfTheService(
    _ name: String,
    _ frames: [String],
    _ expected: String
  ) {
    #expect(own(frames) == expected, "\(name)")
  }

  @Test func anEmptyStackHasNone() {
    #expect(own([]) == nil)
  }

  @Test func aProgramAmongTheSystemsLibrariesIsTheService() {
    let frames = ["libcurl.so.4!curl_multi_poll@/src/multi.c:3", "libagent.so!run@/src/agent.c:9"]
    #expect(own(frames) == "curl_multi_poll:3")
    #expect(own(frames, executable: "/usr/lib/libagent.so") == "run:9")
  }

  @Test func aFolderBelowTheSystemsLibrariesIsSomebodysOwn() {
    var sketch = StackSketch()
    let stack = sketch.addStack(["libcurl.so.4!perform@/src/multi.c:3", "app!run@/src/agent.c:9"])
    var report = sketch.report
    for (path, isService) in [
      ("/usr/lib/shop/app", true), ("/usr/lib/x86_64-linux-gnu/app", false),
      ("/lib64/app", false), ("/usr/local/lib/app", true), ("/usr/lib/postgresql/15/lib/app", true),
    ] {
      report.modules[1].path = path
      #expect(FrameRoles(report).ownPosition(inStack: stack) == (isService ? 1 : 0), "\(path)")
    }
  }

  @Test func whatIsTheRuntimesIsNotTheServices() {
    var sketch = StackSketch()
    let stack = sketch.addStack([
      "app!swift_task_switch@/src/Task.cpp:3", "app!work()@/src/a.swift:9",
    ])
    var report = sketch.report
    report.frames[0].isRuntime = true
    #expect(FrameRoles(report).ownPosition(inStack: stack) == 1)
    report.frames[1].isRuntime = true
    #expect(FrameRoles(report).ownFrames(ofStack: stack).isEmpty)
    #expect(FrameRoles(report).ownPosition(inStack: stack) == 0)
  }

  @Test func thePlacesOfTheServiceAreThoseOfOneKind() {
    var sketch = StackSketch()
    let stack = sketch.addStack([
      "libc.so.6!futex", "app!take()@/src/a.c:1", "app!plain()", "libc.so.6!qsort",
      "app!main@/src/a.c:9",
    ])
    #expect(FrameRoles(sketch.report).ownFrames(ofStack: stack) == [1, 4])
  }
}
