import CaptureFormat
import Foundation
import Glibc
import TestSupport
import Testing

/// Where the runtime and its tasks come from: linked in, stripped, other allocators, other layouts, a crash.
@Suite struct TaskRuntimeTests {
  /// Takes a capture of tasks that are all parked, and expects exactly these.
  private func expectParked(_ count: Int, _ tasks: TaskService, quiet: Bool = false) throws {
    let capture = try tasks.service.dump(quiet: quiet)
    #expect(capture.tasks.count == count)
    #expect(Set(capture.tasks.map(\.id)).count == count)
    #expect(capture.tasks.allSatisfy { $0.wait == .continuation && $0.doubt == "" })
    #expect(capture.taskStacks.count == 1)
    #expect(capture.taskStacks.allSatisfy { $0.truncated == "" && $0.addresses.count > 5 })
    #expect(capture.taskSummary?.rejected == 0)
    #expect(capture.taskSummary?.skipped == [])
  }

  @Test(arguments: ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2.0"])
  func tasksInTheMemoryOfOtherAllocatorsAreFound(library: String) throws {
    let path = "/usr/lib/x86_64-linux-gnu/\(library)"
    #expect(FileManager.default.fileExists(atPath: path), "scripts/bootstrap installs it")
    let tasks = try TaskService(
      Programs.taskService(["-O"]),
      ["many", "3000"],
      environment: ["LD_PRELOAD": path]
    )
    let maps = try procText("/proc/\(tasks.service.program.processID)/maps")
    #expect(maps.contains(library))
    try expectParked(3000, tasks)
  }

  @Test func aRuntimeThatIsLinkedInIsDecodedStrippedOrNot() throws {
    let options = ["-O", "-static-stdlib"]
    for executable in [
      try Programs.taskService(options), try Programs.strippedTaskService(options),
    ] {
      let tasks = try TaskService(executable, ["waits"], hasSymbols: false)
      let capture = try tasks.service.dump()
      let summary = try #require(capture.taskSummary)
      #expect(summary.runtime == .static)
      #expect(summary.decoded)
      #expect(summary.notesThreads)
      let holder = try capture.task(named: "holder")
      #expect(capture.threads.contains { $0.tid == holder.tid && $0.task == holder.id })
      let actor = try #require(capture.tasks(named: "actor").first)
      #expect(capture.executor(actor.executor)?.typeName == "Bank")
      #expect(capture.executor(actor.executor)?.holderTask == holder.id)
      let value = try capture.task(named: "value")
      #expect(try value.waitTask == capture.task(named: "target").id)
      #expect(summary.partialStacks == 1)
    }
  }

  @Test func anUnmodifiedProgramIsDecodedThroughThePreloadForm() throws {
    let library = try PlainLink(to: Handler.preloadLibrary)
    let tasks = try TaskService(
      Programs.taskService(["-Onone"], isUnmodified: true),
      ["many", "500"],
      environment: ["LD_PRELOAD": library.path]
    )
    try expectParked(500, tasks)
  }

  @Test func aQuietCaptureHasTheTasksToo() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["many", "500"])
    try expectParked(500, tasks, quiet: true)
  }

  private func crash(_ tasks: TaskService, _ line: String) throws -> Capture {
    try tasks.service.program.write(line: line)
    #expect(tasks.service.program.waitForExit() == 128 + SIGABRT)
    let files = try FileManager.default.contentsOfDirectory(atPath: tasks.service.captures.path)
    let name = try #require(files.first { $0.hasSuffix(".dcap") })
    let capture = try CaptureReader.capture(at: tasks.service.captures.file(name))
    #expect(capture.header?.kind == .crash)
    return capture
  }

  @Test func aThreadThatCrashesNamesTheTaskItRan() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["many", "50"])
    let capture = try crash(tasks, "crash in a task")
    #expect(capture.tasks.count == 51)
    let task = try capture.task(named: "crashing")
    #expect(task.state == .running)
    #expect(task.tid == capture.header?.crashedTid)
    let thread = try #require(capture.threads.first { $0.tid == task.tid })
    #expect(thread.task == task.id)
  }

  /// process_vm_readv, which filters of containers are known to refuse.
  @Test func withoutTheSystemCallThatReadsMemoryTasksAreFoundAllTheSame() throws {
    let tasks = try TaskService(
      Programs.taskService(["-Onone"]),
      ["many", "500"],
      launcher: [Programs.refuse(), "310"]
    )
    try expectParked(500, tasks)
  }

  @Test func reservedAddressSpaceCostsTimeAndNoTask() throws {
    let tasks = try TaskService(
      Programs.taskService(["-Onone"]),
      ["reserved", "500"],
      settings: "min-interval=none,timeout=1s"
    )
    let capture = try tasks.service.dump()
    #expect(capture.tasks.count == 500)
    let summary = try #require(capture.taskSummary)
    #expect(summary.decoded)
    #expect(summary.reason == "reading tasks took all the time there was")
    #expect(summary.skipped.map(\.reason) == ["no time left"])
    #expect(summary.skipped.allSatisfy { $0.bytes > 1 << 30 })
    #expect(summary.absentBytes > 1 << 30)
  }

  @Test func tasksOfACrashedServiceAreInItsCapture() throws {
    let tasks = try TaskService(Programs.taskService(["-Onone"]), ["waits"])
    let capture = try crash(tasks, "crash")
    let value = try capture.task(named: "value")
    #expect(try value.waitTask == capture.task(named: "target").id)
    let holder = try capture.task(named: "holder")
    #expect(capture.threads.contains { $0.tid == holder.tid && $0.task == holder.id })
  }

  @Test(arguments: [
    (["-DVERSION=2"], "the runtime's layout version is not known"),
    (["-DSIZE=216"], "the runtime's tasks are of another size"),
    (["-DESCALATES=1"], "the runtime escalates priorities of threads"),
    (["-DNO_SLAB"], "the runtime lacks a variable for debuggers"),
  ])
  func anUnknownLayoutIsNotDecoded(options: [String], reason: String) throws {
    let service = try Service(Programs.pretendedRuntime(options))
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let summary = try #require(capture.taskSummary)
    #expect(!summary.decoded)
    #expect(summary.reason == "tasks not decoded: \(reason)")
    #expect(summary.scannedBytes == 0)
    #expect(capture.tasks.isEmpty)
    #expect(try service.state().u32(24) & 4 == 0)
  }

  @Test func whatOnlyBeginsAsATaskIsNone() throws {
    let service = try Service(Programs.pretendedRuntime([]))
    try service.program.wait(for: "ready")
    let capture = try service.dump()
    let summary = try #require(capture.taskSummary)
    #expect(capture.tasks.isEmpty)
    #expect(summary.candidates >= 100)
    #expect(summary.rejected >= 100)
    #expect(!summary.decoded)
    #expect(
      summary.reason == "tasks not decoded: what should be tasks has not the known layout"
    )
  }

  @Test func tasksThatLiveThroughoutAreThereAndThoseThatEndedAreNot() throws {
    let tasks = try TaskService(Programs.taskService(["-O"]), ["churn", "2000"])
    var parked: Set<UInt64>?
    for _ in 0..<15 {
      let ended = try tasks.service.ask("rounds").split(separator: " ").compactMap { Int($0) }
      let capture = try tasks.service.dump()
      let living = capture.tasks.filter { $0.name == "" && $0.kind == .task }
      let ids = Set(living.map(\.id))
      #expect(ids.count == 2000)
      #expect(living.count == 2000)
      if let parked { #expect(ids == parked) }
      parked = ids
      #expect(capture.tasks(named: "source").count == 2)
      for task in capture.tasks where task.name.hasPrefix("ephemeral ") {
        let words = task.name.split(separator: " ").compactMap { Int($0) }
        #expect(words.count == 2 && words[1] >= ended[words[0]], "\(task.name), ended: \(ended)")
      }
      #expect(Set(capture.tasks.map(\.id)).count == capture.tasks.count)
    }
  }

  @Test(arguments: [["-Onone"], ["-O"]])
  func tasksThatWaitAreWhatTheRemoteMirrorSays(options: [String]) throws {
    let tasks = try TaskService(Programs.taskService(options), ["waits"])
    let capture = try tasks.service.dump()
    let waiting = capture.tasks.filter { $0.state != .running }
    #expect(waiting.count > 20)
    let runtime = try #require(
      capture.modules.first { $0.path.hasSuffix("/libswift_Concurrency.so") }
    ).path
    let library = runtime.replacing("libswift_Concurrency.so", with: "libswiftRemoteMirror.so")
    let answer = try runSuccessfully(
      Programs.mirror(),
      ["\(tasks.service.program.processID)", library, runtime]
        + waiting.map { String($0.address) }
    )
    let lines = answer.split(separator: "\n")
    #expect(lines.count == waiting.count)
    var compared = 0
    for (line, task) in zip(lines, waiting) {
      let words = line.split(separator: " ")
      let head =
        "\(task.address) id \(task.id) cancelled \(task.cancelled ? 1 : 0)"
        + " enqueued \(task.state == .enqueued ? 1 : 0) frames"
      #expect(words.prefix(8).joined(separator: " ") == head)
      let contexts = words.dropFirst(8).compactMap { UInt64($0) }
      let stack = try #require(capture.taskStacks.first { $0.id == task.stack })
      // The mirror begins with the first context and ends with the runtime's own function.
      if stack.truncated != "" {
        #expect(stack.addresses == Array(contexts.prefix(512)))
      } else if contexts.count > 1 {
        #expect(Array(stack.addresses.suffix(contexts.count - 1)) == contexts.dropLast())
        #expect(stack.addresses.count <= contexts.count)
        compared += 1
      }
    }
    #expect(compared > 15)
  }
}
